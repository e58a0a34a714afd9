"""Seeded perturbations of a text: how much a model's answers hang on spelling, and on what stands beside.

Most change how words are written and leave what is said; ``negation`` changes the meaning. Handles,
links, addresses and long numbers stay as they are.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from hatespeech_no.errors import HatespeechError
from hatespeech_no.text.evasions import LEET, LETTER, LOOK_ALIKES, VOWELS, hide_mentions
from hatespeech_no.text.language import guess_languages

Perturbation = Callable[[str, float, np.random.Generator], str]
_T = TypeVar("_T")
_Change = Callable[[str, np.random.Generator], str]

_KEYBOARD = ("qwertyuiopå", "asdfghjkløæ", "zxcvbnm")
# From the left key down to the right one: the rows are shifted by about half a key.
_NEIGHBOURS = {
    key: [
        *(row[j] for j in (i - 1, i + 1) if 0 <= j < len(row)),
        *(_KEYBOARD[y + 1][j] for j in (i - 1, i) if y < 2 and 0 <= j < len(_KEYBOARD[y + 1])),
        *(_KEYBOARD[y - 1][j] for j in (i, i + 1) if y > 0 and 0 <= j < len(_KEYBOARD[y - 1])),
    ]
    for y, row in enumerate(_KEYBOARD)
    for i, key in enumerate(row)
}
_LEET = {letter: [symbol for symbol in LEET if LEET[symbol] == letter and symbol not in "!|"] for letter in "aeiost"}
_ALIKE = {plain: alike for alike, plain in reversed(list(LOOK_ALIKES.items()))}
_DIGRAPHS = {"å": "aa", "ø": "oe", "æ": "ae", "Å": "Aa", "Ø": "Oe", "Æ": "Ae"}
_ZERO_WIDTH = "\u200b\u200c\u2060\u00ad"
_EMOJI = "🙂☕🌞🎉👍🌲"
_NEUTRAL = {
    "nb": (
        "Bussen går hvert tiende minutt.",
        "Det blir vafler på torget i morgen.",
        "Biblioteket har åpent til klokka åtte.",
        "I helga er det meldt sol og lite vind.",
    ),
    "en": (
        "The bus leaves every ten minutes.",
        "There will be waffles in the square tomorrow.",
        "The library is open until eight.",
        "The forecast is sun and little wind.",
    ),
}
_NEGATIONS = {"en": "not", "nn": "ikkje"}
_FINITE_VERB = re.compile(
    r"\b(?:er|var|har|hadde|kan|kunne|skal|skulle|vil|ville|må|måtte|bør|blir|ble|vert|vart"
    r"|am|is|are|was|were|can|could|will|would|shall|should|must)\b",
    re.IGNORECASE,
)


def perturb(text: str, name: str, strength: float, seed: int) -> str:
    """A perturbed text; the same for the same arguments.

    Args:
        text: any text.
        name: one of ``PERTURBATIONS``.
        strength: 0 to 1; 0 changes nothing. The share of the words that are changed, of the emoji or sentences
            that are appended, of the texts that are negated. What a weaker one changes a stronger one does, too.
        seed: of the choice of words and of changes.

    Raises:
        HatespeechError: no such perturbation or strength.
    """
    if name not in PERTURBATIONS:
        raise HatespeechError(f"there is no perturbation {name!r}; there are {', '.join(PERTURBATIONS)}")
    if not 0 <= strength <= 1:
        raise HatespeechError(f"a perturbation's strength is between 0 and 1, not {strength}")
    # The text takes part in the seed: else the first word would be changed in all texts or in none.
    rng = np.random.default_rng([seed, zlib.crc32(text.encode("utf-8", "surrogatepass"))])
    return PERTURBATIONS[name](text, strength, rng)


def _of_words(change: _Change, shortest: int = 2) -> Perturbation:
    """The perturbation that changes words of so many letters."""
    words = re.compile(rf"{LETTER}{{{shortest},}}")

    def of_text(text: str, strength: float, rng: np.random.Generator) -> str:
        found = list(words.finditer(hide_mentions(text)))
        parts, done = [], 0
        for word, drawn in zip(found, rng.random(len(found)), strict=True):
            own = np.random.default_rng(int(drawn * 2**53))
            parts += [text[done : word.start()], change(word.group(), own) if drawn < strength else word.group()]
            done = word.end()
        return "".join([*parts, text[done:]])

    return of_text


def _typo(word: str, rng: np.random.Generator) -> str:
    """A neighbouring key, two letters swapped or one left out; never the first."""
    at = int(rng.integers(1, len(word)))
    kind = rng.integers(3)
    if kind == 0 and (keys := _NEIGHBOURS.get(word[at])):
        return word[:at] + _one(keys, rng) + word[at + 1 :]
    if kind == 1 and at + 1 < len(word):
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :]


def _leet(word: str, rng: np.random.Generator) -> str:
    """All letters but the first, without which a word can hardly be recognised."""
    return word[0] + "".join(_one(_LEET[x], rng) if x in _LEET else x for x in word[1:])


def _spaced(text: str, strength: float, rng: np.random.Generator) -> str:
    """By blanks, full stops or hyphens; gaps between words are doubled if they could not be told apart."""
    separator = _one(" .-", rng)
    wide = text.replace(" ", "  ") if separator == " " else text
    # Shorter ones with full stops look like abbreviations.
    spaced = _of_words(lambda word, _: separator.join(word), 5 if separator == "." else 4)(wide, strength, rng)
    return text if spaced == wide else spaced


def _stretched(word: str, rng: np.random.Generator) -> str:
    """One vowel is written three to six times."""
    places = [i for i, letter in enumerate(word) if letter.lower() in VOWELS]
    if not places:
        return word
    at = _one(places, rng)
    return word[:at] + word[at] * int(rng.integers(3, 7)) + word[at + 1 :]


def _look_alike(word: str, rng: np.random.Generator) -> str:
    """One letter of another script."""
    places = [i for i, letter in enumerate(word) if letter in _ALIKE]
    if not places:
        return word
    at = _one(places, rng)
    return word[:at] + _ALIKE[word[at]] + word[at + 1 :]


def _zero_width(word: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(1, len(word)))
    return word[:at] + _one(_ZERO_WIDTH, rng) + word[at:]


def _masked(word: str, rng: np.random.Generator) -> str:
    """A letter within the word, a vowel if there is one, becomes an asterisk."""
    inner = range(1, len(word) - 1)
    at = _one([i for i in inner if word[i].lower() in VOWELS] or inner, rng)
    return f"{word[:at]}*{word[at + 1 :]}"


def _emoji(text: str, strength: float, rng: np.random.Generator) -> str:
    """Up to six cheerful ones are appended."""
    added = "".join(rng.permutation(list(_EMOJI))[: math.ceil(strength * len(_EMOJI))])
    return f"{text} {added}" if added else text


def _neutral_text(text: str, strength: float, rng: np.random.Generator) -> str:
    """Up to four sentences about something else are appended, in English to English."""
    sentences = _NEUTRAL["en" if _language(text) == "en" else "nb"]
    added = rng.permutation(list(sentences))[: math.ceil(strength * len(sentences))]
    return " ".join([text, *map(str, added)])


def _negation(text: str, strength: float, rng: np.random.Generator) -> str:
    """A not (ikke, ikkje) after the first finite verb, as far as a short list knows it; **changes the meaning**."""
    verb = _FINITE_VERB.search(text)
    if verb is None or rng.random() >= strength:
        return text
    return f"{text[: verb.end()]} {_NEGATIONS.get(_language(text), 'ikke')}{text[verb.end() :]}"


def _language(text: str) -> str:
    return guess_languages([text])[0].code


def _one(options: Sequence[_T], rng: np.random.Generator) -> _T:
    return options[int(rng.integers(len(options)))]


PERTURBATIONS: Mapping[str, Perturbation] = {
    "typos": _of_words(_typo, shortest=3),
    "leet": _of_words(_leet),
    "spaced": _spaced,
    "stretched": _of_words(_stretched),
    "look_alikes": _of_words(_look_alike),
    "zero_width": _of_words(_zero_width),
    "masked": _of_words(_masked, shortest=3),
    "aa_oe_ae": _of_words(lambda word, _: "".join(_DIGRAPHS.get(letter, letter) for letter in word), shortest=1),
    "lower_case": _of_words(lambda word, _: word.lower(), shortest=1),
    "upper_case": _of_words(lambda word, _: word.upper(), shortest=1),
    "emoji": _emoji,
    "neutral_text": _neutral_text,
    "negation": _negation,
}
"""By name: text, strength (see ``perturb``) and a source of chance to perturbed text."""
