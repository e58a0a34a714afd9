"""How probable each tier is, when elements are only probable.

Elements are taken as independent of each other, given the text. They are not quite, which is why the
probability of ``actionable`` is calibrated once more before anything rests on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.taxonomy import ELEMENTS, Conduct, Tier
from hatespeech_no.triage.engine import FACT_ELEMENTS, Finding, Known, norway
from hatespeech_no.triage.rules import ELEMENT_FACTS

Floats = NDArray[np.float32]

_CONDUCTS = list(Conduct)
_ROWS = 2048
_SPLIT = 7
"""Axes (conduct and facts) on the left side of the table; the others are on its right."""
_IMPOSSIBLE = -1e9


@dataclass(frozen=True)
class FactChances:
    """Probabilities of what the rules ask for, of n passages.

    Attributes:
        yes, no: shape (n, 12), in order of ``ELEMENT_FACTS``.
        conduct: shape (n, 8), or ``None`` = unknown.
        complete: for each fact whether the model knows all elements behind it; where it does not, what
            is missing to 1 is the probability that the fact stays unknown.
    """

    yes: Floats
    no: Floats
    conduct: Floats | None
    complete: tuple[bool, ...]

    @classmethod
    def of(cls, element: Callable[[str], Floats | None], conduct: Floats | None) -> FactChances:
        """From the probabilities of elements.

        Args:
            element: gives the probability of yes, shape (n,), by an element's id; ``None`` = unknown.
            conduct: see above.
        """
        found = [_fact(fact, element) for fact in ELEMENT_FACTS]
        rows = max(1 if conduct is None else len(conduct), *(len(yes) for yes, _, _ in found))
        yes, no = (
            np.stack([np.broadcast_to(fact[side], rows) for fact in found], axis=1).astype(np.float32)
            for side in (0, 1)
        )
        return cls(yes, no, conduct, tuple(complete for _, _, complete in found))

    def __len__(self) -> int:
        return len(self.yes)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> FactChances:
        conduct = None if self.conduct is None else self.conduct[rows]
        return FactChances(self.yes[rows], self.no[rows], conduct, self.complete)


def tier_chances(facts: FactChances, known: Known) -> Floats:
    """Probability of each tier.

    Args:
        facts: of n passages.
        known: their circumstances, see ``engine.known_of``.

    Returns:
        Shape (n, 4), in order of rank; rows add up to 1. Where an element is unknown and the tier hangs
        on it, the tier is ``uncertain``, as in ``Engine.triage``.
    """
    table = _table(known, facts.complete, facts.conduct is None)
    flat = table.reshape(int(np.prod(table.shape[:_SPLIT])), -1)
    masks = [(flat == tier.rank).astype(np.float32) for tier in Tier]
    chances = np.empty((len(facts), len(masks)), np.float32)
    for start in range(0, len(facts), _ROWS):
        left, right = _weights(facts[start : start + _ROWS])
        for rank, mask in enumerate(masks):
            chances[start : start + _ROWS, rank] = np.einsum("nb,nb->n", left @ mask, right)
    return chances


@dataclass(frozen=True, slots=True)
class Explanation:
    """The combination of elements behind a tier.

    Attributes:
        finding: what the rules say of it.
        conduct: ``None`` = unknown.
        facts: by name; ``None`` = unknown.
    """

    finding: Finding
    conduct: Conduct | None
    facts: Mapping[str, bool | None]


def likeliest(facts: FactChances, known: Known, tier: Tier) -> Explanation:
    """The most probable combination of elements that gives a tier, or would give a higher one.

    A statement that is called less than what its likeliest elements say (because its probability is
    below a profile's limit) is explained by these, and not by some milder ones.

    Args:
        facts: of one passage.
        known: its circumstances.
        tier: the tier to explain.

    Raises:
        ValueError: no combination gives that tier under these circumstances.
    """
    # Nearly always it is what is most probable anyway.
    unknown = 1 - facts.yes[0] - facts.no[0]
    states = np.stack([facts.no[0], facts.yes[0], unknown]).argmax(axis=0)
    conduct = 0 if facts.conduct is None else int(facts.conduct[0].argmax())
    best = _explanation(facts, known, conduct, states)
    if best.finding.tier is tier or best.finding.tier is Tier.ACTIONABLE:
        return best
    table = _table(known, facts.complete, facts.conduct is None)
    left, right = _weights(facts)
    with np.errstate(divide="ignore"):
        log_p = (np.log(left[0])[:, None] + np.log(right[0])[None, :]).reshape(table.shape)
    # The impossible is still more likely than another tier.
    log_p = np.where(table == tier.rank, np.maximum(log_p, _IMPOSSIBLE), -np.inf)
    if np.isneginf(log_p.max()):
        raise ValueError(f"no combination of elements gives the tier {tier}")
    conduct, *chosen = (int(i) for i in np.unravel_index(int(log_p.argmax()), table.shape))
    return _explanation(facts, known, conduct, chosen)


def _explanation(facts: FactChances, known: Known, conduct: int, states: Iterable[int]) -> Explanation:
    chosen = None if facts.conduct is None else _CONDUCTS[conduct]
    answers = dict(zip(ELEMENT_FACTS, ((False, True, None)[int(state)] for state in states), strict=True))
    finding = norway().find(None if chosen is None else frozenset({chosen}), tuple(answers.values()), known)
    return Explanation(finding, chosen, answers)


def _fact(fact: str, element: Callable[[str], Floats | None]) -> tuple[Floats, Floats, bool]:
    """Probabilities of yes and no, and whether they add up to 1."""
    whole = element(fact) if fact in ELEMENTS else None
    if whole is not None:
        return whole, 1 - whole, True
    members = [name for name in FACT_ELEMENTS.get(fact, (fact,)) if name != fact]
    found = [p for p in map(element, members) if p is not None]
    none = np.prod([1 - p for p in found], axis=0, dtype=np.float32) if found else np.ones(1, np.float32)
    complete = bool(found) and len(found) == len(members)
    return 1 - none, none if complete else np.zeros_like(none), complete


@lru_cache(maxsize=64)
def _table(known: Known, complete: tuple[bool, ...], conduct_unknown: bool) -> NDArray[np.int8]:
    """Ranks of tiers; axes of facts that may be unknown have a third place for that."""
    table = norway().tiers(known)
    for axis, is_complete in enumerate(complete, 1):
        if not is_complete:
            table = np.concatenate([table, _merged(table, axis)], axis=axis)
    return _merged(table, 0) if conduct_unknown else table


def _merged(table: NDArray[np.int8], axis: int) -> NDArray[np.int8]:
    """The tier that all places along an axis share, else ``uncertain``."""
    least, most = table.min(axis=axis, keepdims=True), table.max(axis=axis, keepdims=True)
    return np.where(least == most, least, np.int8(Tier.UNCERTAIN.rank))


def _weights(facts: FactChances) -> tuple[Floats, Floats]:
    """Probabilities of the combinations on both sides of the table, shapes (n, left) and (n, right)."""
    conduct = np.ones((len(facts), 1), np.float32) if facts.conduct is None else facts.conduct
    unknown = np.clip(1 - facts.yes - facts.no, 0, 1)
    axes = [conduct]
    for i, complete in enumerate(facts.complete):
        states = (facts.no[:, i], facts.yes[:, i], *([] if complete else [unknown[:, i]]))
        axes.append(np.stack(states, axis=1))
    return _outer(axes[:_SPLIT]), _outer(axes[_SPLIT:])


def _outer(axes: Sequence[Floats]) -> Floats:
    product = axes[0]
    for axis in axes[1:]:
        product = (product[:, :, None] * axis[:, None, :]).reshape(len(product), -1)
    return product
