"""Take back what readers answered, check it, add it to the log, and hand on to the next round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hatespeech_no.review.checks import Fault, Place, fault
from hatespeech_no.review.desk import Answer, Desk
from hatespeech_no.review.push import Lacking, Progress, deliver, own_versions
from hatespeech_no.review.questions import questions
from hatespeech_no.review.records import now
from hatespeech_no.review.rounds import next_round
from hatespeech_no.review.verdicts import Codes, Reading, Stage, verdict
from hatespeech_no.review.workspace import Workspace
from hatespeech_no.taxonomy import TAXONOMY_VERSION
from hatespeech_no.text.keyed import keyed_id
from hatespeech_no.text.pseudonyms import pseudonymise


@dataclass
class Pulled:
    """What a pull brought.

    Attributes:
        new: verdicts that were added to the log.
        known: answers that the log had already.
        faults: answers put aside, by fault.
        stages: items by what they wait for now.
        delivered: items of the next round on each reader's desk.
        lacking: see ``Lacking``; of the next round.
    """

    new: int = 0
    known: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    stages: Counter[Stage] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    lacking: Lacking = field(default_factory=dict)


def pull(workspace: Workspace, desk: Desk, progress: Progress = lambda done: None) -> Pulled:
    """Check what readers answered, add it to the log, and put the next round before them.

    Killed or failed midway, it can be run again: nothing is lost and nothing counts twice.
    """
    pulled = Pulled()
    with workspace.writing():
        _take_in(workspace, desk, pulled)
        readings = workspace.readings()
        pulled.stages = next_round(workspace, readings)
    pulled.delivered, pulled.lacking = deliver(workspace, desk, progress)
    return pulled


def _take_in(workspace: Workspace, desk: Desk, pulled: Pulled) -> None:
    key, kept, readings = workspace.key, workspace.texts(), workspace.readings()
    asked = questions(workspace.settings.lang)
    shown: dict[Place, str] = {(one.item, one.reader, one.round): one.shown for one in workspace.assignments()}
    known: dict[Place, Codes] = {(r.item, r.reader, r.round): r.codes for mine in readings.values() for r in mine}
    entries: list[dict[str, Any]] = []
    for raw in desk.pull():
        answer = replace(raw, reason=raw.reason and next(pseudonymise([raw.reason], key)).text)
        place = (answer.item, reader_id(answer.reader, key), answer.round)
        codes = {question.name: answer.values.get(question.name, ()) for question in asked}
        wrong = fault(answer, shown, asked)
        if wrong is None and place in known and not _alike(known[place], codes):
            wrong = Fault.CHANGED, ""
        if wrong is None and place not in known and _unexplained(answer, readings):
            wrong = Fault.NO_REASON, "tier"
        if wrong is not None:
            pulled.faults[wrong[0]] += workspace.quarantine(answer, *wrong)
            continue
        if answer.reason and answer.item in kept:
            workspace.keep_reason(place, answer.reason)
        if place in known:
            pulled.known += 1
            continue
        known[place] = codes
        entries.append(_entry(answer, place, codes))
    pulled.new = workspace.log.append(entries)


def _unexplained(answer: Answer, readings: Mapping[str, Sequence[Reading]]) -> bool:
    """Whether the verdict was changed after the model's view was shown, without a word."""
    if answer.round != "reveal" or answer.reason:
        return False
    return answer.values["tier"] != (str(verdict(readings[answer.item]).tier),)


def reader_id(reader: str, key: bytes) -> str:
    """What the log calls a reader."""
    return keyed_id(f"reader {reader}", key)


def _alike(one: Codes, other: Codes) -> bool:
    return all(set(one[name]) == set(other[name]) for name in one)


def _entry(answer: Answer, place: Place, codes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    item, reader, round_ = place
    return {
        "kind": "reading",
        "item": item,
        "reader": reader,
        "round": round_,
        "shown": answer.shown,
        "codes": {name: list(options) for name, options in codes.items()},
        "at": answer.at.isoformat(),
        "logged": now().isoformat(),
        "versions": {"taxonomy": TAXONOMY_VERSION, **own_versions()},
    }
