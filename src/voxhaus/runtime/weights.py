"""Finding and trusting model files.

Knows: the layout MODEL/VERSION/ with its manifest, and checks every file before it is used.
Refuses to know: what the tensors mean.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxhaus.core.errors import InputError, WeightsError
from voxhaus.core.paths import weights_root

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
    """(model, version) of every model folder that has a manifest, sorted."""
    root = root or weights_root()
    found = [(p.parents[1].name, p.parent.name) for p in root.glob("*/*/manifest.json")]
    return sorted(found, key=lambda f: (f[0], int(f[1]) if f[1].isdecimal() else 0))


def find(model: str, version: str | None = None, root: Path | None = None) -> Path:
    """The folder of a model: the given version, or the newest.

    Raises:
        InputError: no such model; the message names those that there are.
        WeightsError: no weights at all.
    """
    root = root or weights_root()
    there = available(root)
    if not there:
        raise WeightsError(f"No model weights in {root}. {_REINSTALL}")
    versions = [v for m, v in there if m == model and version in (None, v)]
    if not versions:
        names = ", ".join(f"{m} {v}" for m, v in there)
        asked = model if version is None else f"{model} {version}"
        raise InputError(f"There is no model '{asked}'. Available: {names}.", param="model")
    return root / model / versions[-1]


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
    return Weights(model=model, version=folder.name, folder=folder, manifest=manifest)


def unchecked(folder: Path) -> Weights:
    """A folder that is still being made, with whatever files it has so far."""
    files: dict[str, Any] = {p.name: {} for p in folder.iterdir() if p.is_file()}
    manifest = {"files": files}
    return Weights(model="", version="", folder=folder, manifest=manifest)
