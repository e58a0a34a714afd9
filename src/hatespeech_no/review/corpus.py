"""From verdicts to a corpus that can be trained on, with what each item was chosen for."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.desk import Item
from hatespeech_no.review.records import Side
from hatespeech_no.review.rounds import verdicts_of
from hatespeech_no.review.select import Purpose
from hatespeech_no.review.verdicts import Verdict
from hatespeech_no.review.workspace import Workspace
from hatespeech_no.statement import Elements
from hatespeech_no.tables import open_table, open_writer
from hatespeech_no.taxonomy import Context, Ground, Named, Target
from hatespeech_no.training import load_config

CORPUS = "corpus.yaml"
VERDICTS = "verdicts.jsonl"
RETRAIN = "retrain.yaml"

PART: Mapping[Purpose, str] = {"flagged": "train", "active": "train", "audit": "test"}
"""An audit's verdicts say how good models are in its period: no model learns from them or is calibrated on them."""

_FAMILIES: dict[str, tuple[str, Iterable[Named]]] = {
    "grounds": ("ground", Ground),
    "target": ("target", Target),
    "context": ("context", Context),
}


def write_corpus(workspace: Workspace, folder: Path, name: str = "reviewed") -> Counter[str]:
    """Write the verdicts on items whose texts are still kept: ``verdicts.jsonl`` and its descriptor.

    Soft labels (share of blind readers who say yes) stand beside the labels that were settled on.

    Args:
        workspace: of the review.
        folder: made if it is not there.
        name: of the corpus.

    Returns:
        Rows by part.

    Raises:
        HatespeechError: there are no verdicts, the folder cannot be written to, or it holds verdicts whose
            texts are kept nowhere else.
    """
    verdicts, sides, texts = verdicts_of(workspace), workspace.sides(), workspace.texts()
    kept = [item for item in verdicts if item in texts]
    if not kept:
        raise HatespeechError(f"{workspace.folder}: there are no verdicts on texts that are still kept")
    if lost := _items_in(folder / VERDICTS) - set(kept):
        raise HatespeechError(f"{folder}: holds {len(lost)} verdicts whose texts are kept nowhere else; name another")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = yaml.safe_dump(_descriptor(name), sort_keys=False, allow_unicode=True)
        (folder / CORPUS).write_text(descriptor, "utf-8")
    except OSError as error:
        raise HatespeechError(f"{folder}: cannot be written ({error.strerror})") from error
    parts: Counter[str] = Counter()
    with open_writer(folder / VERDICTS, None) as write:
        for item in kept:
            row = _row(verdicts[item], sides[item], texts[item])
            parts[row["part"]] += 1
            write(row)
    with workspace.writing():
        workspace.mark_exported(kept)
    return parts


def write_retrain(folder: Path, config: Path) -> Path:
    """Write a configuration beside a corpus that trains as another does, with the verdicts mixed in.

    Args:
        folder: of the corpus.
        config: what it builds on.
    """
    base = load_config(config)

    def from_here(name: str) -> str:
        return os.path.relpath(base.folder / name, folder.resolve()) if name.endswith((".yaml", ".yml")) else name

    data = {"train": [*map(from_here, base.data.train), CORPUS], "evaluate": [*map(from_here, base.data.evaluate)]}
    settings = {"extends": os.path.relpath(config.resolve(), folder.resolve()), "name": f"{base.name}-reviewed"}
    (folder / RETRAIN).write_text(yaml.safe_dump(settings | {"data": data}, sort_keys=False), "utf-8")
    return folder / RETRAIN


def _items_in(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    with open_table(path) as table:
        return {str(row["id"]) for _, row in table.rows()}


def _row(verdict: Verdict, side: Side, item: Item) -> dict[str, Any]:
    elements = verdict.elements
    conduct = None if elements.conduct is None else sorted(elements.conduct)
    return {
        "id": item.id,
        "part": PART[side.purpose],
        "language": side.language,
        "text": item.text,
        "thread": [] if item.thread is None else [item.thread],
        "hateful": elements.get("hateful"),
        "conduct": conduct,
        **{name: _marks(elements, prefix, members) for name, (prefix, members) in _FAMILIES.items()},
        "disputed": sorted(elements.disputed),
        "tier": str(verdict.tier),
        "blind_tier": str(verdict.blind),
        "soft": dict(verdict.soft),
        "readers": verdict.readers,
        "purpose": side.purpose,
        "inclusion": side.inclusion,
        "count": side.count,
        "at": verdict.at.isoformat(),
    }


def _marks(elements: Elements, prefix: str, members: Iterable[Named]) -> dict[str, bool] | None:
    """What is known of a list, by member; ``None`` if nothing is."""
    known = {str(m): yes for m in members if (yes := elements.get(f"{prefix}_{m}")) is not None}
    return known or None


def _descriptor(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": "Verdicts of human reviewers",
        "citation": "Own review, hatespeech-no review",
        "homepage": ".",
        "licence": {
            "id": "personal data, not for release",
            "training": True,
            "shipping_models": False,
            "redistribution": False,
            "note": "Pseudonymised texts of real people; the data protection impact assessment decides.",
        },
        "codebook": True,
        "files": [{"path": VERDICTS, "format": "jsonl"}],
        "columns": {"text": "text", "id": "id", "split": "part", "language": "language"},
        "splits": {"train": "train", "test": "test"},
        "quirks": [
            "Train rows were chosen because a model flagged them or was uncertain; they are no random sample.",
            "Test rows are a random sample of what the model passed by; they never train or calibrate.",
        ],
    }
