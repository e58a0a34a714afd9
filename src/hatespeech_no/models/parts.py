"""An exported network in parts, so that a text need not go through all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError, require

STATES = "states_before"
"""Input of a part: what the one before leaves of each token."""
_LAYER = re.compile(r"/layers?\.(\d+)/")
_GIVEN = ["input_ids", "attention_mask"]


def layers_of(graph: Path) -> int:
    """How many layers there are that a network can be cut behind; 0 if its export does not name them."""
    return max(_ends(require("onnx_ir", "encoder").load(graph)), default=0)


def cut(graph: Path, layers: Sequence[int], parts: Sequence[Path]) -> None:
    """Write a network in parts.

    Args:
        graph: with inputs ``input_ids`` and ``attention_mask`` and one output.
        layers: after how many layers each part but the last ends, in order.
        parts: files to write, one more than ``layers``; each but the first has the input ``STATES`` besides.

    Raises:
        HatespeechError: the network has too few layers, or they are not named in its export.
    """
    ir = require("onnx_ir", "encoder")
    model = ir.load(graph)
    ends = _ends(model)
    of = max(ends, default=0)
    if not 0 < min(layers) <= max(layers) < of:
        raise HatespeechError(f"the exported network has {of} layers and cannot be cut after {list(layers)}")
    # Masks are made for the shape of the embeddings, which is that of any states: no other part needs the embeddings.
    shapes = [node for node, _ in ends[0].uses() if node.op_type == "Shape"] if 0 in ends else []
    at = [ends[layer] for layer in layers]
    for before, after, file in zip([None, *at], [*at, model.graph.outputs[0]], parts, strict=True):
        inputs = list(_GIVEN)
        if before is not None:
            inputs.append(before.name)
            for node in shapes:
                node.replace_input_with(0, before)
        part = ir.convenience.extract(model.graph, inputs, [after.name])
        if before is not None:
            states = next(value for value in part.inputs if value.name == before.name)
            states.name, states.dtype = STATES, ir.DataType.FLOAT
            states.shape = ir.Shape(["windows", "tokens", None])
        ir.save(ir.Model(part, ir_version=model.ir_version), file)


def _ends(model: Any) -> dict[int, Any]:  # noqa: ANN401 - of a library that need not be installed
    """What a number of layers leaves, the output of the last one's last normalisation; 0 layers: the embeddings."""
    found: dict[int, Any] = {}
    for node in model.graph:
        layer = _LAYER.search(node.name or "")
        if node.op_type == "LayerNormalization" and (layer or not found):
            found[int(layer[1]) + 1 if layer else 0] = node.outputs[0]
    return found
