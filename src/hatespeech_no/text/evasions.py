"""Signs that a text evades being read by a machine, and how each kind of evasion is undone.

What a detector cannot be sure of it leaves as it is: the original is scored all the same.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from hatespeech_no.text.personal import find_personal, replace_mentions


class Edit(NamedTuple):
    """``text[start:end]`` is replaced by ``new``."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Evasion:
    """One kind of evasion.

    Attributes:
        name: what a report calls it.
        sign: cheap to search; without a match there is nothing to undo.
        undo: the edits, in order and without overlap, none of which removes the first character.
    """

    name: str
    sign: re.Pattern[str]
    undo: Callable[[str], Iterator[Edit]]


def hide_mentions(text: str) -> str:
    """The text with each handle, link, address and long number blanked out, all else in its place."""
    return replace_mentions(text, find_personal(text), lambda mention: "\0" * (mention.end - mention.start))


LETTER = r"[^\W\d_]"
WORD = re.compile(rf"{LETTER}+")
VOWELS = "aeiouyæøåäö"
_LOWER, _UPPER = "a-zæøå", "A-ZÆØÅ"
_CONSONANT = "(?i:[bcdfghjklmnpqrstvwxz])"

# Soft hyphen, zero-width characters and marks of direction; strokes through letters and heaps of marks on them.
_UNSEEN = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_STROKES = "\u0334-\u0338\u0346-\u036f\u0488\u0489\u20d0-\u20df\u20e5-\u20eb"
# A joiner between emoji stays: it is a part of them.
_INVISIBLE = re.compile(rf"(?<={LETTER})[{_UNSEEN}{_STROKES}]+(?={LETTER})|(?<={LETTER})[{_STROKES}]+")


def _invisible(text: str) -> Iterator[Edit]:
    for found in _INVISIBLE.finditer(text):
        yield Edit(found.start(), found.end(), "")


_TAG = re.compile(
    r"\[/?(?:b|i|u|s|bold|italic|color|size|font|center|sub|sup|spoiler)(?:=[^\]\n]{0,60})?\]"
    r"|</?(?:b|i|u|s|em|strong|del|mark|small|big|sub|sup|span|font)(?:\s+\w+=[^<>\n]{0,200})?>"
    r"|</?(?P<breaks>br|p|div)(?:\s+\w+=[^<>\n]{0,200})?\s*/?>",
    re.IGNORECASE,
)


def _markup(text: str) -> Iterator[Edit]:
    """Tags of BBCode and HTML that only change how words look. Those of quotations stay: they say whose words it is."""
    for found in _TAG.finditer(text):
        yield Edit(found.start(), found.end(), " " if found["breaks"] or not found.start() else "")


def _styled_letters() -> dict[str, str]:
    """Letters of other style than plain (𝐟𝐞𝐭, ｗｉｄｅ, ⓘⓝ ⓒⓘⓡⓒⓛⓔⓢ, ʀᴀɪsᴇᴅ), by compatibility (UAX 15) or name."""
    blocks = [(0x2B0, 0x2B9), (0x1D2C, 0x1D6B), (0x2100, 0x2150), (0x24B6, 0x24EA), (0xFF21, 0xFF5B)]
    blocks += [(0x1D400, 0x1D6A6), (0x1F130, 0x1F14A)]
    table = {chr(code): unicodedata.normalize("NFKC", chr(code)) for block in blocks for code in range(*block)}
    table = {styled: plain for styled, plain in table.items() if len(plain) == 1 and plain in string.ascii_letters}
    for i, letter in enumerate(string.ascii_uppercase):
        table |= {chr(0x1F150 + i): letter, chr(0x1F170 + i): letter}  # 🅐 and 🅰 have no such form
        if letter != "X":  # the only one without a small capital
            table[unicodedata.lookup(f"LATIN LETTER SMALL CAPITAL {letter}")] = letter.lower()
    return table | {"ɑ": "a", "ɡ": "g"}


_STYLED = _styled_letters()
# Ranges: a set of so many single letters takes a hundred times as long to search for.
_ANY_STYLED = re.compile(
    "[\u0251-\u029f\u02b0-\u02b8\u1d00-\u1d6a\u2100-\u214f\u24b6-\u24e9\ua730-\ua7af\uff21-\uff5a\U0001d400-\U0001f189]"
)
_STYLED_LETTER = re.compile(f"[{''.join(sorted(_STYLED))}]")
_STYLED_WORD = re.compile(
    rf"{_STYLED_LETTER.pattern}(?:{LETTER}|{_STYLED_LETTER.pattern})|{LETTER}{_STYLED_LETTER.pattern}"
)


def _styled(text: str) -> Iterator[Edit]:
    if _STYLED_WORD.search(text):
        for found in _STYLED_LETTER.finditer(text):
            yield Edit(found.start(), found.end(), _STYLED[found.group()])


LOOK_ALIKES: Mapping[str, str] = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХԌԜѴаеѕіјорсухһԁԛԝѵвгкмнтΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορτυ",
        "ABESIJKMHOPCTYXGWVaesijopcyxhdqwvbrkmhtABEZHIKMNOPTYXayikvoptu",
        strict=True,
    )
)
"""Cyrillic and Greek letters by the Latin ones they look like.

Source: confusables.txt of Unicode Technical Standard 39; those it compares with small capitals and ĸ are
taken for the plain letter. No library: its skeletons are made for comparing names (m becomes rn).
"""
_LOOK_ALIKE = re.compile(f"[{''.join(LOOK_ALIKES)}]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")


def _look_alikes(text: str) -> Iterator[Edit]:
    """Letters of two scripts in one word betray it; then words of look-alikes alone are undone, too."""
    words = [word for word in WORD.finditer(text) if _LOOK_ALIKE.search(word.group())]
    if any(_LATIN.search(word.group()) for word in words):
        for word in words:
            plain = "".join(LOOK_ALIKES.get(letter, letter) for letter in word.group())
            if all(map(_LATIN.match, plain)):
                yield Edit(word.start(), word.end(), plain)


_SPACED = re.compile(rf"(?<![^\W_]){LETTER}([ .*_·/-])[^\W_@$](?:\1[^\W_]|\1[@$]){{2,}}(?![^\W_])")
_WIDE_GAP = re.compile(r"(?<= ) +")
# "æ e i a ..." is dialect: words of one letter.
_SHORT_WORDS = frozenset("aeiouyæøåd")
_DOTTED = 5


def _spaced(text: str) -> Iterator[Edit]:
    words = [run for run in _SPACED.finditer(text) if _is_one_word(run.group()[::2].lower(), run[1])]
    edits = [Edit(place, place + 1, "") for word in words for place in range(word.start() + 1, word.end(), 2)]
    if any(word[1] == " " for word in words):  # these are told apart by wider gaps
        edits += [Edit(found.start(), found.end(), "") for found in _WIDE_GAP.finditer(text)]
    yield from sorted(edits)


def _is_one_word(letters: str, separator: str) -> bool:
    """Not dialect, a list (a b c d) or an abbreviation (i.h.h.t.)."""
    if separator == "." and len(letters) < _DOTTED:
        return False
    in_order = all(ord(b) - ord(a) == 1 for a, b in pairwise(letters))
    return not (in_order or _SHORT_WORDS.issuperset(letters)) and 2 * sum(map(str.isalpha, letters)) >= len(letters)


LEET: Mapping[str, str] = dict(zip("013457@$!|", "oieastasil", strict=True))
"""Digits and symbols by the letters they stand for; a double 1 stands for a double l (ii is hardly ever written)."""
_DIGITS = r"[013457@$]{1,3}"
_LEET_WORD = re.compile(
    rf"(?<=[{_LOWER}]){_DIGITS}(?=[{_LOWER}])|\b[{_UPPER}]{_DIGITS}(?=[{_LOWER}]{{2}})"
    rf"|(?<=[{_UPPER}]{{2}}){_DIGITS}(?=[{_UPPER}])|(?<=[{_UPPER}]){_DIGITS}(?=[{_UPPER}]{{2}})"
    rf"|(?<![^\W_])[013457@$][{_LOWER}]{{3,}}[013457@$](?![^\W_])|(?<={_CONSONANT})[!|](?={_CONSONANT})"
)
_LEET_TOKEN = re.compile(r"(?<![^\W_])[@$]?[^\W_](?:[@$!|]*[^\W_])*[@$]*")
# Whatever stands beside: 50, 10kr, 3d, mp4 of 2019, covid19.
_NO_LEET = re.compile(r"[@$!|\d]+[^\W\d_]{0,2}|.*[2689].*")


def _leet(text: str) -> Iterator[Edit]:
    """Once a digit within a word betrays it, digits at the edges of other words are read as letters, too."""
    if _LEET_WORD.search(text):
        for token in _LEET_TOKEN.finditer(text):
            given = token.group()
            if WORD.fullmatch(given) or _NO_LEET.fullmatch(given):
                continue
            plain = "".join(LEET.get(character, character) for character in given.replace("11", "ll"))
            yield Edit(token.start(), token.end(), plain.upper() if sum(map(str.isupper, given)) > 1 else plain)


_STRETCH = re.compile(rf"({LETTER})\1{{2,}}", re.IGNORECASE)
_ROMAN = re.compile("[IVXLCDM]+")
_VOWEL = re.compile(f"[{VOWELS}]", re.IGNORECASE)


def _stretched(text: str) -> Iterator[Edit]:
    """Three or more of a vowel become one, of a consonant two.

    Norwegian doubles consonants (takk, dritt), hardly ever vowels: of 53 words with stretched vowels in
    DKhate and NoReC one vowel gives a known word in 33, two in none; for consonants it is even.
    """
    for word in WORD.finditer(text):
        letters = word.group()
        if len(set(letters.lower())) == 1 or not _VOWEL.search(letters) or _ROMAN.fullmatch(letters):
            continue  # www, hmmm, XVIII
        for run in _STRETCH.finditer(letters):
            kept = 1 if _VOWEL.match(run[1]) else 2
            yield Edit(word.start() + run.start() + kept, word.start() + run.end(), "")


_NORWEGIAN_LETTER = re.compile("[æøåÆØÅ]")
# Frequent words, and what is none in today's Norwegian nor in English.
_SURE_DIGRAPH = re.compile(
    r"\b(?:paa|saa|ogsaa|altsaa|naa|naar|maa|maatte|maate|faar|gaar|staar|slaar|baade|spraak\w*"
    r"|vaere|vaert|svaert|naermest|saerlig|kjaerlighet|gjoere?|foerste?|hoerer?|spoer\w*|stoerre|stoerst|joede\w*"
    r"|doed|foeler|foelger|moeter?)\b",
    re.IGNORECASE,
)
# Else only the vowel of the first syllable (after some prefixes), since later ones are mostly endings
# (temaet, naboer) or names (Israel).
_DIGRAPH = re.compile(
    r"(?P<aa>aa)"
    r"|\b(?!noen?\b|noen[sl]|poe[nst]|faen|\w+boere?)(?:for|be|til|ut|opp|av|inn|mil)?[^\W\d_aeiouy]*"
    r"(?P<first>(?:ae|oe)(?!ne?\b|nde|t\b))",
    re.IGNORECASE,
)
_LETTERS = {"aa": "å", "ae": "æ", "oe": "ø"}


def _digraphs(text: str) -> Iterator[Edit]:
    """A text without æ, ø and å that has a word which cannot be meant otherwise is written without them."""
    if not _NORWEGIAN_LETTER.search(text) and _SURE_DIGRAPH.search(text):
        for found in _DIGRAPH.finditer(text):
            start, end = found.span("aa" if found["aa"] else "first")
            letter = _LETTERS[text[start:end].lower()]
            yield Edit(start, end, letter.upper() if text[start].isupper() else letter)


_SHOUTED = re.compile(rf"(?<![^\W_])[{_UPPER}]{{2,}}(?:[^\w\n]+[{_UPPER}]{{2,}})+(?![^\W_])")
_LONG_SHOUT = re.compile(rf"[{_UPPER}]{{4}}")


def _shouted(text: str) -> Iterator[Edit]:
    """Neighbouring words in capitals, one of them too long for most abbreviations."""
    for found in _SHOUTED.finditer(text):
        if _LONG_SHOUT.search(found.group()):
            yield Edit(found.start(), found.end(), found.group().lower())


# Norwegian and English nouns for what people are compared to or threatened with.
_EMOJI = {
    **dict.fromkeys("🐒🐵", ("ape", "monkey")),
    **dict.fromkeys("🐷🐖🐽", ("gris", "pig")),
    **dict.fromkeys("🐀🐭🐁", ("rotte", "rat")),
    **dict.fromkeys("🐕🐶", ("hund", "dog")),
    **dict.fromkeys("🐫🐪", ("kamel", "camel")),
    **dict.fromkeys("🐄🐮", ("ku", "cow")),
    **dict.fromkeys("🗑🚮", ("søppel", "garbage")),
    **{"🦍": ("gorilla",) * 2, "🐍": ("slange", "snake"), "🐐": ("geit", "goat"), "🐑": ("sau", "sheep")},
    **{"🪳": ("kakerlakk", "cockroach"), "🐛": ("larve", "maggot"), "🪱": ("mark", "worm"), "🪰": ("flue", "fly")},
    **{"🦠": ("virus",) * 2, "💩": ("dritt", "shit"), "🔫": ("pistol", "gun"), "🔪": ("kniv", "knife")},
    **{"💣": ("bombe", "bomb"), "🔥": ("ild", "fire")},
}
# One that is joined to another is a part of a picture of its own (a heart on fire).
_NAMED_EMOJI = re.compile(f"(?<!\u200d)([{''.join(_EMOJI)}])\ufe0f?+(?!\u200d)(?:\\s*+\\1\ufe0f?+(?!\u200d))*")
_ENGLISH = re.compile(r"\b(?:the|they|you|your|these|this|that|with|of|and|not|was|she|it)\b", re.IGNORECASE)


def _emoji(text: str) -> Iterator[Edit]:
    """The name stands once for however many of an emoji in a row."""
    english = _ENGLISH.search(text) is not None
    for found in _NAMED_EMOJI.finditer(text):
        start, end = found.span()
        before = "" if text[start - 1 : start].isspace() or not start else " "
        after = " " if text[end : end + 1].isalnum() else ""
        yield Edit(start, end, f"{before}{_EMOJI[found[1]][english]}{after}")


EVASIONS = (
    Evasion("markup", re.compile(r"[\[<]/?[A-Za-z]"), _markup),
    Evasion("invisible characters", re.compile(f"[{_UNSEEN}{_STROKES}]"), _invisible),
    Evasion("styled letters", _ANY_STYLED, _styled),
    Evasion("look-alikes", _LOOK_ALIKE, _look_alikes),
    Evasion("spaced letters", re.compile(r"([ .*_·/-])\S\1\S\1"), _spaced),
    Evasion("leet", re.compile(r"[013457@$!|][^\W\d_]"), _leet),
    Evasion("aa, oe, ae", re.compile("[aAoO][aAeE](?!n)(?<![nN]oe)(?<!oa)"), _digraphs),
    Evasion("stretched letters", re.compile(r"(\w)\1\1"), _stretched),
    Evasion("capitals", re.compile(rf"[{_UPPER}]{{2}}[^\w\n]+[{_UPPER}]{{2}}"), _shouted),
    Evasion("emoji", re.compile("[\U0001f400-\U0001fabf]"), _emoji),
)
"""In the order in which they are undone, since a letter may be hidden twice."""
