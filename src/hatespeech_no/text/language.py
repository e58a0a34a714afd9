"""Guess the language of a text, with what the guess is worth."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingua import ConfidenceValue, LanguageDetector

NORWEGIAN = "no"
"""BCP 47 code of Norwegian of which the text is too short to tell the written standard."""

# The languages to be served, and those of Latin script that are most written in Norway beside them.
_LANGUAGES = (
    *("BOKMAL", "NYNORSK", "DANISH", "SWEDISH", "ENGLISH", "GERMAN"),
    *("FINNISH", "ICELANDIC", "POLISH", "LITHUANIAN", "SOMALI", "TURKISH", "SPANISH", "FRENCH"),
    *("DUTCH", "ITALIAN", "PORTUGUESE", "ROMANIAN"),
)
_FEWEST_WORDS = 6
_AT_MOST, _SURE_WORDS = 0.01, 3
_WORD = re.compile(r"[^\W\d_]+")
_ENOUGH = 2000
_ENDLESS = re.compile(r"(\w{40})\w+")
_MASKED = re.compile(r"https?://\S+|@\w+|#\w+")
_LAST_LATIN = "\u024f"
"""Up to here all letters are Latin ones; so are nearly all texts."""
_SCRIPTS = {"ARABIC": "ar", "CYRILLIC": "ru", "DEVANAGARI": "hi", "CJK": "zh", "HANGUL": "ko", "HEBREW": "he"}
UNDETERMINED = "und"
"""BCP 47 code of a language that is not told."""


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """The likeliest language of a text.

    Attributes:
        code: BCP 47; ``no`` for Norwegian of under six words, whose written standard is not told;
            ``und`` for a text without words.
        confidence: 0 to 1, relative to the languages considered; of ``no`` that of both standards.
        words: how many the guess rests on.
        shares: confidence by code, of every language considered.
    """

    code: str
    confidence: float
    words: int
    shares: Mapping[str, float] = field(default_factory=dict)

    def is_surely_none_of(self, served: Collection[str]) -> bool:
        """Whether the text is in none of these languages, as far as a few words can show.

        Set so that of Norwegian and English sentences fewer than one in a hundred is taken for another
        language by a model of these two alone (``experiments/corpora``).
        """
        if self.words < _SURE_WORDS or not self.confidence:
            return False
        return sum(self.shares.get(code, 0.0) for code in served) <= _AT_MOST


def guess_languages(texts: Sequence[str]) -> list[LanguageGuess]:
    """The language of each text.

    Letter triples decide (``lingua`` in its low accuracy mode: a fifth of the memory, ten times
    faster to start, and as good on texts of over 20 words). A text mostly in another script than
    the Latin one is named by its script.
    """
    if not texts:
        return []
    # The beginning tells, and a word without end would cost the square of its length.
    cleaned = [_ENDLESS.sub(r"\1", _MASKED.sub(" ", text[:_ENOUGH])) for text in texts]
    answers = _detector().compute_language_confidence_values_in_parallel(cleaned)
    return [_guess(text, values) for text, values in zip(cleaned, answers, strict=True)]


def _guess(text: str, values: Sequence[ConfidenceValue]) -> LanguageGuess:
    words = _WORD.findall(text)
    if not words:
        return LanguageGuess(UNDETERMINED, 0.0, 0)
    script = _foreign_script("".join(words))
    if script is not None:
        return LanguageGuess(script, 1.0, max(len(words), sum(map(len, words)) // 2))  # some scripts have no spaces
    shares = {value.language.iso_code_639_1.name.lower(): value.value for value in values}
    best = max(shares, key=lambda code: shares[code])
    if shares[best] == 0:
        return LanguageGuess(UNDETERMINED, 0.0, len(words))
    if best in ("nb", "nn") and len(words) < _FEWEST_WORDS:
        return LanguageGuess(NORWEGIAN, shares["nb"] + shares["nn"], len(words), shares)
    return LanguageGuess(best, shares[best], len(words), shares)


def _foreign_script(letters: str) -> str | None:
    """The code of the script that most letters are of, ``None`` if they are Latin."""
    if max(letters) <= _LAST_LATIN:
        return None
    names = [unicodedata.name(letter, "").partition(" ")[0] for letter in letters[:200]]
    latin = sum(name in ("LATIN", "MODIFIER", "MATHEMATICAL", "FULLWIDTH") for name in names)
    if 2 * latin >= len(names):
        return None
    return _SCRIPTS.get(max(set(names), key=names.count), UNDETERMINED)


@lru_cache(maxsize=1)
def _detector() -> LanguageDetector:
    from lingua import Language, LanguageDetectorBuilder

    languages = [getattr(Language, name) for name in _LANGUAGES]
    return LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build()
