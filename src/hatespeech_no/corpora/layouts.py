"""Released layouts that no general reader knows; each becomes plain rows, and no label is interpreted here."""

from __future__ import annotations

import ast
import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tables import open_table
from hatespeech_no.tables.source import check_archive

Row = dict[str, Any]
Reader = Callable[[Path, Sequence[Path]], Iterator[tuple[int, Row]]]

_HATEFUL_RATING = 5.5
_MAJORITY = 2


def _conllu(path: Path, _: Sequence[Path]) -> Iterator[tuple[int, Row]]:
    """Universal Dependencies: the sentences, from their ``# sent_id`` and ``# text`` comments."""
    sent_id, number = "", 0
    for line in path.read_text("utf-8").split("\n"):
        if line.startswith("# sent_id = "):
            sent_id = line.removeprefix("# sent_id = ")
        elif line.startswith("# text = "):
            number += 1
            yield number, {"id": sent_id, "text": line.removeprefix("# text = ")}


def _hatexplain(path: Path, companions: Sequence[Path]) -> Iterator[tuple[int, Row]]:
    """HateXplain's JSON: the label two of three annotators agree on, targets that two name, the official split."""
    try:
        posts = json.loads(path.read_text("utf-8"))
        divisions = json.loads(companions[0].read_text("utf-8"))
        split_of = {post: split for split, members in divisions.items() for post in members}
        for number, (post_id, post) in enumerate(posts.items(), 1):
            labels = Counter(a["label"] for a in post["annotators"])
            targets = Counter(t for a in post["annotators"] for t in set(a["target"]))
            label, votes = labels.most_common(1)[0]
            yield (
                number,
                {
                    "id": post_id,
                    "text": " ".join(post["post_tokens"]),
                    "label": label if votes >= _MAJORITY else "disputed",
                    "targets": ";".join(sorted(t for t, n in targets.items() if n >= _MAJORITY)),
                    # The owners' divisions leave out what is disputed.
                    "split": split_of.get(post_id, "train"),
                },
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HatespeechError(f"{path}: is not laid out as HateXplain's dataset.json ({error!r})") from error


def _implicit_hate(path: Path, companions: Sequence[Path]) -> Iterator[tuple[int, Row]]:
    """Implicit Hate: stage 1 with the class (stage 2) and the targets (stage 3) of the same post."""
    classes: dict[str, str] = {}
    targets: dict[str, set[str]] = {}
    for _, row in _rows(companions[0], "\t"):
        classes[row["post"]] = row["implicit_class"]
    for _, row in _rows(companions[1], "\t"):
        targets.setdefault(row["post"], set()).add(" ".join(row["target"].lower().strip(" .").split()))
    for number, row in _rows(path, "\t"):
        post = row["post"]
        yield (
            number,
            {**row, "implicit_class": classes.get(post, ""), "targets": "|".join(sorted(targets.get(post, ())))},
        )


def _stormfront(path: Path, _: Sequence[Path]) -> Iterator[tuple[int, Row]]:
    """The white-supremacy forum corpus: labels in one table, each sentence in a file of its own."""
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        metadata = min((n for n in archive.namelist() if n.endswith("annotations_metadata.csv")), key=len)
        root = metadata.removesuffix("annotations_metadata.csv")
        table = csv.DictReader(io.StringIO(archive.read(metadata).decode("utf-8")))
        for number, row in enumerate(table, 1):
            text = archive.read(f"{root}all_files/{row['file_id']}.txt").decode("utf-8")
            yield number, {"id": row["file_id"], "label": row["label"], "text": text}


def _toxigen(path: Path, _: Sequence[Path]) -> Iterator[tuple[int, Row]]:
    """ToxiGen's annotated part: texts are printed bytes, hateful by the owners' rule on the sum of both ratings."""
    for number, row in _rows(path, ","):
        text = ast.literal_eval(row["text"]).decode("utf-8", "replace")
        rating = float(row["toxicity_ai"]) + float(row["toxicity_human"])
        yield number, {**row, "text": text, "hateful": "1" if rating > _HATEFUL_RATING else "0"}


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, Row]]:
    with open_table(path, file_format="csv", delimiter=delimiter) as table:
        yield from table.rows()


LAYOUTS: dict[str, Reader] = {
    "conllu": _conllu,
    "hatexplain": _hatexplain,
    "implicit_hate": _implicit_hate,
    "stormfront": _stormfront,
    "toxigen": _toxigen,
}
"""By the format a descriptor names."""
