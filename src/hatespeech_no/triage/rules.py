"""Triage rules as versioned data: a changed statute or another country is another file."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hatespeech_no.taxonomy import Conduct, Lang, Tier

ELEMENT_FACTS = {
    "ground_185": "attacks because of a ground that § 185 lists",
    "other_ground": "attacks because of gender or another ground of the Equality Act",
    "target_person": "aimed at a person",
    "target_people": "aimed at a group of people",
    "target_idea": "aimed at an idea, religion, policy or institution",
    "abusive": "insult or coarse abuse",
    "hateful": "the writer's own stance is hateful",
    "ground_explicit": "the text itself ties the conduct to the ground",
    "addressed_in_person": "speaks to the person it is about",
    "support": "approves of violence",
    "shield": "a context that can lower a tier (quotation, counter-speech, satire …)",
    "missing_context": "the meaning hangs on something that is not there",
}
"""Yes/no facts about the words; any of them may be unknown."""

DERIVED_FACTS = {
    "towards_people": "aimed at a person or a group of people",
    "publicity_matters": "a ground of § 185, or incitement: the outcome depends on where it was said",
    "private": "known to be private",
    "publicity_known": "the caller said where it was said",
    "addressee_is_minor": "the person addressed is known to be under 18",
    "age_unknown": "it is not known whether the person addressed is under 18",
    "addressee_is_official": "the person addressed is known to be an official",
    "harassed": "known to be repeated, and the victim to be aware of it",
    "harassed_or_official": "harassed, or a known official",
    "language_served": "not known to be in a language the model does not serve",
}
"""Facts that follow from the above or from the circumstances; never unknown."""

_CONDITION_KEYS = {*ELEMENT_FACTS, *DERIVED_FACTS, "conduct", "any"}


def _check_condition(condition: dict[str, Any]) -> dict[str, Any]:
    for key, value in condition.items():
        if key not in _CONDITION_KEYS:
            raise ValueError(f"{key!r} is no fact; use one of {sorted(_CONDITION_KEYS)}")
        if key == "any":
            for alternative in value:
                _check_condition(alternative)
        elif key == "conduct":
            for name in value:
                Conduct(name)
    return condition


Condition = Annotated[dict[str, Any], AfterValidator(_check_condition)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Names(_Data):
    nb: str
    en: str

    def label(self, lang: Lang) -> str:
        return self.nb if lang == "nb" else self.en


class _ProvisionIf(_Data):
    when: Condition
    add: list[str]


class _FlagIf(_Data):
    when: Condition
    add: str


class _TierIf(_Data):
    when: Condition
    tier: Tier


class Rule(_Names):
    """One rule: a condition, the tier it gives and the provisions a reviewer may need.

    ``nb`` and ``en`` explain it to a moderator; ``source`` names statute and case.
    """

    id: str
    when: Condition
    tier: Tier
    tier_if: list[_TierIf] = []
    provisions: list[str] = []
    provisions_if: list[_ProvisionIf] = []
    flags: list[str] = []
    flags_if: list[_FlagIf] = []
    source: str


class Adjustment(_Names):
    """A change of tier after a rule has matched, or a flag only."""

    id: str
    when: Condition
    rules: list[str] | None = None
    from_: list[Tier] = Field(alias="from")
    to: Tier | None = None
    flag: str | None = None


class RuleSet(_Data):
    """All rules of one legal order, in the order they are tried."""

    version: str
    statute: str
    rules: list[Rule]
    adjustments: list[Adjustment]
    flags: dict[str, _Names]

    def explain(self, code: str, lang: Lang = "en") -> str:
        """The explanation of a rule, an adjustment or a flag, by its id.

        Raises:
            KeyError: no such id.
        """
        named: dict[str, _Names] = dict(self.flags)
        named |= {rule.id: rule for rule in self.rules}
        named |= {adjustment.id: adjustment for adjustment in self.adjustments}
        return named[code].label(lang)


@lru_cache
def load_rules() -> RuleSet:
    """The rules for Norway (``triage/norway.yaml``)."""
    text = resources.files("hatespeech_no.triage").joinpath("norway.yaml").read_text("utf-8")
    return RuleSet.model_validate(yaml.safe_load(text))
