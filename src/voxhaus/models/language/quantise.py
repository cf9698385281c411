"""Matrices as whole numbers of eight bits, and what is lost by it.

Knows: one scale a row (an output), symmetrical, and the file that holds both.
Refuses to know: what runs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.errors import VoxhausError
from voxhaus.models.language import layout
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.tensors import FILE, Array, Tensors, write

LARGEST = 127
SCALE = "_scale"  # what the name of a matrix's scales ends in
FORM = "voxhaus-int8-rows"


def rounded(weight_OI: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A matrix as (whole numbers [O, I], scales [O]); a number is their product.

    Raises:
        VoxhausError: a number is not finite.
    """
    reach_O = np.abs(weight_OI).max(1)
    if not np.isfinite(reach_O).all():
        raise VoxhausError("The weights hold numbers that are not finite.")
    scale_O = np.maximum(reach_O / LARGEST, 1e-12).astype(np.float32)
    return np.round(weight_OI / scale_O[:, None]).astype(np.int8), scale_O


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What rounding did to one matrix.

    Attributes:
        relative: norm of the difference by the norm of the matrix.
        largest: greatest difference of a number, in steps of its row (at most a half).
    """

    relative: float
    largest: float


def loss(weight_OI: NDArray[np.float32]) -> Loss:
    """What rounding would do to a matrix."""
    whole, scale_O = rounded(weight_OI)
    apart = weight_OI - whole.astype(np.float32) * scale_O[:, None]
    norm = float(np.linalg.norm(weight_OI)) or 1.0
    return Loss(
        relative=float(np.linalg.norm(apart)) / norm,
        largest=float(np.abs(apart / scale_O[:, None]).max()),
    )


def losses(config: LanguageConfig, tensors: Tensors) -> dict[str, Loss]:
    """Name -> what rounding would do to it, for every matrix of a model."""
    names = [n for n in layout.shapes(config) if layout.is_matrix(n)]
    return {n: loss(tensors.number(n)) for n in names}


def pack(config: LanguageConfig, tensors: Tensors, folder: Path, *, exact: bool = False) -> None:
    """Write a model's weights as the runtime wants them: in order, matrices rounded.

    Args:
        config: of the model.
        tensors: its weights; int8 ones stay as they are.
        folder: gets the file.
        exact: keep everything in float32, as for tests.

    Raises:
        WeightsError: tensors are missing or have other shapes.
        VoxhausError: numbers are not finite.
    """
    layout.check(config, {n: p.shape for n, p in tensors.places.items()})
    write(folder / FILE, packed(config, tensors, exact=exact), {} if exact else {"format": FORM})


def packed(config: LanguageConfig, tensors: Tensors, *, exact: bool) -> Mapping[str, Array]:
    """The tensors of `pack`; the scales of matrices that are read as one follow them all."""
    found: dict[str, Array] = {}
    scales: dict[str, Array] = {}
    together = ""
    for name in layout.shapes(config):
        if group(name) != together:
            found |= scales
            scales, together = {}, group(name)
        if exact or not layout.is_matrix(name):
            found[name] = tensors.number(name)
        else:
            found[name], scales[name + SCALE] = _whole(tensors, name)
    return found | scales


def _whole(tensors: Tensors, name: str) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    if tensors.places[name].kind == "I8":
        return tensors[name], tensors.number(name + SCALE)
    return rounded(tensors.number(name))


def group(name: str) -> str:
    """What stands for all matrices that the runtime reads as one."""
    stem = name.removesuffix("_proj.weight")
    for members, together in (((".q", ".k", ".v"), ".qkv"), ((".gate", ".up"), ".gate_up")):
        if stem != name and stem.endswith(members):
            stem = stem.rpartition(".")[0] + together
    before, experts, after = stem.partition(".experts.")
    return before + experts + after.partition(".")[2] if experts else stem
