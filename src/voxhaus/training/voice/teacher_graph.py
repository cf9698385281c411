"""Surgery on the teacher's quantised ONNX graph.

Knows: how to turn the dynamically quantised decoder back into float weights and to cut the graph
where text and prosody end and the waveform decoder begins.
Refuses to know: text, voices, files of the corpus.

The cut exists for speed. The first part (text, prosody, sine source) must stay in float32; the
second (convolutions, 95 % of the time) loses little in bfloat16 and doubles its rate there; the
inverse STFT at the end is exact again.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.utils import Extractor

TEXT_FEATURES = "/encoder/MatMul_1_output_0"
PITCH = "/encoder/F0_proj/Conv_output_0"
ENERGY = "/encoder/N_proj/Conv_output_0"
SOURCE_SPECTRUM = "/decoder/decoder/generator/Concat_3_output_0"
DURATIONS = "/encoder/Clip_output_0"
EXACT_DURATIONS = "/encoder/Div_output_0"
SPECTRUM = "/decoder/decoder/generator/conv_post/Conv_output_0"

HEARD = [TEXT_FEATURES, PITCH, ENERGY, SOURCE_SPECTRUM]  # what the decoder needs
PROSODY = [PITCH, ENERGY, DURATIONS, EXACT_DURATIONS]
FRONT_OUTPUTS = [*HEARD, DURATIONS, EXACT_DURATIONS]
_BACK_SHAPES: dict[str, list[int | str | None]] = {
    TEXT_FEATURES: [1, 512, "frames"],
    PITCH: [1, 1, "halves"],
    ENERGY: [1, 1, "halves"],
    SOURCE_SPECTRUM: [1, 22, "hops"],
    "style": [1, 256],
}


class _Graph:
    """Look-ups over one graph: producers, consumers and constants by tensor name."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.constants = {i.name: i for i in graph.initializer}
        self.producer = {o: n for n in graph.node for o in n.output}
        self.consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.consumers.setdefault(name, []).append(node)

    def constant(self, name: str) -> np.ndarray:
        """The float constant that `name` is computed from, through reshapes and roundings."""
        while name not in self.constants:
            node = self.producer[name]
            if node.op_type == "Constant":
                return numpy_helper.to_array(node.attribute[0].t)
            name = node.input[0]
        return numpy_helper.to_array(self.constants[name])

    def add_constant(self, name: str, value: np.ndarray) -> str:
        self.graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def weight_scale(self, scales: onnx.NodeProto) -> np.ndarray:
        """Of a product `activation scale * weight scale`, the constant factor."""
        for name in scales.input:
            made_by = self.producer.get(name)
            if made_by is None or made_by.op_type != "DynamicQuantizeLinear":
                return self.constant(name)
        raise ValueError(f"no constant scale in {scales.name}")


def _float_node(g: _Graph, node: onnx.NodeProto) -> tuple[onnx.NodeProto, list[onnx.NodeProto]]:
    """The float equivalent of one integer product, and the chain of nodes that it replaces."""
    chain, after, bias = [node], g.consumers[node.output[0]][0], None
    if after.op_type == "Add":
        other = next(i for i in after.input if i != node.output[0])
        bias = g.constant(other).reshape(-1)
        chain.append(after)
        after = g.consumers[after.output[0]][0]
    rescale = g.consumers[after.output[0]][0]
    chain += [after, rescale]
    scale = g.weight_scale(g.producer[next(i for i in rescale.input if i != after.output[0])])
    zero = g.constant(node.input[3]).astype(np.int32) if len(node.input) > 3 else 0
    weight = (g.constant(node.input[1]).astype(np.int32) - zero) * scale
    inputs = [g.producer[node.input[0]].input[0], g.add_constant(f"{node.name}_float", weight)]
    if bias is not None:
        inputs.append(g.add_constant(f"{node.name}_bias", bias))
    kind = "Conv" if node.op_type == "ConvInteger" else "MatMul"
    made = helper.make_node(kind, inputs, [rescale.output[0]], name=f"{node.name}_float")
    made.attribute.extend(node.attribute)
    return made, chain


def dequantise_decoder(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace the decoder's integer products by float ones, in place; return the model."""
    g = _Graph(model.graph)
    made: dict[int, onnx.NodeProto] = {}
    dropped: set[int] = set()
    for node in model.graph.node:
        if node.op_type in ("ConvInteger", "MatMulInteger") and "decoder/decoder" in node.name:
            new, chain = _float_node(g, node)
            made[id(chain[-1])] = new
            dropped.update(map(id, chain))
    nodes = [made.get(id(n), n) for n in model.graph.node if id(n) in made or id(n) not in dropped]
    _set_nodes(model.graph, nodes)
    return model


def _set_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    known = {i.name for i in graph.initializer} | {i.name for i in graph.input} | {""}
    ordered: list[onnx.NodeProto] = []
    while nodes:
        waiting = []
        for node in nodes:
            if all(name in known for name in node.input):
                ordered.append(node)
                known.update(node.output)
            else:
                waiting.append(node)
        if len(waiting) == len(nodes):
            raise ValueError("the graph has a cycle or a missing input")
        nodes = waiting
    del graph.node[:]
    graph.node.extend(ordered)


def _drop_unused(model: onnx.ModelProto) -> None:
    used = {name for node in model.graph.node for name in node.input}
    kept = [i for i in model.graph.initializer if i.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    del model.graph.value_info[:]


def split(model_path: Path, front_path: Path, back_path: Path) -> None:
    """Write the text-and-prosody half and the decoder half of the teacher.

    front: tokens int64 [1, L], style [1, 256], speed [1] -> FRONT_OUTPUTS.
    back: HEARD and style -> log-magnitude and phase [1, 22, hops].
    """
    model = dequantise_decoder(onnx.load(model_path))
    for name in [*FRONT_OUTPUTS, SPECTRUM]:
        model.graph.value_info.append(helper.make_tensor_value_info(name, 1, None))
    extractor = Extractor(model)
    front = extractor.extract_model(["tokens", "style", "speed"], FRONT_OUTPUTS)
    back = extractor.extract_model(list(_BACK_SHAPES), [SPECTRUM])
    del back.graph.input[:]
    for name, shape in _BACK_SHAPES.items():
        back.graph.input.append(helper.make_tensor_value_info(name, 1, shape))
    for part, path in ((front, front_path), (back, back_path)):
        _drop_unused(part)
        onnx.save(part, path)
