"""What is handed to a human: a tier, the reasons for it, and what is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from hatespeech_no.taxonomy import ELEMENTS, Conduct, Context, Ground, Lang, Target, Tier, element_label
from hatespeech_no.triage import load_rules

_S = TypeVar("_S")

NOTICE = {
    "nb": "Maskinell sortering. Ingenting er avgjort: et menneske må lese og vurdere.",
    "en": "Sorted by machine. Nothing is decided: a human must read and assess.",
}

_GROUP_NAMES = {
    "ground_185": ("et grunnlag i § 185", "a ground of § 185"),
    "other_ground": ("et annet vernet grunnlag", "another protected ground"),
    "missing_context": ("manglende sammenheng", "missing context"),
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """The assessment of one statement. Never a verdict.

    Attributes:
        id: of the statement, if it had one.
        tier: how much human attention it needs.
        guessed_language: BCP 47 code, see ``LanguageGuess``; ``None`` if the caller gave the language.
        p_hateful: probability that the text as a whole is hateful, 0 to 1; ``None`` = unknown.
        p_actionable: probability that the rules would call the gravest passage actionable, 0 to 1.
        grounds, conduct, target, context: as decided in the gravest passage; ``conduct`` is
            ``None`` where the model cannot tell.
        provisions: sections of straffeloven a reviewer may need; never a finding of guilt.
        rules: ids of the rules that matched.
        adjustments: ids of what then changed the tier.
        flags: what to check, by id.
        undecided: what is unknown and decides the tier.
        passage: place of the gravest passage in the text, in characters; ``None`` without text.
        evidence: places of all passages with the tier of the text, the gravest first; none where it is
            ``protected``. For words see ``Classifier.words``.
        probabilities: of each element for the text as a whole.
        profile: the operating profile that the tier was given under.
        versions: of model, rules and statute.
    """

    id: str | None
    tier: Tier
    guessed_language: str | None = None
    p_hateful: float | None = None
    p_actionable: float | None = None
    grounds: tuple[Ground, ...] = ()
    conduct: Conduct | None = None
    target: tuple[Target, ...] = ()
    context: tuple[Context, ...] = ()
    provisions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    adjustments: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    passage: tuple[int, int] | None = None
    evidence: tuple[tuple[int, int], ...] = ()
    probabilities: Mapping[str, float] = field(default_factory=dict)
    profile: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def reasons(self, lang: Lang = "en") -> list[str]:
        """Why this tier, in words: rules, adjustments, flags, and what is not known."""
        rules = load_rules()
        open_ = (" mulig" if lang == "nb" else " possible") if len(self.rules) > 1 else ""
        lines = [f"{code}{open_}: {rules.explain(code, lang)}" for code in self.rules]
        lines += [rules.explain(code, lang) for code in (*self.adjustments, *self.flags)]
        if self.undecided:
            unknown = ", ".join(_undecided_label(name, lang) for name in self.undecided)
            lines.append(f"{'Ukjent og avgjørende' if lang == 'nb' else 'Unknown and decisive'}: {unknown}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "id": self.id,
            "tier": str(self.tier),
            "guessed_language": self.guessed_language,
            "p_hateful": self.p_hateful,
            "p_actionable": self.p_actionable,
            "grounds": [str(g) for g in self.grounds],
            "conduct": None if self.conduct is None else str(self.conduct),
            "target": [str(t) for t in self.target],
            "context": [str(c) for c in self.context],
            "provisions": list(self.provisions),
            "rules": list(self.rules),
            "adjustments": list(self.adjustments),
            "flags": list(self.flags),
            "undecided": list(self.undecided),
            "passage": self.passage,
            "evidence": [list(place) for place in self.evidence],
            "probabilities": dict(self.probabilities),
            "profile": self.profile,
            "versions": dict(self.versions),
        }

    def __str__(self) -> str:
        probability = "?" if self.p_hateful is None else f"{self.p_hateful:.2f}"
        grounds = ", ".join(g.en for g in self.grounds) or "–"
        conduct = "?" if self.conduct is None else self.conduct.en
        return f"{self.tier.en} | p(hateful) {probability} | {grounds} | {conduct} | {', '.join(self.rules)}"


class Assessments(Sequence[Assessment]):
    """The assessments of a batch; what the model said is kept, so that another profile costs nothing.

    Args:
        scored: what the model said of each statement.
        assess: from that and the name of a profile to an assessment.
        profile: the name of the profile.
    """

    def __init__(self, scored: Sequence[_S], assess: Callable[[_S, str], Assessment], profile: str) -> None:
        self._scored = scored
        self._assess = assess
        self._assessments = [assess(one, profile) for one in scored]

    @overload
    def __getitem__(self, i: int) -> Assessment: ...
    @overload
    def __getitem__(self, i: slice) -> list[Assessment]: ...
    def __getitem__(self, i: int | slice) -> Assessment | list[Assessment]:
        return self._assessments[i]

    def __len__(self) -> int:
        return len(self._assessments)

    def rethreshold(self, profile: str) -> Assessments:
        """The same texts under another profile, without scoring them again.

        Raises:
            HatespeechError: the model has no such profile.
        """
        return Assessments(self._scored, self._assess, profile)


def _undecided_label(name: str, lang: Lang) -> str:
    if name in _GROUP_NAMES:
        return _GROUP_NAMES[name][0 if lang == "nb" else 1]
    return element_label(name, lang) if name in (*ELEMENTS, "conduct") else name
