"""Teaching the shipped models a new speaker.

Knows: two models with a style of their own beside their weights, what they learn in which order,
and how far they are from held-out recordings at every stage.
Refuses to know: how recordings became examples, and what is done with the result.

Steps are not compiled: the two stages would need two compilations for a few hundred steps each.

First only the style moves (128 numbers for each model), from the nearest voice there is; then all
weights, slowly. Recordings have no phase that could be predicted, and may hold nothing above an
edge; there the shipped model's own sound stands in (`filled`).

Shapes: B batch, F frames, S = 300 F samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from voxhaus.core.speech import Samples
from voxhaus.models.voice.acoustic import AcousticModel
from voxhaus.models.voice.config import SAMPLE_RATE, STYLE, VoiceConfig
from voxhaus.models.voice.losses import SpectralLoss
from voxhaus.models.voice.prosody import ProsodyModel
from voxhaus.training.loop.schedule import Schedule
from voxhaus.training.loop.trainer import LoopConfig, Trainer
from voxhaus.training.voice.dataset import Batch, Example, collate
from voxhaus.training.voice.tasks import AcousticTask, Data, ProsodyTask

STYLE_RATE, SOUND_RATE, PROSODY_RATE = 1e-2, 3e-4, 1e-4
HALF = STYLE // 2
OFFSET = "offset"  # name of the style's parameter in both models

State = dict[str, Tensor]


class OwnSound(AcousticModel):
    """The sound model with a timbre that is added to any style."""

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__(config)
        self.offset = nn.Parameter(torch.zeros(HALF))

    def _own(self, style_BS: Tensor) -> Tensor:
        return torch.cat([style_BS[:, :HALF] + self.offset, style_BS[:, HALF:]], 1)

    def phonemes(self, tokens_BL: Tensor, style_BS: Tensor, mask_BL1: Tensor) -> Tensor:
        """See `AcousticModel`."""
        return super().phonemes(tokens_BL, self._own(style_BS), mask_BL1)

    def decode(
        self,
        x_BLC: Tensor,
        style_BS: Tensor,
        spans_BU4: Tensor,
        index_BU: Tensor,
        prosody_BF3: Tensor,
        mask_BU1: Tensor,
    ) -> Tensor:
        """See `AcousticModel`."""
        own = self._own(style_BS)
        return super().decode(x_BLC, own, spans_BU4, index_BU, prosody_BF3, mask_BU1)


class OwnProsody(ProsodyModel):
    """The prosody model with a delivery that is added to any style."""

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__(config)
        self.offset = nn.Parameter(torch.zeros(HALF))

    def _own(self, style_BS: Tensor) -> Tensor:
        return torch.cat([style_BS[:, :HALF], style_BS[:, HALF:] + self.offset], 1)

    def phonemes(
        self, tokens_BL: Tensor, style_BS: Tensor, mask_BL1: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `ProsodyModel`."""
        return super().phonemes(tokens_BL, self._own(style_BS), mask_BL1)

    def curves_of(
        self, x_BLC: Tensor, style_BS: Tensor, spans_BU4: Tensor, index_BU: Tensor, mask_BU1: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `ProsodyModel`."""
        return super().curves_of(x_BLC, self._own(style_BS), spans_BU4, index_BU, mask_BU1)


class SoundTask(AcousticTask):
    """The acoustic task on recordings.

    Args:
        edge: Hz; held-out recordings are compared below it.
    """

    def __init__(self, data: Data, config: VoiceConfig, *, start: State, edge: float) -> None:
        super().__init__(data, config)
        self.model = OwnSound(config).to(data.device)
        self.model.load_state_dict(start)
        self.judge = SpectralLoss(phase=0.0).to(data.device)
        self._held_out_judge = SpectralLoss(phase=0.0, below=edge).to(data.device)


class DeliveryTask(ProsodyTask):
    """The prosody task on recordings."""

    def __init__(self, data: Data, config: VoiceConfig, *, start: State) -> None:
        super().__init__(data, config)
        self.model = OwnProsody(config).to(data.device)
        self.model.load_state_dict(start)


Own = SoundTask | DeliveryTask


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Held-out figures after each stage of one model: nearest voice, style, all weights."""

    nearest: dict[str, float]
    style: dict[str, float]
    whole: dict[str, float]


def with_style(
    examples: Sequence[Example], styles_RS: np.ndarray, rows: Sequence[int]
) -> list[Example]:
    """The examples in another voice's style.

    Args:
        examples: recordings.
        styles_RS: style vectors for each range of lengths.
        rows: the longest utterance, in phonemes less one, of each.
    """
    made = []
    for e in examples:
        count = len(e.tokens) - 2
        at = next((i for i, r in enumerate(rows) if r >= count - 1), len(rows) - 1)
        made.append(replace(e, style=styles_RS[at].astype(np.float32)))
    return made


def plain_start(state: State) -> State:
    """Shipped weights with an offset of nothing."""
    return {**{k: v.float() for k, v in state.items()}, OFFSET: torch.zeros(HALF)}


@torch.no_grad()
def loss_of(task: Own) -> dict[str, float]:
    """Held-out figures of the task's model as it is."""
    task.model.eval()
    figures = task.evaluate()
    task.model.train()
    return figures


def learn_style(task: Own, folder: Path, steps: int) -> State:
    """Move the style alone; return the model's averaged weights."""
    for name, weight in task.model.named_parameters():
        weight.requires_grad_(name == OFFSET)
    return _run(task, folder, Schedule(peak=STYLE_RATE, steps=steps, warmup=5, decay=0.5))


def learn_all(task: Own, folder: Path, steps: int) -> State:
    """Move all weights; return their averages."""
    for weight in task.model.parameters():
        weight.requires_grad_(True)
    rate = SOUND_RATE if isinstance(task, SoundTask) else PROSODY_RATE
    return _run(task, folder, Schedule(peak=rate, steps=steps, warmup=20, decay=0.6))


def _run(task: Own, folder: Path, schedule: Schedule) -> State:
    config = LoopConfig(
        folder=folder,
        schedule=schedule,
        average=0.99,
        log_every=20,
        evaluate_every=80,
        save_every=40,
    )
    trainer = Trainer(task, config)
    trainer.run()
    return trainer.average


@torch.no_grad()
def filled(
    examples: Sequence[Example], state: State, config: VoiceConfig, edge: float
) -> list[Example]:
    """Recordings that hold nothing above an edge, with what the shipped model would say there.

    The model's own sound of the same phonemes, pitch and energy is put above the edge, at the level
    that continues the recording's from below it. So the model keeps what it knows of the high
    bands while it learns the low ones.

    Args:
        examples: recordings in the style of the nearest voice.
        state: shipped weights with an offset.
        config: sizes.
        edge: in Hz.
    """
    if edge > 0.42 * SAMPLE_RATE:
        return list(examples)
    data = Data(train=[], held_out=[], seconds=1.0, heard_only=False, device=torch.device("cpu"))
    task = SoundTask(data, config, start=state, edge=edge)
    task.model.eval()
    return [_filled(e, _spoken(task, e), edge) for e in examples]


def _spoken(task: SoundTask, e: Example) -> Samples:
    torch.manual_seed(0)
    made, _ = task._speak(_alone(e), task._filters)
    return np.asarray(made[0].numpy(), np.float32)


def _alone(e: Example) -> Batch:
    return collate([e])


def _filled(e: Example, ours: Samples, edge: float) -> Example:
    theirs = e.samples.astype(np.float64) / 32768
    size = len(theirs)
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    own, heard = np.fft.rfft(ours[:size]), np.fft.rfft(theirs)
    near = (hertz > 0.55 * edge) & (hertz < 0.95 * edge)
    ratio = (np.abs(heard[near]) ** 2).sum() / max((np.abs(own[near]) ** 2).sum(), 1e-9)
    gain = float(np.clip(np.sqrt(ratio), 0.25, 4.0))
    rise = np.clip((hertz / edge - 0.95) / 0.05, 0, 1)  # a short cross-fade under the edge
    mixed = np.fft.irfft(
        heard * np.cos(rise * np.pi / 2) + gain * own * np.sin(rise * np.pi / 2), size
    )
    return replace(e, samples=np.clip(np.round(mixed * 32768), -32768, 32767).astype(np.int16))
