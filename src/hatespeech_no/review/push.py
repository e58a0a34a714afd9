"""Choose statements of a scored file and put them before readers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hatespeech_no.review.candidates import Candidate, collapse, read_scored, with_elements
from hatespeech_no.review.desk import Desk, Item
from hatespeech_no.review.questions import questions
from hatespeech_no.review.queues import deal, queues
from hatespeech_no.review.records import Assignment, Batch, Settings, Side, now
from hatespeech_no.review.sample import Drawn, is_sample, read_sample
from hatespeech_no.review.select import Budget, Chosen, select
from hatespeech_no.review.workspace import Workspace
from hatespeech_no.tables.source import digest_of
from hatespeech_no.taxonomy import STATUTE_VERSION
from hatespeech_no.text.keyed import keyed_id
from hatespeech_no.text.pseudonyms import pseudonymise
from hatespeech_no.triage import load_rules

if TYPE_CHECKING:
    from spacy.language import Language

    from hatespeech_no.scoring.classifier import Classifier

Progress = Callable[[int], None]
Lacking = dict[tuple[str, str], int]
"""Items that a desk did not store though asked twice, by reader and queue."""


@dataclass(frozen=True)
class Source:
    """What is chosen from.

    Attributes:
        scored: see ``read_scored``, or the sample of a mapping, see ``read_sample``.
        text_column: of that file.
        classifier: the model that scored it, for uncertainty by element and for the record.
        other: the same texts as another model scored them, for the disagreement of the two.
    """

    scored: Path
    text_column: str = "text"
    classifier: Classifier | None = None
    other: Path | None = None

    @property
    def versions(self) -> dict[str, str]:
        """Of model, rules and statute; without the model those of today's rules."""
        return own_versions() if self.classifier is None else dict(self.classifier.versions)


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        chosen: items by purpose.
        collapsed: rows of the scored file that are near-duplicates of another.
        delivered: items on each reader's desk by this push.
        lacking: see ``Lacking``.
        repeated: whether the same push had been made before, so that nothing new was chosen.
    """

    chosen: Counter[str]
    collapsed: int
    delivered: Counter[str]
    lacking: Lacking
    repeated: bool


def push(
    workspace: Workspace,
    desk: Desk,
    source: Source,
    budget: Budget,
    settings: Settings,
    *,
    names: Language | None = None,
    seed: int = 0,
    progress: Progress = lambda done: None,
) -> Pushed:
    """Choose statements of a scored file and put them before readers, blind; of a mapping's sample take all.

    The same push again chooses nothing new and goes on where it was interrupted. What earlier pushes
    chose is not chosen again.

    Args:
        workspace: of the review.
        desk: where readers read.
        source: what is chosen from.
        budget: how many for each purpose.
        settings: readers and what they are asked; kept for the next rounds, also if the push is repeated.
        names: trained spaCy pipeline that finds names of persons to pseudonymise; without one names stay.
        seed: of every draw.
        progress: called with the number of items that are on desks.
    """
    batch = _batch_id(source.scored, budget, seed)
    chosen: Counter[str] = Counter()
    collapsed = 0
    with workspace.writing():
        repeated = batch in {earlier.id for earlier in workspace.batches}
        if not repeated:
            if is_sample(source.scored):
                sides, items = _take(workspace, read_sample(source.scored), batch, source)
            else:
                candidates = read_scored(source.scored, source.text_column)
                distinct = collapse(candidates)
                collapsed = len(candidates) - len(distinct)
                sides, items = _choose(workspace, distinct, batch, source, budget, seed=seed, names=names)
            chosen.update(side.purpose for side in sides)
            _assign(workspace, sides, items, settings, seed)
        workspace.keep_settings(settings)
    delivered, lacking = deliver(workspace, desk, progress)
    return Pushed(chosen, collapsed, delivered, lacking, repeated)


def deliver(workspace: Workspace, desk: Desk, progress: Progress = lambda done: None) -> tuple[Counter[str], Lacking]:
    """Put every queue on its desk that is not there yet; what is dropped is put there once more.

    Returns:
        Items by reader, and how many of a queue are lacking still.
    """
    texts, done = workspace.texts(), workspace.delivered()
    asked = questions(workspace.settings.lang)
    waiting: dict[tuple[str, str], list[Assignment]] = {}
    for one in workspace.assignments():
        if (one.reader, one.queue) not in done and one.item in texts:
            waiting.setdefault((one.reader, one.queue), []).append(one)
    delivered: Counter[str] = Counter()
    lacking: Lacking = {}
    for (reader, queue), ones in waiting.items():
        items = [replace(texts[one.item], notes=one.notes) for one in ones]
        before = delivered.total()
        for _ in range(2):
            stored = desk.push(queue, reader, ones[0].round, items, asked, lambda n, b=before: progress(b + n))  # type: ignore[misc]
            if stored >= len(items):
                workspace.mark_delivered(reader, queue)
                break
        else:
            lacking[reader, queue] = len(items) - stored
        delivered[reader] += stored
    return delivered, lacking


def _choose(
    workspace: Workspace,
    distinct: Sequence[Candidate],
    batch: str,
    source: Source,
    budget: Budget,
    *,
    seed: int,
    names: Language | None,
) -> tuple[list[Side], list[Item]]:
    known, key = workspace.members(), workspace.key
    fresh = [c for c in distinct if not any(keyed_id(identity, key) in known for identity in c.same)]
    tiers = Counter(c.tier for c in fresh)
    if source.classifier is not None:
        fresh = with_elements(fresh, source.classifier, budget.active)
    second = {} if source.other is None else {c.identity: c.p for c in read_scored(source.other, source.text_column)}
    picks = select(fresh, budget, seed, {i: second[c.identity] for i, c in enumerate(fresh) if c.identity in second})
    picked = [fresh[pick.row] for pick in picks]
    sides = [_side(c, pick, batch, source.versions, key) for c, pick in zip(picked, picks, strict=True)]
    items = _items(picked, key, names)
    members = {keyed_id(identity, key): i.id for c, i in zip(picked, items, strict=True) for identity in c.same}
    workspace.add(Batch(batch, now(), tiers), sides, items, members)
    return sides, items


def _take(workspace: Workspace, sample: Sequence[Drawn], batch: str, source: Source) -> tuple[list[Side], list[Item]]:
    """All of a sample, each statement once, but for what is read already."""
    known, key = workspace.members(), workspace.key
    ids = {one.id: keyed_id(one.identity, key) for one in sample}
    fresh = {ids[one.id]: one for one in sample if ids[one.id] not in known}
    items = [Item(id_, one.text, one.thread) for id_, one in fresh.items()]
    count = Counter(ids.values())
    sides = [
        Side(
            id=id_,
            batch=batch,
            purpose="audit",
            inclusion=one.inclusion,
            tier=None,
            p={},
            flags=(),
            language=None,
            count=count[id_],
            versions=source.versions,
            at=now(),
        )
        for id_, one in fresh.items()
    ]
    members = {id_: id_ for id_ in fresh} | {name: known.get(id_, id_) for name, id_ in ids.items()}
    workspace.add(Batch(batch, now(), {}), sides, items, members)
    return sides, items


def own_versions() -> dict[str, str]:
    """Of the rules and the statute that this package holds."""
    return {"rules": load_rules().version, "statute": STATUTE_VERSION}


def _batch_id(scored: Path, budget: Budget, seed: int) -> str:
    return hashlib.sha256(f"{digest_of(scored)} {budget} {seed}".encode()).hexdigest()[:16]


def _side(candidate: Candidate, pick: Chosen, batch: str, versions: Mapping[str, str], key: bytes) -> Side:
    return Side(
        id=keyed_id(candidate.identity, key),
        batch=batch,
        purpose=pick.purpose,
        inclusion=pick.inclusion,
        tier=candidate.tier,
        p=candidate.p,
        flags=candidate.flags,
        language=candidate.language,
        count=len(candidate.same),
        versions=versions,
        at=now(),
    )


def _items(candidates: Sequence[Candidate], key: bytes, names: Language | None) -> list[Item]:
    texts = pseudonymise([c.text for c in candidates], key, names)
    threads = pseudonymise([c.thread or "" for c in candidates], key, names)
    return [
        Item(keyed_id(c.identity, key), text.text, thread.text or None)
        for c, text, thread in zip(candidates, texts, threads, strict=True)
    ]


def _assign(workspace: Workspace, sides: Sequence[Side], items: Sequence[Item], settings: Settings, seed: int) -> None:
    twice = {side.id for side in sides if side.tier in settings.twice}
    urgent = {side.id for side in sides if "read_first" in side.flags}
    readers_of = deal([side.id for side in sides], settings.readers, twice, seed)
    by_id = {item.id: item for item in items}
    dealt = queues(readers_of, urgent, sides[0].batch if sides else "", workspace.key, seed)
    workspace.assign(
        [
            Assignment(item, reader, "first", queue, place, by_id[item].shown(workspace.key))
            for (reader, queue), ids in dealt.items()
            for place, item in enumerate(ids)
        ]
    )
