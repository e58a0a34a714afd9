"""Replace what points to a person by keyed tags; only the key leads back.

The same person has the same tag in every text, so that a thread stays readable. What stood in the
tags is kept beside the text, encrypted (AES-SIV, RFC 5297), and never needs to be stored with it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.text.keyed import keyed_id
from hatespeech_no.text.personal import TAG, Mention, find_names, find_personal, replace_mentions

if TYPE_CHECKING:
    from spacy.language import Language

_TAG = re.compile(TAG)
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Pseudonymised:
    """A text without personal references.

    Attributes:
        text: with tags such as ``[USER-3f9a2c1b]`` where handles, links, e-mail addresses, telephone
            and identity numbers (and names, where a pipeline was given) stood.
        sealed: what stood there, encrypted; Base64.
    """

    text: str
    sealed: str


def pseudonymise(texts: Sequence[str], key: bytes, names: Language | None = None) -> Iterator[Pseudonymised]:
    """Pseudonymise texts.

    Args:
        texts: any texts.
        key: see ``load_key``; keep it away from what it made.
        names: trained spaCy pipeline that finds names of persons; without one names stay.
    """
    found_names: Iterator[list[Mention]] = iter([[]] * len(texts)) if names is None else find_names(texts, names)
    for text, named in zip(texts, found_names, strict=True):
        mentions = find_personal(text)
        mentions += [n for n in named if not any(n.start < m.end and m.start < n.end for m in mentions)]
        mentions.sort(key=lambda m: m.start)
        values = [text[m.start : m.end] for m in mentions]
        tags = (
            f"[{m.kind}-{keyed_id(value.casefold(), key)[:_DIGITS]}]" for m, value in zip(mentions, values, strict=True)
        )
        sealed = _cipher(key).encrypt(json.dumps(values).encode(), None)
        tagged = replace_mentions(text, mentions, lambda _, tags=tags: next(tags))  # type: ignore[misc]
        yield Pseudonymised(tagged, base64.b64encode(sealed).decode())


def reveal(pseudonymised: Pseudonymised, key: bytes) -> str:
    """The original text.

    Raises:
        HatespeechError: it is another key, or the text and what is sealed do not belong together.
    """
    invalid = require("cryptography.exceptions", "tracking").InvalidTag
    try:
        values = json.loads(_cipher(key).decrypt(base64.b64decode(pseudonymised.sealed), None))
    except (invalid, ValueError) as error:
        raise HatespeechError("this text was pseudonymised with another key, or what was sealed is damaged") from error
    parts = _TAG.split(pseudonymised.text)
    if len(parts) != len(values) + 1:
        raise HatespeechError("this text has another number of tags than were sealed; it has been changed")
    return parts[0] + "".join(value + part for value, part in zip(values, parts[1:], strict=True))


def _cipher(key: bytes) -> Any:  # noqa: ANN401 - cryptography's AESSIV, an optional library
    aead = require("cryptography.hazmat.primitives.ciphers.aead", "tracking")
    # A key of its own, so that tags and sealed values share nothing.
    return aead.AESSIV(hashlib.blake2b(key, digest_size=64, person=b"hatespeech seal").digest())
