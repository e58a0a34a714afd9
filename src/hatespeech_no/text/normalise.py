"""One normal form of a text, for comparing texts with each other."""

from __future__ import annotations

import re
import unicodedata

from hatespeech_no.text.masking import mask_patterns

_SPACE = re.compile(r"\s+")


def normalise(text: str) -> str:
    """The text as compared for duplicates: NFKC, lower case, handles and links masked, one space between words."""
    return _SPACE.sub(" ", mask_patterns(unicodedata.normalize("NFKC", text)).casefold()).strip()
