"""The questions to a reader, from the codebook, in Bokmål or English."""

from __future__ import annotations

from collections.abc import Iterable

from hatespeech_no.review.desk import Question
from hatespeech_no.taxonomy import Conduct, Context, Ground, Lang, Named, Target, Tier

NONE = "none"
UNKNOWN = "unknown"
"""An answer, unlike no answer: the reader looked and cannot tell, so that the label stays missing."""

ALONE = frozenset({NONE, UNKNOWN})
"""Options that go with no other."""

SEVERAL = frozenset({"grounds", "target", "shields", "descriptions"})

_NAMES = {
    NONE: ("ingen av disse", "none of these"),
    UNKNOWN: ("kan ikke avgjøres", "cannot tell"),
    "yes": ("ja", "yes"),
    "no": ("nei", "no"),
}

_SHIELDS = [context for context in Context if context.is_shield]
_DESCRIPTIONS = [context for context in Context if not context.is_shield]
_ASKED: tuple[tuple[str, tuple[str, str], Iterable[Named], tuple[str, ...]], ...] = (
    ("conduct", ("Hva gjør ordene? (det groveste)", "What do the words do? (the gravest)"), Conduct, (UNKNOWN,)),
    ("grounds", ("På hvilket grunnlag angriper de?", "Because of what do they attack?"), Ground, (NONE, UNKNOWN)),
    ("target", ("Hvem eller hva er de rettet mot?", "At whom or what are they aimed?"), Target, (NONE, UNKNOWN)),
    ("shields", ("Står de i en slik sammenheng?", "Do they stand in such a context?"), _SHIELDS, (NONE, UNKNOWN)),
    ("descriptions", ("Hva ellers beskriver teksten?", "What else describes it?"), _DESCRIPTIONS, (NONE, UNKNOWN)),
    ("hateful", ("Er forfatteren selv hatefull?", "Is the writer hateful?"), (), ("yes", "no", UNKNOWN)),
    ("tier", ("Nivå, vurdert ut fra loven", "Tier, judged from the law"), Tier, ()),
)


def questions(lang: Lang = "en") -> tuple[Question, ...]:
    """All questions in the order of the codebook: the words, the writer's stance, the tier last.

    Args:
        lang: of titles and options; names and identifiers are the same in both.
    """
    n = 0 if lang == "nb" else 1
    return tuple(
        Question(
            name,
            titles[n],
            {str(member): member.label(lang) for member in members} | {option: _NAMES[option][n] for option in further},
            several=name in SEVERAL,
        )
        for name, titles, members, further in _ASKED
    )
