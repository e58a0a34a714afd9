"""Take handles, addresses, numbers and names out of a text before anything is learned from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.language import Language

_PATTERNS = tuple(
    (re.compile(pattern), tag)
    for pattern, tag in (
        (r"https?://\S+|\bwww\.\S+", " URLTAG "),
        (r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+", " EMAILTAG "),
        (r"(?<![\w@])@\w[\w.-]*", " USERTAG "),
        (r"(?<!\d)(?:\+?\d[\s.-]?){7,14}\d(?!\d)", " NUMBERTAG "),
    )
)


def mask_patterns(text: str) -> str:
    """Replace links, e-mail addresses, handles and long numbers (phone, fødselsnummer) by tags."""
    for pattern, tag in _PATTERNS:
        text = pattern.sub(tag, text)
    return text


def mask_names(texts: Iterable[str], pipeline: Language) -> Iterator[str]:
    """Replace the names of persons that a trained spaCy pipeline finds by ``NAMETAG``.

    Args:
        texts: any texts; patterns should be masked first.
        pipeline: a pipeline with an ``ner`` component that labels persons ``PER`` or ``PERSON``.
    """
    unused = [name for name in pipeline.pipe_names if name not in ("tok2vec", "ner")]
    with pipeline.select_pipes(disable=unused):
        for doc in pipeline.pipe(texts, batch_size=256):
            parts, position = [], 0
            for entity in doc.ents:
                if entity.label_ in ("PER", "PERSON"):
                    parts += [doc.text[position : entity.start_char], " NAMETAG "]
                    position = entity.end_char
            yield "".join([*parts, doc.text[position:]])
