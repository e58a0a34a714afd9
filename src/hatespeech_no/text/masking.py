"""Take handles, addresses, numbers and names out of a text before anything is learned from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hatespeech_no.text.personal import Mention, find_names, find_personal

if TYPE_CHECKING:
    from spacy.language import Language

_ONE_TAG = {"FNR": "NUMBER", "PHONE": "NUMBER", "TAG": "USER"}


def mask_patterns(text: str) -> str:
    """Replace links, e-mail addresses, handles and long numbers (phone, fødselsnummer) by tags."""
    return _replace(text, find_personal(text))


def mask_names(texts: Iterable[str], pipeline: Language) -> Iterator[str]:
    """Replace the names of persons that a trained spaCy pipeline finds by ``NAMETAG``.

    Args:
        texts: any texts; patterns should be masked first.
        pipeline: see ``find_names``.
    """
    known = list(texts)
    for text, names in zip(known, find_names(known, pipeline), strict=True):
        yield _replace(text, names)


def _replace(text: str, mentions: list[Mention]) -> str:
    parts, position = [], 0
    for mention in mentions:
        parts += [text[position : mention.start], f" {_ONE_TAG.get(mention.kind, mention.kind)}TAG "]
        position = mention.end
    return "".join([*parts, text[position:]])
