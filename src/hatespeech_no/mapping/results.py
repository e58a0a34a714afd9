"""A mapping as files in a folder: the design and the sample, then what was found of it.

::

    design.json     how the sample was drawn
    sample.jsonl    what people are to label
    facts.json      what the estimates were made from
    estimates.csv   every estimate; for the working group, see ``disclosure.protect`` for what may be shown
    trends.csv      changes from month to month
    drift.csv       whether the model reads alike in all months
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ValidationError

from hatespeech_no.errors import HatespeechError
from hatespeech_no.files import sha256_of
from hatespeech_no.mapping.cells import estimate, join
from hatespeech_no.mapping.inputs import read_labels
from hatespeech_no.mapping.sampling import Design
from hatespeech_no.mapping.trends import drift, trends
from hatespeech_no.tables import open_table
from hatespeech_no.taxonomy import TAXONOMY_VERSION
from hatespeech_no.triage import load_rules

FACTS = "facts.json"
_TABLES = ("estimates", "trends", "drift")


class Facts(BaseModel, extra="forbid"):
    """What estimates were made from.

    Attributes:
        labels: SHA-256 of the file of labels.
        rows: scored.
        drawn: to be labelled.
        answered: of these.
        answered_by_stratum: see ``Design.stratum``.
        software: version of this package.
        rules: version of the rules.
        taxonomy: version of the codebook.
    """

    labels: str
    rows: int
    drawn: int
    answered: int
    answered_by_stratum: list[int]
    software: str
    rules: str
    taxonomy: str

    @property
    def open(self) -> int:
        """Rows that were drawn and have no answer; the estimates take it that chance left these out."""
        return self.drawn - self.answered


@dataclass(frozen=True)
class Mapping:
    """What was found; for the tables see ``cells.estimate``, ``trends.trends`` and ``trends.drift``."""

    design: Design
    facts: Facts
    estimates: pd.DataFrame
    trends: pd.DataFrame
    drift: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> Mapping:
        """What ``write`` saved.

        Raises:
            HatespeechError: there is none.
        """
        try:
            facts = Facts.model_validate_json((folder / FACTS).read_text("utf-8"))
            tables = [pd.read_csv(folder / f"{name}.csv", dtype={"cell": str}) for name in _TABLES]
        except (OSError, ValidationError) as error:
            raise HatespeechError(f"{folder}: has no estimates; make them with 'map estimate'") from error
        return cls(Design.read(folder), facts, *tables)

    def write(self, folder: Path) -> None:
        """Save beside the design."""
        for name in _TABLES:
            getattr(self, name).to_csv(folder / f"{name}.csv", index=False)
        (folder / FACTS).write_text(self.facts.model_dump_json(indent=2), "utf-8")


def map_prevalence(folder: Path, labels: Path, key: bytes, validation: Path | None = None) -> Mapping:
    """Estimate everything from the labels of the sample in a folder.

    Args:
        folder: of the mapping, with its design.
        labels: see ``read_labels``.
        key: that ids of the sample were made with.
        validation: the table of a run's predictions (``predictions_….csv``) or another one with the columns ``label``
            (1 yes, 0 no) and ``p`` of hateful; for the adjusted count.

    Raises:
        HatespeechError: a file is not what it should be.
    """
    design = Design.read(folder)
    audited = join(design, read_labels(labels), key)
    found = estimate(audited, None if validation is None else _predictions(validation))
    answered = audited.labels["hateful"].notna() | audited.labels["tier"].notna()
    facts = Facts(
        labels=sha256_of(labels),
        rows=len(audited.rows),
        drawn=audited.drawn,
        answered=int(answered.sum()),
        answered_by_stratum=[int(answered[audited.stratum == h].sum()) for h in range(audited.strata)],
        software=metadata.version("hatespeech_no"),
        rules=load_rules().version,
        taxonomy=TAXONOMY_VERSION,
    )
    by_month = "month" in audited.rows and audited.rows["month"].nunique() > 1
    return Mapping(design, facts, found, trends(found), drift(audited) if by_month else pd.DataFrame(columns=["month"]))


def _predictions(source: Path) -> pd.DataFrame:
    with open_table(source, text_column="p") as table:
        rows = [row for _, row in table.rows() if row.get("element", "hateful") == "hateful"]
    try:
        found = pd.DataFrame(rows)[["label", "p"]].astype(float)
    except (KeyError, ValueError) as error:
        raise HatespeechError(f"{source}: needs columns label (1 or 0) and p (0 to 1) of hateful ({error})") from None
    if found["label"].nunique() < 2:
        raise HatespeechError(f"{source}: has no labels of hateful of both kinds")
    return found
