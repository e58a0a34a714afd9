"""What is asked and answered, as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from hatespeech_no.scoring import Assessment, Assessments
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.statement import Statement
from hatespeech_no.taxonomy import Conduct, Context, Ground, Publicity, Target, Tier
from hatespeech_no.triage.profiles import ProfileName

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, lt=1, strict=True)]
Span = tuple[int, int]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(_Data):
    """A text in its circumstances, which text alone can never tell. What is left out is unknown, never no."""

    text: str = Field(description="As it was written. An empty one is answered with the flag `no_text`.")
    id: str | None = Field(None, max_length=200, description="Your own; comes back with the assessment.")
    language: str | None = Field(
        None,
        max_length=35,
        pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$",
        description="BCP 47 code, for example `nb`, `nn` or `en`; guessed if left out.",
    )
    publicity: Publicity = Field(Publicity.UNKNOWN, description="Where it was said (straffeloven § 10).")
    addressee_is_minor: StrictBool | None = Field(None, description="The person addressed is under 18.")
    addressee_is_official: StrictBool | None = Field(None, description="A public official or exposed occupation.")
    repeated: StrictBool | None = Field(None, description="Part of repeated conduct (§ 266).")
    victim_aware: StrictBool | None = Field(None, description="The person affected knows of it.")
    thread: list[str] = Field([], description="The texts it answers, oldest first.")

    def statement(self) -> Statement:
        """The same for the classifier."""
        return Statement(**self.model_dump())


class ScoreRequest(_Data):
    """Texts to assess."""

    items: list[Item] = Field(min_length=1)
    profile: ProfileName = Field("balanced", description="From which probability `actionable` is handed on.")
    prevalence: dict[str, Share] = Field(
        {},
        description="Share of texts like these that carry an element, by its id, where it is known. "
        "Changes the probabilities that are shown, not the tiers.",
    )


class Words(_Data):
    """The same in Norwegian Bokmål and English."""

    nb: str
    en: str


class Reasons(_Data):
    """Lines of text in Norwegian Bokmål and English."""

    nb: list[str]
    en: list[str]


class Assessed(_Data):
    """The assessment of one text. Never a verdict: a human must read and assess."""

    id: str | None = Field(description="As given.")
    tier: Tier = Field(description="How much human attention it needs, in rising order.")
    tier_label: Words = Field(description="The tier as a person should be shown it.")
    reasons: Reasons = Field(description="Why this tier: rules, adjustments, what to check, what is not known.")
    guessed_language: str | None = Field(description="Null if the language was given; `und` = not to be told.")
    p_hateful: Probability | None = Field(
        description="Probability that the text as a whole is hateful; no severity. Null = unknown."
    )
    p_actionable: Probability | None = Field(
        description="Probability that the rules call its gravest passage possibly punishable."
    )
    grounds: list[Ground] = Field(description="Because of what the gravest passage attacks.")
    conduct: Conduct | None = Field(description="What it does, from `none` to `threat`. Null = the model cannot tell.")
    target: list[Target] = Field(description="Whom or what it is aimed at.")
    context: list[Context] = Field(description="How its words relate to the writer's own stance.")
    provisions: list[str] = Field(description="Sections of straffeloven a reviewer may need; no finding of guilt.")
    rules: list[str] = Field(description="Triage rules that matched.")
    adjustments: list[str] = Field(description="What then changed the tier.")
    flags: list[str] = Field(description="What to check, for example `read_first` or `check_publicity`.")
    undecided: list[str] = Field(description="What is unknown and decides the tier.")
    passage: Span | None = Field(description="Place of the gravest passage, in characters (code points).")
    evidence: list[Span] = Field(description="Places of all passages with this tier, the gravest first.")
    probabilities: dict[str, Probability] = Field(description="Of each element that the model answers.")
    profile: str | None = Field(description="The operating profile that the tier was given under.")
    versions: dict[str, str] = Field(description="Of model, rules and statute.")

    @classmethod
    def of(cls, assessment: Assessment) -> Self:
        """What is said of one text, with its words in both languages."""
        tier = assessment.tier
        return cls(
            **assessment.to_dict(),
            tier_label=Words(nb=tier.label("nb"), en=tier.label("en")),
            reasons=Reasons(nb=assessment.reasons("nb"), en=assessment.reasons("en")),
        )


class ScoreResponse(_Data):
    """One assessment for each item, in order."""

    notice: Words = Field(description="To be shown with every assessment.")
    assessments: list[Assessed]

    @classmethod
    def of(cls, assessments: Assessments) -> Self:
        """The answer to a request."""
        return cls(notice=Words(**NOTICE), assessments=[Assessed.of(assessment) for assessment in assessments])


class Health(_Data):
    """The service answers, with this model."""

    status: str = "ok"
    versions: dict[str, str] = Field(description="Of the model (with its digest), rules and statute.")


class Fault(_Data):
    """What is wrong with a request, and where; never what stood there."""

    loc: list[str | int] = Field(description="Path to the place. A name that is not in this API shows as `?`.")
    msg: str
    type: str


class Refused(_Data):
    """A request of the wrong shape."""

    detail: list[Fault]


class Problem(_Data):
    """A request that was not answered."""

    detail: str


EXAMPLE: dict[str, Any] = {
    "items": [
        {"id": "1", "text": "Noen som vet når biblioteket åpner igjen?"},
        {"id": "2", "text": "Jeg skal drepe deg, vent bare.", "publicity": "public"},
    ],
    "profile": "balanced",
}
"""A request that every model can answer, for the description."""
