"""An ONNX graph that multiplies in int8, each token and each output with a scale of its own.

A few input channels of a trained transformer are far larger than all others and would take the steps of the
whole token: they stay in fp32, as in Dettmers et al. (2022), LLM.int8(). Which they are does not hang on the
texts, so that tokens drawn at random show them. What an activation function leaves is mostly near zero, with large
values in other channels for each token: it is held in two numbers of 8 bits, the second for what the first rounds
off. Nothing hangs on a batch: a text scored alone gets the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.errors import require

if TYPE_CHECKING:
    import onnx

_HOT = 4
"""Channels of an input that stay in fp32."""
_ONE_SIDED = 8
"""An input that goes this many times as far up as down is what an activation function leaves."""
_LEAST = 1e-9
"""No step is smaller, so that a token of zeros is not divided by zero."""


def quantise(model: onnx.ModelProto, probes: NDArray[np.int64]) -> onnx.ModelProto:
    """Multiply by every constant matrix in int8.

    Args:
        model: a transformer with inputs ``input_ids`` and ``attention_mask``; it is changed.
        probes: token ids of any texts, shape (texts, tokens), that show which channels are large.
    """
    inputs = _inputs(model, probes)
    graph = _Graph(model)
    for node in model.graph.node:
        if _is_product(node, graph.constants):
            graph.replace(node, inputs[node.input[0]])
        else:
            graph.nodes.append(node)
    return graph.finished()


def _is_product(node: onnx.NodeProto, constants: Any) -> bool:  # noqa: ANN401 - a set or a mapping of names
    return node.op_type == "MatMul" and node.input[1] in constants


def _inputs(model: onnx.ModelProto, probes: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """What each product is given: shape (tokens, channels) by its name."""
    onnx, runtime = require("onnx", "encoder"), require("onnxruntime", "encoder")
    constants = {constant.name for constant in model.graph.initializer}
    names = list(dict.fromkeys(node.input[0] for node in model.graph.node if _is_product(node, constants)))
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    probed.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = runtime.InferenceSession(probed.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(names, {"input_ids": probes, "attention_mask": np.ones_like(probes)})
    return {name: value.reshape(-1, value.shape[-1]) for name, value in zip(names, values, strict=True)}


class _Graph:
    """Nodes and constants of the graph that is built."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._onnx = require("onnx", "encoder")
        self._model = model
        self.constants = {constant.name: constant for constant in model.graph.initializer}
        self.nodes: list[onnx.NodeProto] = []
        self._hot: dict[str, NDArray[np.int64]] = {}
        """The hot channels of each input that is quantised; none where it is held in two numbers."""
        self._last = self._constant("int8_last_axis", np.array([-1]))
        self._least = self._constant("int8_least_step", np.float32(_LEAST))
        self._one = self._constant("int8_one", np.float32(1))
        self._middle = self._constant("int8_middle", np.uint8(128))

    def replace(self, product: onnx.NodeProto, seen: NDArray[np.float32]) -> None:
        """Multiply in int8 in its place, given what its input was for some tokens."""
        given, out = product.input[0], product.output[0]
        if given not in self._hot:
            one_sided = seen.max() > -_ONE_SIDED * seen.min()
            self._hot[given] = self._in_two(given, float(seen.min())) if one_sided else self._in_one(given, seen)
        hot = self._hot[given]
        weight = np.array(self._onnx.numpy_helper.to_array(self.constants[product.input[1]]))
        kept = weight[hot]
        weight[hot] = 0
        step = np.maximum(np.abs(weight).max(axis=0) / 127, _LEAST).astype(np.float32)
        matrix = self._constant(f"{out}_matrix", np.round(weight / step).astype(np.int8))
        steps = self._constant(f"{out}_steps", step)
        if len(hot):
            self._multiply(f"{given}_int", matrix, self._one, steps, self._middle, f"{out}_unscaled")
            self._node("MatMul", [f"{given}_hot", self._constant(f"{out}_kept", kept)], f"{out}_hot")
            self._node("Mul", [f"{out}_unscaled", f"{given}_step"], f"{out}_cold")
            self._node("Add", [f"{out}_cold", f"{out}_hot"], out)
        else:
            self._multiply(f"{given}_int", matrix, self._one, steps, f"{given}_zero", f"{out}_first")
            self._multiply(f"{given}_rest", matrix, f"{given}_fine", steps, self._middle, f"{out}_second")
            self._node("Add", [f"{out}_first", f"{out}_second"], f"{out}_unscaled")
            self._node("Mul", [f"{out}_unscaled", f"{given}_step"], out)

    def _in_one(self, name: str, seen: NDArray[np.float32]) -> NDArray[np.int64]:
        """Cut an input into its hot channels and the rest in 8 bits; returns the hot ones."""
        peaks = np.abs(seen).max(axis=0)
        hot = np.sort(np.argsort(-peaks, kind="stable")[:_HOT])
        cold = np.ones(len(peaks), np.float32)
        cold[hot] = 0
        self._node("Gather", [name, self._constant(f"{name}_channels", hot)], f"{name}_hot", axis=-1)
        self._node("Mul", [name, self._constant(f"{name}_mask", cold)], f"{name}_cold")
        self._node("Abs", [f"{name}_cold"], f"{name}_size")
        self._node("ReduceMax", [f"{name}_size", self._last], f"{name}_peak", keepdims=1)
        self._in_steps(name, f"{name}_cold", 127, self._least)
        self._node("QuantizeLinear", [f"{name}_in_steps", self._one, self._middle], f"{name}_int")
        return hot

    def _in_two(self, name: str, lowest: float) -> NDArray[np.int64]:
        """Hold an input in 8 bits and what they round off in 8 more; no channel is hot then."""
        zero = 64
        least = self._constant(f"{name}_least", np.float32(max(-lowest / zero, _LEAST)))
        point = self._constant(f"{name}_zero", np.uint8(zero))
        fine = self._constant(f"{name}_fine", np.float32(1 / 254))
        self._node("ReduceMax", [name, self._last], f"{name}_peak", keepdims=1)
        self._in_steps(name, name, 255 - zero, least)
        self._node("QuantizeLinear", [f"{name}_in_steps", self._one, point], f"{name}_int")
        self._node("DequantizeLinear", [f"{name}_int", self._one, point], f"{name}_rounded")
        self._node("Sub", [f"{name}_in_steps", f"{name}_rounded"], f"{name}_off")
        self._node("QuantizeLinear", [f"{name}_off", fine, self._middle], f"{name}_rest")
        return np.array([], np.int64)

    def _in_steps(self, name: str, part: str, steps: int, least: str) -> None:
        """Divide by the step at which a token's peak takes so many."""
        self._node("Mul", [f"{name}_peak", self._constant(f"{name}_share", np.float32(1 / steps))], f"{name}_wanted")
        self._node("Max", [f"{name}_wanted", least], f"{name}_step")
        self._node("Div", [part, f"{name}_step"], f"{name}_in_steps")

    def _multiply(self, given: str, matrix: str, scale: str, steps: str, zero: str, output: str) -> None:
        # It takes one scale for all tokens: each token's own is multiplied with what comes out.
        inputs = [given, matrix, scale, steps, zero]
        self.nodes.append(self._onnx.helper.make_node("MatMulIntegerToFloat", inputs, [output], domain="com.microsoft"))

    def finished(self) -> onnx.ModelProto:
        """The model, without the constants that nothing needs any more."""
        graph = self._model.graph
        used = {name for node in self.nodes for name in node.input}
        constants = [constant for name, constant in self.constants.items() if name in used]
        del graph.node[:], graph.initializer[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(constants)
        if "com.microsoft" not in {used.domain for used in self._model.opset_import}:
            self._model.opset_import.append(self._onnx.helper.make_opsetid("com.microsoft", 1))
        return self._model

    def _node(self, operator: str, inputs: list[str], output: str, **settings: int) -> None:
        self.nodes.append(self._onnx.helper.make_node(operator, inputs, [output], **settings))

    def _constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        self.constants[name] = self._onnx.numpy_helper.from_array(np.asarray(value), name)
        return name
