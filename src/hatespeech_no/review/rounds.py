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
SETTLED = frozenset({Stage.REVEAL, Stage.DONE})
"""Stages of items whose blind readings are complete."""

_ROUND_OF: Mapping[Stage, Round] = {Stage.SECOND: "first", Stage.ADJUDICATION: "adjudication", Stage.REVEAL: "reveal"}


def next_round(workspace: Workspace, readings: Readings) -> Counter[Stage]:
    """Assign what is ready for its next reading.

    Args:
        workspace: of the review.
        readings: by item, see ``Workspace.readings``.

    Returns:
        Items by what they wait for.
    """
    settings, texts = workspace.settings, workspace.texts()
    given: dict[str, list[Assignment]] = defaultdict(list)
    load: Counter[str] = Counter()
    for one in workspace.assignments():
        given[one.item].append(one)
        load[one.reader] += 1
    stages = stages_of(workspace, readings)
    chosen: dict[Round, dict[str, list[str]]] = defaultdict(dict)
    for item, waits_for in stages.items():
        round_ = _ROUND_OF.get(waits_for)
        asked = round_ != "first" and round_ in {one.round for one in given[item]}
        if round_ is not None and not asked and item in texts:
            reader = _next_reader(round_, given[item], settings, load)
            load[reader] += 1
            chosen[round_][item] = [reader]
    chosen["first"] |= _decoys(stages, chosen["first"], given, load.total())
    for round_, readers_of in chosen.items():
        _assign(workspace, round_, readers_of, readings, load.total())
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
            stages[item] = Stage.DONE if stage(mine, side.tier, 0, twice) in SETTLED else Stage.LAPSED
    return stages


def verdicts_of(workspace: Workspace) -> dict[str, Verdict]:
    """The verdicts on all items whose blind readings are complete."""
    readings = workspace.readings()
    return settled(readings, stages_of(workspace, readings))


def settled(readings: Readings, stages: Mapping[str, Stage]) -> dict[str, Verdict]:
    """The verdicts on those of these items whose blind readings are complete."""
    return {item: verdict(readings[item]) for item, waits_for in stages.items() if waits_for in SETTLED}


def _decoys(
    stages: Mapping[str, Stage],
    second: Mapping[str, Sequence[str]],
    given: Mapping[str, Sequence[Assignment]],
    seed: int,
) -> dict[str, list[str]]:
    """As many settled items that another has read alone for each who reads second, so that nothing stands out."""
    alone = {i: given[i][0].reader for i, s in stages.items() if s is Stage.DONE and len(given[i]) == 1}
    shuffled = [list(alone)[i] for i in np.random.default_rng(seed).permutation(len(alone))]
    found: dict[str, list[str]] = {}
    for (reader,) in second.values():
        decoy = next((item for item in shuffled if alone[item] != reader and item not in found), None)
        if decoy is not None:
            found[decoy] = [reader]
    return found


def _next_reader(round_: Round, given: Sequence[Assignment], settings: Settings, load: Mapping[str, int]) -> str:
    """Of those who have not read it the one with least to read; the model's view goes to who had the last word."""
    if round_ == "reveal":
        return next((one.reader for one in given if one.round == "adjudication"), given[0].reader)
    before = {one.reader for one in given}
    others = [reader for reader in settings.readers if reader not in before]
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
