"""The sizes of a text model, and how Hugging Face's `config.json` says them.

Knows: which architectures and features there are here, by the names of other people's files.
Refuses to know: layers, tensors, tokenizers, and how a model is made or run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voxhaus.core.errors import InputError

MIXTURE, DENSE, LLAMA = "Qwen3MoeForCausalLM", "Qwen3ForCausalLM", "LlamaForCausalLM"
ARCHITECTURES = {MIXTURE: "qwen3_moe", DENSE: "qwen3", LLAMA: "llama"}

# What a config.json says when a feature is off; anything else asks for what is not here.
_OFF: Mapping[str, tuple[Any, ...]] = {
    "hidden_act": ("silu",),
    "attention_bias": (False, None),
    "mlp_bias": (False, None),
    "use_sliding_window": (False, None),
    "decoder_sparse_step": (1, None),
    "mlp_only_layers": ([], None),
    "quantization_config": (None,),
    "pretraining_tp": (1, None),
}


@dataclass(frozen=True, kw_only=True)
class LanguageConfig:
    """Widths and depths of a decoder.

    RMSNorm before attention and feed-forward, rotary positions in halves, grouped-query attention,
    SwiGLU; no biases. The defaults make a mixture of experts of about 40 M parameters.

    Attributes:
        vocab_size: tokens, rows of the embedding.
        hidden_size: width of the residual stream.
        layers: blocks.
        heads: of queries.
        kv_heads: of keys and values; divides `heads`.
        head_dim: width of a head; even. `heads * head_dim` need not be `hidden_size`.
        intermediate_size: of a dense feed-forward; unused where there are experts.
        experts: in each layer; 0 is a dense model.
        experts_per_token: that are used, the best by the router.
        expert_size: width inside an expert.
        rope_theta: base of the rotary frequencies.
        norm_eps: of every RMSNorm.
        context: positions it was made for.
        tied: the head is the embedding.
        qk_norm: RMSNorm of each query and key head, before the rotation.
        norm_topk_prob: weights of the chosen experts are scaled to add up to one.
    """

    vocab_size: int = 8192
    hidden_size: int = 384
    layers: int = 6
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 64
    intermediate_size: int = 1536
    experts: int = 8
    experts_per_token: int = 2
    expert_size: int = 768
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-6
    context: int = 1024
    tied: bool = True
    qk_norm: bool = True
    norm_topk_prob: bool = True

    def __post_init__(self) -> None:
        """Refuse sizes that no decoder has.

        Raises:
            InputError: a size is not positive, or two do not fit each other.
        """
        sizes = ("vocab_size", "hidden_size", "layers", "heads", "kv_heads", "head_dim", "context")
        inner = ("experts_per_token", "expert_size") if self.experts else ("intermediate_size",)
        for name in (*sizes, *inner):
            if getattr(self, name) < 1:
                raise InputError(f"A text model's {name} must be at least 1.", param=name)
        if self.experts < 0 or (self.experts and self.experts_per_token > self.experts):
            raise InputError(
                f"{self.experts_per_token} experts a token cannot be chosen of {self.experts}.",
                param="experts_per_token",
            )
        if self.heads % self.kv_heads:
            raise InputError(
                f"{self.heads} heads cannot share {self.kv_heads} heads of keys and values evenly.",
                param="kv_heads",
            )
        if self.head_dim % 2:
            raise InputError(
                f"Rotary positions need an even head_dim; it is {self.head_dim}.", param="head_dim"
            )
        if self.experts and not self.qk_norm:
            raise InputError(
                "Experts without QK-norm have no architecture to be exported as.", param="qk_norm"
            )

    @property
    def architecture(self) -> str:
        """The name of its class in transformers."""
        if self.experts:
            return MIXTURE
        return DENSE if self.qk_norm else LLAMA

    @property
    def parameters(self) -> int:
        """Numbers in the model, embedding included."""
        return self._count(self.experts)

    @property
    def active_parameters(self) -> int:
        """Numbers that one token meets, embedding included."""
        return self._count(self.experts_per_token if self.experts else 0)

    def _count(self, experts: int) -> int:
        width, head = self.hidden_size, self.head_dim
        attention = 2 * width * head * (self.heads + self.kv_heads)
        norms = 2 * width + (2 * head if self.qk_norm else 0)
        if self.experts:
            feed = width * self.experts + experts * 3 * width * self.expert_size
        else:
            feed = 3 * width * self.intermediate_size
        ends = self.vocab_size * width * (1 if self.tied else 2) + width
        return self.layers * (attention + norms + feed) + ends

    @classmethod
    def from_hugging_face(cls, said: Mapping[str, Any]) -> "LanguageConfig":
        """Read a parsed `config.json`.

        Raises:
            InputError: the architecture or a feature is not here (the message names it), or a size
                is missing.
        """
        architecture = _architecture(said)
        _refuse(said, architecture)
        mixture = architecture == MIXTURE
        try:
            width, heads = int(said["hidden_size"]), int(said["num_attention_heads"])
            return cls(
                vocab_size=int(said["vocab_size"]),
                hidden_size=width,
                layers=int(said["num_hidden_layers"]),
                heads=heads,
                kv_heads=int(said.get("num_key_value_heads") or heads),
                head_dim=int(said.get("head_dim") or width // heads),
                intermediate_size=int(said["intermediate_size"]),
                experts=_experts(said) if mixture else 0,
                experts_per_token=int(said["num_experts_per_tok"]) if mixture else 0,
                expert_size=int(said["moe_intermediate_size"]) if mixture else 0,
                rope_theta=_rope_theta(said),
                norm_eps=float(said.get("rms_norm_eps", 1e-6)),
                context=int(said["max_position_embeddings"]),
                tied=bool(said.get("tie_word_embeddings", False)),
                qk_norm=architecture != LLAMA,
                norm_topk_prob=bool(said.get("norm_topk_prob", False)) if mixture else True,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"config.json cannot be used: {_missing(error)}.") from error

    def to_hugging_face(self) -> dict[str, Any]:
        """The `config.json` that transformers, vLLM and llama.cpp read.

        Ids of special tokens are the tokenizer's affair and added by whoever writes the file.
        Names that changed between versions of transformers stand under both.
        """
        said: dict[str, Any] = {
            "architectures": [self.architecture],
            "model_type": ARCHITECTURES[self.architecture],
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.intermediate_size,
            "hidden_act": "silu",
            "max_position_embeddings": self.context,
            "rms_norm_eps": self.norm_eps,
            "rope_theta": self.rope_theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "tie_word_embeddings": self.tied,
            "attention_bias": False,
            "use_cache": True,
        }
        if self.experts:
            said |= {
                "num_experts": self.experts,
                "num_local_experts": self.experts,
                "num_experts_per_tok": self.experts_per_token,
                "moe_intermediate_size": self.expert_size,
                "norm_topk_prob": self.norm_topk_prob,
                "decoder_sparse_step": 1,
                "mlp_only_layers": [],
            }
        return said


def _architecture(said: Mapping[str, Any]) -> str:
    names = said.get("architectures") or []
    by_type = {kind: name for name, kind in ARCHITECTURES.items()}
    name = names[0] if names else by_type.get(str(said.get("model_type")), said.get("model_type"))
    if name not in ARCHITECTURES:
        raise InputError(
            f"The architecture {name or '(none is named)'} is not supported; supported are "
            f"{', '.join(ARCHITECTURES)}."
        )
    return str(name)


def _refuse(said: Mapping[str, Any], architecture: str) -> None:
    for name, off in _OFF.items():
        if name in said and said[name] not in off:
            raise InputError(
                f"This {architecture} asks for {name} = {said[name]!r}, which is not supported."
            )
    kinds = {str(k) for k in said.get("layer_types") or [] if k != "full_attention"}
    if kinds:
        raise InputError(
            f"This {architecture} asks for layers of {', '.join(sorted(kinds))}; only "
            "full_attention is supported."
        )
    scaling = said.get("rope_scaling") or said.get("rope_parameters") or {}
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind != "default":
        raise InputError(
            f"This {architecture} asks for rotary positions of type '{kind}'; only the default "
            "ones are supported."
        )


def _experts(said: Mapping[str, Any]) -> int:
    return int(said["num_experts"] if "num_experts" in said else said["num_local_experts"])


def _rope_theta(said: Mapping[str, Any]) -> float:
    newer = said.get("rope_parameters") or {}
    return float(newer.get("rope_theta", said.get("rope_theta", 10_000.0)))


def _missing(error: Exception) -> str:
    return f"it lacks {error.args[0]}" if isinstance(error, KeyError) else str(error)
