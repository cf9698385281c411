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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Spectra = NDArray[np.complex64]

BLOCK = 64  # frames that are filtered at once

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

    @property
    def margin(self) -> int:
        """Room for ringing on each side of a window."""
        return (self.fft - self.window) // 2

    @property
    def frequencies(self) -> Array:
        """Hertz of each bin [K]."""
        return np.linspace(0, self.sample_rate / 2, self.fft // 2 + 1, dtype=np.float32)

    def phase(self, pitch_F: Array) -> Array:
        """Half the phase of the fundamental [S], in (0, pi) up to whole turns of the full phase."""
        turns = np.cumsum(pitch_F.astype(np.float64) * (self.hop / self.sample_rate))
        frames = len(pitch_F)
        at = (np.arange(self.hop) + 0.5) / self.hop - 0.5
        left = np.concatenate([turns[:1], turns, turns[-1:]])
        # Two stretches per frame: before its centre (towards the last one) and after it.
        step = np.diff(left)
        low = turns[:, None] + np.where(at < 0, at, 0.0) * step[:frames, None]
        full = low + np.where(at > 0, at, 0.0) * step[1:, None]
        full -= np.floor(full)
        angles: Array = (np.pi * full).astype(np.float32).reshape(-1)
        return angles

    def pulses(self, pitch_F: Array) -> Array:
        """Band-limited pulse train [S] of unit power where voiced, zero elsewhere."""
        half = self.phase(pitch_F).reshape(len(pitch_F), self.hop)
        voiced_F = pitch_F > self.voiced_from
        out = np.zeros_like(half)
        if not voiced_F.any():
            return out.reshape(-1)
        half = half[voiced_F]
        count = np.floor(self.sample_rate / 2 / pitch_F[voiced_F])[:, None].astype(np.float32)
        below = np.sin(half)
        near = np.abs(below) < 1e-4
        below[near] = 1.0
        total = 0.5 * (np.sin((2 * count + 1) * half) / below - 1.0)
        total = np.where(near, count, total)
        out[voiced_F] = total * np.sqrt(2.0 / count)
        return out.reshape(-1)

    def _framed(self, x_S: Array) -> Array:
        """Overlapping stretches [F, window] of a signal, centred on its frames."""
        half = self.hop // 2
        padded = np.pad(x_S, (half, self.window - half))
        stretches: Array = np.lib.stride_tricks.sliding_window_view(padded, self.window)
        return stretches[:: self.hop][: len(x_S) // self.hop]

    def synthesise(self, pitch_F: Array, noise_S: Array, out_FO: Array) -> Array:
        """Waveform [S]: filtered pulses plus filtered noise.

        Args:
            pitch_F: Hz; values up to `voiced_from` are unvoiced.
            noise_S: white noise of unit power.
            out_FO: log level and phase of the pulses' filter and log level of the noise's, K each,
                then the log course of the noise within the frame.
        """
        bins, frames = self.fft // 2 + 1, len(pitch_F)
        steps_FN = np.exp(np.clip(out_FO[:, 3 * bins :], *LOG_STEP))
        shaped = noise_S.reshape(*steps_FN.shape, -1) * steps_FN[..., None]
        breath, voice = self._framed(shaped.reshape(-1)), self._framed(self.pulses(pitch_F))
        voiced = np.pad(pitch_F > self.voiced_from, 1)
        sounding = voiced[:-2] | voiced[1:-1] | voiced[2:]
        parts = -(-self.fft // self.hop)
        sound = np.zeros((frames + parts, self.hop), np.float32)
        desk = _Desk(self, min(BLOCK, frames))
        for start in range(0, frames, BLOCK):
            stop = min(frames, start + BLOCK)
            out, at = out_FO[start:stop], np.flatnonzero(sounding[start:stop])
            spectrum = desk.breath(breath[start:stop], out[:, 2 * bins : 3 * bins])
            if len(at):
                heard = voice[start:stop][at]
                spectrum[at] += desk.voice(heard, out[at, :bins], out[at, bins : 2 * bins])
            pieces = desk.back(spectrum)
            for k in range(parts):
                piece = pieces[:, k * self.hop : (k + 1) * self.hop]
                sound[start + k : stop + k, : piece.shape[1]] += piece
        first = self.margin + self.hop // 2
        return sound.reshape(-1)[first : first + frames * self.hop]


class _Desk:
    """Buffers for one block of frames, and the filtering that is done in them."""

    def __init__(self, synthesiser: Synthesiser, rows: int) -> None:
        self._size = synthesiser.fft
        edge = synthesiser.margin
        self._inner = slice(edge, edge + synthesiser.window)
        self._window = np.hanning(synthesiser.window + 1)[:-1].astype(np.float32)
        self._time = np.zeros((rows, self._size), np.float32)
        self._pieces = np.empty((rows, self._size), np.float32)
        self._breath, self._voice, self._filter = (
            np.empty((rows, self._size // 2 + 1), np.complex64) for _ in range(3)
        )

    def _spectra(self, stretches: Array, into: Spectra) -> Spectra:
        n = len(stretches)
        np.multiply(stretches, self._window, out=self._time[:n, self._inner])
        np.fft.rfft(self._time[:n], out=into[:n])  # type: ignore[arg-type]
        return into[:n]

    def breath(self, stretches: Array, level: Array) -> Spectra:
        """Filtered spectra of the noise."""
        spectrum = self._spectra(stretches, self._breath)
        spectrum *= np.exp(np.clip(level, *LOG_GAIN))
        return spectrum

    def voice(self, stretches: Array, level: Array, phase: Array) -> Spectra:
        """Filtered spectra of the pulses."""
        spectrum, filters = self._spectra(stretches, self._voice), self._filter[: len(level)]
        gain = np.exp(np.clip(level, *LOG_GAIN))
        np.multiply(gain, np.cos(phase), out=filters.real)
        np.multiply(gain, np.sin(phase), out=filters.imag)
        spectrum *= filters
        return spectrum

    def back(self, spectrum: Spectra) -> Array:
        """Spectra as stretches of sound [rows, fft]."""
        pieces = self._pieces[: len(spectrum)]
        np.fft.irfft(spectrum, n=self._size, out=pieces)  # type: ignore[arg-type]
        return pieces
