"""Smaller vocabularies: the pieces that some languages need, and a backbone with only these."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tokenizers import Tokenizer

from hatespeech_no.errors import HatespeechError, require

Language = Literal["nb", "nn", "da", "sv", "en", "de"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz" + "éèêëóòôâàüçñíïá"  # names and loan words
_NORDIC = _LETTERS + "æøåäö" + "čđŋšŧž"  # Sami names are Norwegian names
_ALPHABETS: dict[str, str] = {
    "nb": _NORDIC,
    "nn": _NORDIC,
    "da": _NORDIC,
    "sv": _LETTERS + "åäö",
    "en": _LETTERS,
    "de": _LETTERS + "äöüß",
}
_AT_ONCE = 5000


@dataclass(frozen=True)
class Backbone:
    """A pretrained encoder and its tokenizer.

    Attributes:
        encoder: a transformers model whose output has ``last_hidden_state``.
        tokenizer: adds the special tokens itself.
    """

    encoder: Any
    tokenizer: Tokenizer


def spelled_in(tokenizer: Tokenizer, languages: Iterable[str]) -> list[int]:
    """The pieces spelled with the letters of these languages, with marks, digits, symbols and special tokens.

    Texts in those letters get the same tokens as before; other letters become the unknown token.

    Raises:
        HatespeechError: the letters of a language are not known, or the tokenizer is not of the unigram kind.
    """
    if unknown := sorted(set(languages) - _ALPHABETS.keys()):
        raise HatespeechError(f"languages: the letters of {unknown} are not known, only of {sorted(_ALPHABETS)}")
    letters = set().union(*(_ALPHABETS[language] for language in languages))
    return [
        i for i, piece in enumerate(_pieces(tokenizer)) if all(not c.isalpha() or c.lower() in letters for c in piece)
    ]


def needed_by(tokenizer: Tokenizer, languages: Sequence[str]) -> list[int]:
    """Of the pieces of ``spelled_in`` those that the words of these languages are cut into, and all without letters.

    The words are those of simplemma's dictionaries, in small letters, capitalised and in capitals. Single letters
    stay, so that other words get other, shorter pieces.

    Raises:
        HatespeechError: as ``spelled_in``.
    """
    spelled = spelled_in(tokenizer, languages)
    dictionaries = require("simplemma.strategies.dictionaries.dictionary_factory", "train").DefaultDictionaryFactory()
    needed: set[int] = set()
    for language in languages:
        words = [word.decode() if isinstance(word, bytes) else word for word in dictionaries.get_dictionary(language)]
        for start in range(0, len(words), _AT_ONCE):
            part = words[start : start + _AT_ONCE]
            for form in (part, [word.capitalize() for word in part], [word.upper() for word in part]):
                for encoding in tokenizer.encode_batch(form, add_special_tokens=False):
                    needed.update(encoding.ids)
    pieces = _pieces(tokenizer)
    return [i for i in spelled if i in needed or len(pieces[i]) == 1 or not any(map(str.isalpha, pieces[i]))]


def trim(backbone: Backbone, kept: Sequence[int]) -> Backbone:
    """Keep only some pieces of the vocabulary, and the special tokens.

    Args:
        backbone: its encoder is changed.
        kept: ids of the pieces, rising.

    Raises:
        HatespeechError: the tokenizer is not of the unigram kind.
    """
    torch = require("torch", "encoder")
    state = _state(backbone.tokenizer)
    special = {token["id"] for token in state["added_tokens"]}
    vocabulary = state["model"]["vocab"]
    kept = sorted(special | set(kept))
    new_id = {old: new for new, old in enumerate(kept)}
    state["model"]["vocab"] = [vocabulary[i] for i in kept]
    state["model"]["unk_id"] = new_id[state["model"]["unk_id"]]
    for token in state["added_tokens"]:
        token["id"] = new_id[token["id"]]
    for token in state["post_processor"]["special_tokens"].values():
        token["ids"] = [new_id[i] for i in token["ids"]]
    embeddings = backbone.encoder.get_input_embeddings()
    rows = embeddings.weight.detach()[torch.tensor(kept)]
    backbone.encoder.set_input_embeddings(torch.nn.Embedding.from_pretrained(rows, freeze=False))
    backbone.encoder.config.vocab_size = len(kept)
    backbone.encoder.config.pad_token_id = new_id[backbone.encoder.config.pad_token_id]
    return Backbone(backbone.encoder, Tokenizer.from_str(json.dumps(state)))


def _pieces(tokenizer: Tokenizer) -> list[str]:
    return [piece for piece, _ in _state(tokenizer)["model"]["vocab"]]


def _state(tokenizer: Tokenizer) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(tokenizer.to_str())
    if state["model"]["type"] != "Unigram":
        raise HatespeechError("only a unigram vocabulary can be trimmed; leave the languages empty")
    return state
