"""The tensors that a model is made of, by the names that transformers gives them.

Knows: names, shapes and one order, in which matrices that are read together lie together.
Refuses to know: what is done with them.

Order of a layer: norm, q k v (one matrix to the runtime), norms of heads, o, norm, router, gate and
up of each expert, then every expert's down.
"""

from collections.abc import Mapping

from voxhaus.core.errors import WeightsError
from voxhaus.models.language.config import LanguageConfig

STEP, BATCH = "step.onnx", "batch.onnx"  # the graphs beside them
EMBEDDING, NORM, HEAD = "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"


def layer(number: int) -> str:
    """What the names of a layer begin with."""
    return f"model.layers.{number}."


def shapes(config: LanguageConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor, in the order in which they are written."""
    found: dict[str, tuple[int, ...]] = {EMBEDDING: (config.vocab_size, config.hidden_size)}
    for number in range(config.layers):
        found |= _layer(config, layer(number))
    found[NORM] = (config.hidden_size,)
    if not config.tied:
        found[HEAD] = (config.vocab_size, config.hidden_size)
    return found


def _layer(config: LanguageConfig, at: str) -> dict[str, tuple[int, ...]]:
    width, head = config.hidden_size, config.head_dim
    queries, keys = config.heads * head, config.kv_heads * head
    found: dict[str, tuple[int, ...]] = {
        f"{at}input_layernorm.weight": (width,),
        f"{at}self_attn.q_proj.weight": (queries, width),
        f"{at}self_attn.k_proj.weight": (keys, width),
        f"{at}self_attn.v_proj.weight": (keys, width),
    }
    if config.qk_norm:
        found |= {f"{at}self_attn.{n}_norm.weight": (head,) for n in "qk"}
    found[f"{at}self_attn.o_proj.weight"] = (width, queries)
    found[f"{at}post_attention_layernorm.weight"] = (width,)
    if not config.experts:
        inner = config.intermediate_size
        found |= {f"{at}mlp.{n}_proj.weight": (inner, width) for n in ("gate", "up")}
        return found | {f"{at}mlp.down_proj.weight": (width, inner)}
    found[f"{at}mlp.gate.weight"] = (config.experts, width)
    for expert in range(config.experts):
        for name in ("gate", "up"):
            shape = (config.expert_size, width)
            found[f"{at}mlp.experts.{expert}.{name}_proj.weight"] = shape
    for expert in range(config.experts):
        found[f"{at}mlp.experts.{expert}.down_proj.weight"] = (width, config.expert_size)
    return found


def is_matrix(name: str) -> bool:
    """Whether a tensor may be rounded: neither a norm nor a router."""
    return not name.endswith(("norm.weight", "mlp.gate.weight"))


def check(config: LanguageConfig, there: Mapping[str, tuple[int, ...]]) -> None:
    """See whether tensors are those of a model.

    Args:
        config: of the model.
        there: name -> shape.

    Raises:
        WeightsError: one is missing or has another shape; the message names it.
    """
    for name, shape in shapes(config).items():
        if name not in there:
            raise WeightsError(f"The weights lack the tensor {name}.")
        if there[name] != shape:
            raise WeightsError(
                f"The tensor {name} has the shape {list(there[name])}; config.json makes it "
                f"{list(shape)}."
            )
