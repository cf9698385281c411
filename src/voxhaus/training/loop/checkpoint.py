"""Checkpoints that are there whole or not at all.

Knows: naming, writing by one process or many, renaming when whole, finding the newest, keeping a
few, and filling tensors again, whoever holds which part of them now.
Refuses to know: what the state holds.

A checkpoint is a folder `step-NNNNNNNN`: tensors in torch's distributed format, whose parts may be
read by another number of processes than wrote them, and `rest.pt` for everything else. Older ones,
a file `step-NNNNNNNN.pt`, are read as well.
"""

import contextlib
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata

from voxhaus.core.errors import VoxhausError
from voxhaus.training.loop.processes import ALONE, Processes

_REST = "rest.pt"
_KINDS = "kinds"


def save(
    folder: Path,
    step: int,
    tensors: Mapping[str, Mapping[str, Tensor]],
    rest: Mapping[str, Any],
    *,
    keep: int = 2,
    processes: Processes = ALONE,
) -> Path:
    """Write a checkpoint and drop all but the newest `keep`; return its path.

    Every process calls this. It is written under another name and renamed when it is whole.

    Args:
        folder: of the run; on a file system that all processes share.
        step: its number.
        tensors: by kind and name, sharded or whole; of whole ones the first process's are taken.
        rest: what else there is, small; the first process's is taken.
        keep: how many there may be.
        processes: that train together.

    Raises:
        VoxhausError: it could not be written, as on a full disk; those before are untouched.
    """
    path = folder / f"step-{step:08d}"
    partial = folder / f"{path.name}.partial"
    with _said(path, folder, partial, processes):
        with processes.together():
            if processes.first:
                folder.mkdir(parents=True, exist_ok=True)
                for left_over in folder.glob("step-*.partial"):
                    _drop(left_over)
                partial.mkdir()
        with _quiet():
            state_dict_saver.save(
                joint(tensors),
                storage_writer=FileSystemWriter(partial),
                no_dist=processes.alone,
            )
        with processes.together():
            if processes.first:
                _write(partial / _REST, {**rest, _KINDS: list(tensors)})
                if path.exists():  # a run that was turned back to an earlier step
                    _drop(path)
                partial.rename(path)
                _sync(folder)
                for old in _all(folder)[:-keep]:
                    _drop(old)
    return path


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's notice that there is one process, as asked."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


@contextlib.contextmanager
def _said(path: Path, folder: Path, partial: Path, processes: Processes) -> Iterator[None]:
    """One sentence for whatever goes wrong while writing."""
    try:
        yield
    # torch.distributed's own exception is no Exception; RuntimeError is what its streams raise.
    except (OSError, RuntimeError, CheckpointException) as error:
        if processes.first:
            _drop(partial)
        there = [p for p in _all(folder) if p != path]
        kept = f"The last good one is {there[-1]}." if there else "There is none before it."
        raise VoxhausError(
            f"The checkpoint {path} could not be written: {_reason(error)}. {kept}"
        ) from error


def _reason(error: BaseException) -> str:
    """The system's words where it was the system; torch's streams cover them with their own."""
    if isinstance(error, CheckpointException):
        inner = next(iter(error.failures.values()))
        return _reason(inner[0] if isinstance(inner, tuple) else inner)
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, OSError) and below.strerror:
            return below.strerror
        below = below.__cause__ or below.__context__
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def joint(tensors: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors by "kind/name"."""
    return {f"{kind}/{name}": t for kind, named in tensors.items() for name, t in named.items()}


def _write(path: Path, rest: dict[str, Any]) -> None:
    with path.open("wb") as file:
        torch.save(rest, file)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make renamings in a folder outlive a loss of power, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _drop(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _all(folder: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    found = [*folder.glob("step-*.pt"), *(p.parent for p in folder.glob(f"step-*/{_REST}"))]
    return sorted((p for p in found if p.suffix != ".partial"), key=lambda p: p.stem)


def begun(folder: Path) -> bool:
    """Whether there is a checkpoint in `folder`."""
    return bool(_all(folder))


def newest_path(folder: Path) -> Path | None:
    """The newest checkpoint in `folder`, or None."""
    found = _all(folder)
    return found[-1] if found else None


def newest(folder: Path) -> dict[str, Any] | None:
    """The state of the newest checkpoint in `folder`, every tensor whole and on the CPU, or None.

    Raises:
        VoxhausError: it is damaged.
    """
    path = newest_path(folder)
    if path is None:
        return None
    if path.is_file():
        return rest(path)
    said = sizes(path)
    tensors = {name: torch.empty(shape, dtype=dtype) for name, (shape, dtype) in said.items()}
    fill(path, tensors)
    found = rest(path)
    found |= {kind: {} for kind in found.pop(_KINDS)}
    for name, tensor in tensors.items():
        kind, _, key = name.partition("/")
        found[kind][key] = tensor
    return found


def sizes(path: Path) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Shape and precision of every tensor in a checkpoint, by "kind/name".

    Raises:
        VoxhausError: it is damaged.
    """
    with _readable(path):
        metadata = FileSystemReader(path).read_metadata()
        return {
            name: (about.size, about.properties.dtype)
            for name, about in metadata.state_dict_metadata.items()
            if isinstance(about, TensorStorageMetadata)
        }


def rest(path: Path) -> dict[str, Any]:
    """What else than tensors by kind was saved.

    Raises:
        VoxhausError: it is damaged.
    """
    file = path if path.is_file() else path / _REST
    with _readable(path):
        found: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return found


def compare(
    path: Path, said: Mapping[str, tuple[torch.Size, torch.dtype]], tensors: Mapping[str, Tensor]
) -> None:
    """Refuse a checkpoint of another model or optimiser.

    Raises:
        VoxhausError: it lacks a tensor, has one that is not wanted, or one of another shape.
    """
    shapes = {name: shape for name, (shape, _) in said.items()}
    wanted = {name: tensor.shape for name, tensor in tensors.items()}
    other = sorted(n for n in shapes.keys() | wanted.keys() if shapes.get(n) != wanted.get(n))
    if other:
        name = other[0]
        has, asked = (
            f"has it as {list(sizes_of[name])}" if name in sizes_of else "has no such tensor"
            for sizes_of in (shapes, wanted)
        )
        raise VoxhausError(
            f"The checkpoint {path} is of another model or optimiser: of {name}, it {has}, and "
            f"this run {asked}. Use another folder, or the settings that it was made with."
        )


def fill(path: Path, tensors: Mapping[str, Tensor], *, processes: Processes = ALONE) -> None:
    """Read tensors in place; each process reads the parts that it holds. Every process calls this.

    Args:
        path: of the checkpoint.
        tensors: by "kind/name"; shapes as in the checkpoint.
        processes: that train together.

    Raises:
        VoxhausError: it is damaged, or lacks one of the tensors.
    """
    with _readable(path), _quiet():
        state_dict_loader.load(
            dict(tensors),
            storage_reader=FileSystemReader(path),
            no_dist=processes.alone,
        )


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (CheckpointException, Exception) as error:
        raise VoxhausError(
            f"The checkpoint {path} cannot be read ({_reason(error)}). Remove it to go on from the "
            "one before."
        ) from error
