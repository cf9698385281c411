"""The teacher corpus as batches.

Knows: shards on disk, splitting off held-out readings, batches of similar length up to a budget.
Refuses to know: losses and models.

Shapes: B batch, L tokens with borders, U duration units, F = 2 U frames, S = 300 F samples.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from voxhaus.models.voice.config import (
    FRAMES_PER_UNIT,
    HOP,
    SAMPLE_RATE,
    SILENT_BELOW,
    VOICED_FROM,
)
from voxhaus.training.voice.corpus import parts_of, unheard_shards

MARGIN = 4  # units of silence kept at either end when only the heard part is wanted


@dataclass(frozen=True, kw_only=True)
class Example:
    """One reading, as stored; arrays are views into its shard.

    `samples` may be empty; `plain` readings have the voice's own prosody.
    """

    voice: str
    text: str
    tokens: np.ndarray
    durations: np.ndarray
    exact_durations: np.ndarray
    pitch: np.ndarray
    energy: np.ndarray
    style: np.ndarray
    samples: np.ndarray
    plain: bool = True

    @property
    def voiced(self) -> bool:
        """Whether any of it has a pitch."""
        return bool((self.pitch > VOICED_FROM).any())

    @property
    def units(self) -> int:
        """Length in duration units of 25 ms."""
        return int(self.durations.sum())

    @property
    def heard(self) -> slice:
        """The duration units between the silences at both ends, with a margin."""
        loud = np.flatnonzero(self.energy > SILENT_BELOW)
        if not len(loud):
            return slice(0, self.units)
        first, last = loud[0] // FRAMES_PER_UNIT, loud[-1] // FRAMES_PER_UNIT
        return slice(max(0, int(first) - MARGIN), min(self.units, int(last) + 1 + MARGIN))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Padded examples. Masks are 1.0 inside an utterance and have a last axis of 1.

    `judged_BU1` is 1.0 for the units whose sound is compared with the teacher's.

    `turns_B` is how often the fundamental has turned before the first frame.
    """

    tokens_BL: Tensor
    token_mask_BL1: Tensor
    durations_BL: Tensor
    exact_durations_BL: Tensor
    style_BS: Tensor
    unit_index_BU: Tensor
    unit_offset_BU: Tensor
    unit_mask_BU1: Tensor
    judged_BU1: Tensor
    pitch_BF: Tensor
    energy_BF: Tensor
    samples_BS: Tensor
    turns_B: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def load_shard(path: Path) -> list[Example]:
    """The examples of one shard."""
    with np.load(path) as z:
        arrays = {k: z[k] for k in z.files}
    rows = json.loads(arrays["rows"].tobytes())
    sample_at = np.concatenate([[0], np.cumsum(arrays["n_samples"])])
    token_at = np.concatenate([[0], np.cumsum(arrays["n_tokens"])])
    examples = []
    for i, row in enumerate(rows):
        s, t = slice(*sample_at[i : i + 2]), slice(*token_at[i : i + 2])
        f = slice(s.start // HOP, s.stop // HOP)
        examples.append(
            Example(
                voice=row["voice"],
                text=row["text"],
                tokens=arrays["tokens"][t],
                durations=arrays["durations"][t],
                exact_durations=arrays["exact_durations"][t],
                pitch=arrays["pitch"][f],
                energy=arrays["energy"][f],
                style=arrays["styles"][i],
                samples=arrays["samples"][s],
                plain="delivery" not in row,
            )
        )
    return examples


def load_corpus(folder: Path, *, held_out: int = 80) -> tuple[list[Example], list[Example]]:
    """All shards with sound, of all corpora in the folder -> training and held-out examples.

    Held out are the first `held_out` readings of each corpus, of a very small one the first tenth.
    """
    train: list[Example] = []
    aside: list[Example] = []
    for part in parts_of(folder) or [folder]:
        examples = [e for p in sorted(part.glob("shard-*.npz")) for e in load_shard(p)]
        border = min(held_out, -(-len(examples) // 10))
        train += examples[border:]
        aside += examples[:border]
    return train, aside


def load_unheard(folder: Path) -> list[Example]:
    """The readings that were only timed and tuned; a number that also has sound is left out."""
    parts = parts_of(folder) or [folder]
    return [e for part in parts for p in unheard_shards(part) for e in load_shard(p)]


@dataclass(kw_only=True)
class Columns:
    """The arrays of a batch before they are padded, one list entry an example."""

    tokens: list[np.ndarray] = field(default_factory=list)
    durations: list[np.ndarray] = field(default_factory=list)
    exact_durations: list[np.ndarray] = field(default_factory=list)
    styles: list[np.ndarray] = field(default_factory=list)
    index: list[np.ndarray] = field(default_factory=list)
    offset: list[np.ndarray] = field(default_factory=list)
    judged: list[np.ndarray] = field(default_factory=list)
    pitch: list[np.ndarray] = field(default_factory=list)
    energy: list[np.ndarray] = field(default_factory=list)
    samples: list[np.ndarray] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)

    def add(self, e: Example, units: slice, tokens: slice, judged: slice) -> None:
        """Add a stretch of an example, with the tokens that it may refer to.

        Args:
            e: the example.
            units: which of its duration units.
            tokens: which of its tokens; all that `units` belong to are among them.
            judged: the units whose sound is compared.
        """
        lengths = e.durations.astype(np.int64)
        index, places = np.repeat(np.arange(len(lengths)), lengths), np.arange(lengths.sum())
        offset = places - np.repeat(np.cumsum(lengths) - lengths, lengths)
        frames = slice(units.start * FRAMES_PER_UNIT, units.stop * FRAMES_PER_UNIT)
        self.tokens.append(e.tokens[tokens])
        self.durations.append(e.durations[tokens])
        self.exact_durations.append(e.exact_durations[tokens])
        self.styles.append(e.style)
        self.index.append(index[units] - tokens.start)
        self.offset.append(offset[units])
        self.judged.append(((places >= judged.start) & (places < judged.stop))[units])
        self.pitch.append(e.pitch[frames])
        self.energy.append(e.energy[frames])
        self.samples.append(e.samples[frames.start * HOP : frames.stop * HOP])
        before = e.pitch[: frames.start].sum(dtype=np.float64)
        self.turns.append(float(before) * HOP / SAMPLE_RATE)


def _pad(arrays: list[np.ndarray], dtype: torch.dtype, width: int) -> Tensor:
    out = torch.zeros(len(arrays), width, dtype=dtype)
    for row, a in zip(out, arrays, strict=True):
        row[: len(a)] = torch.from_numpy(np.ascontiguousarray(a)).to(dtype)
    return out


def _mask(arrays: list[np.ndarray], width: int) -> Tensor:
    lengths = torch.tensor([len(a) for a in arrays])
    return (torch.arange(width)[None] < lengths[:, None]).float()[..., None]


def batch_of(c: Columns, *, tokens: int = 0, units: int = 0) -> Batch:
    """Pad columns to a batch of the given widths, or of the longest entry where a width is 0."""
    tokens = tokens or max(map(len, c.tokens))
    units = units or max(map(len, c.index))
    frames = units * FRAMES_PER_UNIT
    return Batch(
        tokens_BL=_pad(c.tokens, torch.long, tokens),
        token_mask_BL1=_mask(c.tokens, tokens),
        durations_BL=_pad(c.durations, torch.float32, tokens),
        exact_durations_BL=_pad(c.exact_durations, torch.float32, tokens),
        style_BS=torch.from_numpy(np.stack(c.styles)),
        unit_index_BU=_pad(c.index, torch.long, units),
        unit_offset_BU=_pad(c.offset, torch.float32, units),
        unit_mask_BU1=_mask(c.index, units),
        judged_BU1=_pad(c.judged, torch.float32, units)[..., None],
        pitch_BF=_pad(c.pitch, torch.float32, frames),
        energy_BF=_pad(c.energy, torch.float32, frames),
        samples_BS=_pad(c.samples, torch.float32, frames * HOP) / 32768.0,
        turns_B=torch.tensor(c.turns, dtype=torch.float64),
    )


def collate(examples: list[Example], *, heard_only: bool = False) -> Batch:
    """Pad whole examples to a batch; optionally without the silence at both ends."""
    c = Columns()
    for e in examples:
        kept = e.heard if heard_only else slice(0, e.units)
        c.add(e, units=kept, tokens=slice(0, len(e.tokens)), judged=kept)
    return batch_of(c)


def epochs(
    examples: list[Example], *, seconds: float, seed: int, epoch: int
) -> Iterator[list[Example]]:
    """One pass over the examples in batches of about `seconds` of padded audio.

    Neighbours in length share a batch; which neighbours, and the order of batches, depend on
    (seed, epoch) only, so that a run resumes with the same batches.
    """
    rng = random.Random(f"{seed}-{epoch}")
    keyed = sorted(examples, key=lambda e: e.units * rng.uniform(0.93, 1.07))
    budget = int(seconds * 40)
    batches: list[list[Example]] = [[]]
    longest = 0
    for e in keyed:
        longest = max(longest, e.units)
        if batches[-1] and longest * (len(batches[-1]) + 1) > budget:
            batches.append([])
            longest = e.units
        batches[-1].append(e)
    rng.shuffle(batches)
    yield from batches
