"""What the voice is trained to do: prosody from phonemes, and sound from both.

Knows: batches of the teacher corpus, the models and their losses, put together as tasks.
Refuses to know: optimisers, schedules and checkpoints.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from voxhaus.models.voice.acoustic import AcousticModel, filters_of, prosody_inputs
from voxhaus.models.voice.config import FRAMES_PER_UNIT, HOP, VOICED_FROM, VoiceConfig
from voxhaus.models.voice.discriminators import Judges, Verdicts
from voxhaus.models.voice.losses import MEL_RESOLUTIONS, RESOLUTIONS, SpectralLoss, prosody_loss
from voxhaus.models.voice.prosody import PITCH_CENTRE, ProsodyModel, span_features
from voxhaus.models.voice.synthesis import synthesise
from voxhaus.training.loop.precision import best_device, half_where_fast
from voxhaus.training.voice import cuts
from voxhaus.training.voice.dataset import Batch, Example, collate, epochs

Filters = Callable[[Batch], tuple[Tensor, Tensor, Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Training and held-out examples, and how they are batched.

    Attributes:
        seconds: padded audio in a batch.
        heard_only: leave out the silence at both ends of each reading.
        shape: train on pieces of equal length instead of whole readings.
        device: where batches go, and models with them.
    """

    train: list[Example]
    held_out: list[Example]
    seconds: float
    seed: int = 1
    heard_only: bool = False
    shape: cuts.Shape | None = None
    device: torch.device = field(default_factory=best_device)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The training batches of an epoch."""
        if self.shape:
            for pieces in cuts.epochs(self.train, self.shape, seed=self.seed, epoch=epoch):
                yield cuts.collate(pieces, self.shape).to(self.device)
            return
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

    Each step judges the sound at 1024 and 512 points and at `drawn` other resolutions, taken at
    random: all of them matter, but not all at once.

    Args:
        start: weights to begin from; none begins from scratch.
        fuse: compile the training step; worth a minute of waiting for all but tests.
    """

    def __init__(
        self,
        data: Data,
        config: VoiceConfig,
        *,
        start: dict[str, Tensor] | None = None,
        drawn: int = 1,
        fuse: bool = False,
    ) -> None:
        self.data, self.drawn = data, drawn
        self.model: nn.Module = AcousticModel(config).to(data.device)
        if start is not None:
            self.model.load_state_dict(start)
        self.judge, self._held_out_judge = (SpectralLoss().to(data.device) for _ in range(2))
        self._trained_filters = self._filters
        if fuse:
            self.judge.fuse()
            self._trained_filters = torch.compile(self._filters, dynamic=False)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """See `Task`."""
        return self.data.batches(epoch)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """See `Task`."""
        self._draw_resolutions()
        return self.judge(*self._speak(batch, self._trained_filters))

    def _draw_resolutions(self) -> None:
        # Drawn from torch's generator, whose state is in the checkpoint.
        draw = random.Random(int(torch.randint(1 << 31, ())))
        others = [r for r in RESOLUTIONS if r not in MEL_RESOLUTIONS]
        self.judge.resolutions = (*MEL_RESOLUTIONS, *draw.sample(others, self.drawn))

    def evaluate(self) -> dict[str, float]:
        """See `Task`."""
        torch.manual_seed(0)
        batches = self.data.held_out_batches()
        return _mean([self._held_out_judge(*self._speak(b, self._filters)) for b in batches])

    def _filters(self, b: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        model: AcousticModel = self.model  # type: ignore[assignment]
        spans = span_features(b.durations_BL, b.unit_index_BU, b.unit_offset_BU)
        with half_where_fast(self.data.device):
            x = model.phonemes(b.tokens_BL, b.style_BS, b.token_mask_BL1)
            curves = prosody_inputs(b.pitch_BF, b.energy_BF)
            out = model.decode(x, b.style_BS, spans, b.unit_index_BU, curves, b.unit_mask_BU1)
        return filters_of(out)

    def _speak(self, b: Batch, filters: Filters) -> tuple[Tensor, Tensor]:
        """Our sound and the teacher's, both silent where it is not judged."""
        # From the CPU's generator on every device: its state is in the checkpoint.
        noise = torch.randn(b.samples_BS.shape).to(self.data.device)
        made = synthesise(b.pitch_BF, noise, *filters(b), b.turns_B)
        judged = b.judged_BU1[..., 0].repeat_interleave(FRAMES_PER_UNIT * HOP, 1)
        return made * judged, b.samples_BS * judged


class AdversarialTask(AcousticTask):
    """The acoustic task with judges trained beside the voice, on short cuts of each reading.

    Judges that know nothing teach nothing: they get a head start on the voice that the run begins
    from, and learn more than once a step.

    Args:
        start: averaged weights of an acoustic run, to begin from.
        cut_frames: length of the cuts that the judges see.
        head_start: lessons of the judges before the first step.
        lessons: how often the judges learn in a step, each time from other cuts.
        matching, fooling: weights of the two adversarial terms beside the spectral ones.
        rate: learning rate of the judges.
    """

    def __init__(
        self,
        data: Data,
        config: VoiceConfig,
        *,
        start: dict[str, Tensor],
        cut_frames: int = 64,
        head_start: int = 1200,
        lessons: int = 2,
        matching: float = 0.7,
        fooling: float = 0.7,
        rate: float = 5e-4,
        fuse: bool = False,
    ) -> None:
        super().__init__(data, config, start=start, fuse=fuse)
        self.judges = Judges().to(data.device)
        self.optimiser = torch.optim.AdamW(
            self.judges.parameters(), lr=rate, betas=(0.8, 0.98), fused=True
        )
        self.head_start, self.lessons = head_start, lessons
        self.cut_frames, self.matching, self.fooling = cut_frames, matching, fooling

    def state(self) -> dict[str, Any]:
        """See `Task`."""
        return {"judges": self.judges.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """See `Task`."""
        self.judges.load_state_dict(state["judges"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.head_start = 0

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The spectral terms, the two adversarial ones, and `judges`, their own loss to look at."""
        self._begin()
        self._draw_resolutions()
        made, wanted = self._speak(batch, self._trained_filters)
        for _ in range(self.lessons - 1):
            self._teach(*self._cut(batch.judged_BU1, made.detach(), wanted))
        heard = self._cut(batch.judged_BU1, made, wanted)
        return {**self.judge(made, wanted), **self._contest(*heard)}

    def _begin(self) -> None:
        """Give the judges their head start; a sentence that was spoken serves for three lessons."""
        epoch = 0
        while self.head_start > 0:
            for batch in self.batches(epoch):
                with torch.no_grad():
                    sounds = self._speak(batch, self._filters)
                for _ in range(3):
                    self._teach(*self._cut(batch.judged_BU1, *sounds))
                self.head_start -= 3
                if self.head_start <= 0:
                    return
            epoch += 1

    def _verdicts(self, ours: list[Tensor], theirs: list[Tensor]) -> Verdicts:
        with half_where_fast(self.data.device):
            verdicts: Verdicts = self.judges(ours, theirs)
        return verdicts

    def _teach(self, made_BS: Tensor, wanted_BS: Tensor) -> None:
        """One lesson of the judges alone."""
        with torch.no_grad():
            seen = [self.judges.spectra(x) for x in (made_BS, wanted_BS)]
        self.optimiser.zero_grad(set_to_none=True)
        self._verdicts(*seen).own.backward()
        self.optimiser.step()

    def _contest(self, made_BS: Tensor, wanted_BS: Tensor) -> dict[str, Tensor]:
        """Train the judges by one step, and tell how far they are from being fooled.

        Both sides learn from the same look at both recordings, which costs half of two looks.
        """
        seen = self.judges.spectra(made_BS)
        leaves = [x.detach().requires_grad_() for x in seen]
        with torch.no_grad():
            theirs = self.judges.spectra(wanted_BS)
        verdicts = self._verdicts(leaves, theirs)
        fooled, apart = self.fooling * verdicts.fooled, self.matching * verdicts.apart
        weights = list(self.judges.parameters())
        learned = torch.autograd.grad(verdicts.own, weights, retain_graph=True)
        pushes = torch.autograd.grad(fooled + apart, leaves)
        for weight, gradient in zip(weights, learned, strict=True):
            weight.grad = gradient
        self.optimiser.step()
        # The value of the two terms, with the gradient that the judges asked for.
        pushed = [(x * g).sum() for x, g in zip(seen, pushes, strict=True)]
        push = torch.stack(pushed).sum()
        return {
            "fooling": fooled.detach() + push - push.detach(),
            "matching": apart.detach(),
            "judges": verdicts.own.detach(),
        }

    def _cut(self, judged_BU1: Tensor, *sounds_BS: Tensor) -> list[Tensor]:
        """From every reading one random stretch that is judged, the same of all sounds."""
        judged_BU = judged_BU1[..., 0]
        frames = min(self.cut_frames, judged_BU.shape[1] * FRAMES_PER_UNIT)
        first_B = judged_BU.argmax(1) * FRAMES_PER_UNIT
        spare_B = (judged_BU.sum(1).long() * FRAMES_PER_UNIT - frames).clamp(min=0)
        drawn_B = (torch.rand(len(judged_BU)).to(first_B.device) * (spare_B + 1)).long()
        last = judged_BU.shape[1] * FRAMES_PER_UNIT - frames
        start_B = (first_B + drawn_B).clamp(max=last) * HOP
        at_BS = start_B[:, None] + torch.arange(frames * HOP, device=first_B.device)
        return [x.gather(1, at_BS) for x in sounds_BS]


class ProsodyTask(_Stateless):
    """Durations, pitch, voicing and energy from phonemes.

    Args:
        start: weights to begin from; none begins from scratch.
    """

    def __init__(
        self, data: Data, config: VoiceConfig, *, start: dict[str, Tensor] | None = None
    ) -> None:
        self.data = data
        self.model: nn.Module = ProsodyModel(config).to(data.device)
        if start is not None:
            self.model.load_state_dict(start)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """See `Task`."""
        return self.data.batches(epoch)

    def loss(self, b: Batch) -> dict[str, Tensor]:
        """See `Task`."""
        model: ProsodyModel = self.model  # type: ignore[assignment]
        spans = span_features(b.durations_BL, b.unit_index_BU, b.unit_offset_BU)
        with half_where_fast(self.data.device):
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
