"""ONNX graphs written node by node.

Knows: nodes, constants, inputs, numbers that lie in another file, and how it all becomes a file.
Refuses to know: what a model is made of, torch, and running.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FUSED = "com.microsoft"  # ONNX Runtime's own operators


class Nodes:
    """A graph under construction. Methods add nodes and return the name of their output.

    Args:
        name: for whoever looks at the file.
    """

    opset = 17  # the oldest with all of these operators

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> str:
        """An input; axes that are named may have any length."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def constant(self, value: NDArray[np.generic]) -> str:
        """A constant; the same one twice is stored once."""
        content = numpy_helper.from_array(np.ascontiguousarray(value))
        name = next((n for n, c in self._constants.items() if _equal(c, content)), "")
        if not name:
            name = f"c{len(self._constants)}"
            content.name = name
            self._constants[name] = content
        return name

    def outside(
        self, path: str, kind: int, shape: Sequence[int], *, start: int, length: int
    ) -> str:
        """A constant whose bytes lie in a file beside the graph's.

        Args:
            path: the file, from the graph's folder.
            kind: of its numbers.
            shape: its shape.
            start: first byte in the file.
            length: bytes.
        """
        said = {"location": path, "offset": str(start), "length": str(length)}
        name = f"{kind}@{start}{list(shape)}"
        entries = [onnx.StringStringEntryProto(key=k, value=v) for k, v in said.items()]
        self._constants[name] = TensorProto(
            name=name,
            data_type=kind,
            dims=shape,
            data_location=TensorProto.EXTERNAL,
            external_data=entries,
        )
        return name

    def whole(self, *values: int) -> str:
        """A constant list of whole numbers, as many operators want for axes and bounds."""
        return self.constant(np.array(values, np.int64))

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:  # noqa: ANN401 - as in ONNX
        """A node with one output."""
        return self.add_many(kind, 1, *inputs, domain=domain, **attributes)[0]

    def add_many(
        self,
        kind: str,
        outputs: int,
        *inputs: str,
        domain: str = "",
        **attributes: Any,  # noqa: ANN401
    ) -> list[str]:
        """A node with several outputs."""
        number = len(self._nodes)
        names = [f"{kind}{number}.{i}" for i in range(outputs)]
        node = helper.make_node(kind, list(inputs), names, domain=domain, **attributes)
        self._nodes.append(node)
        return names

    def save(self, path: Path, outputs: Sequence[tuple[str, str]]) -> Path:
        """Write the graph.

        Args:
            path: the file.
            outputs: (the name that it shall have, the name that a method returned).
        """
        names = {inner: outer for outer, inner in outputs}
        for node in self._nodes:
            for ends in (node.input, node.output):
                ends[:] = [names.get(n, n) for n in ends]
        infos = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o, _ in outputs]
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, self.name, self._inputs, infos, constants)
        versions = [helper.make_opsetid("", self.opset), helper.make_opsetid(FUSED, 1)]
        onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=8), path)
        return path


def _equal(one: onnx.TensorProto, other: onnx.TensorProto) -> bool:
    same = one.data_type == other.data_type and one.dims == other.dims
    return same and one.raw_data == other.raw_data
