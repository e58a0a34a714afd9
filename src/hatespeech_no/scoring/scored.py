"""What the model says of a statement, and what an operating profile makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.bundle import Manifest
from hatespeech_no.scoring.assessment import Assessment
from hatespeech_no.taxonomy import Context, Ground, Target, Tier
from hatespeech_no.triage.chances import Explanation, FactChances, likeliest
from hatespeech_no.triage.engine import Known
from hatespeech_no.triage.profiles import decide

_Kind = TypeVar("_Kind", Ground, Context)
_ByFact = Mapping[str | None, Mapping[_Kind, str]]
"""Members and the names of their elements, by the fact of the rules that they make up, if there is one."""

_GROUNDS: _ByFact[Ground] = {
    "ground_185": {g: f"ground_{g}" for g in Ground if g.section_185},
    "other_ground": {g: f"ground_{g}" for g in Ground if not g.section_185},
}
_CONTEXTS: _ByFact[Context] = {
    "shield": {c: f"context_{c}" for c in Context if c.is_shield},
    "missing_context": {Context.MISSING_CONTEXT: f"context_{Context.MISSING_CONTEXT}"},
    None: {c: f"context_{c}" for c in Context if not c.is_shield and c is not Context.MISSING_CONTEXT},
}


@dataclass(frozen=True, slots=True)
class Scored:
    """One statement before a profile is applied.

    Attributes:
        id: of the statement.
        guessed_language: see ``Assessment``.
        known: its circumstances, see ``engine.known_of``.
        probabilities: of the text as a whole, by element.
        places: of its passages in the text, in characters; empty if there is no text. A passage that
            was also read with evasions undone has two of the n rows below, the second half of them.
        passages: probabilities of yes by element, each of shape (n,).
        facts: of the n passages.
        chances: shape (n, 4), of the tiers.
    """

    id: str | None
    guessed_language: str | None
    known: Known
    probabilities: Mapping[str, float]
    places: Sequence[tuple[int, int]]
    passages: Mapping[str, NDArray[np.float32]]
    facts: FactChances
    chances: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Dismissed:
    """One statement that the model did not read to the end, since its first stage dismissed it; see ``Scored``."""

    id: str | None
    guessed_language: str | None
    passage: tuple[int, int]

    def assessment(self, profile: str, versions: Mapping[str, str]) -> Assessment:
        """The same under every profile: protected, with a flag that tells by what."""
        return Assessment(
            self.id,
            Tier.PROTECTED,
            guessed_language=self.guessed_language,
            flags=("screened",),
            passage=self.passage,
            profile=profile,
            versions=versions,
        )


def assess(scored: Scored, manifest: Manifest, profile: str, versions: Mapping[str, str]) -> Assessment:
    """The assessment under a profile: the gravest passage decides.

    Raises:
        HatespeechError: the model has no such profile.
    """
    if not scored.places:
        return Assessment(scored.id, Tier.PROTECTED, flags=("no_text",), profile=profile, versions=versions)
    points = manifest.operating_points
    p_actionable = points.calibrated(scored.chances[:, Tier.ACTIONABLE.rank])
    ranks = decide(scored.chances, p_actionable, points.profile(profile).threshold)
    tier = list(Tier)[int(ranks.max())]
    grave = np.flatnonzero(ranks == tier.rank)
    worst, why = _worst(scored, grave, tier)
    finding, places = why.finding, scored.places
    evidence = tuple(dict.fromkeys(places[row % len(places)] for row in (worst, *grave.tolist())))

    def marked(kind: _ByFact[_Kind]) -> tuple[_Kind, ...]:
        """Members above their thresholds, as far as the facts behind the tier have them."""
        found: list[_Kind] = []
        for fact, members in kind.items():
            if fact is not None and why.facts[fact] is False:
                continue
            p = {m: float(scored.passages[name][worst]) for m, name in members.items() if name in scored.passages}
            above = [m for m in p if p[m] >= manifest.thresholds.get(members[m], 0.5)]
            if p and not above and fact is not None and why.facts[fact]:
                above = [max(p, key=lambda m: p[m])]
            found += above
        return tuple(sorted(found, key=lambda m: m.position))

    return Assessment(
        id=scored.id,
        tier=tier,
        guessed_language=scored.guessed_language,
        p_hateful=scored.probabilities.get("hateful"),
        p_actionable=float(p_actionable.max()),
        grounds=marked(_GROUNDS),
        conduct=why.conduct,
        target=tuple(t for t in Target if why.facts[f"target_{t}"]),
        context=marked(_CONTEXTS),
        provisions=finding.provisions if tier.rank >= Tier.UNCERTAIN.rank else (),
        rules=finding.rules,
        adjustments=finding.adjustments,
        flags=(
            *finding.flags,
            *(("below_limit",) if tier.rank < finding.tier.rank else ()),
            *(("rewritten",) if worst >= len(places) else ()),
        ),
        undecided=finding.undecided,
        passage=places[worst % len(places)],
        evidence=() if tier is Tier.PROTECTED else evidence,
        probabilities=scored.probabilities,
        profile=profile,
        versions=versions,
    )


def _worst(scored: Scored, rows: NDArray[np.int64], tier: Tier) -> tuple[int, Explanation]:
    """Of the passages with the text's tier the one to show: what must be read first, then the most probable."""
    found = []
    for row in rows[np.argsort(-scored.chances[rows, tier.rank], kind="stable")]:
        why = likeliest(scored.facts[row : row + 1], scored.known, tier)
        found.append((int(row), why))
        if tier is Tier.PROTECTED or "read_first" in why.finding.flags:
            return found[-1]
    return found[0]
