"""The engine: rules over every completion of what is unknown.

The rules see the codebook through twelve yes/no facts and the conduct. For given circumstances
that is a truth table of 8 x 2^12 entries, built once with numpy. A passage with unknown elements
is a slice of the table: where the whole slice has one tier, the unknowns don't matter; where it
has several, the passage is ``uncertain`` and the facts on which the tier hangs are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.statement import Circumstances, Elements, Statement
from hatespeech_no.taxonomy import Conduct, Context, Ground, Publicity, Tier
from hatespeech_no.triage.rules import ELEMENT_FACTS, RuleSet, load_rules

Known = tuple[bool, ...]
"""Circumstances as the rules see them."""

_CONDUCTS = list(Conduct)
_TIERS = list(Tier)
_SHAPE = (len(_CONDUCTS), *[2] * len(ELEMENT_FACTS))
FACT_ELEMENTS: dict[str, tuple[str, ...]] = {
    "ground_185": tuple(f"ground_{g}" for g in Ground if g.section_185),
    "other_ground": tuple(f"ground_{g}" for g in Ground if not g.section_185),
    "shield": ("shield", *(f"context_{c}" for c in Context if c.is_shield)),
    "missing_context": ("context_missing_context",),
}
"""Elements of which one suffices for a fact; other facts are the element of the same name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rules say of one passage.

    Attributes:
        tier: how much attention it needs.
        rules: ids of the rules that match, several where unknown elements leave it open.
        adjustments: ids of the adjustments made, in order.
        provisions: sections a reviewer may need; empty for the two lower tiers.
        flags: what to check or to know, see ``RuleSet.flags``.
        undecided: elements (or groups of them) that are unknown and on which the tier hangs.
    """

    tier: Tier
    rules: tuple[str, ...]
    adjustments: tuple[str, ...] = ()
    provisions: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Table:
    """Outcome per combination of facts: codes, and bit masks into the lists of names."""

    tier: NDArray[np.int8]
    rule: NDArray[np.int8]
    flags: NDArray[np.uint16]
    adjustments: NDArray[np.uint16]
    provisions: NDArray[np.uint16]
    flag_names: Sequence[str]
    provision_names: Sequence[str]


def triage(elements: Elements, circumstances: Circumstances, *, language_served: bool = True) -> Finding:
    """Apply the rules for Norway to one passage; see ``Engine.triage``."""
    return norway().triage(elements, circumstances, language_served=language_served)


def triage_statement(statement: Statement, *, language_served: bool = True) -> Finding:
    """Apply the rules for Norway to the labels of a statement, passage by passage where they differ."""
    parts = [passage.elements for passage in statement.passages] or [statement.labels or Elements()]
    return gravest(triage(elements, statement.circumstances, language_served=language_served) for elements in parts)


def gravest(findings: Iterable[Finding]) -> Finding:
    """The finding with the highest tier; the first one among equals, ``read_first`` before others.

    Raises:
        ValueError: no findings.
    """
    return max(findings, key=lambda f: (f.tier.rank, "read_first" in f.flags))


def known_of(circumstances: Circumstances, *, language_served: bool = True) -> Known:
    """What the caller knows, as the rules see it."""
    minor, official = circumstances.addressee_is_minor, circumstances.addressee_is_official
    return (
        circumstances.publicity is Publicity.PRIVATE,
        circumstances.publicity is not Publicity.UNKNOWN,
        minor is True,
        minor is None,
        official is True,
        circumstances.repeated is True and circumstances.victim_aware is True,
        language_served,
    )


def _ternary(elements: Elements, fact: str) -> bool | None:
    values = [elements.get(name) for name in FACT_ELEMENTS.get(fact, (fact,))]
    if any(values):
        return True
    if fact == "shield" and values[0] is False:
        return False
    return False if all(value is False for value in values) else None


class Engine:
    """Applies one rule set; truth tables are built when circumstances first ask for them."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._table = lru_cache(maxsize=64)(self._build)
        self._find = lru_cache(maxsize=65_536)(self._look_up)

    def triage(self, elements: Elements, circumstances: Circumstances, *, language_served: bool = True) -> Finding:
        """Apply the rules to one passage.

        Args:
            elements: what its words contain; unknown elements are completed in every possible way.
            circumstances: what the caller knows; unknown ones follow each rule's own text.
            language_served: ``False`` makes every tier ``uncertain``.
        """
        facts = tuple(_ternary(elements, fact) for fact in ELEMENT_FACTS)
        return self.find(elements.conduct, facts, known_of(circumstances, language_served=language_served))

    def find(self, conduct: frozenset[Conduct] | None, facts: tuple[bool | None, ...], known: Known) -> Finding:
        """Apply the rules to facts.

        Args:
            conduct: the conducts that are possible, ``None`` = all.
            facts: in order of ``ELEMENT_FACTS``, ``None`` = unknown.
            known: see ``known_of``.
        """
        return self._find(conduct, facts, known)

    def tiers(self, known: Known) -> NDArray[np.int8]:
        """Rank of the tier for every combination of conduct and facts, shape (8, 2, …, 2)."""
        return self._table(known).tier

    def _build(self, known: Known) -> _Table:
        grid = np.indices(_SHAPE, dtype=np.int8)
        facts: dict[str, Any] = {name: grid[i + 1] == 1 for i, name in enumerate(ELEMENT_FACTS)}
        facts["conduct"] = grid[0]
        facts["publicity_matters"] = facts["ground_185"] | (grid[0] == Conduct.INCITEMENT.severity)
        facts["towards_people"] = facts["target_person"] | facts["target_people"]
        (
            facts["private"],
            facts["publicity_known"],
            facts["addressee_is_minor"],
            facts["age_unknown"],
            facts["addressee_is_official"],
            facts["harassed"],
            facts["language_served"],
        ) = known
        facts["harassed_or_official"] = facts["harassed"] or facts["addressee_is_official"]

        flag_names = list(self.rules.flags)
        provision_names = sorted(
            {p for r in self.rules.rules for p in (*r.provisions, *(q for c in r.provisions_if for q in c.add))}
        )
        tier = np.zeros(_SHAPE, np.int8)
        rule = np.full(_SHAPE, -1, np.int8)
        flags, adjustments, provisions = (np.zeros(_SHAPE, np.uint16) for _ in range(3))
        for number, r in enumerate(self.rules.rules):
            hit = _holds(r.when, facts) & (rule < 0)
            rule[hit] = number
            tier[hit] = r.tier.rank
            for change in r.tier_if:
                tier[hit & _holds(change.when, facts)] = change.tier.rank
            flags[hit] |= _bits(flag_names, r.flags)
            for extra in r.flags_if:
                flags[hit & _holds(extra.when, facts)] |= _bits(flag_names, [extra.add])
            provisions[hit] |= _bits(provision_names, r.provisions)
            for more in r.provisions_if:
                provisions[hit & _holds(more.when, facts)] |= _bits(provision_names, more.add)
        ids = [r.id for r in self.rules.rules]
        for number, a in enumerate(self.rules.adjustments):
            hit = _holds(a.when, facts) & np.isin(tier, [t.rank for t in a.from_])
            if a.rules is not None:
                hit &= np.isin(rule, [ids.index(name) for name in a.rules])
            if a.to is not None:
                tier[hit] = a.to.rank
            if a.flag is not None:
                flags[hit] |= _bits(flag_names, [a.flag])
            adjustments[hit] |= np.uint16(1 << number)
        provisions[tier < Tier.UNCERTAIN.rank] = 0
        return _Table(tier, rule, flags, adjustments, provisions, flag_names, provision_names)

    def _look_up(self, conduct: frozenset[Conduct] | None, facts: tuple[bool | None, ...], known: Known) -> Finding:
        table = self._table(known)
        conducts = range(len(_CONDUCTS)) if conduct is None else sorted(c.severity for c in conduct)
        # Keep every axis, so that an axis longer than one is an unknown.
        index = (list(conducts), *(slice(None) if v is None else slice(int(v), int(v) + 1) for v in facts))
        tier = table.tier[index]
        matched = [self.rules.rules[i].id for i in np.unique(table.rule[index])]
        shared = np.bitwise_and.reduce
        provisions = np.bitwise_or.reduce(table.provisions[index], axis=None)
        undecided: list[str] = []
        if tier.min() == tier.max():
            decided = _TIERS[int(tier.flat[0])]
        else:
            decided = Tier.UNCERTAIN
            names = ("conduct", *ELEMENT_FACTS)
            undecided = [name for axis, name in enumerate(names) if np.ptp(tier, axis=axis).any()]
        return Finding(
            tier=decided,
            rules=tuple(matched),
            adjustments=tuple(
                a.id
                for i, a in enumerate(self.rules.adjustments)
                if shared(table.adjustments[index], axis=None) >> i & 1
            ),
            provisions=tuple(name for i, name in enumerate(table.provision_names) if provisions >> i & 1),
            flags=tuple(
                name for i, name in enumerate(table.flag_names) if shared(table.flags[index], axis=None) >> i & 1
            ),
            undecided=tuple(undecided),
        )


@lru_cache
def norway() -> Engine:
    """The engine with the rules for Norway."""
    return Engine(load_rules())


def _bits(names: Sequence[str], chosen: Iterable[str]) -> np.uint16:
    return np.uint16(sum(1 << names.index(name) for name in chosen))


def _holds(condition: dict[str, Any], facts: dict[str, Any]) -> NDArray[np.bool_]:
    result = np.ones(_SHAPE, bool)
    for key, wanted in condition.items():
        if key == "any":
            result &= np.logical_or.reduce([_holds(alternative, facts) for alternative in wanted])
        elif key == "conduct":
            result &= np.isin(facts["conduct"], [Conduct(name).severity for name in wanted])
        else:
            result &= np.equal(facts[key], wanted)
    return result
