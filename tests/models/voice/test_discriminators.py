"""Judges learn to tell two sounds apart, each on its own spectrum."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.discriminators import SIZES, Judges  # noqa: E402


def test_equal_recordings_are_not_apart():
    torch.manual_seed(0)
    judges = Judges(channels=16)
    seen = judges.spectra(torch.randn(2, 4800))
    verdicts = judges(seen, seen)
    assert verdicts.apart == 0
    assert verdicts.own > 0


@pytest.mark.parametrize("size", SIZES)
def test_each_judge_learns_to_tell_noise_from_hum(size):
    torch.manual_seed(0)
    judges = Judges(channels=16, sizes=[size])
    optimiser = torch.optim.AdamW(judges.parameters(), lr=3e-3)
    hum = torch.sin(torch.arange(4800) * 0.05).repeat(2, 1)
    ours, theirs = judges.spectra(torch.randn(2, 4800)), judges.spectra(hum)
    first = judges(ours, theirs).own.item()
    for _ in range(40):
        optimiser.zero_grad()
        judges(ours, theirs).own.backward()
        optimiser.step()
    assert judges(ours, theirs).own < 0.3 * first
