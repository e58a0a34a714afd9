"""Texts are hostile when printed, too: make one safe to show on a terminal."""

from __future__ import annotations

import re

from hatespeech_no.text.masking import mask_patterns

# Control codes, marks that turn the direction of writing, and characters that take no space.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+")


def printable(text: str) -> str:
    """One line of a text without control codes, invisible marks, handles, links and long numbers."""
    return " ".join(_UNSEEN.sub(" ", mask_patterns(text)).split())
