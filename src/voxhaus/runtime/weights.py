"""Finding and trusting model files.

Knows: the layout MODEL/VERSION/ with its manifest, the two places where models lie (shipped ones, a
user's own voices), and checks every file before it is used.
Refuses to know: what the tensors mean.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxhaus.core.errors import InputError, WeightsError
from voxhaus.core.paths import voices_root, weights_root

_REINSTALL = "Reinstall voxhaus, or restore the folder from the repository."


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One checked model folder.

    Attributes:
        model: name, such as "voxhaus-voice-1".
        version: the folder's name; versions are whole numbers.
        folder: where the files lie.
        manifest: the parsed `manifest.json`.
    """

    model: str
    version: str
    folder: Path
    manifest: dict[str, Any]

    def path(self, name: str) -> Path:
        """A file of the manifest.

        Raises:
            WeightsError: the manifest does not name it.
        """
        if name not in self.manifest["files"]:
            raise WeightsError(f"{self.model} {self.version} has no file {name}. {_REINSTALL}")
        return self.folder / name

    def json(self, name: str) -> Any:  # noqa: ANN401 - the caller knows the file's shape
        """A JSON file of the manifest, parsed."""
        return json.loads(self.path(name).read_text("utf-8"))


def available(root: Path | None = None) -> list[tuple[str, str]]:
    """(model, version) of every model folder that has a manifest, sorted.

    Args:
        root: look there only, instead of among the shipped models and the user's own voices.
    """
    found = {
        (p.parents[1].name, p.parent.name)
        for r in _roots(root)
        for p in r.glob("*/*/manifest.json")
    }
    return sorted(found, key=lambda f: (f[0], int(f[1]) if f[1].isdecimal() else 0))


def _roots(root: Path | None) -> list[Path]:
    return [root] if root else [weights_root(), voices_root()]


def find(model: str, version: str | None = None, root: Path | None = None) -> Path:
    """The folder of a model: the given version, or the newest.

    Args:
        model: its name, or the path of a model folder (anything with a "/" in it).
        version: a version of a named model.
        root: as for `available`.

    Raises:
        InputError: no such model; the message names those that there are.
        WeightsError: no weights at all.
    """
    if "/" in model or "\\" in model:
        return _at(Path(model))
    there = available(root)
    if not there:
        raise WeightsError(f"No model weights in {root or weights_root()}. {_REINSTALL}")
    versions = [v for m, v in there if m == model and version in (None, v)]
    if not versions:
        names = ", ".join(f"{m} {v}" for m, v in there)
        asked = model if version is None else f"{model} {version}"
        raise InputError(f"There is no model '{asked}'. Available: {names}.", param="model")
    places = (r / model / versions[-1] for r in _roots(root))
    return next(p for p in places if (p / "manifest.json").is_file())


def _at(folder: Path) -> Path:
    if not (folder / "manifest.json").is_file():
        raise InputError(f"{folder} is no model folder: it has no manifest.json.", param="model")
    return folder


def damaged(folder: Path) -> list[str]:
    """What is wrong with a model folder, one sentence a file; empty when all is well."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        files = manifest["files"].items()
    except (OSError, ValueError, KeyError, AttributeError) as error:
        return [f"manifest.json cannot be read ({type(error).__name__})"]
    wrong = []
    for name, about in files:
        path = folder / name
        if not path.is_file():
            wrong.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != about["sha256"]:
            wrong.append(f"{name} is damaged (its checksum differs from the manifest)")
    return wrong


def load(model: str, version: str | None = None, root: Path | None = None) -> Weights:
    """Find a model and check every file of it against the manifest.

    Raises:
        InputError: no such model.
        WeightsError: a file is missing or its checksum differs; the message names it.
    """
    folder = find(model, version, root)
    wrong = damaged(folder)
    if wrong:
        raise WeightsError(
            f"{model} {folder.name} cannot be used: {'; '.join(wrong)}. {_REINSTALL}"
        )
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    name = manifest.get("model", model)
    return Weights(model=name, version=folder.name, folder=folder, manifest=manifest)


def unchecked(folder: Path) -> Weights:
    """A folder that is still being made, with whatever files it has so far."""
    files: dict[str, Any] = {p.name: {} for p in folder.iterdir() if p.is_file()}
    manifest = {"files": files}
    return Weights(model="", version="", folder=folder, manifest=manifest)
