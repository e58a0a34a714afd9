"""What can be chosen for review: the rows of a scored file, near-duplicates as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring.classifier import Classifier
from hatespeech_no.splits import near_duplicate_clusters
from hatespeech_no.statement import Statement
from hatespeech_no.tables import open_table
from hatespeech_no.tables.source import parts_of
from hatespeech_no.taxonomy import Tier

FLAGGED = frozenset({Tier.ACTIONABLE, Tier.UNCERTAIN})
"""Tiers that call for a human."""

_PROBABILITY = "p_"
_PREFILTER = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement as the model sees it.

    Attributes:
        text: as it was written.
        thread: what it answers; ``None`` = nothing or unknown.
        tier: the model's.
        p: probabilities by element, and of ``actionable``.
        flags: what the rules say to check.
        language: as guessed; ``None`` = unknown.
        same: identities of all rows of the scored file that are near-duplicates of it, itself among them.
    """

    text: str
    thread: str | None
    tier: Tier
    p: Mapping[str, float]
    flags: tuple[str, ...] = ()
    language: str | None = None
    same: tuple[str, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether the model hands it on to people; it passes by the others."""
        return self.tier in FLAGGED

    @property
    def identity(self) -> str:
        """What makes it the statement it is: its text, and what it answers."""
        return identity_of(self.text, self.thread)


def identity_of(text: str, thread: str | None) -> str:
    """See ``Candidate.identity``."""
    return text if thread is None else f"{thread}\n{text}"


def read_scored(path: Path, text_column: str = "text", thread_column: str = "thread") -> list[Candidate]:
    """The rows of a file or folder that ``hatespeech-no score`` wrote; rows without text are left out.

    Raises:
        HatespeechError: names file, row and field.
    """
    found = [c for part in parts_of(path) for c in _read_part(part, text_column, thread_column)]
    if not found:
        raise HatespeechError(f"{path}: holds no scored texts")
    return found


def _read_part(path: Path, text_column: str, thread_column: str) -> Iterator[Candidate]:
    with open_table(path, text_column=text_column) as table:
        for number, row in table.restored_rows():
            missing = {text_column, "tier"} - row.keys()
            if missing:
                raise HatespeechError(
                    f"{path}, row {number}: has no field {min(missing)!r}; give a file that hatespeech-no score wrote, "
                    "and the column of its texts with --text-column"
                )
            try:
                if row["tier"]:
                    yield _candidate(row, text_column, thread_column)
            except ValueError as error:
                raise HatespeechError(f"{path}, row {number}: {error}") from None


def _candidate(row: Mapping[str, Any], text_column: str, thread_column: str) -> Candidate:
    names = [name for name in row if name.startswith(_PROBABILITY) and row[name] not in (None, "")]
    thread = row.get(thread_column)
    return Candidate(
        text=str(row[text_column]),
        thread="\n".join(thread) if isinstance(thread, list) else thread or None,
        tier=Tier(row["tier"]),
        p={name.removeprefix(_PROBABILITY): float(str(row[name]).replace(",", ".")) for name in names},
        flags=tuple(filter(None, str(row.get("flags") or "").split("|"))),
        language=row.get("guessed_language") or None,
    )


def collapse(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate for each cluster of near-duplicates that answer the same: the gravest."""
    clusters = near_duplicate_clusters([candidate.identity for candidate in candidates])
    order = sorted(range(len(candidates)), key=lambda i: gravity(candidates[i]), reverse=True)
    members: dict[int, list[int]] = {}
    for i in order:
        members.setdefault(int(clusters[i]), []).append(i)
    return [
        replace(candidates[mine[0]], same=tuple(candidates[i].identity for i in mine))
        for _, mine in sorted(members.items())
    ]


def gravity(candidate: Candidate) -> tuple[int, bool, float]:
    """Order of attention: tier, what must be read first, probability of ``actionable``."""
    return candidate.tier.rank, "read_first" in candidate.flags, candidate.p.get("actionable", 0.0)


def with_elements(candidates: Sequence[Candidate], classifier: Classifier, wanted: int) -> list[Candidate]:
    """The candidates with the probabilities of all elements where the file leaves it most open, or as they are.

    Args:
        candidates: any number.
        classifier: the model that scored them.
        wanted: how many will be chosen; twenty times as many are read again.
    """
    order = sorted(range(len(candidates)), key=lambda i: _openness(candidates[i]), reverse=True)[: _PREFILTER * wanted]
    again = (Statement(c.text, thread=() if c.thread is None else (c.thread,)) for c in (candidates[i] for i in order))
    found = {
        i: replace(candidates[i], p={**found.probabilities, **candidates[i].p})
        for i, found in zip(order, classifier.stream(again), strict=True)
    }
    return [found.get(i, candidate) for i, candidate in enumerate(candidates)]


def _openness(candidate: Candidate) -> float:
    return max((min(p, 1 - p) for p in candidate.p.values()), default=0.0)
