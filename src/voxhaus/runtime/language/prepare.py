"""From a folder in Hugging Face's format to one that the runtime loads.

Knows: which files a ready folder has, where ready folders are kept, and that half of one is never
seen.
Refuses to know: architectures and operators (`voxhaus.models.language` writes the graphs).

This is the one module of the runtime that leads to `onnx`, and only once a folder must be made
ready: models that are shipped or were pulled run without it.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voxhaus.core.errors import InputError, MissingExtraError, VoxhausError, WeightsError
from voxhaus.core.paths import cache_root
from voxhaus.models.language.compress import SMALL, grow
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.tensors import FILE, Tensors
from voxhaus.models.text.tokenizer import FILE_NAME, Tokenizer
from voxhaus.runtime.language.steps import BATCH, STEP

FORM = 1  # of ready folders; a higher number makes all of them anew
_COPIED = (FILE_NAME, "tokenizer_config.json", "generation_config.json")


def is_ready(folder: Path) -> bool:
    """Whether the runtime can load a folder as it is."""
    return all((folder / name).is_file() for name in (STEP, BATCH, FILE, "config.json"))


def is_small(folder: Path) -> bool:
    """Whether a folder is ready but for weights that are stored in fewer bits."""
    return all((folder / name).is_file() for name in (STEP, BATCH, SMALL, "config.json"))


def grown(folder: Path) -> Path:
    """The ready form of a small folder, written if it is not in the cache; needs no extra.

    Raises:
        WeightsError: the weights are damaged.
        VoxhausError: the cache cannot be written.
    """
    place = cache_root() / "language" / "grown" / f"{folder.parent.name}-{_fingerprint(folder)}"
    if is_ready(place):
        return place
    with _made(place) as made:
        grow(folder, made)
        for name in (STEP, BATCH, "config.json", *_COPIED):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, made / name)
    return place


def ready(folder: Path) -> Path:
    """The ready form of a folder in Hugging Face's format, made if it is not in the cache.

    Raises: as for `prepare`.
    """
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} is no model folder: it has no config.json.", param="model")
    place = cache_root() / "language" / "ready" / f"{folder.resolve().name}-{_fingerprint(folder)}"
    return place if is_ready(place) else prepare(folder, place)


def _fingerprint(folder: Path) -> str:
    """Changes with every file that matters, without reading weights."""
    said = [str(FORM), str(folder.resolve())]
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.safetensors")]):
        about = path.stat()
        said.append(f"{path.name} {about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def prepare(folder: Path, place: Path, *, exact: bool = False) -> Path:
    """Make a ready folder: weights rounded to int8 and in order, graphs, tokenizer.

    Args:
        folder: in Hugging Face's format.
        place: the ready folder; replaced if it exists.
        exact: keep float32, as for comparisons.

    Returns:
        `place`.

    Raises:
        InputError: the architecture is not supported, or nothing can be written.
        WeightsError: files are missing or damaged, or the tokenizer is of a kind that is not read.
        MissingExtraError: the extra `convert` is missing.
    """
    try:
        from voxhaus.models.language import graph, quantise
    except ImportError:
        raise MissingExtraError("onnx", "convert") from None
    config = _config(folder)
    Tokenizer.load(folder)
    with _made(place) as made:
        (made / "config.json").write_text(json.dumps(config.to_hugging_face(), indent=1))
        quantise.pack(config, Tensors(folder), made, exact=exact)
        graph.write(made)
        for name in _COPIED:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, made / name)
    return place


@contextmanager
def _made(place: Path) -> Iterator[Path]:
    """A folder to write into, which takes its place once all is well."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".making-") as made_in:
            made = Path(made_in) / "model"
            made.mkdir()
            yield made
            if place.exists():
                shutil.rmtree(place)
            made.replace(place)
    except OSError as error:
        raise VoxhausError(f"{place} cannot be written: {error.strerror}.") from error


def _config(folder: Path) -> LanguageConfig:
    path = folder / "config.json"
    try:
        return LanguageConfig.from_hugging_face(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path} cannot be read: {error}.") from error
