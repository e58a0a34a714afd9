"""Find what points to a person: handles, links, e-mail addresses, telephone and identity numbers, names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from spacy.language import Language

Kind = Literal["URL", "EMAIL", "USER", "FNR", "PHONE", "NUMBER", "NAME", "TAG"]

TAG = r"\[[A-Z]{3,6}-[0-9a-f]{8}\]"
"""What ``pseudonymise`` writes, as a pattern."""

_PATTERNS = {
    "TAG": TAG,
    "URL": r"https?://\S+|\bwww\.\S+",
    "EMAIL": r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+",
    "USER": r"(?<![\w@])@\w[\w.-]*",
    "NUMBER": r"(?<!\d)(?:\+?\d[\s.-]?){7,14}\d(?!\d)",
}
_PERSONAL = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PATTERNS.items()))
_FNR_DIGITS = 11
_WEIGHTS = ((3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
_PHONE = re.compile(r"(?:\+47|0047)?[2-9]\d{7}")


@dataclass(frozen=True, slots=True)
class Mention:
    """The characters ``text[start:end]`` point to a person."""

    start: int
    end: int
    kind: Kind


def find_personal(text: str) -> list[Mention]:
    """All handles, links, addresses and long numbers of a text, in order and without overlap."""
    return [_mention(found) for found in _PERSONAL.finditer(text)]


def find_names(texts: Iterable[str], pipeline: Language) -> Iterator[list[Mention]]:
    """The names of persons in each text.

    Args:
        texts: any texts.
        pipeline: a trained pipeline with an ``ner`` component that labels persons ``PER`` or ``PERSON``.
    """
    unused = [name for name in pipeline.pipe_names if name not in ("tok2vec", "ner")]
    with pipeline.select_pipes(disable=unused):
        for doc in pipeline.pipe(texts, batch_size=256):
            yield [
                Mention(entity.start_char, entity.end_char, "NAME")
                for entity in doc.ents
                if entity.label_ in ("PER", "PERSON")
            ]


def replace_mentions(text: str, mentions: Iterable[Mention], tag: Callable[[Mention], str]) -> str:
    """The text with a tag for each mention; these are in order and do not overlap."""
    parts, position = [], 0
    for mention in mentions:
        parts += [text[position : mention.start], tag(mention)]
        position = mention.end
    return "".join([*parts, text[position:]])


def is_fodselsnummer(digits: str) -> bool:
    """Whether eleven digits are a fødselsnummer or D-number: a date and two right control digits (mod 11).

    Source: Skatteetaten, forskrift til folkeregisterloven § 2-2-1. Numbers of the Norwegian test population,
    whose month is raised by 80, count too.
    """
    if len(digits) != _FNR_DIGITS or not digits.isascii() or not digits.isdigit():
        return False
    numbers = [int(d) for d in digits]
    day, month = int(digits[:2]) % 40, int(digits[2:4]) % 40
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return False
    for weights, control in zip(_WEIGHTS, numbers[9:], strict=True):
        # zip stops at the digits before the control digit
        expected = -sum(w * n for w, n in zip(weights, numbers, strict=False)) % 11
        if expected != control:
            return False
    return True


def _mention(found: re.Match[str]) -> Mention:
    kind = found.lastgroup
    if kind == "NUMBER":
        digits = re.sub(r"[\s.-]", "", found.group())
        kind = "FNR" if is_fodselsnummer(digits) else "PHONE" if _PHONE.fullmatch(digits) else "NUMBER"
    return Mention(found.start(), found.end(), kind)  # type: ignore[arg-type]
