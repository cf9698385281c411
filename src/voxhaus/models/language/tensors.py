"""Files of tensors in the safetensors format.

Knows: its header, its number types (bfloat16 too, which numpy lacks), and views into a mapped file.
Refuses to know: what the tensors are for.

Written out here because order matters: tensors that lie behind each other can be read as one, so a
fused matrix costs no second copy (decision 0074). Source of the format:
https://huggingface.co/docs/safetensors (eight bytes of length, a JSON header, the numbers).
"""

import json
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.errors import WeightsError
from voxhaus.core.files import write_whole

Array = NDArray[Any]

_TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
}
_NAMES = {kind: name for name, kind in _TYPES.items() if name != "BF16"}
INDEX = "model.safetensors.index.json"
FILE = "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a tensor lies: bytes from `start` on in `path`."""

    path: Path
    kind: str
    shape: tuple[int, ...]
    start: int
    length: int


class Tensors(Mapping[str, Array]):
    """The tensors of a model folder, mapped and not read; numbers as they are stored.

    Args:
        folder: holds `model.safetensors`, or its parts with their index.
        file: the name of another file in it.

    Raises:
        WeightsError: a file is missing, cut short, or not in the format.
    """

    def __init__(self, folder: Path, file: str = "") -> None:
        self.places: dict[str, Place] = {}
        self.about: dict[str, str] = {}
        self._maps: dict[Path, mmap.mmap] = {}
        for path in [folder / file] if file else _files(folder):
            self._open(path)

    def _open(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._maps[path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            mapped = self._maps[path]
            size = int.from_bytes(mapped[:8], "little")
            header = json.loads(mapped[8 : 8 + size])
            self.about |= header.pop("__metadata__", {})
            for name, said in header.items():
                start, stop = said["data_offsets"]
                if 8 + size + stop > len(mapped):
                    raise ValueError("it is cut short")
                self.places[name] = Place(
                    path=path,
                    kind=said["dtype"],
                    shape=tuple(said["shape"]),
                    start=8 + size + start,
                    length=stop - start,
                )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"{path} is no whole file of tensors: {error}.") from error

    def __getitem__(self, name: str) -> Array:
        place = self.places[name]
        if place.kind not in _TYPES:
            raise WeightsError(f"Tensor {name} has numbers of type {place.kind}, unknown here.")
        kind = _TYPES[place.kind]
        count = place.length // kind.itemsize
        flat: Array = np.frombuffer(
            self._maps[place.path], dtype=kind, count=count, offset=place.start
        )
        return flat.reshape(place.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def number(self, name: str) -> NDArray[np.float32]:
        """A tensor as float32, whatever it is stored as; int8 with its scales.

        Raises:
            WeightsError: there is no such tensor.
        """
        if name not in self.places:
            raise WeightsError(f"The weights lack the tensor {name}.")
        stored, kind = self[name], self.places[name].kind
        if kind == "BF16":
            return (stored.astype(np.uint32) << 16).view(np.float32)
        if kind == "I8":
            scale = self[f"{name}_scale"].astype(np.float32)
            return stored.astype(np.float32) * scale[..., None]
        return stored.astype(np.float32, copy=False)


def _files(folder: Path) -> list[Path]:
    index = folder / INDEX
    if not index.is_file():
        if not (folder / FILE).is_file():
            raise WeightsError(f"{folder} holds no {FILE}.")
        return [folder / FILE]
    try:
        parts = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError) as error:
        raise WeightsError(f"{index} cannot be read.") from error
    # The index came with the weights: its names must not lead elsewhere.
    return [folder / Path(str(part)).name for part in parts]


def write(path: Path, tensors: Mapping[str, Array], about: Mapping[str, str]) -> dict[str, Place]:
    """Write tensors behind each other, in the order given.

    Args:
        path: the file.
        tensors: name -> numbers of a type that numpy has.
        about: free text for the header.

    Returns:
        Where each one lies.
    """
    header: dict[str, Any] = {"__metadata__": dict(about)} if about else {}
    at = 0
    for name, value in tensors.items():
        stop = at + value.nbytes
        kind = _NAMES[value.dtype.newbyteorder("<") if value.dtype.itemsize > 1 else value.dtype]
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [at, stop]}
        at = stop
    said = json.dumps(header, separators=(",", ":")).encode()
    said += b" " * (-len(said) % 8)
    parts = [len(said).to_bytes(8, "little"), said]
    write_whole(
        path, b"".join([*parts, *(np.ascontiguousarray(v).tobytes() for v in tensors.values())])
    )
    return Tensors(path.parent).places if path.name == FILE else {}
