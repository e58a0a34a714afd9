"""Draw the audit sample of a mapping, and keep what is needed to count it back up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from hatespeech_no.errors import HatespeechError
from hatespeech_no.mapping.design import class_of, plan
from hatespeech_no.mapping.inputs import Columns, read_scored
from hatespeech_no.tables import open_writer
from hatespeech_no.tables.source import digest_of
from hatespeech_no.text.keyed import keyed_id
from hatespeech_no.text.pseudonyms import pseudonymise

DESIGN, SAMPLE = "design.json", "sample.jsonl"
PURPOSE = "audit"
_SIZES = (0.5, 1, 2, 4)


class Design(BaseModel, extra="forbid"):
    """How a sample was drawn.

    Attributes:
        source: the scored file.
        digest: its SHA-256.
        columns: names of its columns.
        score: by which it is stratified.
        expected: prevalence that was planned for.
        seed: of the draw.
        edges: of the classes of scores, see ``design.Plan``.
        arenas: that have strata of their own; one without a name where they have not.
        rows: of each arena and class.
        labels: to be drawn of each.
        widths: expected width of the 95 % interval of all rows by number of labels.
        arena_widths: the same of each arena, with the labels that are drawn.
    """

    source: str
    digest: str
    columns: Columns
    score: str
    expected: float
    seed: int
    edges: list[float]
    arenas: list[str]
    rows: list[list[int]]
    labels: list[list[int]]
    widths: dict[int, float]
    arena_widths: list[float]

    def stratum(self, rows: pd.DataFrame) -> NDArray[np.int64]:
        """The number of each row's stratum: ``arena * classes + class``."""
        number = class_of(rows[self.score].to_numpy(), np.array(self.edges))
        return _arenas(rows, self.arenas) * (len(self.edges) + 1) + number

    @classmethod
    def read(cls, folder: Path) -> Design:
        """The design in the folder of a mapping.

        Raises:
            HatespeechError: there is none.
        """
        try:
            return cls.model_validate_json((folder / DESIGN).read_text("utf-8"))
        except (OSError, ValidationError) as error:
            raise HatespeechError(f"{folder}: has no readable {DESIGN}; draw a sample with 'map sample'") from error

    def read_rows(self, *, texts: bool = False) -> pd.DataFrame:
        """The scored rows, see ``read_scored``.

        Raises:
            HatespeechError: the file is not there any more, or not the same.
        """
        source = Path(self.source)
        if not source.exists() or digest_of(source) != self.digest:
            raise HatespeechError(f"{source}: is not the file that the sample was drawn from; put that one back there")
        return read_scored(source, self.columns, texts=texts)


def design_sample(
    source: Path,
    columns: Columns,
    *,
    labels: int,
    by_arena: bool = False,
    score: str = "p_hateful",
    expected: float = 0.02,
    seed: int = 0,
) -> Design:
    """Plan an audit sample.

    Args:
        source: a scored file.
        columns: names of its columns.
        labels: so many rows are to be labelled.
        by_arena: whether every arena gets strata and labels of its own, as many as the root of its size asks for.
        score: column to stratify by.
        expected: prevalence to plan for; a wrong one costs width, never validity.
        seed: of the draw.

    Raises:
        HatespeechError: the file cannot be used so.
    """
    rows = read_scored(source, columns)
    if rows[score].isna().any():
        raise HatespeechError(f"{source}: some rows have no {score}; stratify by another score")
    if by_arena and "arena" not in rows:
        raise HatespeechError("arenas can only get labels of their own if --arena-column names their column")
    arenas = sorted(rows["arena"].unique()) if by_arena else [""]
    data = rows[score].to_numpy(), rows["weight"].to_numpy(), _arenas(rows, arenas)
    chosen = plan(*data, expected, labels)
    sizes = (min(len(rows), int(labels * size)) for size in _SIZES)
    return Design(
        source=str(source.resolve()),
        digest=digest_of(source),
        columns=columns,
        score=score,
        expected=expected,
        seed=seed,
        edges=chosen.edges.tolist(),
        arenas=arenas,
        rows=chosen.rows.tolist(),
        labels=chosen.labels.tolist(),
        widths={n: plan(*data, expected, n).width for n in sizes},
        arena_widths=chosen.widths,
    )


def draw(design: Design, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows to be labelled, in random order, with ``stratum`` and ``inclusion_probability``."""
    rng = np.random.default_rng(design.seed)
    code = design.stratum(rows)
    labels = np.ravel(design.labels)
    drawn = [rng.choice(np.flatnonzero(code == h), n, replace=False) for h, n in enumerate(labels)]
    order = rng.permutation(np.concatenate(drawn))
    inclusion = labels / np.maximum(np.ravel(design.rows), 1)
    return rows.iloc[order].assign(stratum=code[order], inclusion_probability=inclusion[code[order]])


def write_sample(design: Design, folder: Path, key: bytes) -> None:
    """Write the design, and the sample with keyed ids and pseudonymised texts, to the folder of a mapping."""
    sample = draw(design, design.read_rows(texts=True))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESIGN).write_text(design.model_dump_json(indent=2), "utf-8")
    threads = sample["thread"] if "thread" in sample else pd.Series("", index=sample.index)
    texts = pseudonymise([*sample["text"].fillna(""), *threads.fillna("")], key)
    shown = [found.text for found in texts]
    with open_writer(folder / SAMPLE, None) as write:
        for row, text, thread in zip(sample.to_dict("records"), shown, shown[len(sample) :], strict=False):
            write(
                {
                    "id": keyed_id(row["id"], key),
                    "text": text,
                    "thread": thread or None,
                    "purpose": PURPOSE,
                    "stratum": row["stratum"],
                    "inclusion_probability": row["inclusion_probability"],
                }
            )


def _arenas(rows: pd.DataFrame, arenas: Sequence[str]) -> NDArray[np.int64]:
    """The number of each row's arena among those that have strata of their own."""
    if len(arenas) == 1:
        return np.zeros(len(rows), np.int64)
    return np.asarray(pd.Index(arenas).get_indexer(rows["arena"]), np.int64)
