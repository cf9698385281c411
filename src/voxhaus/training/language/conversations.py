"""Conversations as packed rows, of which only the assistant's words are learned.

Knows: how JSON lines of messages become rows of tokens with weights, in a new order every epoch.
Refuses to know: tasks, models, losses.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from voxhaus.core.errors import InputError
from voxhaus.models.language.chat_template import Written, write
from voxhaus.models.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Rows:
    """A batch: see `data.loader.Batch`, whose fields these are."""

    tokens: npt.NDArray[np.int64]
    document: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float32]


def read(path: Path, tokenizer: Tokenizer, *, longest: int) -> list[Written]:
    """The conversations of a JSON-lines file that fit into a row.

    Args:
        path: a conversation a line, under "messages".
        tokenizer: makes ids of them.
        longest: tokens of a row; longer conversations are left out.

    Raises:
        InputError: a line is no conversation, or none is short enough.
    """
    found = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                written = write(json.loads(line)["messages"], tokenizer)
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"{path}, line {number}, is no conversation; a line is a JSON object with "
                    '"messages".'
                ) from error
            if len(written.ids) <= longest:
                found.append(written)
    if not found:
        raise InputError(f"{path} has no conversation of at most {longest} tokens.")
    return found


class Conversations:
    """Rows of whole conversations, one after the other.

    Attributes:
        batches: in an epoch.
    """

    def __init__(
        self,
        conversations: Sequence[Written],
        *,
        length: int,
        batch: int,
        padding: int,
        seed: int = 0,
    ) -> None:
        """Prepare batches.

        Args:
            conversations: each at most `length + 1` tokens.
            length: predicted tokens of a row.
            batch: rows.
            padding: id that fills rows up; never learned, and a document of its own.
            seed: of the order.

        Raises:
            InputError: fewer rows than one batch.
        """
        self._all, self._length, self._batch = conversations, length, batch
        self._padding, self._seed = padding, seed
        self._epoch, self._rows = 0, self._packed(0)
        # Epochs pack differently; the number of the first one's batches is that of all.
        self.batches = len(self._rows) // batch
        if not self.batches:
            raise InputError(
                f"The conversations fill {len(self._rows)} rows, fewer than a batch of {batch}."
            )

    def batch_at(self, step: int) -> Rows:
        """The batch of a step, from 0, without end."""
        epoch, within = divmod(step, self.batches)
        if epoch != self._epoch:
            self._epoch, self._rows = epoch, self._packed(epoch)
        rows = [
            self._rows[(within * self._batch + i) % len(self._rows)] for i in range(self._batch)
        ]
        return self._filled(rows)

    def in_order(self) -> Iterator[Rows]:
        """Every conversation once, for evaluation; the last batch may be smaller."""
        rows = self._packed(None)
        for start in range(0, len(rows), self._batch):
            yield self._filled(rows[start : start + self._batch])

    def _packed(self, epoch: int | None) -> list[list[int]]:
        order = np.arange(len(self._all))
        if epoch is not None:
            order = np.random.default_rng([self._seed, epoch]).permutation(order)
        rows: list[list[int]] = [[]]
        room = self._length + 1
        for number in order.tolist():
            size = len(self._all[number].ids)
            if size > room:
                rows.append([])
                room = self._length + 1
            rows[-1].append(number)
            room -= size
        return rows

    def _filled(self, rows: list[list[int]]) -> Rows:
        shape = (len(rows), self._length + 1)
        tokens = np.full(shape, self._padding, np.int64)
        document = np.full(shape, -1, np.int32)
        learned = np.zeros(shape, np.float32)
        for i, numbers in enumerate(rows):
            place = 0
            for which, number in enumerate(numbers):
                written = self._all[number]
                span = slice(place, place + len(written.ids))
                tokens[i, span], document[i, span] = written.ids, which
                learned[i, span] = written.learned
                place += len(written.ids)
        return Rows(tokens, document, learned[:, 1:].copy())
