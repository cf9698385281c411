"""A batch of utterances from tokens to sound, in torch, with shapes that no value changes.

Knows: the arithmetic of `voxhaus.runtime.voice_model` for many utterances at once, padding and all.
Refuses to know: texts, voices' names, CUDA graphs, and which shapes are wise.

Two stages, because the length of the second is an outcome of the first. Each is a function of
tensors alone: nothing is looked at on the host, no shape depends on a value, so that a CUDA graph
can hold it. (`torch.where` with a number may copy that number to the device, which a capture
refuses; `masked_fill` never does.) What lies beyond an utterance's end is masked wherever it could
be mixed in.

Shapes: B utterances, L tokens with borders, U units of 25 ms, F = 2 U frames, C channels, K bins,
O outputs of the model a frame, S = HOP * F samples, M figures of a manner.
"""

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from voxhaus.models.voice.acoustic import AcousticModel, filters_of, prosody_inputs
from voxhaus.models.voice.config import (
    BINS,
    FRAMES_PER_UNIT,
    HOP,
    NOISE_STEPS,
    SAMPLE_RATE,
    SILENT_BELOW,
    VOICED_FROM,
)
from voxhaus.models.voice.prosody import PITCH_CENTRE, ProsodyModel, smoothed, span_features
from voxhaus.models.voice.synthesis import synthesise
from voxhaus.runtime.manner import DECIBELS, TILT_CENTRE, TILT_OCTAVES, Manner
from voxhaus.runtime.melody import AHEAD, APPROACH, BEND, LOW, RISE
from voxhaus.runtime.voice import EDGE_FADE
from voxhaus.runtime.voice_model import (
    FADED,
    LEAD_UNITS,
    LEAST,
    STRESS_ENERGY,
    STRESS_PITCH,
    TAIL_UNITS,
)
from voxhaus.runtime.waveform import Noise

Tensors = Mapping[str, Tensor]

# The figures of a manner that change curves and colour, in the order of the axis M.
FIGURES = ("pitch", "range", "effort", "gain", "tilt", "breath", "whisper")


def figures_of(manner: Manner) -> list[float]:
    """A manner as a row of FIGURES."""
    return [float(getattr(manner, name)) for name in FIGURES]


def coloured(manner: Manner) -> bool:
    """Whether the model's outputs are changed at all; most speech leaves them as they are."""
    return bool(manner.gain or manner.tilt or manner.breath or manner.whisper)


def whole_units(durations_BL: Tensor, rate_B: Tensor, mask_BL: Tensor) -> Tensor:
    """Ends of tokens in whole units, [B, L] int64: `voice_model.whole_units`, without its loop.

    Each end is the rounded one, or one unit after the end before it if that is later. Less their
    own numbers, the ends therefore never fall, and the loop becomes a running maximum.

    Args:
        durations_BL: units, float64.
        rate_B: pace, float64.
        mask_BL: which tokens there are; those behind them take no time.
    """
    rounded = torch.cumsum(durations_BL * mask_BL, 1).div(rate_B[:, None]).round().long()
    number = torch.arange(1, rounded.shape[1] + 1, device=rounded.device)
    ends = number + torch.cummax((rounded - number).clamp(min=0), 1).values
    return ends.masked_fill(~mask_BL, 0).cummax(1).values


class Pipeline:
    """Both models on a device, and the arithmetic around them.

    Args:
        prosody: with its trained weights; always in float32, because durations are rounded.
        acoustic: with its trained weights and its postfilter.
        device: where it runs.
        half: the sound model's matrix products in float16. Not bfloat16, whose error is 18 dB
            larger (decision 0053).
    """

    def __init__(
        self, prosody: ProsodyModel, acoustic: AcousticModel, device: torch.device, *, half: bool
    ) -> None:
        self.device = device
        self._kind = torch.float16 if half else torch.float32
        self._prosody = prosody.eval().to(device)
        self._acoustic = copy.deepcopy(acoustic).eval().to(device, self._kind)
        self._stock = torch.from_numpy(Noise().stock).to(device)
        hertz = np.maximum(np.linspace(0, SAMPLE_RATE / 2, BINS), 1.0)
        octaves = np.clip(np.log2(hertz / TILT_CENTRE), -TILT_OCTAVES, TILT_OCTAVES)
        self._least_V = torch.from_numpy(LEAST).to(device)
        self._octaves_K = torch.from_numpy(octaves.astype(np.float32)).to(device)

    @torch.inference_mode()
    def lengths(self, given: Tensors) -> Tensors:
        """The first stage.

        Args:
            given: `tokens` int64 [B, L], `count` int64 [B] of them, `style` [B, 256], `stretch`
                float64 [B, L] on durations, `rate` float64 [B].

        Returns:
            `ends` int64 [B, L] of the tokens in units, and the features `prosody` and `acoustic`
            [B, L, C] of both models.
        """
        tokens, style = given["tokens"], given["style"]
        at_L = torch.arange(tokens.shape[1], device=self.device)
        mask_BL = at_L < given["count"][:, None]
        mask_BL1 = mask_BL[..., None].float()
        log_BL, prosody = self._prosody.phonemes(tokens, style, mask_BL1)
        durations = log_BL.exp().maximum(self._least_V[tokens]).double() * given["stretch"]
        kind = self._kind
        acoustic = self._acoustic.phonemes(tokens, style.to(kind), mask_BL1.to(kind))
        ends = whole_units(durations, given["rate"], mask_BL)
        return {"ends": ends, "prosody": prosody, "acoustic": acoustic}

    @torch.inference_mode()
    def sound(self, given: Tensors, units: int, *, colour: bool) -> Tensors:
        """The second stage.

        Args:
            given: what `lengths` returned, with `style`, `stress` [B, L], `manner` [B, M],
                `place` int64 [B], where each utterance's noise begins, and `rises` int64 [B], the
                token from which on its pitch rises, or -1.
            units: U, at least that of the longest utterance.
            colour: apply manners to the outputs.

        Returns:
            `samples` [B, S], silent beyond each utterance's end, `energy` [B, F] as predicted, and
            `heard` int64 [B, 2]: the units from which and up to which it is heard.
        """
        index_BU, spans_BU4, total_B = self._places(given["ends"], units)
        inside_BU = torch.arange(units, device=self.device) < total_B[:, None]
        pitch, energy = self._curves(given, index_BU, spans_BU4, inside_BU, total_B)
        start, stop = _heard(energy, inside_BU, total_B)
        stress = given["stress"].gather(1, index_BU).repeat_interleave(FRAMES_PER_UNIT, 1)
        manner = given["manner"]
        bare = energy
        energy = (
            energy
            + float(STRESS_ENERGY) * stress
            + _column(manner, "effort") * (energy > SILENT_BELOW)
        )
        pitch = _risen(_melody(pitch, manner), given["ends"], given["rises"])
        pitch = pitch * (1 + (STRESS_PITCH - 1) * stress)

        # From here on a unit is counted from the first that is heard.
        at_BU = (torch.arange(units, device=self.device) + start[:, None]).clamp(max=units - 1)
        inside_BU = torch.arange(units, device=self.device) < (stop - start)[:, None]
        inside_BF = _frames(inside_BU)
        at_BF = FRAMES_PER_UNIT * _frames(at_BU)
        at_BF = at_BF + torch.arange(at_BF.shape[1], device=self.device) % FRAMES_PER_UNIT
        pitch, energy = pitch.gather(1, at_BF) * inside_BF, energy.gather(1, at_BF) * inside_BF
        kind = self._kind
        out = self._acoustic.decode(
            given["acoustic"],
            given["style"].to(kind),
            spans_BU4.gather(1, at_BU[..., None].expand(-1, -1, 4)).to(kind),
            index_BU.gather(1, at_BU),
            prosody_inputs(pitch, energy).to(kind),
            inside_BU[..., None].to(kind),
        )
        if colour:
            _colour(out, pitch > VOICED_FROM, manner, self._octaves_K)
            pitch = pitch * (_column(manner, "whisper") == 0)
        samples = self._wave(pitch, out, inside_BF, given["place"])
        samples *= _edges(samples.shape[1], (stop - start) * (HOP * FRAMES_PER_UNIT))
        return {"samples": samples, "energy": bare, "heard": torch.stack([start, stop], 1)}

    def _places(self, ends_BL: Tensor, units: int) -> tuple[Tensor, Tensor, Tensor]:
        """For each unit its token [B, U] and the network inputs [B, U, 4]; and units in all [B]."""
        at_BU = torch.arange(units, device=self.device).expand(len(ends_BL), -1).contiguous()
        index_BU = torch.searchsorted(ends_BL, at_BU, right=True).clamp(max=ends_BL.shape[1] - 1)
        lengths_BL = ends_BL.diff(dim=1, prepend=torch.zeros_like(ends_BL[:, :1]))
        offset_BU = (at_BU - (ends_BL - lengths_BL).gather(1, index_BU)).float()
        return index_BU, span_features(lengths_BL.float(), index_BU, offset_BU), ends_BL[:, -1]

    def _curves(
        self,
        given: Tensors,
        index_BU: Tensor,
        spans_BU4: Tensor,
        inside_BU: Tensor,
        total_B: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Pitch in Hz, 0 where unvoiced and beyond the end, and energy, far below silence there."""
        rough_BF3 = self._prosody.rough_curves(
            given["prosody"], given["style"], spans_BU4, index_BU, inside_BU[..., None].float()
        )
        # A single utterance's pitch is smoothed as if its last frame went on for ever.
        last_B1 = FRAMES_PER_UNIT * total_B[:, None] - 1
        at_BF = torch.arange(rough_BF3.shape[1], device=self.device).minimum(last_B1)
        pitch = smoothed(rough_BF3[..., 0].gather(1, at_BF))
        inside_BF = _frames(inside_BU)
        voiced_BF = (rough_BF3[..., 1] > 0) & inside_BF
        pitch = (PITCH_CENTRE * torch.exp2(pitch)).masked_fill(~voiced_BF, 0.0)
        return pitch, rough_BF3[..., 2].masked_fill(~inside_BF, 2 * SILENT_BELOW)

    def _wave(
        self, pitch_BF: Tensor, out_BFO: Tensor, inside_BF: Tensor, place_B: Tensor
    ) -> Tensor:
        count = pitch_BF.shape[1] * HOP
        at_BS = (place_B[:, None] + torch.arange(count, device=self.device)) % len(self._stock)
        real, imag, level, gains = filters_of(out_BFO)
        # The frame after the last one would still see the end of the last one's pulses.
        mask_BF1 = inside_BF[..., None].float()
        for part in (real, imag, level, gains):
            part.mul_(mask_BF1)
        return synthesise(pitch_BF, self._stock[at_BS], real, imag, level, gains)


def _frames(x_BU: Tensor) -> Tensor:
    """Values of units at their frames, [B, F]."""
    return x_BU.repeat_interleave(FRAMES_PER_UNIT, 1)


def _column(manner_BM: Tensor, name: str) -> Tensor:
    at = FIGURES.index(name)
    return manner_BM[:, at : at + 1]


def _heard(energy_BF: Tensor, inside_BU: Tensor, total_B: Tensor) -> tuple[Tensor, Tensor]:
    """The units from which and up to which each utterance is heard; all of one that is silent."""
    at_U = torch.arange(inside_BU.shape[1], device=inside_BU.device)
    loudest_BU = energy_BF.view(*inside_BU.shape, FRAMES_PER_UNIT).amax(-1)
    at_BU = at_U.expand(len(loudest_BU), -1)
    begun_BU = (loudest_BU > SILENT_BELOW) & inside_BU
    ended_BU = (loudest_BU > SILENT_BELOW + FADED) & inside_BU
    first = at_BU.masked_fill(~begun_BU, len(at_U)).amin(1)
    last = at_BU.masked_fill(~ended_BU, -1).amax(1)
    start = (first - LEAD_UNITS).clamp(min=0).masked_fill(~begun_BU.any(1), 0)
    return start, torch.where(last < 0, total_B, total_B.minimum(last + 1 + TAIL_UNITS))


def _risen(pitch_BF: Tensor, ends_BL: Tensor, rises_B: Tensor) -> Tensor:
    """`melody.risen` for a batch, where `rises_B` is not negative."""
    at_F = torch.arange(pitch_BF.shape[1], device=pitch_BF.device)
    before_B = ends_BL.gather(1, (rises_B - 1).clamp(min=0)[:, None])[:, 0] * (rises_B > 0)
    first_B1 = (before_B * FRAMES_PER_UNIT - AHEAD).clamp(min=0)[:, None]
    voiced = pitch_BF > 0
    tail = voiced & (at_F >= first_B1) & (rises_B >= 0)[:, None]
    tail = tail & (tail.sum(1, keepdim=True) >= 4)
    begin_B1 = at_F.masked_fill(~tail, len(at_F) - 1).amin(1, keepdim=True)
    end_B1 = at_F.masked_fill(~tail, 0).amax(1, keepdim=True)
    height_BF = 12 * torch.log2(pitch_BF.masked_fill(~voiced, 1.0))
    mean_B1 = height_BF.sum(1, keepdim=True) / voiced.sum(1, keepdim=True).clamp(min=1)
    before_B1 = height_BF.gather(1, begin_B1)
    low_B1 = before_B1.minimum(mean_B1 + LOW)
    share = ((at_F - begin_B1) / (end_B1 - begin_B1).clamp(min=1)).clamp(0.0, 1.0)
    rising = torch.exp2((low_B1 + RISE * share**BEND) / 12)
    near = 1 - (begin_B1 - at_F) / (APPROACH + 1)
    lead = voiced & (at_F < begin_B1) & (at_F >= begin_B1 - APPROACH) & tail.any(1, keepdim=True)
    led = pitch_BF * torch.exp2((low_B1 - before_B1) * near / 12)
    return torch.where(tail, rising, torch.where(lead, led, pitch_BF))


def _melody(pitch_BF: Tensor, manner_BM: Tensor) -> Tensor:
    """`Manner.melody` for a batch."""
    voiced = pitch_BF > 0
    height = torch.log2(pitch_BF.masked_fill(~voiced, 1.0))
    middle = height.sum(1, keepdim=True) / voiced.sum(1, keepdim=True).clamp(min=1)
    made = middle + _column(manner_BM, "range") * (height - middle)
    return torch.exp2(made + _column(manner_BM, "pitch") / 12) * voiced


def _colour(out_BFO: Tensor, voiced_BF: Tensor, manner_BM: Tensor, octaves_K: Tensor) -> None:
    """`Manner.colour` for a batch, in place."""
    level, _, noise, steps = out_BFO.split([BINS, BINS, BINS, NOISE_STEPS], dim=-1)
    slope_BK = _column(manner_BM, "gain") + _column(manner_BM, "tilt") * octaves_K
    slope_B1K = (slope_BK * float(DECIBELS))[:, None]
    voiced = voiced_BF[..., None]
    level += slope_B1K
    noise += slope_B1K
    noise += voiced * (_column(manner_BM, "breath") * float(DECIBELS))[:, None]
    whispered = voiced & (_column(manner_BM, "whisper") > 0)[:, None]
    hiss = torch.logaddexp(noise + steps.mean(-1, keepdim=True), level)
    noise.copy_(torch.where(whispered, hiss, noise))
    steps.masked_fill_(whispered, 0.0)


def _edges(count: int, samples_B: Tensor) -> Tensor:
    """The fades at both ends of each utterance, and zero beyond, [B, S]."""
    at_S = torch.arange(count, device=samples_B.device)
    inward_BS = at_S.minimum(samples_B[:, None] - 1 - at_S)
    return (inward_BS / (round(EDGE_FADE * SAMPLE_RATE) - 1)).clamp(0.0, 1.0)
