from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from hatespeech_no.models.quantise import quantise  # noqa: E402

VOCABULARY, WIDTH, LOUD = 50, 32, 7


def graph() -> onnx.ModelProto:
    """Embeddings with one loud channel and an empty token, a product, ReLU, a product."""
    generator = np.random.default_rng(0)
    table = generator.normal(size=(VOCABULARY, WIDTH)).astype(np.float32)
    table[:, LOUD] *= 100
    table[0] = 0
    constants = {
        "table": table,
        "first": generator.normal(size=(WIDTH, 64)).astype(np.float32),
        "second": generator.normal(size=(64, 16)).astype(np.float32),
    }
    make, kinds = onnx.helper.make_node, onnx.TensorProto
    nodes = [
        make("Gather", ["table", "input_ids"], ["given"]),
        make("MatMul", ["given", "first"], ["middle"]),
        make("Relu", ["middle"], ["active"]),
        make("MatMul", ["active", "second"], ["states"]),
    ]
    inputs = [
        onnx.helper.make_tensor_value_info(name, kinds.INT64, ["b", "t"]) for name in ("input_ids", "attention_mask")
    ]
    outputs = [onnx.helper.make_tensor_value_info("states", kinds.FLOAT, ["b", "t", 16])]
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    built = onnx.helper.make_graph(nodes, "g", inputs, outputs, tensors)
    return onnx.helper.make_model(built, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10)


def run(model: onnx.ModelProto, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]


@pytest.fixture(scope="module")
def quantised() -> onnx.ModelProto:
    return quantise(graph(), np.random.default_rng(1).integers(0, VOCABULARY, (8, 12)))


def test_a_loud_channel_does_not_drown_the_others(quantised: onnx.ModelProto) -> None:
    ids = np.random.default_rng(2).integers(1, VOCABULARY, (4, 9))
    whole, small = run(graph(), ids), run(quantised, ids)
    assert np.abs(small - whole).max() < 0.01 * np.abs(whole).max()
    types = {constant.name: constant.data_type for constant in quantised.graph.initializer}
    kept = [name for name in types if name.endswith("_kept")]
    assert len(kept) == 1
    weight = onnx.numpy_helper.to_array(next(c for c in quantised.graph.initializer if c.name == kept[0]))
    assert weight.shape == (4, 64)
    assert sum(kind == onnx.TensorProto.INT8 for kind in types.values()) == 2
    assert not {"first", "second"} & set(types)


def test_a_token_of_zeros_stays_one_and_no_token_hangs_on_its_batch(quantised: onnx.ModelProto) -> None:
    ids = np.array([[0, 5, 9, 12], [3, 30, 0, 44]])
    both = run(quantised, ids)
    assert both[0, 0] == pytest.approx(np.zeros(16), abs=1e-5)
    alone = run(quantised, ids[1:, :2])
    assert both[1, :2] == pytest.approx(alone[0], abs=1e-5)


def test_the_quantised_graph_is_a_valid_one(quantised: onnx.ModelProto, tmp_path: Path) -> None:
    onnx.save(quantised, tmp_path / "small.onnx")
    assert {opset.domain for opset in quantised.opset_import} == {"", "com.microsoft"}
    used = {name for node in quantised.graph.node for name in node.input}
    assert {constant.name for constant in quantised.graph.initializer} <= used
