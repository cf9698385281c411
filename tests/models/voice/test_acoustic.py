"""The postfilter raises formants and leaves everything else alone."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.acoustic import AcousticModel, filters_of, sharpen  # noqa: E402
from voxhaus.models.voice.config import BINS, FFT, SAMPLE_RATE, VoiceConfig  # noqa: E402

SMALL = VoiceConfig(
    acoustic_channels=32, acoustic_hidden=32, decoder_hidden=32, decoder_dilations=(1,)
)
HERTZ = torch.arange(BINS) * SAMPLE_RATE / FFT


def speaking(level, noise):
    """A model whose filters are always these log levels, with phases of its own."""
    torch.manual_seed(0)
    model = AcousticModel(SMALL)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.normal_()
        model.head.bias[:BINS] = level
        model.head.bias[2 * BINS : 3 * BINS] = noise
    return model


@torch.no_grad()
def filters(model):
    units = 2
    x = torch.randn(1, 3, SMALL.acoustic_channels)
    index = torch.zeros(1, units, dtype=torch.long)
    spans, mask, curves = torch.rand(1, units, 4), torch.ones(1, units, 1), torch.rand(1, 4, 3)
    out = model.decode(x, torch.randn(1, 256), spans, index, curves, mask)
    real, imag, noise, gains = filters_of(out)
    filter_K = torch.complex(real, imag)[0, 0]
    return filter_K.abs().log(), filter_K.angle(), noise[0, 0].log(), gains[0, 0]


def bump(centre, width):
    return torch.exp(-0.5 * ((HERTZ - centre) / width) ** 2)


@pytest.mark.parametrize("amount", [0.0, 0.3])
def test_formants_stand_out(amount):
    level, noise = bump(1500, 200) + bump(2600, 200) - 3, bump(5000, 300) - 6
    model = speaking(level, noise)
    before = filters(model)
    sharpen(model, amount)
    after = filters(model)
    peak, valley, far = (int(f / SAMPLE_RATE * FFT) for f in (1500, 2050, 9000))
    gained = after[0] - before[0]
    assert torch.allclose(before[0], level, atol=1e-4)
    assert (gained[peak] > 0.05) == (gained[valley] < -0.02) == (amount > 0)
    assert gained[far].abs() < 1e-4
    assert (after[2][int(5000 / SAMPLE_RATE * FFT)] > noise.max() + 0.05) == (amount > 0)
    assert torch.allclose(after[1], before[1], atol=1e-4), "phases stay"
    assert torch.equal(after[3], before[3]), "gains stay"


def test_slopes_and_ripples_stay():
    slope = -3 - HERTZ / 4000
    ripple = 0.5 * torch.cos(2 * torch.pi * HERTZ / 120)
    model = speaking(slope + ripple, slope)
    sharpen(model, 0.3)
    level, _, noise, _ = filters(model)
    inner = slice(100, BINS - 100)
    assert (level - slope - ripple)[inner].abs().max() < 0.01
    assert (noise - slope)[inner].abs().max() < 1e-3
