"""What the voice is trained to do: prosody from phonemes, and sound from both.

Knows: batches of the teacher corpus, the models and their losses, put together as tasks.
Refuses to know: optimisers, schedules and checkpoints.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from voxhaus.models.voice.acoustic import AcousticModel, prosody_inputs
from voxhaus.models.voice.config import FRAMES_PER_UNIT, HOP, VOICED_FROM, VoiceConfig
from voxhaus.models.voice.discriminators import Judges
from voxhaus.models.voice.losses import RESOLUTIONS, SpectralLoss, prosody_loss
from voxhaus.models.voice.prosody import PITCH_CENTRE, ProsodyModel, span_features
from voxhaus.models.voice.synthesis import synthesise
from voxhaus.training.voice.dataset import Batch, Example, collate, epochs


def best_device() -> torch.device:
    """A GPU where torch finds one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True, kw_only=True)
class Data:
    """Training and held-out examples, and how they are batched.

    Attributes:
        seconds: padded audio in a batch.
        heard_only: leave out the silence at both ends of each reading.
        device: where batches go, and models with them.
    """

    train: list[Example]
    held_out: list[Example]
    seconds: float
    seed: int = 1
    heard_only: bool = False
    device: torch.device = field(default_factory=best_device)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The training batches of an epoch."""
        for group in epochs(self.train, seconds=self.seconds, seed=self.seed, epoch=epoch):
            yield collate(group, heard_only=self.heard_only).to(self.device)

    def held_out_batches(self) -> Iterator[Batch]:
        """The held-out examples, always in the same batches."""
        for group in epochs(self.held_out, seconds=self.seconds, seed=0, epoch=0):
            yield collate(group, heard_only=self.heard_only).to(self.device)


def _mean(rows: list[dict[str, Tensor]]) -> dict[str, float]:
    figures = {k: sum(float(r[k]) for r in rows) / len(rows) for k in rows[0]}
    return {"loss": sum(figures.values()), **figures}


class _Stateless:
    """A task that remembers nothing but its model."""

    def state(self) -> dict[str, Any]:
        """See `Task`."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """See `Task`."""
        del state


class AcousticTask(_Stateless):
    """Waveforms from phonemes with the teacher's durations, pitch and energy.

    Each step judges the sound at 1024 points and at `per_step - 1` other resolutions drawn at
    random: all of them matter, but not all at once.
    """

    def __init__(self, data: Data, config: VoiceConfig, *, per_step: int = 3) -> None:
        self.data, self.per_step = data, per_step
        self.model: nn.Module = AcousticModel(config).to(data.device)
        self.judge = SpectralLoss().to(data.device)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """See `Task`."""
        return self.data.batches(epoch)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """See `Task`."""
        self._draw_resolutions()
        return self.judge(*self._speak(batch))

    def _draw_resolutions(self) -> None:
        # Drawn from torch's generator, whose state is in the checkpoint.
        draw = random.Random(int(torch.randint(1 << 31, ())))
        others = [r for r in RESOLUTIONS if r != 1024]
        self.judge.resolutions = (1024, *draw.sample(others, self.per_step - 1))

    def evaluate(self) -> dict[str, float]:
        """See `Task`."""
        torch.manual_seed(0)
        self.judge.resolutions = RESOLUTIONS
        return _mean([self.judge(*self._speak(b)) for b in self.data.held_out_batches()])

    def _speak(self, b: Batch) -> tuple[Tensor, Tensor]:
        model: AcousticModel = self.model  # type: ignore[assignment]
        index, offset, mask = b.frame_index()
        spans = span_features(b.durations_BL * FRAMES_PER_UNIT, index, offset)
        with torch.autocast(self.data.device.type, torch.bfloat16):
            x = model.phonemes(b.tokens_BL, b.style_BS, b.token_mask_BL1)
            curves = prosody_inputs(b.pitch_BF, b.energy_BF)
            filters = model.decode(x, b.style_BS, spans, index, curves, mask)
        # From the CPU's generator on every device: its state is in the checkpoint.
        noise = torch.randn(b.samples_BS.shape).to(self.data.device)
        made = synthesise(b.pitch_BF, noise, *filters, b.turns_B)
        return made * mask[..., 0].repeat_interleave(HOP, 1), b.samples_BS


class AdversarialTask(AcousticTask):
    """The acoustic task with judges trained beside the voice, on short cuts of each reading.

    Args:
        start: averaged weights of an acoustic run, to begin from.
        cut_frames: length of the cuts that the judges see.
        matching, fooling: weights of the two adversarial terms beside the spectral ones.
    """

    def __init__(
        self,
        data: Data,
        config: VoiceConfig,
        *,
        start: dict[str, Tensor],
        cut_frames: int = 48,
        matching: float = 1.5,
        fooling: float = 1.0,
        rate: float = 3e-4,
    ) -> None:
        super().__init__(data, config)
        self.model.load_state_dict(start)
        self.judges = Judges().to(data.device)
        self.optimiser = torch.optim.AdamW(self.judges.parameters(), lr=rate, betas=(0.8, 0.98))
        self.cut_frames, self.matching, self.fooling = cut_frames, matching, fooling

    def state(self) -> dict[str, Any]:
        """See `Task`."""
        return {"judges": self.judges.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """See `Task`."""
        self.judges.load_state_dict(state["judges"])
        self.optimiser.load_state_dict(state["optimiser"])

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """See `Task`."""
        self._draw_resolutions()
        made, wanted = self._speak(batch)
        ours, theirs = self._cut(made, wanted)
        with torch.autocast(self.data.device.type, torch.bfloat16):
            judged = self.judges.own_loss(ours, theirs)
        self.optimiser.zero_grad(set_to_none=True)
        judged.backward()
        self.optimiser.step()
        with torch.autocast(self.data.device.type, torch.bfloat16):
            fooled, apart = self.judges.voice_loss(ours, theirs)
        terms = self.judge(made, wanted)
        return {**terms, "fooling": self.fooling * fooled, "matching": self.matching * apart}

    def _cut(self, made_BS: Tensor, wanted_BS: Tensor) -> tuple[Tensor, Tensor]:
        """The same random stretches of both, a few seconds' worth a batch."""
        length = min(self.cut_frames * HOP, made_BS.shape[1])
        starts = range(0, made_BS.shape[1] - length + 1, length)
        at = torch.randint(len(starts), (max(1, 8 // len(made_BS)),)).tolist()
        ours = torch.cat([made_BS[:, starts[i] : starts[i] + length] for i in at])
        theirs = torch.cat([wanted_BS[:, starts[i] : starts[i] + length] for i in at])
        return ours, theirs


class ProsodyTask(_Stateless):
    """Durations, pitch, voicing and energy from phonemes."""

    def __init__(self, data: Data, config: VoiceConfig) -> None:
        self.data = data
        self.model: nn.Module = ProsodyModel(config).to(data.device)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """See `Task`."""
        return self.data.batches(epoch)

    def loss(self, b: Batch) -> dict[str, Tensor]:
        """See `Task`."""
        model: ProsodyModel = self.model  # type: ignore[assignment]
        spans = span_features(b.durations_BL, b.unit_index_BU, b.unit_offset_BU)
        with torch.autocast(self.data.device.type, torch.bfloat16):
            made, x = model.phonemes(b.tokens_BL, b.style_BS, b.token_mask_BL1)
            curves = model.curves_of(x, b.style_BS, spans, b.unit_index_BU, b.unit_mask_BU1)
        true = torch.log(b.exact_durations_BL.clamp(min=0.5))
        voiced = (b.pitch_BF > VOICED_FROM).float()
        height = torch.log2(b.pitch_BF.clamp(min=VOICED_FROM) / PITCH_CENTRE)
        mask_BF = b.unit_mask_BU1.repeat_interleave(FRAMES_PER_UNIT, 1)[..., 0]
        return prosody_loss(
            (made, true, b.token_mask_BL1[..., 0]),
            curves,
            (height, voiced, b.energy_BF),
            mask_BF,
        )

    def evaluate(self) -> dict[str, float]:
        """See `Task`."""
        return _mean([self.loss(b) for b in self.data.held_out_batches()])
