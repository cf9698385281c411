"""A text model as ONNX graphs, written node by node from what ONNX Runtime runs fastest on a CPU.

Knows: which operators a decoder is made of, where its weights lie in `model.safetensors`, and that
one graph takes one token of one conversation while another takes everything else.
Refuses to know: tokens' meaning, and running.

int8 matrices are multiplied by `DynamicQuantizeMatMul`: four to six times the speed of
`MatMulNBits` on batches and the same on one token. It has one scale for all its input, so rows are
first brought to the same reach and their products back; then what a row becomes does not depend on
the others (decision 0074).

Shapes: B sequences, S new tokens each, N = B S rows, C channels, D of a head, E experts,
K experts of a token, H inside them, V vocabulary, R rows whose logits are
wanted, P places in the cache.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from onnx import TensorProto

from voxhaus.core.errors import InputError
from voxhaus.models.language import layout
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.layout import BATCH, STEP
from voxhaus.models.language.quantise import FORM, SCALE
from voxhaus.models.language.tensors import FILE, Tensors
from voxhaus.models.nn.nodes import FUSED, Nodes

MANY = 16  # experts up to which each one is a matrix of its own, instead of QMoE's loop
_KINDS = {"F32": TensorProto.FLOAT, "I8": TensorProto.INT8}


class Decoder(Nodes):
    """A decoder under construction.

    Args:
        config: of the model.
        tensors: weights as `quantise.pack` writes them.
        single: the graph is for one token of one sequence.
    """

    opset = 18

    def __init__(self, config: LanguageConfig, tensors: Tensors, *, single: bool) -> None:
        super().__init__("step" if single else "batch")
        self.config, self.single = config, single
        self._tensors = tensors
        self._exact = tensors.about.get("format") != FORM
        if config.experts > MANY and _block(config) == 0:
            raise InputError(
                f"Experts of {config.hidden_size} by {config.expert_size} cannot be cut into "
                "blocks of 16 or more."
            )

    def build(self, path: Path) -> Path:
        """Write the graph of the whole model."""
        config = self.config
        ids = self.input("ids", ["b", "s"], TensorProto.INT64)
        lengths = self.input("lengths", ["b"], TensorProto.INT32)
        total = self.input("total", [], TensorProto.INT32)
        x = self._embed(ids)
        turns = self._turns()
        outputs: list[tuple[str, str]] = []
        h = self._norm(x, layout.layer(0) + "input_layernorm.weight")
        for number in range(config.layers):
            at = layout.layer(number)
            shape: list[int | str] = ["b", config.kv_heads, "p", config.head_dim]
            past = [self.input(f"past.{number}.{kind}", shape) for kind in ("key", "value")]
            made, *present = self._attention(h, at, past, lengths, total, turns)
            outputs += zip(
                [f"present.{number}.{k}" for k in ("key", "value")], present, strict=True
            )
            h, x = self._skip(made, x, at + "post_attention_layernorm.weight")
            made = self._experts(h, at) if config.experts else self._dense(h, at)
            last = number == config.layers - 1
            after = layout.NORM if last else layout.layer(number + 1) + "input_layernorm.weight"
            h, x = self._skip(made, x, after)
        logits = self._head(h)
        return self.save(path, [("logits", logits), *outputs])

    # Weights.

    def _weight(self, names: Iterable[str], shape: tuple[int, ...]) -> str:
        """Tensors that lie behind each other, as one."""
        places = [self._tensors.places[n] for n in names]
        for one, other in itertools.pairwise(places):
            if one.start + one.length != other.start:
                raise ValueError("tensors that are read as one do not lie together")
        length = sum(p.length for p in places)
        kind = _KINDS[places[0].kind]
        return self.outside(FILE, kind, shape, start=places[0].start, length=length)

    def _number(self, name: str) -> str:
        return self._weight([name], self._tensors.places[name].shape)

    def _matrix(self, names: list[str]) -> tuple[str, str]:
        """Matrices [O, I] as one of [I, sum of O], and the scales of its columns ("" if exact)."""
        rows = sum(self._tensors.places[n].shape[0] for n in names)
        columns = self._tensors.places[names[0]].shape[1]
        turned = self.add("Transpose", self._weight(names, (rows, columns)), perm=[1, 0])
        if self._exact:
            return turned, ""
        return turned, self._weight([n + SCALE for n in names], (rows,))

    # Steps.

    def _reach(self, x: str) -> tuple[str, str]:
        """Rows brought to a reach of one, and each one's reach [.., 1] ("" if there is no need)."""
        if self.single or self._exact:
            return x, ""
        reach = self.add("ReduceMax", self.add("Abs", x), self.whole(-1), keepdims=1)
        reach = self.add("Max", reach, self.constant(np.array(1e-9, np.float32)))
        return self.add("Div", x, reach), reach

    def _product(self, x: str, reach: str, matrix: tuple[str, str]) -> str:
        whole, scale = matrix
        if self._exact:
            return self.add("MatMul", x, whole)
        made = self.add("DynamicQuantizeMatMul", x, whole, scale, domain=FUSED)
        return self.add("Mul", made, reach) if reach else made

    def _linear(self, x: str, *names: str) -> str:
        """[.., I] times matrices side by side."""
        return self._product(*self._reach(x), self._matrix(list(names)))

    def _embed(self, ids: str) -> str:
        table = self._number(layout.EMBEDDING)
        rows = self.add("Gather", table, ids, axis=0)
        if self._exact:
            return rows
        wide = self.add("Cast", rows, to=TensorProto.FLOAT)
        name = layout.EMBEDDING + SCALE
        scales = self._weight([name], (self.config.vocab_size, 1))
        return self.add("Mul", wide, self.add("Gather", scales, ids, axis=0))

    def _head(self, h: str) -> str:
        wanted = self.input("rows", ["r"], TensorProto.INT64)
        flat = self.add("Reshape", h, self.whole(-1, self.config.hidden_size))
        rows = self.add("Gather", flat, wanted, axis=0)
        return self._linear(rows, layout.EMBEDDING if self.config.tied else layout.HEAD)

    def _turns(self) -> tuple[str, str]:
        """Cosines and sines of every position, [context, D / 2]; made once, when it is loaded."""
        half = np.arange(0, self.config.head_dim, 2, dtype=np.float32) / self.config.head_dim
        rates = (1.0 / self.config.rope_theta**half).astype(np.float32)
        steps = np.arange(self.config.context, dtype=np.float32)
        angles = self.add("Mul", self.constant(steps[:, None]), self.constant(rates[None, :]))
        return self.add("Cos", angles), self.add("Sin", angles)

    def _norm(self, x: str, name: str) -> str:
        eps = self.config.norm_eps
        scale = self._number(name)
        return self.add("SimplifiedLayerNormalization", x, scale, axis=-1, epsilon=eps)

    def _skip(self, made: str, x: str, name: str) -> tuple[str, str]:
        """The residual with what was made, normed and as it is."""
        normed, _, _, kept = self.add_many(
            "SkipSimplifiedLayerNormalization",
            4,
            made,
            x,
            self._number(name),
            domain=FUSED,
            epsilon=self.config.norm_eps,
        )
        return normed, kept

    def _attention(
        self,
        h: str,
        at: str,
        past: list[str],
        lengths: str,
        total: str,
        turns: tuple[str, str],
    ) -> list[str]:
        config = self.config
        qkv = self._linear(h, *(f"{at}self_attn.{n}_proj.weight" for n in "qkv"))
        if config.qk_norm:
            qkv = self._qk_norm(qkv, at)
        mixed, key, value = self.add_many(
            "GroupQueryAttention",
            3,
            qkv,
            "",
            "",
            *past,
            lengths,
            total,
            *turns,
            domain=FUSED,
            num_heads=config.heads,
            kv_num_heads=config.kv_heads,
            do_rotary=1,
        )
        return [self._linear(mixed, f"{at}self_attn.o_proj.weight"), key, value]

    def _qk_norm(self, qkv: str, at: str) -> str:
        """Each head of queries and keys normed: both at once, their scales in one table [H, D]."""
        config = self.config
        normed, dim = config.heads + config.kv_heads, config.head_dim
        sizes = self.whole(normed * dim, config.kv_heads * dim)
        qk, v = self.add_many("Split", 2, qkv, sizes, axis=-1)
        heads = self.add("Reshape", qk, self.whole(0, 0, normed, dim))
        ones = self.constant(np.ones(dim, np.float32))
        eps = config.norm_eps
        heads = self.add("SimplifiedLayerNormalization", heads, ones, axis=-1, epsilon=eps)
        scales = [
            self.add(
                "Expand", self._number(f"{at}self_attn.{n}_norm.weight"), self.whole(count, dim)
            )
            for n, count in (("q", config.heads), ("k", config.kv_heads))
        ]
        heads = self.add("Mul", heads, self.add("Concat", *scales, axis=0))
        flat = self.add("Reshape", heads, self.whole(0, 0, normed * dim))
        return self.add("Concat", flat, v, axis=-1)

    def _gated(self, both: str, inner: int) -> str:
        """SwiGLU of gate and up side by side, [.., 2 I] -> [.., I]."""
        gate, up = self.add_many("Split", 2, both, self.whole(inner, inner), axis=-1)
        return self.add("Mul", self.add("QuickGelu", gate, domain=FUSED, alpha=1.0), up)

    def _dense(self, h: str, at: str) -> str:
        both = self._linear(h, *(f"{at}mlp.{n}_proj.weight" for n in ("gate", "up")))
        return self._linear(
            self._gated(both, self.config.intermediate_size), f"{at}mlp.down_proj.weight"
        )

    # Experts.

    def _experts(self, h: str, at: str) -> str:
        config = self.config
        router = self.add("Transpose", self._number(f"{at}mlp.gate.weight"), perm=[1, 0])
        logits = self.add("MatMul", h, router)
        logits = self.add("Reshape", logits, self.whole(-1, config.experts))
        if not self._exact and _block(config) and (self.single or config.experts > MANY):
            return self._fused(h, logits, at)
        flat = self.add("Reshape", h, self.whole(-1, config.hidden_size))
        return self.add("Reshape", self._sorted(flat, logits, at), self.add("Shape", h))

    def _fused(self, h: str, logits: str, at: str) -> str:
        """QMoE: gate and up in turns, bytes around 128, a scale for each block of a row."""
        config = self.config
        E, H, C = config.experts, config.expert_size, config.hidden_size
        gates = [f"{at}mlp.experts.{e}.{n}_proj.weight" for e in range(E) for n in ("gate", "up")]
        downs = [f"{at}mlp.experts.{e}.down_proj.weight" for e in range(E)]
        fc1 = self._turned(self._weight(gates, (E, 2, H, C)), (E, 2 * H, C))
        fc2 = self._weight(downs, (E, C, H))
        scale1 = self._turned(self._weight([n + SCALE for n in gates], (E, 2, H, 1)), (E, 2 * H, 1))
        scale2 = self._weight([n + SCALE for n in downs], (E, C, 1))
        block = _block(config)
        spread = [
            self.add("Expand", s, self.whole(E, rows, columns // block))
            for s, rows, columns in ((scale1, 2 * H, C), (scale2, C, H))
        ]
        inputs = [h, logits, self._bytes(fc1), spread[0], "", self._bytes(fc2), spread[1]]
        if not config.norm_topk_prob:
            inputs += ["", "", "", "", "", "", "", self.add("Softmax", logits, axis=-1)]
        return self.add(
            "QMoE",
            *inputs,
            domain=FUSED,
            k=config.experts_per_token,
            expert_weight_bits=8,
            block_size=block,
            activation_type="swiglu",
            activation_alpha=1.0,
            activation_beta=0.0,
            swiglu_fusion=1,
            normalize_routing_weights=int(config.norm_topk_prob),
            weights_prepacked=0,
            accuracy_level=4,
        )

    def _turned(self, pairs: str, shape: tuple[int, ...]) -> str:
        """[E, 2, I, C] -> [E, I, 2, C] as [E, 2 I, C]."""
        turned = self.add("Transpose", pairs, perm=[0, 2, 1, 3])
        return self.add("Reshape", turned, self.whole(*shape))

    def _bytes(self, whole: str) -> str:
        """int8 around 0 as uint8 around 128: the highest bit turns over."""
        plain = self.add("Cast", whole, to=TensorProto.UINT8)
        return self.add("BitwiseXor", plain, self.constant(np.array(128, np.uint8)))

    def _sorted(self, flat: str, logits: str, at: str) -> str:
        """Rows sorted by their experts, one product for each, and sorted back."""
        config = self.config
        E, K, C = config.experts, config.experts_per_token, config.hidden_size
        if not config.norm_topk_prob:
            logits = self.add("Softmax", logits, axis=-1)
        best_NK, which_NK = self.add_many("TopK", 2, logits, self.whole(K), axis=-1)
        share_NK = best_NK
        if config.norm_topk_prob:
            share_NK = self.add("Softmax", best_NK, axis=-1)
        which = self.add("Reshape", which_NK, self.whole(-1))
        # The order of N K numbers below E, and where each went: two sorts of small whole numbers.
        count = self.add("Shape", which)
        _, order = self.add_many("TopK", 2, which, count, axis=0, largest=0)
        _, back = self.add_many("TopK", 2, order, count, axis=0, largest=0)
        even, reach = self._reach(flat)
        source = self.add("Div", order, self.whole(K))
        rows = self.add("Gather", even, source, axis=0)
        hot = self.add("OneHot", which, self.whole(E), self.whole(0, 1), axis=-1)
        counts = self.add("ReduceSum", hot, self.whole(0), keepdims=0)
        names = [f"{at}mlp.experts.{e}." for e in range(E)]
        gates = [[f"{n}{k}_proj.weight" for k in ("gate", "up")] for n in names]
        both = self._each(rows, counts, gates)
        if reach:
            both = self.add("Mul", both, self.add("Gather", reach, source, axis=0))
        inner, inner_reach = self._reach(self._gated(both, config.expert_size))
        made = self._each(inner, counts, [[f"{n}down_proj.weight"] for n in names])
        if inner_reach:
            made = self.add("Mul", made, inner_reach)
        together = self.add("Gather", made, back, axis=0)
        parted = self.add("Reshape", together, self.whole(-1, K, C))
        shares = self.add("Unsqueeze", share_NK, self.whole(-1))
        weighted = self.add("Mul", parted, shares)
        return self.add("ReduceSum", weighted, self.whole(1), keepdims=0)

    def _each(self, rows: str, counts: str, matrices: list[list[str]]) -> str:
        """Sorted rows, so many to each matrix, times that matrix."""
        parts = self.add_many("Split", len(matrices), rows, counts, axis=0)
        made = [
            self._product(part, "", self._matrix(names))
            for part, names in zip(parts, matrices, strict=True)
        ]
        return self.add("Concat", *made, axis=0)


def _block(config: LanguageConfig) -> int:
    """The longest blocks, of 16 to 128, that rows of all experts can be cut into; 0 if none."""
    for block in (128, 64, 32, 16):
        if config.hidden_size % block == 0 and config.expert_size % block == 0:
            return block
    return 0


def write(folder: Path) -> list[Path]:
    """Write both graphs of a folder that has a `config.json` and packed weights.

    Raises:
        InputError: the model is not of a kind that there is here.
        WeightsError: weights are missing or damaged.
    """
    import json

    said = json.loads((folder / "config.json").read_text("utf-8"))
    config, tensors = LanguageConfig.from_hugging_face(said), Tensors(folder)
    return [
        Decoder(config, tensors, single=name == STEP).build(folder / name) for name in (STEP, BATCH)
    ]
