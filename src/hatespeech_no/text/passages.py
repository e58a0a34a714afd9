"""Split a text into passages: one sentence each, with its place in the original."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.language import Language

# Without one of these followed by more text there is only one sentence; most comments have none.
_MAY_SPLIT = re.compile(r"[.!?…。！？\"'»”)\]]\s+\S|\n")
_MOST_WORDS = 200_000
"""spaCy keeps every word that it meets, 0.5 KB each; with so many it is started anew."""


@dataclass(frozen=True, slots=True)
class Passage:
    """The sentence ``text[start:end]`` of an original text, in characters, and the sentences beside it."""

    text: str
    start: int
    end: int
    before: str = ""
    after: str = ""


def sentencizer_version() -> str:
    """What splits passages: recorded in every bundle, since tiers depend on it."""
    return f"spacy-{metadata.version('spacy')} blank:nb sentencizer"


@lru_cache(maxsize=1)
def _sentencizer() -> Language:
    # Imported when first needed: most comments are one sentence, and spaCy takes a second to start.
    import spacy

    # Always the rule-based one, so that tiers don't depend on which trained pipeline is installed.
    pipeline = spacy.blank("nb")
    pipeline.add_pipe("sentencizer")
    pipeline.max_length = 10_000_000
    return pipeline


def split_passages(texts: Iterable[str]) -> Iterator[list[Passage]]:
    """The passages of each text, in order; a text without words gives one passage.

    Line breaks end a passage too: comments are written in lines.
    """
    for text in texts:
        if not _MAY_SPLIT.search(text):
            yield [_stripped(text, 0, len(text))]
            continue
        passages = []
        for line in re.finditer(r"[^\n]+", text):
            for sentence in _sentencizer()(line.group()).sents:
                passage = _stripped(text, line.start() + sentence.start_char, line.start() + sentence.end_char)
                if passage.text:
                    passages.append(passage)
        if len(_sentencizer().vocab) > _MOST_WORDS:
            _sentencizer.cache_clear()
        yield _with_neighbours(passages) or [_stripped(text, 0, len(text))]


def passage_at(text: str, start: int) -> Passage:
    """The passage of a text that starts at this character.

    Raises:
        StopIteration: none does.
    """
    return next(passage for passage in next(split_passages([text])) if passage.start == start)


def _with_neighbours(passages: list[Passage]) -> list[Passage]:
    texts = ["", *(passage.text for passage in passages), ""]
    return [replace(p, before=texts[i], after=texts[i + 2]) for i, p in enumerate(passages)]


def _stripped(text: str, start: int, end: int) -> Passage:
    span = text[start:end]
    start += len(span) - len(span.lstrip())
    span = span.strip()
    return Passage(span, start, start + len(span))
