"""Readings cut into pieces of one length, so that every batch has the same shape.

Knows: where the cuts of an epoch lie, and which of their units are judged.
Refuses to know: losses and models.

Equal shapes let the training step be compiled once and mix sentences of all lengths in a batch; a
third of it is context and the ends of short sentences. A piece brings CONTEXT units of its
surroundings: the model sees them and the loss does not, so the edge of a piece is no edge to the
model, unless the reading ends there.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from voxhaus.training.voice.dataset import Batch, Columns, Example, batch_of

CONTEXT = 10  # units to each side: how far the decoder's blocks reach
TOKEN_CONTEXT = 4  # the reach of the encoder's blocks


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What every batch looks like.

    Attributes:
        count: pieces in a batch.
        units: length of a piece in units of 25 ms, with its context.
        tokens: tokens that a piece may hold; a piece with more is shortened.
    """

    count: int
    units: int = 104
    tokens: int = 96


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The judged units `start` to `stop` of a reading."""

    example: Example
    start: int
    stop: int


def cuts_of(example: Example, longest: int) -> list[Cut]:
    """The heard part of a reading in equal pieces, as few as are no longer than `longest` units."""
    start, stop = example.heard.start, example.heard.stop
    parts = -(-(stop - start) // longest)
    edges = [start + (stop - start) * i // parts for i in range(parts + 1)]
    return [Cut(example=example, start=a, stop=b) for a, b in itertools.pairwise(edges)]


def epochs(examples: list[Example], shape: Shape, *, seed: int, epoch: int) -> Iterator[list[Cut]]:
    """One pass over all readings in batches of `shape.count` pieces; what is left over is dropped.

    Everything depends on (seed, epoch) only, so that a run resumes with the same batches.
    """
    rng = random.Random(f"{seed}-{epoch}")
    longest = shape.units - 2 * CONTEXT
    pieces = [c for e in examples for c in cuts_of(e, longest)]
    rng.shuffle(pieces)
    for i in range(0, len(pieces) - shape.count + 1, shape.count):
        yield pieces[i : i + shape.count]


def collate(cuts: list[Cut], shape: Shape) -> Batch:
    """A batch of exactly `shape`; units outside a piece are masked, its context is not judged."""
    c = Columns()
    for cut in cuts:
        _add(c, cut, shape)
    return batch_of(c, tokens=shape.tokens, units=shape.units)


def _add(c: Columns, cut: Cut, shape: Shape) -> None:
    e, heard = cut.example, cut.example.heard
    token_of = np.repeat(np.arange(len(e.durations)), e.durations)
    first = max(heard.start, cut.start - CONTEXT)
    last = min(heard.stop, cut.stop + CONTEXT, first + shape.units)
    low = max(0, int(token_of[first]) - TOKEN_CONTEXT)
    # Too many tokens are rare (34 a second and more); the piece then ends earlier.
    last = min(last, int(np.searchsorted(token_of, low + shape.tokens - TOKEN_CONTEXT)))
    high = min(len(e.durations), int(token_of[last - 1]) + 1 + TOKEN_CONTEXT)
    c.add(e, units=slice(first, last), tokens=slice(low, high), judged=slice(cut.start, cut.stop))
