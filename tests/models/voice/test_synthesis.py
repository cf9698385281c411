"""The NumPy synthesiser and the torch one are the same arithmetic, and both do what they say."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice import config, synthesis  # noqa: E402
from voxhaus.models.voice.acoustic import filters_of  # noqa: E402
from voxhaus.runtime.waveform import BLOCK, Synthesiser  # noqa: E402

PLAIN = Synthesiser(
    sample_rate=config.SAMPLE_RATE,
    hop=config.HOP,
    window=config.WINDOW,
    fft=config.FFT,
    voiced_from=config.VOICED_FROM,
)


def batch(x):
    return torch.from_numpy(x)[None]


def glide(frames):
    pitch = (120 + 60 * np.sin(np.arange(frames) / 5)).astype(np.float32)
    pitch[10:20] = 8.0
    return pitch


def outputs(rng, frames):
    """What a model might say: log levels, phases, log noise levels, log steps."""
    width = 3 * config.BINS + config.NOISE_STEPS
    return rng.standard_normal((frames, width)).astype(np.float32)


@pytest.mark.parametrize("frames", [1, 7, 57, 2 * BLOCK, 2 * BLOCK + 1])
def test_numpy_and_torch_agree(frames):
    rng = np.random.default_rng(0)
    pitch = glide(frames)
    noise = rng.standard_normal(frames * config.HOP).astype(np.float32)
    out = outputs(rng, frames)
    out[:, :3] = 50.0  # beyond the limits of a level
    ours = PLAIN.synthesise(pitch, noise, out)
    theirs = synthesis.synthesise(batch(pitch), batch(noise), *filters_of(batch(out)))
    np.testing.assert_allclose(ours, theirs[0].numpy(), atol=5e-3, rtol=1e-3)


def test_pulses_have_unit_power_where_voiced_and_are_silent_elsewhere():
    pitch = np.full(80, 150.0, np.float32)
    pitch[40:] = 0.0
    out = PLAIN.pulses(pitch)
    # The frame before the border is left out: there the phase slows down with the pitch.
    voiced, unvoiced = out[: 39 * config.HOP], out[40 * config.HOP :]
    assert np.mean(voiced**2) == pytest.approx(1.0, rel=0.05)
    assert not unvoiced.any()


def test_pulses_follow_the_pitch():
    out = PLAIN.pulses(np.full(160, 200.0, np.float32))
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    hertz = np.arange(len(spectrum)) * config.SAMPLE_RATE / len(out)
    strong = hertz[spectrum > 0.5 * spectrum.max()]
    assert np.abs(strong / 200 - np.round(strong / 200)).max() < 0.01
    assert strong.max() > 11_000


def test_a_flat_filter_gives_the_pulses_back():
    frames = 40
    pitch = np.full(frames, 130.0, np.float32)
    out = np.zeros((frames, 3 * config.BINS + config.NOISE_STEPS), np.float32)
    quiet = np.zeros(frames * config.HOP, np.float32)
    made = PLAIN.synthesise(pitch, quiet, out)
    inner = slice(config.HOP, -config.HOP)
    np.testing.assert_allclose(made[inner], PLAIN.pulses(pitch)[inner], atol=1e-4)


def test_where_nothing_is_voiced_only_noise_is_heard():
    rng = np.random.default_rng(1)
    out, quiet = outputs(rng, 30), np.zeros(30 * config.HOP, np.float32)
    assert not PLAIN.synthesise(np.zeros(30, np.float32), quiet, out).any()


def test_starting_turns_shift_the_phase():
    pitch = torch.full((1, 8), 100.0)
    shifted = synthesis.phase_at_samples(pitch, torch.tensor([0.25], dtype=torch.float64))
    plain = synthesis.phase_at_samples(pitch)
    turned = torch.remainder(shifted - plain, 2 * np.pi)
    torch.testing.assert_close(turned, torch.full_like(turned, np.pi / 2), atol=1e-4, rtol=0)
