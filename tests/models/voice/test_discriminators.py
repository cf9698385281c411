"""Judges learn to tell two sounds apart, and each draws on its own spectrum."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.discriminators import SPECTRAL, TEXTURE, Judges  # noqa: E402

ALL = range(len(SPECTRAL) + len(TEXTURE))


def test_equal_recordings_are_not_apart():
    torch.manual_seed(0)
    judges = Judges(channels=16, texture_channels=4)
    seen = judges.spectra(torch.randn(2, 4800), ALL)
    verdicts = judges(seen, seen, ALL)
    assert verdicts.apart == 0
    assert verdicts.own > 0


@pytest.mark.parametrize("drawn", ALL)
def test_each_judge_learns_to_tell_noise_from_hum(drawn):
    torch.manual_seed(0)
    judges = Judges(channels=16, texture_channels=4)
    optimiser = torch.optim.AdamW(judges.parameters(), lr=3e-3)
    hum = torch.sin(torch.arange(4800) * 0.05).repeat(2, 1)
    noise = torch.randn(2, 4800)
    ours, theirs = judges.spectra(noise, [drawn]), judges.spectra(hum, [drawn])
    first = judges(ours, theirs, [drawn]).own.item()
    for _ in range(40):
        optimiser.zero_grad()
        judges(ours, theirs, [drawn]).own.backward()
        optimiser.step()
    assert judges(ours, theirs, [drawn]).own < 0.3 * first
