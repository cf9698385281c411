"""Where text models lie, and fetching more of them.

Knows: shipped models, folders in Hugging Face's format, and what was pulled from the Hub.
Refuses to know: what is in them. The network is used by `pull` alone.
"""

import re
from pathlib import Path

from voxhaus.core.errors import InputError, VoxhausError, WeightsError
from voxhaus.core.paths import cache_root
from voxhaus.runtime import weights
from voxhaus.runtime.language.prepare import grown, is_ready, is_small, prepare, ready
from voxhaus.runtime.language.steps import STEP

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_WANTED = ("config.json", "generation_config.json", "tokenizer*.json", "*.safetensors*")
SUGGESTED = "HuggingFaceTB/SmolLM2-135M-Instruct"
_HOW = (
    f"Fetch one with: voxhaus pull {SUGGESTED} (it needs a network), or give a folder in Hugging "
    "Face's format."
)


def find(model: str) -> tuple[Path, str]:
    """The folder of a model, ready to run, and its name.

    Raises:
        InputError: there is no such model; the message says how to get one.
        WeightsError: files are missing or damaged.
        MissingExtraError: it has to be made ready, and packages for that are missing.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _runnable(folder), folder.resolve().name
    if _HUB_ID.fullmatch(model):
        pulled = place_of(model)
        if not is_ready(pulled):
            raise InputError(
                f"'{model}' is neither a folder nor a model that was fetched. Fetch it with: "
                f"voxhaus pull {model}",
                param="model",
            )
        return pulled, model
    if model not in {name for name, _ in weights.available()}:
        there = ", ".join(installed())
        how = f"Text models here: {there}." if there else _HOW
        raise InputError(f"There is no text model '{model}' here. {how}", param="model")
    found = weights.load(model)
    if STEP not in found.manifest["files"]:
        raise InputError(f"'{model}' is not a text model. {_HOW}", param="model")
    return _runnable(found.folder), found.model


def _runnable(folder: Path) -> Path:
    if is_ready(folder):
        return folder
    return grown(folder) if is_small(folder) else ready(folder)


def installed() -> list[str]:
    """Names that `find` takes: shipped text models, then those that were pulled."""
    shipped = [
        name
        for name, version in weights.available()
        if (weights.find(name, version) / STEP).is_file()
    ]
    root = cache_root() / "language" / "models"
    pulled = [p.name.replace("--", "/", 1) for p in sorted(root.glob("*--*")) if is_ready(p)]
    return [*dict.fromkeys(shipped), *pulled]


def place_of(model: str) -> Path:
    """Where a model of the Hub lies once it was pulled."""
    return cache_root() / "language" / "models" / model.replace("/", "--")


def pull(model: str, revision: str | None = None) -> Path:
    """Fetch a model from the Hugging Face Hub and make it ready to run.

    Args:
        model: its id, such as "HuggingFaceTB/SmolLM2-135M-Instruct".
        revision: a branch, tag or commit; the main branch if None.

    Returns:
        The folder; `find` takes the id from now on.

    Raises:
        InputError: that is no id, or the model is not of a kind that is supported.
        VoxhausError: it cannot be fetched; the message says why.
        MissingExtraError: the extra `convert` is missing.
    """
    if not _HUB_ID.fullmatch(model):
        raise InputError(
            f"'{model}' is no id of the Hugging Face Hub; one looks like {SUGGESTED}.",
            param="model",
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        fetched = snapshot_download(model, revision=revision, allow_patterns=list(_WANTED))
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        why = {
            401: "there is no such model, or it asks for an account",
            403: "it asks for an account (set HF_TOKEN)",
            404: "there is no such model or revision",
        }.get(status, str(error).splitlines()[0])
        raise VoxhausError(f"'{model}' cannot be fetched: {why}.") from error
    except (LocalEntryNotFoundError, OSError) as error:
        raise VoxhausError(
            f"'{model}' cannot be fetched: the Hub cannot be reached. Is there a network?"
        ) from error
    if not (Path(fetched) / "config.json").is_file():
        raise WeightsError(f"'{model}' has no config.json, so is no model of transformers.")
    return prepare(Path(fetched), place_of(model))
