"""Many utterances at once: sorted into batches, rounded up to known shapes, one copy back.

Knows: which utterances share a batch, padding, and when the host must wait.
Refuses to know: texts and voices' names, and the arithmetic (`pipeline`).

The host waits twice, however many utterances there are: for the ends of their tokens, which decide
the shapes of the second stage, and for the sound.

Shapes: B utterances, L tokens, U units, S samples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voxhaus.models.text.phonemes import BORDER, MAX_PHONEMES
from voxhaus.models.voice.config import FRAMES_PER_UNIT, HOP
from voxhaus.runtime.gpu.graphs import Shelf, copied, ladder, rung
from voxhaus.runtime.gpu.pipeline import Pipeline, Tensors, coloured, figures_of
from voxhaus.runtime.manner import Array, Manner
from voxhaus.runtime.voice_model import PAUSES, STRESS_LENGTH, Course, Sound

MOST = 64  # utterances in a batch
# Units in a batch with its padding. A GPU wants them many; a unit takes about 100 kB of spectra on
# the way, and a processor is no faster with more than a few sentences.
MOST_UNITS, MOST_UNITS_CPU = 64 * 640, 4 * 640

BATCHES = (1, 2, 4, 8, 16, 32, 64)
TOKENS = ladder(16, MAX_PHONEMES + 2, 1.35, 16)
UNITS = ladder(32, 8_000, 1.12, 8)  # up to 200 seconds

_SAMPLES = HOP * FRAMES_PER_UNIT  # a unit


@dataclass(frozen=True, kw_only=True)
class Request:
    """One utterance to be spoken.

    Attributes:
        tokens: ids with borders.
        style_S: style vector [256].
        manner: its pace, melody, effort and colour.
        stress_L: tokens of stressed words.
        place: where its noise begins in the stock.
        rises_from: the token from which on the pitch rises to the end; it does not if None.
    """

    tokens: Sequence[int]
    style_S: Array
    manner: Manner
    stress_L: NDArray[np.bool_]
    place: int = 0
    rises_from: int | None = None


@dataclass(frozen=True, kw_only=True)
class Load:
    """What was computed, and how much of it was padding.

    Attributes:
        utterances: asked for.
        tokens: of them, with borders.
        units: of their predicted length, before silence is cut off.
        padded_tokens: computed.
        padded_units: computed.
    """

    utterances: int
    tokens: int
    units: int
    padded_tokens: int
    padded_units: int


@dataclass(kw_only=True)
class _Group:
    """Utterances that share a run of a stage; `order` are their places among the requests."""

    order: list[int]
    given: dict[str, Tensor]
    colour: bool
    units: int = 0


class Batcher:
    """Speaks lists of utterances. Not safe to share between threads.

    Args:
        pipeline: the models on their device.
        most: utterances in a batch, at most MOST.
        most_units: in a batch with its padding; a longer utterance has a batch to itself. What the
            device can take, if None.
    """

    def __init__(
        self, pipeline: Pipeline, *, most: int = MOST, most_units: int | None = None
    ) -> None:
        self._pipeline, self._shelf = pipeline, Shelf(pipeline.device)
        self._cuda = pipeline.device.type == "cuda"
        default = MOST_UNITS if self._cuda else MOST_UNITS_CPU
        self._most, self._most_units = min(most, MOST), most_units or default
        self.load = Load(utterances=0, tokens=0, units=0, padded_tokens=0, padded_units=0)

    def speak(self, requests: Sequence[Request]) -> list[Sound]:
        """The sound of each utterance, in the order of the requests.

        The same requests give the same samples. Company changes an utterance by rounding alone.
        """
        if not requests:
            return []
        groups = [self._timed(requests, order) for order in self._orders(requests)]
        ends = self._on_host([g.given["ends"] for g in groups])  # the shapes to come depend on them
        found = list(self._divided(groups, ends))
        self.load = _load_of(requests, groups, [g for g, _ in found], ends)
        made = [self._sounded(g) for g, _ in found]
        samples, energy, heard = (
            self._on_host([m[k] for m in made]) for k in ("samples", "energy", "heard")
        )
        sounds: dict[int, Sound] = {}
        for (group, ends_BL), *arrays in zip(found, samples, energy, heard, strict=True):
            for row, number in enumerate(group.order):
                count = len(requests[number].tokens)
                sounds[number] = _cut(ends_BL[row, :count], *(x[row] for x in arrays))
        return [sounds[number] for number in range(len(requests))]

    def _orders(self, requests: Sequence[Request]) -> Iterator[list[int]]:
        """Neighbours in length share a batch; those whose colour is changed keep to themselves."""
        for colour in (False, True):
            some = [i for i, r in enumerate(requests) if coloured(r.manner) == colour]
            some.sort(key=lambda i: len(requests[i].tokens))
            for start in range(0, len(some), self._most):
                yield some[start : start + self._most]

    def _timed(self, requests: Sequence[Request], order: list[int]) -> _Group:
        """The first stage of a group; its results stay on the device."""
        chosen = [requests[i] for i in order]
        colour = coloured(chosen[0].manner)
        given = {k: x.to(self._pipeline.device) for k, x in _packed(chosen).items()}
        first = {k: given[k] for k in ("tokens", "count", "style", "stretch", "rate")}
        key = ("lengths", *first["tokens"].shape)
        made = copied(self._shelf.run(key, self._pipeline.lengths, first), slice(None))
        kept = {k: given[k] for k in ("style", "stress", "manner", "place", "rises")}
        return _Group(order=order, given={**made, **kept}, colour=colour)

    def _divided(
        self, groups: Sequence[_Group], ends: Sequence[NDArray[np.int64]]
    ) -> Iterator[tuple[_Group, NDArray[np.int64]]]:
        """Groups of the second stage: by length in units, no more of them than memory holds."""
        for group, ends_BL in zip(groups, ends, strict=True):
            totals = ends_BL[: len(group.order), -1]
            rows = sorted(range(len(group.order)), key=lambda row: -totals[row])
            while rows:
                units = rung(UNITS, int(totals[rows[0]]))
                most = max(1, self._most_units // units)
                most = max(b for b in BATCHES if b <= most)
                part, rows = rows[:most], rows[most:]
                # Padded with rows that are there anyway: their sound is not looked at.
                padded = part + part[:1] * (rung(BATCHES, len(part)) - len(part))
                at = torch.tensor(padded).to(self._pipeline.device)
                given = {k: x[at] for k, x in group.given.items()}
                order = [group.order[row] for row in part]
                yield (
                    _Group(order=order, given=given, colour=group.colour, units=units),
                    ends_BL[part],
                )

    def _sounded(self, group: _Group) -> dict[str, Tensor]:
        """The second stage; its copy to the host is under way when this returns."""

        def stage(given: Tensors) -> Tensors:
            return self._pipeline.sound(given, group.units, colour=group.colour)

        key = ("sound", *group.given["ends"].shape, group.units, group.colour)
        made = self._shelf.run(key, stage, group.given)
        rows = slice(0, len(group.order))
        if not self._cuda:
            return copied(made, rows)
        return {k: _pinned(x[rows]) for k, x in made.items()}

    def _on_host(self, tensors: Sequence[Tensor]) -> list[Any]:
        """Arrays, once everything on the device is done."""
        if self._cuda:
            torch.cuda.synchronize(self._pipeline.device)
        return [x.cpu().numpy() for x in tensors]


def _pinned(x: Tensor) -> Tensor:
    """A copy on the host that is still under way."""
    host = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
    return host.copy_(x, non_blocking=True)


def _packed(chosen: Sequence[Request]) -> dict[str, Tensor]:
    """Requests as tensors of a known shape; rows and tokens that fill it up are borders."""
    rows = rung(BATCHES, len(chosen))
    length = rung(TOKENS, max(len(r.tokens) for r in chosen))
    tokens = np.full((rows, length), BORDER, np.int64)
    stretch, stress = np.ones((rows, length)), np.zeros((rows, length), np.float32)
    for row, request in enumerate(chosen):
        count = len(request.tokens)
        tokens[row, :count] = request.tokens
        stress[row, :count] = request.stress_L
        stretch[row, :count][request.stress_L] = STRESS_LENGTH
        stretch[row, :count][np.isin(request.tokens, PAUSES)] *= request.manner.pauses
    filled = [*chosen, *[chosen[0]] * (rows - len(chosen))]
    counts = [len(r.tokens) for r in chosen] + [1] * (rows - len(chosen))
    return {
        "tokens": torch.from_numpy(tokens),
        "count": torch.tensor(counts),
        "style": torch.from_numpy(np.stack([r.style_S for r in filled]).astype(np.float32)),
        "stretch": torch.from_numpy(stretch),
        "rate": torch.tensor([r.manner.rate for r in filled], dtype=torch.float64),
        "stress": torch.from_numpy(stress),
        "manner": torch.tensor([figures_of(r.manner) for r in filled]),
        "place": torch.tensor([r.place for r in filled]),
        "rises": torch.tensor([-1 if r.rises_from is None else r.rises_from for r in filled]),
    }


def _cut(
    ends_L: NDArray[np.int64],
    samples_S: NDArray[np.float32],
    energy_F: NDArray[np.float32],
    heard_2: NDArray[np.int64],
) -> Sound:
    start, stop = (int(h) for h in heard_2)
    course = Course(
        lengths_L=np.diff(ends_L, prepend=0),
        bare_energy_F=energy_F[: int(ends_L[-1]) * FRAMES_PER_UNIT],
        start=start,
        stop=stop,
    )
    return Sound(samples=samples_S[: (stop - start) * _SAMPLES], course=course)


def _load_of(
    requests: Sequence[Request],
    first: Sequence[_Group],
    second: Sequence[_Group],
    ends: Sequence[NDArray[np.int64]],
) -> Load:
    return Load(
        utterances=len(requests),
        tokens=sum(len(r.tokens) for r in requests),
        units=sum(int(e[: len(g.order), -1].sum()) for g, e in zip(first, ends, strict=True)),
        padded_tokens=sum(e.size for e in ends),
        padded_units=sum(len(g.given["ends"]) * g.units for g in second),
    )


__all__ = ["MOST", "MOST_UNITS", "Batcher", "Load", "Request"]
