"""int8 rows in fewer bits, for shipping.

Knows: blocks of a row that share a reach, numbers of 2 to 8 bits packed behind each other, and the
file that holds them.
Refuses to know: what runs them: they become int8 rows again before anything does.

The limit on a repository is on bytes, the runtime's speed is that of int8. So a row's whole numbers
v are stored in blocks of 32: m, the greatest |v|, and q = round(v Q / m) with Q = 2^(bits-1) - 1;
what is read again is round(q m / Q). A block costs `bits` a number and 8 for m, so 4 bits are 4.25.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.errors import InputError, WeightsError
from voxhaus.models.language.tensors import FILE, Array, Tensors, write

BLOCK = 32
SMALL = "small.safetensors"
BITS, REACH, SHAPES = "_bits", "_reach", "shapes"


def compressed(
    whole_OI: NDArray[np.int8], bits: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Rows as (packed numbers, reach of each block).

    Args:
        whole_OI: int8 rows.
        bits: of a number, 2 to 8.

    Raises:
        InputError: other bits.
    """
    if not 2 <= bits <= 8:
        raise InputError(f"A number has 2 to 8 bits here, not {bits}.", param="bits")
    most = 2 ** (bits - 1) - 1
    blocks = _in_blocks(whole_OI.astype(np.float32))
    reach = np.abs(blocks).max(1)
    kept = np.round(blocks * (most / np.maximum(reach, 1))[:, None]) + most
    eights = kept.astype("<u8").reshape(-1, 8)
    together = np.bitwise_or.reduce(eights << _shifts(bits), axis=1)
    bytes_ = together[:, None].view(np.uint8)[:, :bits]
    return np.ascontiguousarray(bytes_).reshape(-1), reach.astype(np.uint8)


def expanded(
    packed: NDArray[np.uint8], reach: NDArray[np.uint8], shape: tuple[int, ...], bits: int
) -> NDArray[np.int8]:
    """The rows that `compressed` stored, as near as `bits` can say."""
    most = 2 ** (bits - 1) - 1
    wide = np.zeros((len(packed) // bits, 8), np.uint8)
    wide[:, :bits] = packed.reshape(-1, bits)
    kept = (wide.view("<u8") >> _shifts(bits)) & np.uint64(2**bits - 1)
    # What each number of a block of each reach is again.
    numbers = np.arange(2**bits, dtype=np.float32) - most
    table = np.round(np.arange(128, dtype=np.float32)[:, None] * numbers / most).astype(np.int8)
    found = table[reach[:, None], kept.reshape(-1, BLOCK).astype(np.uint8)]
    return found.reshape(-1)[: int(np.prod(shape))].reshape(shape)


def _shifts(bits: int) -> NDArray[np.uint64]:
    """Where each of eight numbers begins in a word that holds them all."""
    return np.arange(8, dtype=np.uint64) * np.uint64(bits)


def _in_blocks(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """All numbers in blocks; the last is filled up. A block may go over the end of a row."""
    flat = value.reshape(-1)
    return np.pad(flat, (0, -len(flat) % BLOCK)).reshape(-1, BLOCK)


def shrink(folder: Path, target: Path, bits: int) -> Path:
    """Store the weights of a ready folder in fewer bits.

    Args:
        folder: with `model.safetensors` as `quantise.pack` writes it.
        target: the folder that gets `small.safetensors`.
        bits: of a number.

    Raises:
        InputError: bits that cannot be.
        WeightsError: the weights are missing or damaged.
    """
    tensors = Tensors(folder)
    found: dict[str, Array] = {}
    for name, place in tensors.places.items():
        if place.kind == "I8":
            found[name + BITS], found[name + REACH] = compressed(tensors[name], bits)
        else:
            found[name] = tensors[name]
    order = ",".join(f"{n}:{'x'.join(map(str, p.shape))}" for n, p in tensors.places.items())
    about = {**tensors.about, SHAPES: order, "bits": str(bits)}
    write(target / SMALL, found, about)
    return target / SMALL


def grow(folder: Path, target: Path) -> Path:
    """Write `model.safetensors` of a folder that has `small.safetensors`: same names, same places.

    Raises:
        WeightsError: the small file is damaged.
    """
    tensors = Tensors(folder, SMALL)
    try:
        bits = int(tensors.about["bits"])
        found = dict(_grown(tensors, tensors.about[SHAPES], bits))
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{folder / SMALL} is damaged: {error}.") from error
    about = {k: v for k, v in tensors.about.items() if k not in (SHAPES, "bits")}
    write(target / FILE, found, about)
    return target / FILE


def _grown(tensors: Tensors, order: str, bits: int) -> Iterator[tuple[str, Array]]:
    for entry in order.split(","):
        name, _, sizes = entry.rpartition(":")
        shape = tuple(map(int, sizes.split("x")))
        if name in tensors:
            yield name, tensors[name]
        else:
            yield name, expanded(tensors[name + BITS], tensors[name + REACH], shape, bits)


def loss(folder: Path, bits: int) -> Mapping[str, float]:
    """What fewer bits would cost: norm of the difference by the norm, for each int8 matrix."""
    tensors = Tensors(folder)
    found = {}
    for name, place in tensors.places.items():
        if place.kind == "I8":
            whole = tensors[name]
            again = expanded(*compressed(whole, bits), whole.shape, bits).astype(np.float32)
            norm = float(np.linalg.norm(whole.astype(np.float32))) or 1.0
            found[name] = float(np.linalg.norm(again - whole)) / norm
    return found
