"""Batches from shards: deterministic, by step number, for any number of processes.

Knows: how a stream of documents is cut into chunks of T + 1 tokens, shuffled anew in every epoch,
and dealt out to steps and ranks; which tokens of a row belong to the same document.
Refuses to know: models, devices, losses. numpy only.

`batch_at(step)` depends on nothing but the step (and the settings), so a run resumes by its step
number alone. Each row begins with the last token of the chunk before it, so that every token is
predicted once in an epoch, the first of all excepted.

Shapes: B rows per rank, T predicted tokens a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voxhaus.core.errors import InputError
from voxhaus.training.data.shards import Shards

Tokens = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """One step's rows for one rank.

    Attributes:
        tokens: ids, int64 [B, T + 1]; inputs are [:, :-1], targets [:, 1:].
        document: running number of the document within the row, int32 [B, T + 1], for masks. The
            end token belongs to the document before it.
        weight: weight of each target in the loss, float32 [B, T], or None for all alike.
        chunks: number of each row's chunk in the stream, int64 [B].
        epoch: which pass over the data each row belongs to, int64 [B].
    """

    tokens: Tokens
    document: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float32] | None
    chunks: npt.NDArray[np.int64]
    epoch: npt.NDArray[np.int64]


class Packed:
    """Fixed-length rows cut from a stream of documents.

    Attributes:
        chunks: how many chunks the stream has.
        used: numbers of those that take part, int64 [n].
        steps_per_epoch: whole steps until every used chunk was seen about once.
    """

    def __init__(
        self,
        shards: Shards,
        *,
        length: int,
        batch: int,
        seed: int = 0,
        choice: Sequence[int] | npt.NDArray[np.int64] | None = None,
        weights: npt.NDArray[np.float32] | None = None,
        rank: int = 0,
        world: int = 1,
        shuffle: bool = True,
    ) -> None:
        """Prepare batches.

        Args:
            shards: the stream.
            length: T.
            batch: B, rows of this rank per step; all ranks together take `world` times as many.
            seed: of the shuffling.
            choice: numbers of the chunks to use (a selection; one may appear several times), or
                all.
            weights: a weight for each target of the stream, float32 [chunks · T], such as 0 and 1
                from token selection; chunk n has [n · T : (n + 1) · T].
            rank: this process.
            world: number of processes.
            shuffle: in a new order every epoch; else in the stream's order.

        Raises:
            InputError: the text is shorter than one batch of all ranks, or a number is out of
            range.
        """
        if length < 1 or batch < 1 or not 0 <= rank < world:
            raise InputError("Length and batch are at least 1, and the rank is below the world.")
        self._stream = _Stream(shards)
        self._length, self._batch, self._seed = length, batch, seed
        self._rank, self._world, self._shuffle = rank, world, shuffle
        self._end = int(shards.manifest["end_of_text"])
        self.chunks = max(0, (shards.size - 1) // length)
        chosen = np.arange(self.chunks) if choice is None else np.asarray(choice, np.int64)
        if chosen.size and (chosen.min() < 0 or chosen.max() >= self.chunks):
            raise InputError(f"The choice names a chunk outside 0 to {self.chunks - 1}.")
        self.used: npt.NDArray[np.int64] = chosen.astype(np.int64)
        if len(self.used) < batch * world:
            raise InputError(
                f"The text gives {len(self.used)} rows of {length} tokens, fewer than one batch of "
                f"{batch * world}; use more text, a smaller batch or a shorter length."
            )
        if weights is not None and weights.shape != (self.chunks * length,):
            raise InputError(
                f"There are {weights.shape} weights for {self.chunks * length} predicted tokens."
            )
        self._weights = weights
        self._order: tuple[int, npt.NDArray[np.int64]] | None = None
        self.steps_per_epoch = len(self.used) // (batch * world)

    @property
    def tokens_per_step(self) -> int:
        """Predicted tokens of a step over all ranks."""
        return self._batch * self._world * self._length

    def batch_at(self, step: int) -> Batch:
        """The batch of a step, from 0, without end: epochs follow each other without a seam."""
        first = (step * self._world + self._rank) * self._batch
        places = np.arange(first, first + self._batch)
        epochs = places // len(self.used)
        numbers = np.array(
            [
                self._ordered(epoch)[place]
                for epoch, place in zip(
                    epochs.tolist(), (places % len(self.used)).tolist(), strict=True
                )
            ]
        )
        return self._rows(numbers, epochs)

    def rows(self, numbers: Sequence[int] | npt.NDArray[np.int64]) -> Batch:
        """The rows of given chunks, such as to score them one by one."""
        chosen = np.asarray(numbers, np.int64)
        return self._rows(chosen, np.zeros_like(chosen))

    def _rows(self, numbers: npt.NDArray[np.int64], epochs: npt.NDArray[np.int64]) -> Batch:
        length = self._length
        tokens = np.stack([self._stream.read(n * length, length + 1) for n in numbers.tolist()])
        before = tokens[:, :-1] == self._end
        document = np.zeros(tokens.shape, np.int32)
        np.cumsum(before, axis=1, out=document[:, 1:])
        weight = None
        if self._weights is not None:
            spans = [self._weights[n * length : (n + 1) * length] for n in numbers.tolist()]
            weight = np.stack(spans).astype(np.float32, copy=False)
        return Batch(tokens, document, weight, numbers, epochs)

    def _ordered(self, epoch: int) -> npt.NDArray[np.int64]:
        """Chunk numbers in the order of an epoch."""
        if not self._shuffle:
            return self.used
        if self._order is None or self._order[0] != epoch:
            random = np.random.default_rng([self._seed, epoch])
            self._order = (epoch, random.permutation(self.used))
        return self._order[1]


class _Stream:
    """Several files as one row of tokens."""

    def __init__(self, shards: Shards) -> None:
        self._files = shards.tokens
        self._starts = np.cumsum([0, *(len(file) for file in self._files)])

    def read(self, start: int, count: int) -> Tokens:
        """`count` tokens from `start`, int64."""
        found = []
        number = int(np.searchsorted(self._starts, start, side="right")) - 1
        while count > 0:
            place = start - int(self._starts[number])
            part = self._files[number][place : place + count]
            found.append(np.asarray(part, np.int64))
            start, count, number = start + len(part), count - len(part), number + 1
        return found[0] if len(found) == 1 else np.concatenate(found)


def chunk_sources(shards: Shards, length: int) -> npt.NDArray[np.int32]:
    """The source that most tokens of each chunk come from, int32 [chunks]: for mixtures."""
    labels = np.concatenate(
        [np.repeat(d[:, 2].astype(np.int32), d[:, 1]) for d in shards.documents]
    )
    chunks = max(0, (len(labels) - 1) // length)
    rows = labels[1 : chunks * length + 1].reshape(chunks, length)
    counts = np.stack([(rows == n).sum(1) for n in range(len(shards.sources))])
    return counts.argmax(0).astype(np.int32)
