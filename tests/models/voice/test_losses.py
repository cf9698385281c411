"""The spectral loss hears what it should and is deaf to what cannot be learned."""

import math

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.config import SAMPLE_RATE  # noqa: E402
from voxhaus.models.voice.losses import SpectralLoss  # noqa: E402


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
