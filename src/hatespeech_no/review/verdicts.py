"""From readings to a verdict: who still has to read, and what two readers together say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hatespeech_no.review.desk import Round
from hatespeech_no.review.questions import UNKNOWN
from hatespeech_no.statement import Elements
from hatespeech_no.taxonomy import Conduct, Context, Ground, Named, Target, Tier

Codes = Mapping[str, tuple[str, ...]]
"""Options by question; complete."""

_LISTS: dict[str, tuple[str, Sequence[Named]]] = {
    "grounds": ("ground", list(Ground)),
    "target": ("target", list(Target)),
    "shields": ("context", [context for context in Context if context.is_shield]),
    "descriptions": ("context", [context for context in Context if not context.is_shield]),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One reader's checked answers for one item, as the log has them.

    Attributes:
        item: its id.
        reader: keyed id of who read.
        round: see ``desk.Round``.
        codes: options by question.
        at: when, in UTC.
    """

    item: str
    reader: str
    round: Round
    codes: Codes
    at: datetime

    @property
    def tier(self) -> Tier:
        """The tier the reader gave."""
        return Tier(self.codes["tier"][0])

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Reading:
        """From an entry of the log."""
        codes = {question: tuple(options) for question, options in entry["codes"].items()}
        return cls(entry["item"], entry["reader"], entry["round"], codes, datetime.fromisoformat(entry["at"]))


class Stage(Named):
    """What an item waits for."""

    READING = "reading", "venter på lesere", "waits for readers"
    SECOND = "second", "trenger en leser til", "needs another reader"
    ADJUDICATION = "adjudication", "uenighet skal avgjøres", "readers differ, to be adjudicated"
    REVEAL = "reveal", "avgjort, modellens syn vises", "settled, to be seen beside the model's view"
    DONE = "done", "ferdig", "done"
    LAPSED = "lapsed", "teksten ble slettet før den var avgjort", "text deleted before it was settled"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What people say of an item.

    Attributes:
        item: its id.
        tier: the final one.
        blind: the tier before anybody saw the model's view; measures of the model rest on it.
        elements: of the codebook, as far as they are settled: what two readers answer differently
            is unknown unless adjudicated; two conducts are a set.
        soft: share of first readers who say yes, by element, where they could tell.
        readers: how many read it blind.
        at: of the last reading that counts.
    """

    item: str
    tier: Tier
    blind: Tier
    elements: Elements
    soft: Mapping[str, float]
    readers: int
    at: datetime


def stage(readings: Sequence[Reading], model: Tier | None, assigned: int, twice: Collection[Tier]) -> Stage:
    """What an item waits for.

    Args:
        readings: of the item.
        model: the model's tier; ``None`` = withheld, then its view is never shown.
        assigned: how many first readers it has been given to.
        twice: tiers that need two readers, whoever gives them: the model or the first reader.
    """
    first = [reading for reading in readings if reading.round == "first"]
    rounds = {reading.round for reading in readings}
    wanted = 2 if model in twice or any(reading.tier in twice for reading in first) else 1
    if len(first) < max(wanted, assigned):
        return Stage.READING if assigned >= wanted or not first else Stage.SECOND
    if "adjudication" not in rounds and len({_decisive(reading) for reading in first}) > 1:
        return Stage.ADJUDICATION
    if "reveal" not in rounds and model is not None and verdict(readings).blind is not model:
        return Stage.REVEAL
    return Stage.DONE


def verdict(readings: Sequence[Reading]) -> Verdict:
    """The verdict on an item whose blind readings are complete.

    An adjudicator's answers stand for those of the readers; answers given after the model's view was
    seen change what is handed on, but not ``blind``.
    """
    last = {reading.round: reading for reading in readings}
    first = [reading for reading in readings if reading.round == "first"]
    blind = last.get("adjudication", first[0])
    deciding = last.get("reveal", last.get("adjudication"))
    known = [_answers(reading.codes) for reading in first]
    names = {name for answers in known for name in answers}
    votes = {name: [answers[name] for answers in known if name in answers] for name in sorted(names)}
    return Verdict(
        item=blind.item,
        tier=(deciding or blind).tier,
        blind=blind.tier,
        elements=_settled(first) if deciding is None else _elements(deciding.codes, _disputed(first)),
        soft={name: sum(yes) / len(yes) for name, yes in votes.items()},
        readers=len(first),
        at=max(reading.at for reading in readings),
    )


def _decisive(reading: Reading) -> tuple[Any, ...]:
    return reading.codes["tier"], reading.codes["hateful"]


def _answers(codes: Codes) -> dict[str, bool]:
    """Yes/no answers by element, and whether the conduct is each of them; what the reader cannot tell is absent."""
    answers = {}
    if UNKNOWN not in codes["hateful"]:
        answers["hateful"] = codes["hateful"] == ("yes",)
    for question, (prefix, members) in _LISTS.items():
        if UNKNOWN not in codes[question]:
            answers |= {f"{prefix}_{member}": str(member) in codes[question] for member in members}
    if UNKNOWN not in codes["conduct"]:
        answers |= {f"conduct_{conduct}": str(conduct) in codes["conduct"] for conduct in Conduct}
    return answers


def _elements(codes: Codes, disputed: frozenset[str] = frozenset()) -> Elements:
    yes_no = None if UNKNOWN in codes["hateful"] else codes["hateful"] == ("yes",)
    conduct = None if UNKNOWN in codes["conduct"] else codes["conduct"]
    marks: dict[str, dict[str, bool]] = {"ground": {}, "target": {}, "context": {}}
    for question, (family, members) in _LISTS.items():
        if UNKNOWN not in codes[question]:
            marks[family] |= {str(member): str(member) in codes[question] for member in members}
    given = Elements.of(
        hateful=yes_no, conduct=conduct, grounds=marks["ground"], target=marks["target"], context=marks["context"]
    )
    settled = given.answers.keys() | {f"conduct_{c}" for c in Conduct if given.conduct and c not in given.conduct}
    return Elements(given.answers, given.conduct, disputed & settled)


def _settled(first: Sequence[Reading]) -> Elements:
    """What all first readers say alike; conducts they see differently as a set."""
    parts = [_elements(reading.codes) for reading in first]
    alike = {
        name: yes for name, yes in parts[0].answers.items() if all(part.answers.get(name) is yes for part in parts)
    }
    conducts = [part.conduct for part in parts]
    conduct = None if None in conducts else frozenset().union(*(c for c in conducts if c is not None))
    return Elements(alike, conduct)


def _disputed(first: Sequence[Reading]) -> frozenset[str]:
    """Elements that the first readers answered differently."""
    known = [_answers(reading.codes) for reading in first]
    return frozenset(
        name for name in known[0] if any(name in other and other[name] is not known[0][name] for other in known[1:])
    )
