"""Take handles, addresses, numbers and names out of a text before anything is learned from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hatespeech_no.text.personal import Mention, find_names, find_personal, replace_mentions

if TYPE_CHECKING:
    from spacy.language import Language

_ONE_TAG = {"FNR": "NUMBER", "PHONE": "NUMBER", "TAG": "USER"}


def mask_patterns(text: str) -> str:
    """Replace links, e-mail addresses, handles and long numbers (phone, fødselsnummer) by tags."""
    return replace_mentions(text, find_personal(text), _tag)


def mask_names(texts: Iterable[str], pipeline: Language) -> Iterator[str]:
    """Replace the names of persons that a trained spaCy pipeline finds by ``NAMETAG``.

    Args:
        texts: any texts; patterns should be masked first.
        pipeline: see ``find_names``.
    """
    known = list(texts)
    for text, names in zip(known, find_names(known, pipeline), strict=True):
        yield replace_mentions(text, names, _tag)


def _tag(mention: Mention) -> str:
    return f" {_ONE_TAG.get(mention.kind, mention.kind)}TAG "
