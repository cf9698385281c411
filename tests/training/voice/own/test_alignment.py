"""Paths are the best ones, sums are over all of them, and an aligner learns from a few readings."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.aligner import best_path, forward_sum  # noqa: E402
from voxhaus.training.voice.own import alignment, bands  # noqa: E402


def logs(frames, tokens, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((frames, tokens)).astype(np.float32)
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def all_paths(frames, tokens):
    for cuts in itertools.combinations(range(1, frames), tokens - 1):
        yield np.diff([0, *cuts, frames])


def score(x, lengths):
    owner = np.repeat(np.arange(len(lengths)), lengths)
    return x[np.arange(len(owner)), owner].sum()


def test_best_path_is_the_best_of_all():
    x = logs(8, 4)
    wanted = max(all_paths(8, 4), key=lambda p: score(x, p))
    assert best_path(x).tolist() == wanted.tolist()


def test_forward_sum_is_the_sum_of_all():
    x, y = logs(8, 4), logs(6, 3, seed=1)
    padded = np.full((2, 8, 4), -1e4, np.float32)
    padded[0], padded[1, :6, :3] = x, y
    sums = [np.logaddexp.reduce([score(z, p) for p in all_paths(*z.shape)]) for z in (x, y)]
    made = forward_sum(torch.tensor(padded), torch.tensor([8, 6]), torch.tensor([4, 3]))
    assert made.item() == pytest.approx(-(sums[0] / 8 + sums[1] / 6) / 2, rel=1e-5)


def test_too_few_frames():
    with pytest.raises(ValueError, match="3 frames for 4 tokens"):
        best_path(logs(3, 4))


def readings(count, seed):
    """Every token has a band of its own; a border is silence."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        tokens = np.array([0, *rng.integers(1, 9, 6), 0])
        frames = rng.integers(3, 9, len(tokens))
        sound = np.eye(bands.BANDS, dtype=np.float32)[3 * np.repeat(tokens, frames)] * 5
        sound += rng.standard_normal(sound.shape).astype(np.float32) * 0.5
        made.append(alignment.Heard(tokens=tokens, bands_FM=bands.even(sound), frames=frames))
    return made


def test_an_aligner_learns_and_then_listens():
    known, tests = readings(40, 1), readings(6, 2)
    aligner = alignment.practised(known, steps=60)
    before = alignment.boundary_errors(aligner, tests)
    assert before.borders == 6 * 7
    assert before.within_20_ms > 0.8
    untimed = [alignment.Heard(tokens=h.tokens, bands_FM=h.bands_FM) for h in readings(10, 3)]
    alignment.listened(aligner, untimed, known, steps=5)
    after = alignment.boundary_errors(aligner, tests)
    assert after.within_20_ms > 0.8
    frames, sure = alignment.timed(aligner, tests[0])
    assert frames.sum() == len(tests[0].bands_FM)
    assert (frames > 0).all()
    wrong = alignment.Heard(tokens=tests[0].tokens[::-1].copy(), bands_FM=tests[0].bands_FM)
    assert alignment.timed(aligner, wrong)[1] < sure
