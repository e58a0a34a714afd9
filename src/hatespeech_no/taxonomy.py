"""The vocabulary: what a statement can be said to contain, and how much attention it needs.

Declared data with Norwegian Bokmål and English names. The grounds and their letters follow
straffeloven (the Norwegian Penal Code) § 185 in the wording in force since 1 January 2021; the
conduct scale and the other elements are this project's codebook.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

TAXONOMY_VERSION = "1.0"
STATUTE_VERSION = "straffeloven § 185 (2021-01-01)"

Lang = Literal["nb", "en"]


class Named(StrEnum):
    """A code with a name in each language that moderators read."""

    nb: str
    en: str
    position: int

    def __new__(cls, code: str, nb: str = "", en: str = "") -> Self:
        """A member with its two names and its place among the others."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.nb, member.en = nb, en
        member.position = len(cls.__members__)
        return member

    def label(self, lang: Lang = "en") -> str:
        """The name shown to people, in Norwegian Bokmål (``nb``) or English (``en``)."""
        return self.nb if lang == "nb" else self.en


class Ground(Named):
    """The ground because of which the words attack; a group merely mentioned is no ground."""

    ETHNICITY = (
        "ethnicity",
        "hudfarge, nasjonal eller etnisk opprinnelse",
        "skin colour, national or ethnic origin",
    )
    RELIGION = "religion", "religion eller livssyn", "religion or life stance"
    SEXUAL_ORIENTATION = "sexual_orientation", "seksuell orientering", "sexual orientation"
    GENDER_IDENTITY = (
        "gender_identity",
        "kjønnsidentitet eller kjønnsuttrykk",
        "gender identity or expression",
    )
    DISABILITY = "disability", "nedsatt funksjonsevne", "disability"
    GENDER = "gender", "kjønn", "gender"
    OTHER_PROTECTED = "other_protected", "annet vernet grunnlag", "other protected ground"

    @property
    def section_185(self) -> str | None:
        """The letter of § 185 second paragraph that lists this ground, or ``None`` if none does."""
        return _SECTION_185.get(self)


_SECTION_185 = {
    Ground.ETHNICITY: "a",
    Ground.RELIGION: "b",
    Ground.SEXUAL_ORIENTATION: "c",
    Ground.GENDER_IDENTITY: "d",
    Ground.DISABILITY: "e",
}


class Conduct(Named):
    """What the words do, in rising order of severity; the gravest that applies is the label."""

    NONE = "none", "ingen", "none"
    STEREOTYPE = "stereotype", "stereotypi", "stereotype"
    EXCLUSION = "exclusion", "utestenging", "exclusion"
    DEROGATION = "derogation", "nedsettende ytring", "derogation"
    GROSS_DEROGATION = "gross_derogation", "grov nedvurdering", "gross derogation"
    DEHUMANISATION = "dehumanisation", "umenneskeliggjøring", "dehumanisation"
    INCITEMENT = "incitement", "oppfordring til vold eller tvang", "incitement"
    THREAT = "threat", "trussel", "threat"

    @property
    def severity(self) -> int:
        """0 (none) to 7 (threat)."""
        return self.position


class Target(Named):
    """At whom or what the words are aimed."""

    PERSON = "person", "en person", "a person"
    PEOPLE = "people", "en gruppe mennesker", "a group of people"
    IDEA = "idea", "en idé, religion, politikk eller institusjon", "an idea, religion, policy or institution"


class Context(Named):
    """How the words relate to the writer's own stance."""

    QUOTATION = "quotation", "sitat eller gjengivelse", "quotation or report"
    COUNTER_SPEECH = "counter_speech", "motytring", "counter-speech"
    NEGATION = "negation", "benektelse", "negation"
    RECLAIMED = "reclaimed", "tatt tilbake av gruppen selv", "reclaimed"
    SATIRE = "satire", "satire", "satire"
    ART_OR_EDUCATION = "art_or_education", "kunst eller undervisning", "art or education"
    HYPOTHETICAL = "hypothetical", "tenkt eksempel", "hypothetical"
    POLICY_CRITICISM = "policy_criticism", "kritikk av politikk", "criticism of policy"
    RELIGION_CRITICISM = "religion_criticism", "religionskritikk", "criticism of religion"
    POLITICAL_DEBATE = "political_debate", "politisk debatt", "political debate"
    CODED = "coded", "kodet språk", "coded language"
    MISSING_CONTEXT = "missing_context", "mangler sammenheng", "missing context"

    @property
    def is_shield(self) -> bool:
        """Whether this context can lower a tier; a shield never raises one."""
        return self in _SHIELDS


_SHIELDS = frozenset(
    {
        Context.QUOTATION,
        Context.COUNTER_SPEECH,
        Context.NEGATION,
        Context.RECLAIMED,
        Context.SATIRE,
        Context.ART_OR_EDUCATION,
        Context.HYPOTHETICAL,
    }
)


class Tier(Named):
    """How much human attention a statement needs, in rising order. Never a verdict."""

    PROTECTED = "protected", "lovlig/vernet", "protected"
    LAWFUL_HATE = "lawful_hate", "hatefull, men trolig lovlig", "hateful, but probably lawful"
    UNCERTAIN = "uncertain", "uavklart – trenger kontekst", "uncertain – needs context"
    ACTIONABLE = (
        "actionable",
        "mulig straffbar – må vurderes av menneske",
        "possibly punishable – a human must assess it",
    )

    @property
    def rank(self) -> int:
        """0 (protected) to 3 (actionable)."""
        return self.position


class Publicity(Named):
    """Where it was said (straffeloven § 10 and § 185); never guessed from the text."""

    PUBLIC = "public", "offentlig", "public"
    PRESENCE_OF_AFFECTED = (
        "presence_of_affected",
        "i nærvær av den som rammes",
        "in the presence of a person affected",
    )
    PRIVATE = "private", "privat", "private"
    UNKNOWN = "unknown", "ukjent", "unknown"


YES_NO = {
    "hateful": ("hatefull", "hateful"),
    "abusive": ("grov eller krenkende", "abusive"),
    "ground_explicit": ("grunnlaget framgår av teksten", "the text itself shows the ground"),
    "addressed_in_person": ("rettet direkte til personen", "speaks to the person it is about"),
    "support": ("støtter vold", "approves of violence"),
}
"""The yes/no elements and their Norwegian and English names."""

_TARGETS = tuple(f"target_{t}" for t in Target)
_CONTEXTS = tuple(f"context_{c}" for c in Context)

ELEMENTS: tuple[str, ...] = (*YES_NO, *(f"ground_{g}" for g in Ground), *_TARGETS, *_CONTEXTS, "shield")
"""Identifiers of every yes/no question in the codebook; ``conduct`` is the one that is graded.

``shield`` asks whether any shielding context is there. It follows from the contexts where these are
known, and a model may answer it where it cannot tell one rare context from another.
"""

DETAILS = frozenset({*_TARGETS, *_CONTEXTS, *(f"conduct_{c}" for c in Conduct)})
"""What overviews leave out: each target and context, and the question of each conduct whether it is that one."""

_ELEMENT_NAMES: dict[str, tuple[str, str]] = {
    **YES_NO,
    "conduct": ("hva ordene gjør", "what the words do"),
    **{f"ground_{g}": (f"grunnlag: {g.nb}", f"ground: {g.en}") for g in Ground},
    **{f"target_{t}": (f"rettet mot {t.nb}", f"aimed at {t.en}") for t in Target},
    **{f"context_{c}": (f"sammenheng: {c.nb}", f"context: {c.en}") for c in Context},
    "shield": ("sitat, motytring, satire e.l.", "quotation, counter-speech, satire or the like"),
}


def element_label(element: str, lang: Lang = "en") -> str:
    """The name of an element as a moderator reads it."""
    return _ELEMENT_NAMES[element][0 if lang == "nb" else 1]
