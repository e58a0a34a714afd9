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


def questions(lang: Lang = "en") -> tuple[Question, ...]:
    """All questions in the order of the codebook: the words, the writer's stance, the tier last.

    Args:
        lang: of titles and options; names and identifiers are the same in both.
    """
    n = 0 if lang == "nb" else 1

    def ask(name: str, titles: tuple[str, str], members: Iterable[Named], *further: str) -> Question:
        options = {str(member): member.label(lang) for member in members} | {o: _NAMES[o][n] for o in further}
        return Question(name, titles[n], options, several=name in SEVERAL)

    shields = [context for context in Context if context.is_shield]
    descriptions = [context for context in Context if not context.is_shield]
    return (
        ask(
            "conduct",
            ("Hva gjør ordene? (det groveste)", "What do the words do? (the gravest)"),
            reversed(Conduct),
            UNKNOWN,
        ),
        ask("grounds", ("På hvilket grunnlag angriper de?", "Because of what do they attack?"), Ground, NONE, UNKNOWN),
        ask("target", ("Hvem eller hva er de rettet mot?", "At whom or what are they aimed?"), Target, NONE, UNKNOWN),
        ask(
            "shields",
            ("Står ordene i en slik sammenheng?", "Do the words stand in such a context?"),
            shields,
            NONE,
            UNKNOWN,
        ),
        ask(
            "descriptions",
            ("Hva ellers beskriver teksten?", "What else describes the text?"),
            descriptions,
            NONE,
            UNKNOWN,
        ),
        ask(
            "hateful",
            ("Er skribentens egen holdning hatefull?", "Is the writer's own stance hateful?"),
            (),
            "yes",
            "no",
            UNKNOWN,
        ),
        ask("tier", ("Nivå, vurdert ut fra loven", "Tier, judged from the law"), Tier),
    )
