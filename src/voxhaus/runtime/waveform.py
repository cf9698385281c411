"""From pitch and a model's outputs to a waveform, in NumPy: the last step of speaking.

Knows: the pulse train, the noise, and filtering by overlap-add, on one utterance at a time.
Refuses to know: networks and text. `voxhaus.models.voice.synthesis` is the same arithmetic for
training; a test holds the two together. The constants are the same file's business: they are read
from the model's own config, so that weights and synthesiser cannot disagree.

Frames are filtered in blocks whose spectra stay in the processor's cache, in buffers that are made
once: pages that the system must first hand out cost more than the transforms.

Shapes: F frames, K bins, N noise steps, S = F * hop samples, O = 3 K + N outputs of the model. All
float32.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Spectra = NDArray[np.complex64]

BLOCK = 64  # frames that are filtered at once
NEAR = np.float32(1e-4)  # half phases nearer to a pulse than this are moved there

# Limits of the model's log outputs, as in `voxhaus.models.voice.acoustic`.
LOG_GAIN = (-14.0, 4.0)
LOG_STEP = (-4.0, 4.0)


class Noise:
    """White noise of unit power from a stock that is drawn once.

    Fresh numbers would take longer than a tenth of all speaking; a stretch of eleven seconds that
    begins somewhere else in each sentence sounds no different.
    """

    def __init__(self, count: int = 1 << 18) -> None:
        self.stock = np.random.Generator(np.random.PCG64(0)).standard_normal(count, np.float32)

    def place(self, generator: np.random.Generator) -> int:
        """Where a stretch begins: a place that the generator chooses."""
        return int(generator.integers(len(self.stock)))

    def stretch(self, generator: np.random.Generator, count: int) -> Array:
        """So many samples from such a place, the stock over and over where it is too short."""
        start = self.place(generator)
        rounds = -(-(start + count) // len(self.stock))
        stock = np.tile(self.stock, rounds) if rounds > 1 else self.stock
        return stock[start : start + count]


@dataclass(frozen=True, kw_only=True)
class Synthesiser:
    """Constants of the time axes, as in the model's config.

    Attributes:
        sample_rate: Hz.
        hop: samples per frame.
        window: samples of one Hann window, two hops.
        fft: length of the transform; (fft - window) / 2 samples are left to each side for ringing.
        voiced_from: Hz; a pitch up to this is unvoiced.
    """

    sample_rate: int
    hop: int
    window: int
    fft: int
    voiced_from: float
    _desks: list["_Desk"] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def margin(self) -> int:
        """Room for ringing on each side of a window."""
        return (self.fft - self.window) // 2

    @property
    def frequencies(self) -> Array:
        """Hertz of each bin [K]."""
        return np.linspace(0, self.sample_rate / 2, self.fft // 2 + 1, dtype=np.float32)

    @property
    def lag(self) -> int:
        """Samples by which `overlapped` is late: half a window, and the ringing before it."""
        return self.margin + self.hop // 2

    def turns(self, pitch_F: Array) -> float:
        """Periods of the fundamental that frames take."""
        return float(pitch_F.astype(np.float64).sum() * (self.hop / self.sample_rate))

    def phase(self, pitch_F: Array, turned: float = 0.0) -> Array:
        """Half the phase of the fundamental [F, hop], -pi/2 to pi/2, up to whole turns of it."""
        turns = turned + np.cumsum(pitch_F.astype(np.float64) * (self.hop / self.sample_rate))
        # Steps towards each frame's centre and away from it; constant beyond both ends.
        step = np.diff(np.concatenate([turns[:1], turns, turns[-1:]])).astype(np.float32)[:, None]
        at = ((np.arange(self.hop) + 0.5) / self.hop - 0.5).astype(np.float32)
        early = self.hop // 2
        full = np.empty((len(turns), self.hop), np.float32)
        np.multiply(step[:-1], at[:early], out=full[:, :early])
        np.multiply(step[1:], at[early:], out=full[:, early:])
        full += (turns - np.floor(turns)).astype(np.float32)[:, None]
        full -= np.rint(full)
        full *= np.float32(np.pi)
        return full

    def pulses(self, pitch_F: Array, turned: float = 0.0) -> Array:
        """Band-limited pulse train [S] of unit power where voiced, zero elsewhere."""
        half = self.phase(pitch_F, turned)
        out = np.zeros_like(half)
        for start in range(0, len(half), BLOCK):
            block = slice(start, start + BLOCK)
            voiced = np.flatnonzero(pitch_F[block] > self.voiced_from)
            if len(voiced):
                out[block][voiced] = self._kernels(half[block][voiced], pitch_F[block][voiced])
        return out.reshape(-1)

    def _kernels(self, half: Array, pitch_F: Array) -> Array:
        """All harmonics below the Nyquist frequency: the Dirichlet kernel, in closed form."""
        count = np.floor(self.sample_rate / 2 / pitch_F)[:, None].astype(np.float32)
        # The kernel is even, and at its centre the limit of a quotient of two zeros.
        half = np.maximum(np.abs(half), NEAR)
        below = np.sin(half)
        half *= 2 * count + 1
        total: Array = np.sin(half, out=half)
        total /= below
        total -= 1.0
        total *= np.sqrt(0.5 / count)
        return total

    def _framed(self, x_S: Array) -> Array:
        """Overlapping stretches [F, window] of a signal, centred on its frames."""
        half = self.hop // 2
        padded = np.pad(x_S, (half, self.window - half))
        stretches: Array = np.lib.stride_tricks.sliding_window_view(padded, self.window)
        return stretches[:: self.hop][: len(x_S) // self.hop]

    def _desk(self) -> "_Desk":
        """One that no other thread works at."""
        try:
            return self._desks.pop()
        except IndexError:
            return _Desk(self)

    def synthesise(self, pitch_F: Array, noise_S: Array, out_FO: Array) -> Array:
        """Waveform [S]: filtered pulses plus filtered noise.

        Args:
            pitch_F: Hz; values up to `voiced_from` are unvoiced.
            noise_S: white noise of unit power.
            out_FO: log level and phase of the pulses' filter and log level of the noise's, K each,
                then the log course of the noise within the frame.
        """
        frames = slice(0, len(pitch_F))
        sound = self.overlapped(pitch_F, noise_S, out_FO, frames)
        return sound[self.lag : self.lag + len(pitch_F) * self.hop]

    def overlapped(
        self, pitch_F: Array, noise_S: Array, out_FO: Array, frames: slice, turned: float = 0.0
    ) -> Array:
        """What some of the frames add to a waveform; the sums of all pieces are the whole.

        Args:
            pitch_F: as for `synthesise`, noise_S and out_FO too: of these frames and, where the
                utterance goes on, of one more on each side, which their windows reach into.
            noise_S: see pitch_F.
            out_FO: see pitch_F.
            frames: those that are added.
            turned: periods of the fundamental before the first of pitch_F.

        Returns:
            samples from `lag` before the first of the frames, to where the last has rung out.
        """
        bins = self.fft // 2 + 1
        steps_FN = np.exp(np.clip(out_FO[:, 3 * bins :], *LOG_STEP))
        shaped = noise_S.reshape(*steps_FN.shape, -1) * steps_FN[..., None]
        breath = self._framed(shaped.reshape(-1))
        voice = self._framed(self.pulses(pitch_F, turned))
        voiced = np.pad(pitch_F > self.voiced_from, 1)
        sounding = voiced[:-2] | voiced[1:-1] | voiced[2:]
        parts = -(-self.fft // self.hop)
        sound = np.zeros((frames.stop - frames.start + parts, self.hop), np.float32)
        desk = self._desk()
        for start in range(frames.start, frames.stop, BLOCK):
            stop = min(frames.stop, start + BLOCK)
            out = out_FO[start:stop]
            spectrum = desk.breath(breath[start:stop], out[:, 2 * bins : 3 * bins])
            if len(at := np.flatnonzero(sounding[start:stop])):
                # From the first frame with pulses to the last; silence between costs less than
                # picking frames out.
                heard = slice(at[0], at[-1] + 1)
                level, phase = out[heard, :bins], out[heard, bins : 2 * bins]
                spectrum[heard] += desk.voice(voice[start:stop][heard], level, phase)
            pieces = desk.back(spectrum)
            at_first, at_last = start - frames.start, stop - frames.start
            for k in range(parts):
                piece = pieces[:, k * self.hop : (k + 1) * self.hop]
                sound[at_first + k : at_last + k, : piece.shape[1]] += piece
        self._desks.append(desk)
        return sound.reshape(-1)


class _Desk:
    """Buffers for one block of frames, and the filtering that is done in them."""

    def __init__(self, synthesiser: Synthesiser) -> None:
        self._size, edge = synthesiser.fft, synthesiser.margin
        self._inner = slice(edge, edge + synthesiser.window)
        # Times the size, because of how `_spectra` transforms.
        window = np.hanning(synthesiser.window + 1)[:-1] * self._size
        self._window = window.astype(np.float32)
        bins = self._size // 2 + 1
        self._time, self._pieces = (np.zeros((BLOCK, self._size), np.float32) for _ in range(2))
        self._gain, self._part = (np.empty((BLOCK, bins), np.float32) for _ in range(2))
        self._breath, self._voice, self._filter = (
            np.empty((BLOCK, bins), np.complex64) for _ in range(3)
        )

    def _spectra(self, stretches: Array, into: Spectra) -> Spectra:
        n = len(stretches)
        np.multiply(stretches, self._window, out=self._time[:n, self._inner])
        # NumPy computes an unscaled transform of float32 in float64, and a scaled one not.
        np.fft.rfft(self._time[:n], norm="forward", out=into[:n])  # type: ignore[arg-type]
        return into[:n]

    def _gains(self, level: Array) -> Array:
        gain = np.clip(level, *LOG_GAIN, out=self._gain[: len(level)])
        return np.exp(gain, out=gain)

    def breath(self, stretches: Array, level: Array) -> Spectra:
        """Filtered spectra of the noise."""
        spectrum = self._spectra(stretches, self._breath)
        spectrum *= self._gains(level)
        return spectrum

    def voice(self, stretches: Array, level: Array, phase: Array) -> Spectra:
        """Filtered spectra of the pulses."""
        n = len(level)
        spectrum, filters = self._spectra(stretches, self._voice), self._filter[:n]
        gain, part = self._gains(level), self._part[:n]
        np.multiply(gain, np.cos(phase, out=part), out=filters.real)
        np.multiply(gain, np.sin(phase, out=part), out=filters.imag)
        spectrum *= filters
        return spectrum

    def back(self, spectrum: Spectra) -> Array:
        """Spectra as stretches of sound [rows, fft]."""
        pieces = self._pieces[: len(spectrum)]
        np.fft.irfft(spectrum, n=self._size, out=pieces)  # type: ignore[arg-type]
        return pieces
