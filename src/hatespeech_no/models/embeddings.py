"""Linear heads on the embeddings of a frozen encoder: what a backbone knows without any fine-tuning."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import load_file, save_file

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.models.backbones import BackboneConfig, load_backbone, pool
from hatespeech_no.models.elements import Input, Scores, only_on_cpu, pieces
from hatespeech_no.models.linear import LinearHeads, fit_heads
from hatespeech_no.models.vocabulary import Backbone

_WEIGHTS = "heads.safetensors"
_BATCH = 32


class EmbeddingsConfig(BaseModel):
    """Settings of the model.

    Attributes:
        backbone: the encoder; it is not part of a saved model and must be had where that is loaded.
        regularisation: inverse strength C of the L2 penalty, on standardised features.
        cache: SQLite file that keeps embeddings between trainings, by digest of the text; a saved model
            has none. Embeddings of personal data are personal data: delete it when the texts are deleted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: BackboneConfig = BackboneConfig(prefix="query: ", max_tokens=512)
    regularisation: float = Field(default=0.01, gt=0)
    cache: Path | None = None


class EmbeddingsModel:
    """A fitted model; see ``fit_embeddings``."""

    family: ClassVar[str] = "embeddings"

    def __init__(self, config: EmbeddingsConfig, embed: Embedder, heads: LinearHeads) -> None:
        self._config = config
        self._embed = embed
        self._heads = heads

    def scores(self, inputs: Sequence[Input]) -> Scores:
        """Score a batch of texts and their passages; threads are not read."""
        return self._heads.scores(self._embed(pieces(inputs)))

    def place(self, device: str, threads: int | None) -> None:
        """See ``ElementModel``; the number of threads is left to the libraries."""
        only_on_cpu(device)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the heads; returns the settings for the manifest."""
        save_file({"weights": self._heads.weights, "bias": self._heads.bias}, folder / _WEIGHTS)
        return {"config": self._config.model_dump(mode="json", exclude={"cache"}), "names": list(self._heads.names)}

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Read what ``save`` wrote; the backbone is loaded when the first text is scored."""
        config = EmbeddingsConfig.model_validate(settings["config"])
        tensors = load_file(folder / _WEIGHTS)
        heads = LinearHeads(tuple(settings["names"]), tensors["weights"], tensors["bias"])
        return cls(config, Embedder(config), heads)


def fit_embeddings(
    texts: Sequence[str],
    labels: Mapping[str, NDArray[np.float32]],
    conduct: NDArray[np.bool_],
    config: EmbeddingsConfig,
    seed: int,
    report: Callable[[str], None],
) -> EmbeddingsModel:
    """Fit heads; arguments as in ``fit_heads``, with n texts in place of features."""
    report("embedding")
    embed = Embedder(config)
    features = embed(texts)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    heads = fit_heads((features - mean) / spread, labels, conduct, config.regularisation, seed, report)
    # The standardisation moves into the weights.
    weights = heads.weights / spread[:, None]
    return EmbeddingsModel(config, embed, LinearHeads(heads.names, weights, heads.bias - mean @ weights))


class Embedder:
    """Embeds texts with a frozen encoder, in batches of like length; loads it when it is first needed."""

    def __init__(self, config: EmbeddingsConfig) -> None:
        self._config = config
        self._backbone: Backbone | None = None

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings, shape ``(len(texts), hidden size)``; what is longer than the window is not read.

        Raises:
            HatespeechError: the cache cannot be opened.
        """
        if self._config.cache is None:
            return self._embed(texts)
        settings = self._config.backbone.model_dump_json()
        keys = [hashlib.sha256(f"{settings}\n{text}".encode("utf-8", "surrogatepass")).digest() for text in texts]
        with closing(_open_cache(self._config.cache)) as database:
            find = "SELECT vector FROM embedding WHERE key = ?"
            found = {key: row[0] for key in set(keys) if (row := database.execute(find, (key,)).fetchone())}
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
            for start in range(0, len(missing), 50 * _BATCH):
                part = list(missing.items())[start : start + 50 * _BATCH]
                vectors = self._embed([text for _, text in part])
                rows = [(key, vector.tobytes()) for (key, _), vector in zip(part, vectors, strict=True)]
                database.executemany("INSERT OR REPLACE INTO embedding VALUES (?, ?)", rows)
                database.commit()
                found |= dict(rows)
        return np.stack([np.frombuffer(found[key], np.float32) for key in keys])

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        torch = require("torch", "encoder")
        config = self._config.backbone
        if self._backbone is None:
            self._backbone = load_backbone(config)
            self._backbone.encoder.eval()
            self._backbone.tokenizer.enable_truncation(config.max_tokens)
        encodings = self._backbone.tokenizer.encode_batch([config.prefix + text for text in texts])
        order = np.argsort([len(encoding) for encoding in encodings], kind="stable")
        vectors = np.zeros((len(texts), self._backbone.encoder.config.hidden_size), np.float32)
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            longest = len(encodings[rows[-1]])
            ids = np.zeros((len(rows), longest), np.int64)
            mask = np.zeros((len(rows), longest), np.int64)
            for i, row in enumerate(rows):
                ids[i, : len(encodings[row])] = encodings[row].ids
                mask[i, : len(encodings[row])] = 1
            with torch.inference_mode():
                output = self._backbone.encoder(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
            vectors[rows] = pool(output.last_hidden_state, torch.from_numpy(mask), config.pooling).numpy()
        return vectors


def _open_cache(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE IF NOT EXISTS embedding (key BLOB PRIMARY KEY, vector BLOB)")
    except (OSError, sqlite3.Error) as error:
        raise HatespeechError(
            f"model.embeddings.cache: {path} cannot be opened ({error}); name another file"
        ) from error
    return database
