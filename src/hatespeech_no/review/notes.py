"""What later rounds show besides the text: both verdicts to who adjudicates, then the model's view."""

from __future__ import annotations

from collections.abc import Sequence

from hatespeech_no.evaluation.pages import number
from hatespeech_no.review.questions import questions
from hatespeech_no.review.records import Side
from hatespeech_no.review.verdicts import Codes, Verdict
from hatespeech_no.taxonomy import Lang, element_label
from hatespeech_no.triage import load_rules

_WORDS = {
    "reader": ("Leser", "Reader"),
    "reason": ("Begrunnelse", "Reason"),
    "verdict": ("Vurderingen til nå", "The verdict so far"),
    "model": ("Modellens syn (kan være feil)", "The model's view (may be wrong)"),
    "change": (
        "Behold vurderingen eller endre den. En endring må begrunnes.",
        "Keep the verdict or change it. A change needs a reason.",
    ),
    "actionable": ("mulig straffbar, må vurderes av menneske", "possibly punishable, a human must assess it"),
}


def adjudication_notes(codes: Sequence[tuple[Codes, str | None]], lang: Lang) -> str:
    """The verdicts of several readers, who stay unnamed, with their reasons."""
    parts = []
    for letter, (given, reason) in zip("ABCDEFGH", codes, strict=False):
        parts.append(f"{_word('reader', lang)} {letter}: {_in_words(given, lang)}")
        parts += [f"{_word('reason', lang)} {letter}: {reason}"] if reason else []
    return "\n".join(parts)


def reveal_notes(verdict: Verdict, side: Side, lang: Lang) -> str:
    """The verdict and what the model said, where these differ."""
    rules = load_rules()
    tier = [] if side.tier is None else [side.tier.label(lang)]
    shares = (
        f"P({_name(element, lang)}) = {number(p, lang, 2)}"
        for element, p in sorted(side.p.items())
        if element in _SHOWN
    )
    flags = (rules.explain(flag, lang) for flag in side.flags)
    return "\n".join(
        [
            f"{_word('verdict', lang)}: {verdict.tier.label(lang)}",
            f"{_word('model', lang)}: {'; '.join([*tier, *shares, *flags])}",
            _word("change", lang),
        ]
    )


_SHOWN = ("actionable", "hateful")


def _in_words(codes: Codes, lang: Lang) -> str:
    return "; ".join(
        f"{question.title} {', '.join(question.options[option] for option in codes[question.name])}"
        for question in questions(lang)
    )


def _name(element: str, lang: Lang) -> str:
    return _word(element, lang) if element in _WORDS else element_label(element, lang)


def _word(key: str, lang: Lang) -> str:
    return _WORDS[key][0 if lang == "nb" else 1]
