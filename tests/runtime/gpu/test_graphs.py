"""Shapes are rounded up, and the graphs of those used lately are kept."""

import itertools

import pytest

torch = pytest.importorskip("torch", reason="the GPU path needs the extra 'train'")

from voxhaus.runtime.gpu.batch import BATCHES, TOKENS, UNITS  # noqa: E402
from voxhaus.runtime.gpu.graphs import Shelf, copied, ladder, rung  # noqa: E402

HERE = torch.device("cpu")


@pytest.mark.parametrize("steps", [BATCHES, TOKENS, UNITS, ladder(1, 9, 1.01, 2)])
def test_ladders_rise_and_any_length_has_a_rung(steps):
    assert all(a < b for a, b in itertools.pairwise(steps))
    for wanted in (1, steps[0], steps[0] + 1, steps[-1]):
        assert rung(steps, wanted) >= wanted
        assert rung(steps, wanted) in steps
    assert rung(steps, 2 * steps[-1] + 1) == 3 * steps[-1]


def test_units_are_rounded_up_by_a_sixth_at_most():
    assert all(b / a <= 1.26 for a, b in itertools.pairwise(UNITS))
    assert all(b / a <= 1.16 for a, b in itertools.pairwise(UNITS) if a > 100)


def test_a_shape_is_recorded_at_its_second_use_and_the_oldest_makes_room():
    shelf = Shelf(HERE, kept=2)
    double = lambda given: {"y": 2 * given["x"]}  # noqa: E731

    def use(width):
        return shelf.run(width, double, {"x": torch.ones(1, width)})["y"].tolist()

    assert use(1) == [[2.0]]
    assert len(shelf) == 0
    use(1), use(2), use(2)
    assert len(shelf) == 2
    use(1), use(3), use(3)
    assert len(shelf) == 2
    assert set(shelf._graphs) == {1, 3}
    assert use(2) == [[2.0, 2.0]]


def test_copies_have_memory_of_their_own():
    made = {"x": torch.arange(4)}
    kept = copied(made, slice(0, 2))
    made["x"].zero_()
    assert kept["x"].tolist() == [0, 1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_recorded_stage_computes_what_the_stage_computes():
    shelf = Shelf(torch.device("cuda"))
    stage = lambda given: {"y": torch.fft.irfft(torch.fft.rfft(given["x"]) * 2)}  # noqa: E731
    for number in range(4):
        x = torch.full((3, 8), float(number), device="cuda")
        torch.testing.assert_close(shelf.run("double", stage, {"x": x})["y"], 2 * x)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_speaks_as_the_processor_does():
    from voxhaus.runtime.gpu.voice import BatchedVoice

    texts = ["The ship sailed at dawn. Nobody saw it leave!", "[style whisper]Hello.[/style]"]
    wanted = BatchedVoice.load(device="cpu").speak_many(texts)
    voice = BatchedVoice.load(device="cuda")
    for _ in range(3):  # plainly, recorded, recorded
        for one, other in zip(wanted, voice.speak_many(texts), strict=True):
            assert one.samples.shape == other.samples.shape
            power, noise = (one.samples**2).sum(), ((one.samples - other.samples) ** 2).sum()
            assert power / noise > 1e3
