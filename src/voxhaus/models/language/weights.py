"""A text model in Hugging Face's folder format, in both directions.

Knows: the names and shapes of tensors in transformers' checkpoints, safetensors files, whole or in
shards, and how to tell that a file holds the model that was meant.
Refuses to know: tokenizers (their files are bytes here), training, quantising.

Experts are stacked in the model and single in files: `mlp.gate_up_proj` [E, 2F, D] becomes
`mlp.experts.0.gate_proj.weight` [F, D] and so on. Corrupting them silently on the way is the
field's recurring mistake, so `save` reads back what it wrote and compares answers (decision 0076).
"""

import contextlib
import hashlib
import importlib
import importlib.util
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from voxhaus.core.errors import InputError, MissingExtraError, WeightsError
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.model import LanguageModel
from voxhaus.models.nn.decoder import PlainFeedForward, rotations

CONFIG, SINGLE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
TOKENIZER = "tokenizer.json"
# A key of config.json that transformers keeps and nobody else reads.
DIGEST = "tokenizer_sha256"
_HEAD, _EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
_STACKED = re.compile(r"(.*\.mlp)\.(gate_up_proj|down_proj)")
_SINGLE_EXPERT = re.compile(r"(.*\.mlp)\.experts\.(\d+)\.(gate|up|down)_proj\.weight")
# Old Llama files carry a table that follows from config.json.
_DERIVED = re.compile(r".*\.rotary_emb\.inv_freq")
# Logits may differ by this share of the largest one: float32 sums in another order.
_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Largest differences of logits, as a share of the largest logit, on the same ids.

    Attributes:
        reloaded: the file read back by `load`, against the model (rounded as the file is).
        transformers: the file read by transformers; None where that is not installed.
    """

    reloaded: float
    transformers: float | None


def unstacked(state: Mapping[str, Tensor], config: LanguageConfig) -> dict[str, Tensor]:
    """A model's state under transformers' names, experts one by one; views, not copies."""
    named: dict[str, Tensor] = {}
    for name, value in state.items():
        stacked = _STACKED.fullmatch(name)
        if name == _HEAD and config.tied:
            continue
        if stacked is None or value.dim() != 3:
            named[name] = value
            continue
        place, kind = stacked.groups()
        for expert, matrix in enumerate(value):
            kinds = ("gate", "up") if kind == "gate_up_proj" else ("down",)
            for part, rows in zip(kinds, matrix.chunk(len(kinds)), strict=True):
                named[f"{place}.experts.{expert}.{part}_proj.weight"] = rows
    return named


def stacked(named: Mapping[str, Tensor], config: LanguageConfig) -> dict[str, Tensor]:
    """The inverse of `unstacked`: the state that `LanguageModel` loads.

    Args:
        named: every tensor, and nothing else; `load` has seen to that.
        config: of the model.
    """
    state: dict[str, Tensor] = {}
    for name, value in named.items():
        found = _SINGLE_EXPERT.fullmatch(name)
        if found is None:
            state[name] = value
        elif found[2] == "0" and found[3] != "up":
            kinds = ("gate", "up") if found[3] == "gate" else ("down",)
            matrices = [
                torch.cat([named[f"{found[1]}.experts.{e}.{k}_proj.weight"] for k in kinds])
                for e in range(config.experts)
            ]
            state[f"{found[1]}.{'_'.join(k for k in kinds)}_proj"] = torch.stack(matrices)
    if config.tied:
        state[_HEAD] = state[_EMBEDDING]
    return state


def save(
    folder: Path,
    model: LanguageModel,
    *,
    dtype: torch.dtype = torch.bfloat16,
    beside: Mapping[str, bytes] | None = None,
    said: Mapping[str, Any] | None = None,
    shard: str = "5GB",
) -> Parity:
    """Write a folder that transformers, vLLM and llama.cpp's converter read; then read it back.

    The folder is there whole or not at all; one that was there before is replaced.

    Args:
        folder: its name will be the model's.
        model: with SwiGLU or experts.
        dtype: of the tensors in the file.
        beside: further files by name, such as `tokenizer.json` and `generation_config.json`. The
            digest of a `tokenizer.json` is written into `config.json`, and `load` compares it.
        said: further keys of `config.json`, such as `eos_token_id`.
        shard: largest size of one file.

    Returns:
        How far the file's answers are from the model's.

    Raises:
        InputError: the baseline with GPT-2's feed-forward, which no architecture in the file holds.
        WeightsError: what was written does not give the model's answers; the folder is not kept.
        MissingExtraError: safetensors is not installed.
    """
    if any(isinstance(m, PlainFeedForward) for m in model.modules()):
        raise InputError("The baseline with GPT-2's feed-forward cannot be exported: no supported "
                         "architecture has it.")  # fmt: skip
    beside = dict(beside or {})
    config = model.config.to_hugging_face() | {"dtype": str(dtype).removeprefix("torch.")}
    if TOKENIZER in beside:
        config[DIGEST] = hashlib.sha256(beside[TOKENIZER]).hexdigest()
    with whole_folder(folder) as partial:
        _write_tensors(partial, unstacked(model.state_dict(), model.config), dtype, shard)
        beside[CONFIG] = (json.dumps(config | dict(said or {}), indent=2) + "\n").encode()
        for name, content in beside.items():
            (partial / name).write_bytes(content)
        return check(partial, model)


def _write_tensors(folder: Path, named: dict[str, Tensor], dtype: torch.dtype, shard: str) -> None:
    safetensors = _library("safetensors.torch", "safetensors")
    hub = _library("huggingface_hub", "huggingface_hub")
    named = {n: t.detach().to("cpu", dtype).contiguous() for n, t in named.items()}
    plan = hub.split_torch_state_dict_into_shards(
        named, max_shard_size=shard, filename_pattern="model{suffix}.safetensors"
    )
    for file, names in plan.filename_to_tensors.items():
        tensors = {n: named[n] for n in names}
        safetensors.save_file(tensors, folder / file, metadata={"format": "pt"})
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", "utf-8")


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into that takes its name when the block ends well; else it is gone."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        for path in partial.rglob("*"):
            if path.is_file():
                with path.open("rb") as written:
                    os.fsync(written.fileno())
        if folder.exists():
            old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
            folder.replace(old)
            partial.replace(folder)
            shutil.rmtree(old)
        else:
            partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def load(folder: Path, *, dtype: torch.dtype = torch.float32) -> LanguageModel:
    """Build a model from a folder; every tensor must be there, fit, and hold numbers.

    Raises:
        InputError: no config.json, or one of a model that is not supported.
        WeightsError: tensors are missing, unknown, of other shapes, damaged or not finite, or the
            tokenizer is not the one that the weights were trained with. The message names them.
        MissingExtraError: safetensors is not installed.
    """
    said = _json(folder / CONFIG)
    config = LanguageConfig.from_hugging_face(said)
    _check_tokenizer(folder, said)
    with torch.device("meta"):
        model = LanguageModel(config)
    wanted = {n: tuple(t.shape) for n, t in unstacked(model.state_dict(), config).items()}
    named = _tensors(folder)
    if config.tied and _HEAD in named:
        if not torch.equal(named[_HEAD], named.get(_EMBEDDING, named[_HEAD])):
            raise WeightsError(
                f"{folder} cannot be used: config.json says that the head is the embedding, and "
                "the file has another head."
            )
        del named[_HEAD]
    _compare(folder, wanted, named)
    named = {n: t.to(dtype) for n, t in named.items()}
    model.load_state_dict(stacked(named, config), assign=True)
    if config.tied:
        model.lm_head.weight = model.model.embed_tokens.weight
    model.cos, model.sin = rotations(config.context, config.head_dim, config.rope_theta)
    return model.requires_grad_()


def _json(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(
            f"{path.parent} is no model folder: {path.name} cannot be read ({error.strerror})."
        ) from error
    except ValueError as error:
        raise WeightsError(f"{path} is damaged: it is not JSON.") from error
    if not isinstance(said, dict):
        raise WeightsError(f"{path} is damaged: it is not a JSON object.")
    return said


def _check_tokenizer(folder: Path, said: Mapping[str, Any]) -> None:
    path, wanted = folder / TOKENIZER, said.get(DIGEST)
    if wanted is None or not path.is_file():
        return
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wanted:
        raise WeightsError(
            f"The tokenizer in {folder} is not the one that its weights were trained with: the "
            f"digest is {found[:12]}, and config.json says {str(wanted)[:12]}."
        )


def _tensors(folder: Path) -> dict[str, Tensor]:
    safetensors = _library("safetensors", "safetensors")
    if (folder / INDEX).is_file():
        files = sorted(set(_json(folder / INDEX)["weight_map"].values()))
    else:
        files = [SINGLE]
    named: dict[str, Tensor] = {}
    for file in files:
        if not (folder / file).is_file():
            raise WeightsError(f"{folder} cannot be used: {file} is missing.")
        try:
            with safetensors.safe_open(folder / file, framework="pt") as opened:
                named |= {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except safetensors.SafetensorError as error:
            raise WeightsError(f"{folder / file} is damaged: {error}.") from error
    return {n: t for n, t in named.items() if not _DERIVED.fullmatch(n)}


def _compare(
    folder: Path, wanted: Mapping[str, tuple[int, ...]], named: Mapping[str, Tensor]
) -> None:
    """Refuse tensors that are not exactly the wanted ones."""
    wrong = [_listed("it lacks", [n for n in wanted if n not in named])]
    wrong.append(_listed("it has unknown", [n for n in named if n not in wanted]))
    for name in wanted.keys() & named.keys():
        shape = tuple(named[name].shape)
        if shape != wanted[name]:
            wrong.append(f"{name} is {list(shape)} where config.json asks for {list(wanted[name])}")
        elif not named[name].is_floating_point():
            wrong.append(f"{name} is {named[name].dtype}, which is not a floating-point number")
        elif not named[name].isfinite().all():
            wrong.append(f"{name} holds values that are not finite")
    said = [w for w in wrong if w]
    if said:
        more = f" (and {len(said) - 3} more)" if len(said) > 3 else ""
        raise WeightsError(f"{folder} cannot be used: {'; '.join(said[:3])}{more}.")


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{what} {', '.join(names[:3])}{more}"


def check(folder: Path, model: LanguageModel) -> Parity:
    """Compare the answers of a model with those of the folder that was written from it.

    Raises:
        WeightsError: they differ by more than float32 sums in another order do.
    """
    reloaded = load(folder)
    tokens_BT = _probe(model.config)
    stored = getattr(torch, str(_json(folder / CONFIG).get("dtype", "float32")))
    rounded = {
        n: t.detach().to("cpu", stored).float()
        for n, t in model.state_dict().items()
        if not (model.config.tied and n == _HEAD)
    }
    buffers = {n: b.to("cpu") for n, b in model.named_buffers()}
    with torch.no_grad():
        mine = torch.func.functional_call(reloaded, rounded | buffers, (tokens_BT,))
        theirs = _transformers_logits(folder, tokens_BT)
        parity = Parity(
            reloaded=_apart(mine, reloaded(tokens_BT)),
            transformers=None if theirs is None else _apart(mine, theirs),
        )
    for reader, apart in (("this package", parity.reloaded), ("transformers", parity.transformers)):
        if apart is not None and not apart <= _TOLERANCE:
            raise WeightsError(
                f"The file that was written does not hold the model: read back by {reader}, its "
                f"logits are off by {apart:.2g} of the largest one."
            )
    return parity


def _probe(config: LanguageConfig) -> Tensor:
    """Ids [2, T] that are the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(config.vocab_size, (2, min(64, config.context)), generator=generator)


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / one.abs().max().clamp_min(1e-30))


def _transformers_logits(folder: Path, tokens_BT: Tensor) -> Tensor | None:
    if importlib.util.find_spec("transformers") is None:
        return None
    import transformers

    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, attn_implementation="sdpa"
        )
    finally:
        if shown:
            logging.enable_progress_bar()
    logits: Tensor = model.eval()(tokens_BT).logits
    return logits.float()


def _library(module: str, package: str) -> Any:  # noqa: ANN401 - a module
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(package, "language") from error
