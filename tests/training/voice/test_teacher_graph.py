"""The teacher's integer products become float ones with the same result."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="training needs the extra 'train'")

import onnxruntime as ort  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from voxhaus.training.voice import teacher_graph  # noqa: E402


def quantised_product():
    """y = x @ W + nothing, as dynamic quantisation writes it."""
    rng = np.random.default_rng(0)
    weight = rng.integers(0, 255, (8, 4)).astype(np.uint8)
    constants = {
        "w_quantized": weight,
        "w_zero": np.array(127, np.uint8),
        "w_scale": np.array(0.01, np.float32),
    }
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "q_scale", "q_zero"]),
        helper.make_node("Mul", ["q_scale", "w_scale"], ["scales"]),
        helper.make_node(
            "MatMulInteger",
            ["q", "w_quantized", "q_zero", "w_zero"],
            ["product"],
            name="/decoder/decoder/fc",
        ),
        helper.make_node("Cast", ["product"], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["as_float", "scales"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "quantised",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 4])],
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return model, (weight.astype(np.float32) - 127) * 0.01


def run(model, x):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def test_float_graph_is_the_exact_product():
    model, weight = quantised_product()
    x = np.random.default_rng(1).standard_normal((5, 8)).astype(np.float32)
    before = run(model, x)
    after = run(teacher_graph.dequantise_decoder(model), x)
    np.testing.assert_allclose(after, x @ weight, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(before, after, atol=0.1)
    kinds = {n.op_type for n in model.graph.node}
    assert "MatMul" in kinds
    assert "MatMulInteger" not in kinds


def test_products_outside_the_decoder_stay():
    model, _ = quantised_product()
    model.graph.node[2].name = "/encoder/fc"
    teacher_graph.dequantise_decoder(model)
    assert "MatMulInteger" in {n.op_type for n in model.graph.node}
