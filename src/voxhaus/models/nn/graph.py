"""ONNX graphs written node by node, from the operators that ONNX Runtime runs fastest on a CPU.

Knows: the blocks of `voxhaus.models.nn.blocks` as fused operators, and int8 matrices.
Refuses to know: what a model is made of, and running.

A tracer writes what Python did: shapes that are looked up, masks of ones, norms in a dozen steps.
Here a block is a handful of nodes on [T, C] (one utterance, so no batch axis), and what conditions
its norms is given from outside.

Shapes: T time steps, C channels, N norms.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor, nn

from voxhaus.models.nn.blocks import AttentionBlock, ShiftBlock, rotary
from voxhaus.models.nn.nodes import FUSED, Nodes

# The largest int8 weight, and the largest sum of two that follow each other in a column. Processors
# without VNNI add pairs of uint8 x int8 products in 16 bits, where 255 x 128 is the most that fits;
# larger sums are cut off there, and 0.7 per cent of error becomes 4.
LARGEST = LARGEST_PAIR = 127

EPSILON = 1e-6  # of ConditionedNorm


def array(x: Tensor) -> NDArray[np.float32]:
    """A parameter as float32."""
    out: NDArray[np.float32] = x.detach().float().numpy()
    return out


def rounded(weight_IO: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A matrix as int8, one scale a column: (whole numbers [I, O], scales [O])."""
    pairs = np.abs(weight_IO[:-1:2] + weight_IO[1::2])
    scale_O = np.maximum(np.abs(weight_IO).max(0) / LARGEST, pairs.max(0) / LARGEST_PAIR)
    scale_O = np.maximum(scale_O, 1e-8).astype(np.float32)
    return np.round(weight_IO / scale_O).astype(np.int8), scale_O


class Graph(Nodes):
    """A graph under construction. Methods add nodes and return the name of their output.

    Args:
        name: for whoever looks at the file.
        exact: keep all matrices in float32, as for tests.
    """

    def __init__(self, name: str, *, exact: bool = False) -> None:
        super().__init__(name)
        self.exact = exact

    # What models are made of.

    def linear(
        self,
        x: str,
        layer: nn.Linear,
        *,
        exact: bool = False,
        reach_I: NDArray[np.float32] | None = None,
    ) -> str:
        """A linear layer [T, I] -> [T, O]; float32 if `exact`, else int8, scaled as it comes.

        Args:
            x: its input.
            layer: weights and bias.
            exact: do not round.
            reach_I: the largest inputs of each channel. If given, channels are first made alike,
                which leaves more of the int8 range to small ones (SmoothQuant, Xiao et al. 2023,
                at its even balance).
        """
        weight_IO = array(layer.weight).T
        if reach_I is not None and not (exact or self.exact):
            even_I = np.sqrt(np.maximum(reach_I, 1e-3) / np.maximum(np.abs(weight_IO).max(1), 1e-6))
            x = self.add("Mul", x, self.constant((1 / even_I).astype(np.float32)))
            weight_IO = weight_IO * even_I[:, None]
        bias = self.constant(array(layer.bias)) if layer.bias is not None else ""
        if exact or self.exact:
            inputs = [x, self.constant(weight_IO), *([bias] if bias else [])]
            return self.add("Gemm", *inputs)
        whole, scale = self._rounded(weight_IO)
        return self.add("DynamicQuantizeMatMul", x, whole, scale, "", bias, domain=FUSED)

    def _rounded(self, weight_IO: NDArray[np.float32]) -> tuple[str, str]:
        whole_IO, scale_O = rounded(weight_IO)
        return self.constant(whole_IO), self.constant(scale_O)

    def silu(self, x: str) -> str:
        """The input times its logistic."""
        return self.add("QuickGelu", x, domain=FUSED, alpha=1.0)

    def rows(self, table: NDArray[np.float32], at: str) -> str:
        """Rows of a table [V, C] at whole numbers [T] -> [T, C]."""
        return self.add("Gather", self.constant(table), at, axis=0)

    def norm(self, x: str, scale: str, shift: str) -> str:
        """ConditionedNorm, given what its style asks for: scale and shift, [C] each."""
        scaled = self.add("SimplifiedLayerNormalization", x, scale, axis=-1, epsilon=EPSILON)
        return self.add("Add", scaled, shift)

    def _beside(self, x: str, zero: str, dilation: int) -> str:
        """Each step beside two at a distance, [T, C] -> [T, 3 C]."""
        padded = self.add("Pad", x, self.whole(dilation, 0, dilation, 0), zero)
        first, last = self.whole(0), self.whole(1 << 30)
        before = self.add("Slice", padded, first, self.whole(-2 * dilation))
        after = self.add("Slice", padded, self.whole(2 * dilation), last)
        return self.add("Concat", before, x, after, axis=1)

    def mix(self, x: str, layer: nn.Linear, dilation: int) -> str:
        """A linear layer over each step and two at a distance.

        Steps are quantised once and not three times, and moved as bytes.
        """
        if self.exact:
            zero = self.constant(np.zeros((), np.float32))
            return self.linear(self._beside(x, zero, dilation), layer)
        small, scale, zero = self.add_many("DynamicQuantizeLinear", 3, x)
        whole, scales = self._rounded(array(layer.weight).T)
        bias = self.constant(array(layer.bias))
        beside = self._beside(small, zero, dilation)
        inputs = (beside, whole, scale, scales, zero, "", bias)
        return self.add("MatMulIntegerToFloat", *inputs, domain=FUSED)

    def shift_block(self, x: str, block: ShiftBlock, condition: tuple[str, str]) -> str:
        """`ShiftBlock` without a mask."""
        h = self.norm(x, *condition)
        h = self.silu(self.mix(h, block.mix, block.dilation))
        return self.add("Add", x, self.linear(h, block.out))

    def attention_block(
        self, x: str, block: AttentionBlock, conditions: Sequence[tuple[str, str]], longest: int
    ) -> str:
        """`AttentionBlock` without a mask, for at most `longest` steps."""
        qkv = self.linear(self.norm(x, *conditions[0]), block.qkv)
        batched = self.add("Unsqueeze", qkv, self.whole(0))
        q, k, v = self.add_many("Split", 3, batched, axis=-1)
        channels = block.proj.in_features
        turns = [self.constant(array(t)) for t in rotary(longest, channels // block.heads)]
        start = self.whole(0)
        q, k = (self.add("RotaryEmbedding", p, start, *turns, domain=FUSED) for p in (q, k))
        heads = block.heads
        mixed = self.add("MultiHeadAttention", q, k, v, domain=FUSED, num_heads=heads)
        flat = self.add("Squeeze", mixed, self.whole(0))
        x = self.add("Add", x, self.linear(flat, block.proj))
        h = self.silu(self.linear(self.norm(x, *conditions[1]), block.up))
        return self.add("Add", x, self.linear(h, block.down))

    def conditions(self, given: str, count: int) -> list[tuple[str, str]]:
        """Scales and shifts in one row [2 N C] -> N pairs of names, each [C]."""
        parts = self.add_many("Split", 2 * count, given, axis=0)
        return list(zip(parts[::2], parts[1::2], strict=True))

    def halves(self, value: NDArray[np.float32]) -> str:
        """A constant that is stored in float16 and widened at every run."""
        small = self.constant(value.astype(np.float32 if self.exact else np.float16))
        return small if self.exact else self.add("Cast", small, to=TensorProto.FLOAT)
