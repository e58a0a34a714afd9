"""Drafts of a notice to a platform or a tip to the police, for a named human to complete and send.

Nothing is sent or stored here. What is not known is marked, never made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring.assessment import Assessment
from hatespeech_no.taxonomy import Lang, Tier

Recipient = Literal["platform", "police"]

_TITLES = {
    ("platform", "nb"): "UTKAST: melding etter forordning (EU) 2022/2065 (DSA) art. 16",
    ("platform", "en"): "DRAFT: notice under Regulation (EU) 2022/2065 (DSA) art. 16",
    ("police", "nb"): "UTKAST: tips til politiet",
    ("police", "en"): "DRAFT: tip to the police",
}
_FIELDS = {
    "url": ("Nøyaktig nettadresse", "Exact address (URL)"),
    "captured": ("Lagret (dato, klokkeslett, tidssone)", "Captured (date, time, time zone)"),
    "text": ("Ordrett tekst", "Verbatim text"),
    "sender": ("Avsender (navn)", "Sender (name)"),
    "contact": ("Avsenders e-post", "Sender's e-mail"),
}
_ALSO = {
    "nb": (
        "Hvorfor innholdet er mulig ulovlig (avsenders egen begrunnelse)",
        "Bestemmelser som kan være aktuelle, og som et menneske må ta stilling til",
        "Maskinell sortering som avsender har lest og vurdert",
        "Jeg mener i god tro at opplysningene er riktige og fullstendige.",
        "Utkastet er laget av et program og er ikke sendt. Et menneske må lese, fylle ut og stå for det.",
        "MANGLER – fylles ut",
        "ingen",
    ),
    "en": (
        "Why the content is possibly illegal (the sender's own reasons)",
        "Provisions that may apply, for a human to judge",
        "Sorting by machine, which the sender has read and assessed",
        "I believe in good faith that the information is accurate and complete.",
        "A program drafted this; it has not been sent. A human must read, complete and stand for it.",
        "MISSING – to be filled in",
        "none",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The caller's own record of where a statement stood. Everything may be missing but the text.

    Attributes:
        text: verbatim.
        url: exact address.
        captured: date and time of the record, with time zone.
        sender, contact: the person who sends it, not the author of the statement.
        reasons: the sender's own.
    """

    text: str
    url: str | None = None
    captured: str | None = None
    sender: str | None = None
    contact: str | None = None
    reasons: str | None = None


def draft_notice(assessment: Assessment, capture: Capture, recipient: Recipient = "platform", lang: Lang = "nb") -> str:
    """Draft a notice to a platform (DSA art. 16) or a tip to the police.

    Args:
        assessment: of that text.
        capture: what the caller has recorded.
        recipient: who it is for.
        lang: Norwegian Bokmål or English.

    Returns:
        Plain text with the missing fields marked.

    Raises:
        HatespeechError: the assessment is neither ``actionable`` nor ``uncertain``, or the model does not
            serve the language: such a statement is nothing to report on the strength of this tool.
    """
    if assessment.tier not in (Tier.ACTIONABLE, Tier.UNCERTAIN) or "language_not_served" in assessment.flags:
        raise HatespeechError(
            f"the tier is {assessment.tier.label(lang)!r}; a notice is only drafted for statements that are "
            "possibly punishable or uncertain, in a language the model serves"
        )
    why, provisions, sorting, faith, drafted, missing, none = _ALSO[lang]
    values: Mapping[str, str | None] = {name: getattr(capture, name) for name in _FIELDS}
    lines = [_TITLES[recipient, lang], drafted, ""]
    lines += [
        f"{names[0 if lang == 'nb' else 1]}: {values[field] or f'[{missing}]'}" for field, names in _FIELDS.items()
    ]
    lines += ["", f"{why}: {capture.reasons or f'[{missing}]'}"]
    lines += [f"{provisions}: {', '.join(f'straffeloven § {p}' for p in assessment.provisions) or none}"]
    lines += [f"{sorting} ({assessment.versions.get('model', '?')}, {assessment.versions.get('rules', '?')}):"]
    lines += [f"  – {assessment.tier.label(lang)}", *(f"  – {reason}" for reason in assessment.reasons(lang))]
    if recipient == "platform":
        lines += ["", f"[ ] {faith}"]
    return "\n".join(lines) + "\n"
