"""The spectral loss hears what it should and is deaf to what cannot be learned."""

import math
import shutil

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.config import SAMPLE_RATE  # noqa: E402
from voxhaus.models.voice.losses import SpectralLoss, prosody_loss  # noqa: E402
from voxhaus.models.voice.prosody import smoothed  # noqa: E402


def tone(hz, phase=0.0):
    t = torch.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    return 0.1 * torch.sin(2 * math.pi * hz * t + phase)[None]


def test_equal_signals_cost_nothing():
    terms = SpectralLoss()(tone(300), tone(300))
    assert {k for k, v in terms.items() if v > 1e-3} == set()


def test_phase_counts_where_it_can_be_predicted():
    judge = SpectralLoss()
    wanted = tone(300) + tone(4000)
    low = judge(tone(300, 1.0) + tone(4000), wanted)["phase"]
    high = judge(tone(300) + tone(4000, 1.0), wanted)["phase"]
    assert low > 0.2
    assert high < 0.1 * low


@pytest.mark.parametrize("term", ["log", "mel", "convergence"])
def test_louder_is_further_away(term):
    judge = SpectralLoss()
    near, far = (judge(tone(300) * gain, tone(300))[term] for gain in (1.2, 2.0))
    assert 0 < near < far


def test_silence_has_finite_gradients():
    made = torch.zeros(1, 6000, requires_grad=True)
    sum(SpectralLoss()(made, torch.zeros(1, 6000)).values()).backward()
    assert torch.isfinite(made.grad).all()


def curve(*values):
    return torch.tensor([values])


def test_a_pitch_that_jumps_costs_more_than_one_that_is_off():
    lengths = (torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2))
    wanted = (curve(0.0, 0.0, 0.0, 0.0), torch.ones(1, 4), torch.zeros(1, 4))

    def cost(*pitch):
        made = (curve(*pitch), torch.ones(1, 4), torch.zeros(1, 4))
        return sum(prosody_loss(lengths, made, wanted, torch.ones(1, 4)).values())

    assert cost(0.1, -0.1, 0.1, -0.1) > cost(0.1, 0.1, 0.1, 0.1) + 1.0


def test_smoothing_keeps_glides_and_drops_jumps():
    glide = torch.arange(12.0)[None]
    assert torch.allclose(smoothed(glide)[:, 2:-2], glide[:, 2:-2])
    jumps = torch.tensor([[1.0, -1.0] * 6])
    assert smoothed(jumps)[:, 2:-2].abs().max() < 1e-6


@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs g++")
def test_the_fused_loss_is_the_loss():
    plain, fused = SpectralLoss(), SpectralLoss()
    fused.fuse()
    torch.manual_seed(0)
    wanted = 0.1 * torch.randn(1, 6000)
    found = []
    for judge in (plain, fused):
        made = (0.1 * tone(300)[:, :6000]).requires_grad_()
        sum(judge(made, wanted).values()).backward()
        found.append((judge(made, wanted), made.grad))
    for name, value in found[0][0].items():
        assert torch.allclose(value, found[1][0][name], rtol=1e-4)
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-6)


def test_nothing_is_compared_above_an_edge():
    torch.manual_seed(0)
    wanted = torch.randn(1, 24_000) * 0.1
    t = torch.arange(24_000) / 24_000
    high, low = (wanted + 0.1 * torch.sin(2 * torch.pi * h * t) for h in (8000, 2000))
    below, whole = SpectralLoss(below=4000.0), SpectralLoss()
    total = {name: sum(float(v) for v in below(x, wanted).values()) for name, x in
             (("high", high), ("low", low))}  # fmt: skip
    assert total["high"] < 0.02 * total["low"]
    assert sum(float(v) for v in whole(high, wanted).values()) > 0.1
    assert 40 < len(below.get_buffer("mel_1024")) < len(whole.get_buffer("mel_1024")) == 80
