"""Text models for other people's programs: Hugging Face's format, and GGUF for llama.cpp.

Knows: the files, names and number types that those programs read.
Refuses to know: how models are run here.

int8 rows go into GGUF's Q8_0 as they are: a block of 32 numbers of a row gets the row's scale, so
nothing is rounded again but the scale, to float16. Hugging Face's format has plain numbers.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.errors import InputError, MissingExtraError, WeightsError
from voxhaus.models.language import layout
from voxhaus.models.language.chat_template import JINJA
from voxhaus.models.language.config import LLAMA, MIXTURE, LanguageConfig
from voxhaus.models.language.tensors import FILE, Array, Tensors, write
from voxhaus.models.text.tokenizer import Tokenizer

_BLOCK = 32  # numbers of a Q8_0 block
_PARTS = {
    "input_layernorm.weight": "attn_norm.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "self_attn.q_norm.weight": "attn_q_norm.weight",
    "self_attn.k_norm.weight": "attn_k_norm.weight",
    "mlp.gate.weight": "ffn_gate_inp.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
_ENDS = {
    layout.EMBEDDING: "token_embd.weight",
    layout.NORM: "output_norm.weight",
    layout.HEAD: "output.weight",
}
# llama.cpp knows pre-tokenizers by name; Qwen's is known by how its pattern begins.
_QWEN = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"


def to_hugging_face(folder: Path, target: Path, numbers: str = "float32") -> Path:
    """Write a folder that transformers and vLLM load.

    Args:
        folder: of a model, ready to run or in Hugging Face's format.
        target: the new folder.
        numbers: float32, which holds exactly what the runtime multiplies, or float16.

    Raises:
        InputError: the target is there already, or cannot be written.
        WeightsError: the model's files are missing or damaged.
    """
    config, tensors = _open(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is there already; give a new folder.", param="output")
    target.mkdir(parents=True, exist_ok=True)
    said = {**_read(folder / "config.json"), **config.to_hugging_face(), "dtype": numbers}
    (target / "config.json").write_text(json.dumps(said, indent=2))
    kind = np.float32 if numbers == "float32" else np.float16
    plain = {name: tensors.number(name).astype(kind) for name in layout.shapes(config)}
    write(target / FILE, plain, {"format": "pt"})
    Tokenizer.load(folder).save(target)
    (target / "tokenizer_config.json").write_text(json.dumps(_tokenizer_config(folder), indent=2))
    if (folder / "generation_config.json").is_file():
        shutil.copyfile(folder / "generation_config.json", target / "generation_config.json")
    return target


def _open(folder: Path) -> tuple[LanguageConfig, Tensors]:
    config = LanguageConfig.from_hugging_face(_read(folder / "config.json"))
    tensors = Tensors(folder)
    layout.check(config, {n: p.shape for n, p in tensors.places.items()})
    return config, tensors


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read: {error}.") from error
    return found


def _tokenizer_config(folder: Path) -> dict[str, Any]:
    """The folder's own, or one for our tokenizers."""
    path = folder / "tokenizer_config.json"
    if path.is_file():
        return _read(path)
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "chat_template": JINJA,
    }


def to_gguf(folder: Path, target: Path, blocks: str = "q8_0") -> Path:
    """Write a file that llama.cpp loads.

    Args:
        folder: of a model, ready to run or in Hugging Face's format.
        target: the file.
        blocks: q8_0, f16 or f32, for matrices; norms and routers stay in float32.

    Raises:
        InputError: llama.cpp has no such model, or the tokenizer's pattern is not known to it.
        WeightsError: the model's files are missing or damaged.
        MissingExtraError: the extra `convert` is missing.
    """
    try:
        import gguf
    except ImportError:
        raise MissingExtraError("gguf", "convert") from None
    config, tensors = _open(folder)
    if config.experts and not config.norm_topk_prob:
        raise InputError(
            "llama.cpp always scales the weights of a token's experts to one (norm_topk_prob); "
            "this model does not."
        )
    if not target.parent.is_dir():
        raise InputError(f"There is no folder {target.parent} to write to.", param="output")
    kind = {MIXTURE: "qwen3moe", LLAMA: "llama"}.get(config.architecture, "qwen3")
    part = target.with_name(f".{target.name}.part")
    writer: Any = gguf.GGUFWriter(part, kind)
    try:
        _sizes(writer, config)
        _vocabulary(writer, folder, config)
        for name, value, raw in _blocks(config, tensors, blocks, gguf):
            writer.add_tensor(name, value, raw_dtype=raw)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        part.replace(target)
    except OSError as error:
        raise InputError(
            f"{target} cannot be written: {error.strerror}.", param="output"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _sizes(writer: Any, config: LanguageConfig) -> None:  # noqa: ANN401 - untyped package
    writer.add_block_count(config.layers)
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_vocab_size(config.vocab_size)
    if config.experts:
        writer.add_expert_count(config.experts)
        writer.add_expert_used_count(config.experts_per_token)
        writer.add_expert_feed_forward_length(config.expert_size)


def _vocabulary(writer: Any, folder: Path, config: LanguageConfig) -> None:  # noqa: ANN401
    tokenizer, said = Tokenizer.load(folder), _read(folder / "tokenizer.json")
    normal, control, unused = 1, 3, 5
    names = [f"[PAD{i}]" for i in range(config.vocab_size)]
    kinds = [unused] * config.vocab_size
    for text, number in said["model"]["vocab"].items():
        names[number], kinds[number] = text, normal
    for added in said.get("added_tokens", []):
        names[added["id"]] = added["content"]
        kinds[added["id"]] = control if added["special"] else 4  # user defined
    merges = [m if isinstance(m, str) else " ".join(m) for m in said["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_pattern(said))
    writer.add_token_list(names)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_add_bos_token(False)
    for name, tell in (
        ("<|endoftext|>", (writer.add_bos_token_id, writer.add_pad_token_id)),
        ("<|im_end|>", (writer.add_eos_token_id,)),
    ):
        try:
            for each in tell:
                each(tokenizer.special(name))
        except WeightsError:
            continue
    template = _tokenizer_config(folder).get("chat_template")
    if isinstance(template, str):
        writer.add_chat_template(template)


def _pattern(said: Mapping[str, Any]) -> str:
    """llama.cpp's name for how a tokenizer cuts text before it merges."""
    pre = said.get("pre_tokenizer") or {}
    steps = pre.get("pretokenizers", [pre])
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"]:
        return "smollm"
    split = steps[0].get("pattern", {}).get("Regex", "") if kinds[0] == "Split" else ""
    if split.startswith(_QWEN):
        return "qwen2"
    raise InputError(
        f"llama.cpp's name for this tokenizer's pattern ({', '.join(map(str, kinds))}) is not "
        "known here; convert the Hugging Face folder with llama.cpp's convert_hf_to_gguf.py."
    )


def _blocks(
    config: LanguageConfig,
    tensors: Tensors,
    blocks: str,
    gguf: Any,  # noqa: ANN401 - untyped package
) -> Iterator[tuple[str, Array, Any]]:
    for name in layout.shapes(config):
        if ".experts." in name:
            continue
        yield _named(name), *_block(config, tensors, [name], blocks, gguf)
    for number in range(config.layers if config.experts else 0):
        for kind in ("gate", "up", "down"):
            at = f"{layout.layer(number)}mlp.experts."
            names = [f"{at}{e}.{kind}_proj.weight" for e in range(config.experts)]
            value, raw = _block(config, tensors, names, blocks, gguf)
            yield f"blk.{number}.ffn_{kind}_exps.weight", value, raw


def _named(name: str) -> str:
    if name in _ENDS:
        return _ENDS[name]
    number, part = name.removeprefix("model.layers.").split(".", 1)
    return f"blk.{number}.{_PARTS[part]}"


def _block(
    config: LanguageConfig,
    tensors: Tensors,
    names: list[str],
    blocks: str,
    gguf: Any,  # noqa: ANN401 - untyped package
) -> tuple[Array, Any]:
    """One tensor of GGUF, of several that are stacked: its numbers and their type."""
    kinds = gguf.GGMLQuantizationType
    whole = blocks == "q8_0" and tensors.places[names[0]].shape[-1] % _BLOCK == 0
    if not layout.is_matrix(names[0]):
        value, raw = tensors.number(names[0]), kinds.F32
    elif whole and tensors.places[names[0]].kind == "I8":
        parts = [_as_q8(tensors[n], tensors.number(f"{n}_scale")) for n in names]
        value, raw = np.stack(parts), kinds.Q8_0
    elif whole:
        numbers = np.stack([tensors.number(n) for n in names])
        value, raw = gguf.quants.quantize(numbers, kinds.Q8_0), kinds.Q8_0
    else:
        numbers = np.stack([tensors.number(n) for n in names])
        value = numbers if blocks == "f32" else numbers.astype(np.float16)
        raw = kinds.F32 if blocks == "f32" else kinds.F16
    if len(names) == 1 and layout.is_matrix(names[0]):
        value = value[0]
    if config.architecture == LLAMA and names[0].endswith(("q_proj.weight", "k_proj.weight")):
        value = _in_turns(value, config.head_dim)
    return np.ascontiguousarray(value), raw


def _as_q8(whole_OI: NDArray[np.int8], scale_O: NDArray[np.float32]) -> NDArray[np.uint8]:
    """int8 rows as Q8_0: for each block two bytes of scale and 32 of numbers."""
    rows, columns = whole_OI.shape
    count = columns // _BLOCK
    made = np.empty((rows, count, 2 + _BLOCK), np.uint8)
    made[:, :, :2] = scale_O.astype(np.float16)[:, None, None].view(np.uint8)
    made[:, :, 2:] = whole_OI.reshape(rows, count, _BLOCK).view(np.uint8)
    return made.reshape(rows, -1)


def _in_turns(value: Array, dim: int) -> Array:
    """Rows of each head from halves to pairs: llama.cpp rotates neighbours in this architecture."""
    parts = value.reshape(-1, 2, dim // 2, *value.shape[1:])
    return parts.swapaxes(1, 2).reshape(value.shape)
