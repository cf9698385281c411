"""Rows that carry a reference's losses into training.

Knows: the loader's batches and a file of nats. Refuses to know: models.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voxhaus.core.errors import InputError
from voxhaus.training.data.loader import Batch, Packed
from voxhaus.training.language.selection.nats import Nats


@dataclass(frozen=True)
class ReferencedBatch(Batch):
    """The loader's batch, and what the reference loses on each target.

    Attributes:
        reference: nats, float32 [B, T].
    """

    reference: npt.NDArray[np.float32]


class Referenced:
    """The loader's batches with the reference's losses of the same tokens.

    Raises:
        InputError: a chunk that is used was not scored.
    """

    def __init__(self, rows: Packed, nats: Nats) -> None:
        if rows.chunks != nats.header.chunks:
            raise InputError(
                f"The losses are of {nats.header.chunks} chunks, the rows of {rows.chunks}."
            )
        if nats.header.glance < nats.header.length or not nats.covers(rows.used):
            raise InputError("Some of the chunks to train on were not scored; score them first.")
        self._rows, self._nats = rows, nats
        self.steps_per_epoch, self.tokens_per_step = rows.steps_per_epoch, rows.tokens_per_step

    def batch_at(self, step: int) -> ReferencedBatch:
        """The batch of a step."""
        batch = self._rows.batch_at(step)
        return ReferencedBatch(**vars(batch), reference=self._nats.rows(batch.chunks))
