"""What is kept of a review, apart from texts and verdicts: plain records."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from hatespeech_no.review.desk import Round
from hatespeech_no.review.select import Purpose
from hatespeech_no.taxonomy import Lang, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is known of an item and never shown to a first reader.

    Attributes:
        id: keyed.
        batch: the push that chose it.
        purpose: see ``select.Purpose``.
        inclusion: see ``select.Chosen``.
        tier: the model's; ``None`` = withheld, as in the sample of a mapping.
        p: probabilities by element, and of ``actionable``.
        flags: what the rules say to check.
        language: as guessed.
        count: texts that are near-duplicates of it, itself among them.
        versions: of model, rules and statute.
        at: when it was chosen, UTC.
    """

    id: str
    batch: str
    purpose: Purpose
    inclusion: float
    tier: Tier | None
    p: Mapping[str, float]
    flags: tuple[str, ...]
    language: str | None
    count: int
    versions: Mapping[str, str]
    at: datetime

    @property
    def cells(self) -> list[Any]:
        """For a row of the database, in order of the fields."""
        values = (getattr(self, f.name) for f in fields(self))
        plain = (value.isoformat() if isinstance(value, datetime) else value for value in values)
        return [json.dumps(value) if isinstance(value, Mapping | tuple) else value for value in plain]

    @classmethod
    def of(cls, row: sqlite3.Row) -> Side:
        """From a row of the database."""
        values = {f.name: row[f.name] for f in fields(cls)}
        values |= {name: json.loads(values[name]) for name in ("p", "versions")}
        values |= {"tier": values["tier"] and Tier(values["tier"]), "flags": tuple(json.loads(values["flags"]))}
        return cls(**values | {"at": datetime.fromisoformat(values["at"])})


@dataclass(frozen=True, slots=True)
class Assignment:
    """An item in a reader's queue, in its place; ``shown`` and ``notes`` as in ``desk.Item``."""

    item: str
    reader: str
    round: Round
    queue: str
    place: int
    shown: str
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One push.

    Attributes:
        id: of what was pushed, and how.
        at: when, UTC.
        tiers: distinct statements in what it chose from, by the model's tier.
    """

    id: str
    at: datetime
    tiers: Mapping[Tier, int]


@dataclass(frozen=True)
class Settings:
    """What a review was begun with.

    Attributes:
        readers: names on the desk; pseudonyms will do.
        adjudicator: who settles what two readers see differently, where no third reader can.
        lang: of the questions.
        twice: tiers that two people read.
        desk: kind and place, as given to ``--to``.
    """

    readers: tuple[str, ...]
    adjudicator: str
    lang: Lang
    twice: tuple[Tier, ...]
    desk: tuple[str, str]


def now() -> datetime:
    """The time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
