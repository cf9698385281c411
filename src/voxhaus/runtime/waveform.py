"""From pitch and filters to a waveform, in NumPy: the last step of speaking.

Knows: the pulse train, the noise, and filtering by overlap-add, on one utterance at a time.
Refuses to know: networks and text. `voxhaus.models.voice.synthesis` is the same arithmetic for
training; a test holds the two together. The constants are the same file's business: they are read
from the model's own config, so that weights and synthesiser cannot disagree.

Shapes: F frames, K bins, N noise steps, S = F * hop samples. All float32.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


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

    def _spectra(self, x_S: Array) -> NDArray[np.complex64]:
        half = self.hop // 2
        padded = np.pad(x_S, (half, self.window - half))
        cut = np.lib.stride_tricks.sliding_window_view(padded, self.window)[:: self.hop]
        frames = len(x_S) // self.hop
        buffer = np.zeros((frames, self.fft), np.float32)
        window = np.hanning(self.window + 1)[:-1].astype(np.float32)
        np.multiply(cut[:frames], window, out=buffer[:, self.margin : self.margin + self.window])
        return np.fft.rfft(buffer).astype(np.complex64, copy=False)

    def overlap_add(self, frames_FT: Array) -> Array:
        """Sum of frames [F, fft] at distance hop -> samples [S]."""
        count = len(frames_FT)
        parts = -(-self.fft // self.hop)
        wide = np.zeros((count, parts * self.hop), np.float32)
        wide[:, : self.fft] = frames_FT
        out = np.zeros((count + parts, self.hop), np.float32)
        for k in range(parts):
            out[k : k + count] += wide[:, k * self.hop : (k + 1) * self.hop]
        start = self.margin + self.hop // 2
        return out.reshape(-1)[start : start + count * self.hop]

    def synthesise(
        self,
        pitch_F: Array,
        noise_S: Array,
        real_FK: Array,
        imag_FK: Array,
        level_FK: Array,
        gains_FN: Array,
    ) -> Array:
        """Waveform [S]: filtered pulses plus filtered noise.

        Args:
            pitch_F: Hz; values up to `voiced_from` are unvoiced.
            noise_S: white noise of unit power.
            real_FK: real part of the harmonic filter.
            imag_FK: its imaginary part.
            level_FK: magnitude of the noise filter.
            gains_FN: level of the noise in time.
        """
        frames, steps = gains_FN.shape
        shaped = noise_S.reshape(frames, steps, self.hop // steps) * gains_FN[..., None]
        spectrum = self._spectra(shaped.reshape(-1))
        spectrum *= level_FK
        voice = self._spectra(self.pulses(pitch_F))
        spectrum += voice * (real_FK + np.complex64(1j) * imag_FK)
        return self.overlap_add(np.fft.irfft(spectrum, n=self.fft).astype(np.float32, copy=False))
