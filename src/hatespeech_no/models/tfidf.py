"""The linear baseline: word and character n-grams, one head per element. Trains in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator
from safetensors.numpy import load_file, save_file

from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.elements import Input, Scores, only_on_cpu, pieces
from hatespeech_no.models.linear import LinearHeads, fit_heads
from hatespeech_no.text.lemmas import lemma_source, lemmatiser
from hatespeech_no.text.masking import mask_names, mask_patterns
from hatespeech_no.text.pipelines import load_pipeline

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

_WORD = r"(?u)\w+|[^\w\s]"  # a mark or an emoji is a word too
_WEIGHTS, _VOCABULARY = "weights.safetensors", "vocabulary.json"


class TfidfConfig(BaseModel):
    """Settings of the model.

    Attributes:
        words: lengths of word n-grams, shortest and longest.
        characters: lengths of character n-grams within words.
        min_documents: different documents an n-gram must occur in, which keeps most of what a single
            writer says, names above all, out of the vocabulary.
        max_features: most frequent n-grams kept, for words and for characters each.
        regularisation: inverse strength C of the L2 penalty.
        lemmas: ``simplemma`` or a spaCy pipeline that turns words into lemmas first.
        mask_names: spaCy pipeline whose person names are masked in the training texts, so that no name
            it finds enters the vocabulary. Texts that are scored need no masking for that.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: tuple[int, int] = (1, 2)
    characters: tuple[int, int] = (2, 5)
    min_documents: int = Field(default=5, ge=5)
    max_features: int = Field(default=100_000, ge=100)
    regularisation: float = Field(default=4.0, gt=0)
    lemmas: str | None = None
    mask_names: str | None = None

    @field_validator("words", "characters")
    @classmethod
    def _shortest_first(cls, lengths: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= lengths[0] <= lengths[1]:
            raise ValueError("give the shortest length first, from 1 on")
        return lengths


class TfidfModel:
    """A fitted model; see ``fit_tfidf``."""

    family: ClassVar[str] = "tfidf"

    def __init__(
        self,
        config: TfidfConfig,
        vectorisers: Sequence[TfidfVectorizer],
        heads: LinearHeads,
        recorded_lemmas: str | None = None,
    ) -> None:
        self._config = config
        self._vectorisers = vectorisers
        self._heads = heads
        self._lemma_source = recorded_lemmas
        self._lemmatise = lemmatiser(config.lemmas, recorded_lemmas) if config.lemmas else None

    def scores(self, inputs: Sequence[Input]) -> Scores:
        """Score a batch of texts and their passages; threads are not read."""
        masked = [mask_patterns(text) for text in pieces(inputs)]
        return self._heads.scores(_features(self._vectorisers, masked, self._lemmatise))

    def place(self, device: str, threads: int | None) -> None:
        """See ``ElementModel``; the number of threads is left to the libraries."""
        only_on_cpu(device)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write vocabulary and weights; returns the settings for the manifest."""
        vocabulary = [v.get_feature_names_out().tolist() for v in self._vectorisers]
        (folder / _VOCABULARY).write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
        idf = {f"idf_{i}": v.idf_ for i, v in enumerate(self._vectorisers)}
        save_file({"weights": self._heads.weights, "bias": self._heads.bias, **idf}, folder / _WEIGHTS)
        return {
            "config": self._config.model_dump(mode="json"),
            "names": list(self._heads.names),
            "lemmas": self._lemma_source,
        }

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Read what ``save`` wrote."""
        config = TfidfConfig.model_validate(settings["config"])
        tensors = load_file(folder / _WEIGHTS)
        vectorisers = _vectorisers(config)
        terms = json.loads((folder / _VOCABULARY).read_text("utf-8"))
        for i, (vectoriser, vocabulary) in enumerate(zip(vectorisers, terms, strict=True)):
            vectoriser.vocabulary = vocabulary
            vectoriser.idf_ = tensors[f"idf_{i}"]
        heads = LinearHeads(tuple(settings["names"]), tensors["weights"], tensors["bias"])
        return cls(config, vectorisers, heads, settings["lemmas"])


def fit_tfidf(
    texts: Sequence[str],
    labels: Mapping[str, NDArray[np.float32]],
    conduct: NDArray[np.bool_],
    config: TfidfConfig,
    seed: int,
    report: Callable[[str], None],
) -> TfidfModel:
    """Fit a model.

    Args:
        texts: n training texts.
        labels: for each element shape (n,), 1 yes, 0 no, NaN unknown; unknown rows are left out of
            that element's head.
        conduct: shape (n, 8), the conducts that are possible; a row of only ``False`` is unknown.
        config: the settings.
        seed: of the solver.
        report: called with the name of each step as it begins.

    Returns:
        A model with a head for each element of which both values occur.

    Raises:
        HatespeechError: too few texts for any n-gram to occur often enough.
    """
    report("vocabulary")
    masked = [mask_patterns(text) for text in texts]
    if config.mask_names:
        masked = list(mask_names(masked, load_pipeline(config.mask_names)))
    vectorisers = _vectorisers(config)
    source = lemma_source(config.lemmas) if config.lemmas else None
    lemmatise = lemmatiser(config.lemmas) if config.lemmas else None
    try:
        # The vocabulary counts different texts: a copied comment is no second document.
        different = list(dict.fromkeys(masked))
        for vectoriser, view in zip(vectorisers, _views(different, lemmatise), strict=True):
            vectoriser.fit(view)
    except ValueError as error:
        raise HatespeechError(
            f"{len(texts)} training texts are too few: no word or characters occur in {config.min_documents} of them"
        ) from error
    features = _features(vectorisers, masked, lemmatise)
    heads = fit_heads(features, labels, conduct, config.regularisation, seed, report)
    return TfidfModel(config, vectorisers, heads, source)


def _vectorisers(config: TfidfConfig) -> list[TfidfVectorizer]:
    # Imported here: whoever scores with another model need not wait for it.
    from sklearn.feature_extraction.text import TfidfVectorizer

    shared = {
        "min_df": config.min_documents,
        "max_features": config.max_features,
        "sublinear_tf": True,
        "dtype": np.float32,
    }
    return [
        TfidfVectorizer(ngram_range=config.words, token_pattern=_WORD, **shared),
        TfidfVectorizer(ngram_range=config.characters, analyzer="char_wb", **shared),
    ]


def _views(texts: Sequence[str], lemmatise: Callable[[Sequence[str]], list[str]] | None) -> list[Sequence[str]]:
    """What each vectoriser reads. Lemmas replace words, never characters: spelling is what the characters are for."""
    return [lemmatise(texts) if lemmatise else texts, texts]


def _features(
    vectorisers: Sequence[TfidfVectorizer],
    texts: Sequence[str],
    lemmatise: Callable[[Sequence[str]], list[str]] | None,
) -> csr_matrix:
    from scipy.sparse import hstack

    blocks = [v.transform(view) for v, view in zip(vectorisers, _views(texts, lemmatise), strict=True)]
    return hstack(blocks, format="csr")
