"""The fine-tuned encoder without torch: ONNX Runtime runs the transformer, numpy the heads."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from hatespeech_no.models.backbones import BackboneConfig
from hatespeech_no.models.elements import Input, Scores, only_on_cpu
from hatespeech_no.models.encoder import to_scores
from hatespeech_no.models.parts import STATES, cut
from hatespeech_no.models.screen import Screen, pooled
from hatespeech_no.models.windows import Windows, in_batches, make_windows

_GRAPH, _HEADS, _TOKENIZER = "model.onnx", "heads.safetensors", "tokenizer.json"
_PART = "part-{}.onnx"
_BATCH_TOKENS = 384
"""Of which the largest values of a layer still lie in a processor's cache."""


class OnnxModel:
    """An exported encoder; see ``onnx_export.export``.

    Args:
        graphs: of the network, whole or in parts that are run one after the other, see ``cut``; the files must stay
            as long as the model is used.
        heads: ``weight`` and ``bias`` over pooled states.
        tokenizer: of the network.
        settings: what ``save`` returned.
    """

    family: ClassVar[str] = "onnx"

    def __init__(
        self,
        graphs: Sequence[Path],
        heads: Mapping[str, NDArray[np.float32]],
        tokenizer: Tokenizer,
        settings: Mapping[str, Any],
    ) -> None:
        self.graphs = tuple(graphs)
        self.place("cpu", None)
        self._heads = heads
        self.tokenizer = tokenizer
        self._settings = dict(settings)
        self._backbone = BackboneConfig.model_validate(settings["backbone"])

    def place(self, device: str, threads: int | None) -> None:
        """See ``ElementModel``."""
        import onnxruntime

        only_on_cpu(device)
        options = onnxruntime.SessionOptions()
        # On few cores, threads that spin while they wait cost more than the work itself.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A batch per thread is faster than the threads of a batch: most of what they do is not worth sharing.
        options.intra_op_num_threads = 1
        self._pool = ThreadPoolExecutor(threads or os.cpu_count())
        self._parts = [
            onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
            for graph in self.graphs
        ]

    def scores(self, inputs: Sequence[Input]) -> Scores:
        """Score a batch of texts, their passages in the same pass as the text they stand in."""
        return self._scores(self._in_batches(self._windows(inputs), self._run))

    def screened(
        self, inputs: Sequence[Input], dismissable: NDArray[np.bool_], screen: Screen
    ) -> tuple[Scores, NDArray[np.bool_]]:
        """Score the texts that a first stage does not dismiss on the way.

        Args:
            inputs: at least one.
            dismissable: shape (inputs,), which may be dismissed; one that is longer than a window never is.
            screen: with a look after each part of the network but the last.

        Returns:
            The scores of those not dismissed; and which were, shape (inputs,).
        """
        texts = self._dismissable(inputs, dismissable)
        logits = self._in_batches(texts, partial(self._run, screen=screen))
        unread = np.isnan(logits[:, 0])
        first = np.cumsum([0, *(len(text.owned[0]) for text in texts[:-1])])
        return self._scores(logits[~unread]), unread[first]

    def looks(self, inputs: Sequence[Input]) -> NDArray[np.float32]:
        """What a screen is shown of texts, given without passages.

        Returns:
            Shape (texts, looks, 2 · hidden size), see ``pooled``; not a number for a text that is longer than a
            window, which is never dismissed.
        """
        return self._in_batches(self._dismissable(inputs, np.ones(len(inputs), bool)), self._look)

    def _dismissable(self, inputs: Sequence[Input], may: NDArray[np.bool_]) -> list[Windows]:
        texts = self._windows(inputs)
        return [replace(t, dismissable=bool(ok) and len(t.ids) == 1) for t, ok in zip(texts, may, strict=True)]

    def _windows(self, inputs: Sequence[Input]) -> list[Windows]:
        return make_windows(self.tokenizer, inputs, self._backbone)

    def _in_batches(
        self, texts: Sequence[Windows], run: Callable[[dict[str, NDArray[Any]]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        return in_batches(texts, self._settings["pad"], run, _BATCH_TOKENS, self._pool)

    def _scores(self, logits: NDArray[np.float32]) -> Scores:
        return to_scores(logits, self._settings["names"], self._settings["conduct"])

    def _look(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        ids, mask, states, seen = arrays["input_ids"], arrays["attention_mask"], None, []
        for part in self._parts[:-1]:
            states = _states(part, ids, mask, states)
            seen.append(pooled(states, mask))
        seen_at = np.where(arrays["dismissable"][:, None, None], np.stack(seen, axis=1), np.nan)
        found = np.zeros((int(arrays["spans"]), *seen_at.shape[1:]), np.float32)
        found[arrays["span"]] = seen_at[arrays["window"]]
        return found

    def _run(self, arrays: Mapping[str, NDArray[Any]], screen: Screen | None = None) -> NDArray[np.float32]:
        """One row for each span; those of texts that are dismissed are not a number."""
        states = self._last_states(arrays, screen)
        owned = arrays["owned"].astype(np.float32)
        total = np.zeros((int(arrays["spans"]), states.shape[-1]), np.float32)
        count = np.zeros(len(total), np.float32)
        np.add.at(total, arrays["span"], np.einsum("pt,pth->ph", owned, states[arrays["window"]]))
        np.add.at(count, arrays["span"], owned.sum(axis=1))
        means = total / np.maximum(count, 1)[:, None]
        return np.asarray(means @ self._heads["weight"].T + self._heads["bias"], dtype=np.float32)

    def _last_states(self, arrays: Mapping[str, NDArray[Any]], screen: Screen | None) -> NDArray[np.float32]:
        ids, mask = arrays["input_ids"], arrays["attention_mask"]
        left = np.arange(len(ids))
        states = _states(self._parts[0], ids, mask)
        for look, part in enumerate(self._parts[1:]):
            if screen is not None:
                stays = ~(arrays["dismissable"][left] & screen.dismisses(look, states, mask[left]))
                left, states = left[stays], states[stays]
                if not len(left):
                    break
            states = _states(part, ids[left], mask[left], states)
        if len(left) == len(ids):
            return states
        whole = np.full((*ids.shape, states.shape[-1]), np.nan, np.float32)
        whole[left] = states
        return whole

    def save(self, folder: Path) -> dict[str, Any]:
        """Write graph, heads and tokenizer; returns the settings for the manifest."""
        for graph, name in zip(self.graphs, _names(len(self.graphs)), strict=True):
            shutil.copyfile(graph, folder / name)
        save_file(dict(self._heads), folder / _HEADS)
        self.tokenizer.no_truncation()
        self.tokenizer.save(str(folder / _TOKENIZER), pretty=False)
        return self._settings

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Read what ``save`` wrote."""
        tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        graphs = [folder / name for name in _names(settings.get("parts", 1))]
        return cls(graphs, load_file(folder / _HEADS), tokenizer, settings)

    def cut(self, layers: Sequence[int], folder: Path) -> OnnxModel:
        """The same model in parts.

        Args:
            layers: after how many layers of the network each part but the last ends, see ``parts.cut``.
            folder: for the parts.
        """
        graphs = [folder / name for name in _names(len(layers) + 1)]
        cut(self.graphs[0], layers, graphs)
        return OnnxModel(graphs, self._heads, self.tokenizer, {**self._settings, "parts": len(graphs)})


def _names(parts: int) -> list[str]:
    """Of the graphs in a bundle."""
    return [_GRAPH] if parts == 1 else [_PART.format(i) for i in range(parts)]


def _states(
    part: Any,  # noqa: ANN401 - an onnxruntime session
    ids: NDArray[np.int64],
    mask: NDArray[np.int64],
    states: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """What a part of the network makes of the states that the one before left."""
    feed = {"input_ids": ids, "attention_mask": mask} | ({} if states is None else {STATES: states})
    (found,) = part.run(None, feed)
    return np.asarray(found)
