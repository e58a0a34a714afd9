"""The lemma view of a text: from simplemma's tables, or from a trained spaCy pipeline by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.text.pipelines import load_pipeline

SIMPLEMMA = "simplemma"
_WORD = re.compile(r"\w+|[^\w\s]+")
_SIMPLEMMA_LANGUAGES = ("nb", "en", "da", "sv", "de")

Lemmatiser = Callable[[Iterable[str]], list[str]]


def lemma_source(name: str) -> str:
    """Name and version of a source of lemmas, as a bundle records it."""
    if name == SIMPLEMMA:
        return f"{SIMPLEMMA}-{require(SIMPLEMMA, 'train').__version__}"
    meta = load_pipeline(name).meta
    return f"{meta['lang']}_{meta['name']}-{meta['version']}"


def lemmatiser(name: str, recorded: str | None = None) -> Lemmatiser:
    """A function from texts to texts of lemmas.

    Args:
        name: ``simplemma`` or the name or folder of a trained spaCy pipeline.
        recorded: the source a bundle was trained with (see ``lemma_source``).

    Raises:
        HatespeechError: the source here is another than the recorded one, since other lemmas
            would silently change every score.
    """
    here = lemma_source(name)
    if recorded is not None and here != recorded:
        raise HatespeechError(
            f"This bundle was trained on lemmas from {recorded}; {here} is installed. Install {recorded}."
        )
    return _simple_lemmas if name == SIMPLEMMA else partial(_pipeline_lemmas, name)


def _simple_lemmas(texts: Iterable[str]) -> list[str]:
    lemmatize = require(SIMPLEMMA, "train").lemmatize
    return [
        " ".join(lemmatize(word, lang=_SIMPLEMMA_LANGUAGES) for word in _WORD.findall(text.lower())) for text in texts
    ]


def _pipeline_lemmas(name: str, texts: Iterable[str]) -> list[str]:
    pipeline = load_pipeline(name)
    unused = [n for n in pipeline.pipe_names if n in ("ner", "parser")]
    with pipeline.select_pipes(disable=unused):
        return [" ".join(token.lemma_ for token in doc) for doc in pipeline.pipe(texts, batch_size=256)]
