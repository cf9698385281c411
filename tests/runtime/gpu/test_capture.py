"""A CUDA graph could hold both stages: nothing in them leaves the device or asks for a value.

Run on torch's device without memory, on which any look at a value is an error, and on which a tensor
that was made elsewhere is seen at once.
"""

import pytest

torch = pytest.importorskip("torch", reason="the GPU path needs the extra 'train'")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from voxhaus.models.voice.acoustic import AcousticModel  # noqa: E402
from voxhaus.models.voice.config import FRAMES_PER_UNIT, HOP, VoiceConfig  # noqa: E402
from voxhaus.models.voice.prosody import ProsodyModel  # noqa: E402
from voxhaus.runtime.gpu.pipeline import FIGURES, Pipeline  # noqa: E402

NOWHERE = torch.device("meta")
ROWS, TOKENS, UNITS = 4, 32, 64

# Operations that wait for the device, have shapes that depend on values, or copy from the host.
REFUSED = {
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "lift_fresh",
    "_unique2",
}


class Watch(TorchDispatchMode):
    """Notes operations, and those that touch a tensor of another device."""

    def __init__(self):
        super().__init__()
        self.names, self.elsewhere = set(), []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        self.names.add(name)
        for x in tree_leaves((args, kwargs, out)):
            if isinstance(x, torch.Tensor) and x.device != NOWHERE:
                self.elsewhere.append((name, tuple(x.shape)))
        return out


def whole(*shape):
    return torch.zeros(*shape, dtype=torch.long, device=NOWHERE)


def watched(stage, *arguments, **options):
    """A stage's outputs and what was seen; without inference mode, which hides what ops are made of."""
    with Watch() as watch, torch.no_grad():
        return stage.__wrapped__(*arguments, **options), watch


@pytest.fixture(scope="module")
def pipeline():
    sizes = VoiceConfig()
    return Pipeline(ProsodyModel(sizes), AcousticModel(sizes), NOWHERE, half=True)


def test_the_watch_sees_what_is_refused():
    def stage():
        x = torch.ones(3, device=NOWHERE)
        return x * torch.tensor(2.0) + x.clone().masked_fill(x > 0, 1.0)

    stage.__wrapped__ = stage
    _, watch = watched(stage)
    assert watch.elsewhere
    assert watch.names & REFUSED


@pytest.mark.parametrize("colour", [False, True])
def test_both_stages_stay_on_the_device(pipeline, colour):
    style = torch.zeros(ROWS, 256, device=NOWHERE)
    given = {
        "tokens": whole(ROWS, TOKENS),
        "count": whole(ROWS),
        "style": style,
        "stretch": torch.ones(ROWS, TOKENS, dtype=torch.float64, device=NOWHERE),
        "rate": torch.ones(ROWS, dtype=torch.float64, device=NOWHERE),
    }
    first, seen = watched(Pipeline.lengths, pipeline, given)
    assert seen.elsewhere == []
    assert seen.names & REFUSED == set()
    assert first["ends"].shape == (ROWS, TOKENS)
    more = {
        "style": style,
        "stress": torch.zeros(ROWS, TOKENS, device=NOWHERE),
        "manner": torch.zeros(ROWS, len(FIGURES), device=NOWHERE),
        "place": whole(ROWS),
        "rises": whole(ROWS),
    }
    made, seen = watched(Pipeline.sound, pipeline, {**first, **more}, UNITS, colour=colour)
    assert seen.elsewhere == []
    assert seen.names & REFUSED == set()
    assert made["samples"].shape == (ROWS, UNITS * FRAMES_PER_UNIT * HOP)
    assert {"mm", "addmm"} & seen.names, "operations are seen down to their products"
