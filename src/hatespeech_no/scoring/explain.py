"""An assessment in words, for the person who has to decide."""

from __future__ import annotations

from hatespeech_no.scoring.assessment import NOTICE, Assessment
from hatespeech_no.taxonomy import Lang, Tier
from hatespeech_no.text.printable import printable

_WORDS = {
    "tier": ("Nivå", "Tier"),
    "p_hateful": ("Sannsynlighet for hatefull", "Probability of hateful"),
    "p_actionable": (
        "Sannsynlighet for mulig straffbar etter reglene",
        "Probability of possibly punishable, by the rules",
    ),
    "grounds": ("Grunnlag", "Grounds"),
    "conduct": ("Handling", "Conduct"),
    "target": ("Rettet mot", "Aimed at"),
    "context": ("Sammenheng", "Context"),
    "passage": ("Det dreier seg om", "It is about"),
    "why": ("Begrunnelse", "Reasons"),
    "provisions": ("Bestemmelser å se på", "Provisions to look at"),
    "decide": ("Et menneske må avgjøre", "A human must decide"),
    "made_by": ("Laget av", "Made by"),
    "profile": ("profil", "profile"),
}
_TO_DECIDE = {
    "nb": (
        "om ytringen er alvorlig ment, og hva den betyr der den står",
        "om den er offentlig (§ 10), og hvem den når",
        "hvem den gjelder: alder, stilling, om vedkommende kjenner til den, om den gjentas",
        "om terskelen er nådd når ytringsfriheten (Grunnloven § 100, EMK art. 10) veies mot vernet",
        "skyld: forsett eller grov uaktsomhet",
    ),
    "en": (
        "whether it is meant seriously, and what it means where it stands",
        "whether it is public (§ 10), and whom it reaches",
        "who it is about: age, office, whether they know of it, whether it is repeated",
        "whether the threshold is reached once freedom of expression (Constitution § 100, ECHR art. 10) is weighed",
        "fault: intent or gross negligence",
    ),
}


def explain(assessment: Assessment, lang: Lang = "nb", text: str | None = None) -> str:
    """The tier, why, and what is left for a human to decide.

    Args:
        assessment: from ``Classifier.score``.
        lang: Norwegian Bokmål or English.
        text: the text it was made from, to show the passage; an assessment holds none.

    Returns:
        Lines of text.
    """
    a = assessment
    if a.passage is None:
        return "\n".join([*a.reasons(lang), NOTICE[lang]])
    facts: list[tuple[str, str]] = [("tier", a.tier.label(lang))]
    facts += [
        (name, f"{p:.2f}")
        for name, p in (("p_hateful", a.p_hateful), ("p_actionable", a.p_actionable))
        if p is not None
    ]
    if a.conduct is not None:
        facts.append(("conduct", a.conduct.label(lang)))
    facts += [
        (name, ", ".join(member.label(lang) for member in members))
        for name, members in (("grounds", a.grounds), ("target", a.target), ("context", a.context))
        if members
    ]
    if text is not None and a.passage != (0, len(text)):
        facts.append(("passage", f"«{printable(text[slice(*a.passage)])}»"))
    if a.provisions:
        facts.append(("provisions", ", ".join(f"§ {p}" for p in a.provisions)))
    lines = [f"{_word(name, lang)}: {value}" for name, value in facts]
    lines += [f"{_word('why', lang)}:", *(f"  – {reason}" for reason in a.reasons(lang))]
    if a.tier is not Tier.PROTECTED:
        lines += [f"{_word('decide', lang)}:", *(f"  – {question}" for question in _TO_DECIDE[lang])]
    made = ", ".join(f"{name} {version}" for name, version in a.versions.items())
    lines.append(f"{_word('made_by', lang)}: {made}, {_word('profile', lang)} {a.profile}")
    return "\n".join([*lines, NOTICE[lang]])


def _word(key: str, lang: Lang) -> str:
    return _WORDS[key][0 if lang == "nb" else 1]
