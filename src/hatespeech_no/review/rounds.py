"""Who reads next: second readings among decoys, adjudication, and the model's view at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hatespeech_no.review.desk import Round
from hatespeech_no.review.notes import adjudication_notes, reveal_notes
from hatespeech_no.review.queues import queues
from hatespeech_no.review.records import Assignment, Settings
from hatespeech_no.review.verdicts import Reading, Stage, Verdict, stage, verdict
from hatespeech_no.review.workspace import Workspace

Readings = Mapping[str, Sequence[Reading]]
_SETTLED = frozenset({Stage.REVEAL, Stage.DONE})
_ROUND_OF: Mapping[Stage, Round] = {Stage.SECOND: "first", Stage.ADJUDICATION: "adjudication", Stage.REVEAL: "reveal"}


def next_round(workspace: Workspace, readings: Readings) -> Counter[Stage]:
    """Assign what is ready for its next reading.

    Args:
        workspace: of the review.
        readings: by item, see ``Workspace.readings``.

    Returns:
        Items by what they wait for.
    """
    settings, assignments, texts = workspace.settings, workspace.assignments(), workspace.texts()
    stages = stages_of(workspace, readings)
    waiting = [(item, _ROUND_OF[waits_for]) for item, waits_for in stages.items() if waits_for in _ROUND_OF]
    waiting += [(item, "first") for item in _decoys(stages, assignments)]
    load = Counter(one.reader for one in assignments)
    given: dict[str, dict[str, str]] = defaultdict(dict)
    for one in assignments:
        given[one.item][one.reader] = one.round
    chosen: dict[Round, dict[str, list[str]]] = defaultdict(dict)
    for item, round_ in waiting:
        if item in texts and (round_ == "first" or round_ not in given[item].values()):
            reader = _next_reader(round_, given[item], settings, load)
            load[reader] += 1
            chosen[round_][item] = [reader]
    for round_, readers_of in chosen.items():
        _assign(workspace, round_, readers_of, readings, len(assignments))
    return Counter(stages.values())


def stages_of(workspace: Workspace, readings: Readings) -> dict[str, Stage]:
    """What each item waits for; one whose text is gone waits for nobody."""
    twice, texts = workspace.settings.twice, workspace.texts()
    assigned = Counter(one.item for one in workspace.assignments() if one.round == "first")
    stages = {}
    for item, side in workspace.sides().items():
        mine = readings.get(item, ())
        if item in texts:
            stages[item] = stage(mine, side.tier, assigned[item], twice)
        else:
            stages[item] = Stage.DONE if stage(mine, side.tier, 0, twice) in _SETTLED else Stage.LAPSED
    return stages


def verdicts_of(workspace: Workspace) -> dict[str, Verdict]:
    """The verdicts on all items whose blind readings are complete."""
    readings = workspace.readings()
    return {item: verdict(readings[item]) for item, s in stages_of(workspace, readings).items() if s in _SETTLED}


def _decoys(stages: Mapping[str, Stage], assignments: Sequence[Assignment]) -> list[str]:
    """As many settled items that one person has read as there are second readings, so that these do not stand out."""
    wanted = sum(waits_for is Stage.SECOND for waits_for in stages.values())
    turns = Counter(one.item for one in assignments)
    settled = [item for item, waits_for in stages.items() if waits_for is Stage.DONE and turns[item] == 1]
    order = np.random.default_rng(len(assignments)).permutation(len(settled))
    return [settled[i] for i in order[:wanted]]


def _next_reader(round_: Round, given: Mapping[str, str], settings: Settings, load: Mapping[str, int]) -> str:
    """Of those who have not read it the one with least to read; the model's view goes to who had the last word."""
    if round_ == "reveal":
        return next((reader for reader, before in given.items() if before == "adjudication"), next(iter(given)))
    others = [reader for reader in settings.readers if reader not in given]
    return min(others, key=lambda reader: load[reader]) if others else settings.adjudicator


def _assign(
    workspace: Workspace, round_: Round, readers_of: Mapping[str, Sequence[str]], readings: Readings, seed: int
) -> None:
    kept = workspace.texts()
    notes = _notes(workspace, round_, {item: readings.get(item, ()) for item in readers_of})
    dealt = queues(readers_of, (), f"{round_} {seed}", workspace.key, seed)
    places = ((r, queue, place, i) for (r, queue), items in dealt.items() for place, i in enumerate(items))
    shown = {item: replace(kept[item], notes=notes.get(item)) for item in readers_of}
    workspace.assign(
        [
            Assignment(item, reader, round_, queue, place, shown[item].shown(workspace.key), shown[item].notes)
            for reader, queue, place, item in places
        ]
    )


def _notes(workspace: Workspace, round_: Round, readings: Readings) -> dict[str, str]:
    lang, sides, reasons = workspace.settings.lang, workspace.sides(), workspace.reasons()
    if round_ == "reveal":
        return {item: reveal_notes(verdict(mine), sides[item], lang) for item, mine in readings.items()}
    if round_ == "adjudication":
        return {
            item: adjudication_notes([(r.codes, reasons.get((item, r.reader, r.round))) for r in mine], lang)
            for item, mine in readings.items()
        }
    return {}
