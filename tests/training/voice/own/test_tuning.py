"""Styles are added where they belong, narrow recordings keep what they hold, stages move what they should."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.acoustic import AcousticModel  # noqa: E402
from voxhaus.models.voice.config import VoiceConfig  # noqa: E402
from voxhaus.models.voice.prosody import ProsodyModel  # noqa: E402
from voxhaus.training.voice.dataset import Example  # noqa: E402
from voxhaus.training.voice.own import tuning  # noqa: E402
from voxhaus.training.voice.tasks import Data  # noqa: E402

SMALL = VoiceConfig(
    condition=8,
    prosody_channels=32,
    prosody_hidden=32,
    prosody_layers=1,
    prosody_heads=2,
    prosody_frame_hidden=32,
    prosody_frame_dilations=(1,),
    acoustic_channels=32,
    acoustic_hidden=32,
    acoustic_dilations=(1,),
    decoder_hidden=32,
    decoder_dilations=(1, 2),
)


def recording(seed=0):
    rng = np.random.default_rng(seed)
    durations = np.array([6, 8, 6], np.int16)
    frames = 2 * int(durations.sum())
    t = np.arange(frames * 300) / 24_000
    return Example(
        voice="own",
        text="x",
        tokens=np.array([0, 50, 0], np.int16),
        durations=durations,
        exact_durations=durations.astype(np.float32),
        pitch=np.full(frames, 120.0, np.float32),
        energy=np.full(frames, 5.0, np.float32),
        style=rng.standard_normal(256).astype(np.float32),
        samples=(6000 * np.sin(2 * np.pi * 900 * t)).astype(np.int16),
    )


def starts():
    torch.manual_seed(0)
    sound, prosody = AcousticModel(SMALL), ProsodyModel(SMALL)
    with torch.no_grad():
        for weight in (*sound.parameters(), *prosody.parameters()):
            weight.add_(0.02 * torch.randn_like(weight))  # a new model is deaf to its style
    return (tuning.plain_start(m.state_dict()) for m in (sound, prosody))


def data():
    cpu = torch.device("cpu")
    return Data(train=[recording(1)], held_out=[recording(2)], seconds=2.0, device=cpu)


def test_a_style_is_added_to_its_own_half():
    style = torch.zeros(1, 256)
    sound, delivery = tuning.OwnSound(SMALL), tuning.OwnProsody(SMALL)
    for model, half in ((sound, slice(0, 128)), (delivery, slice(128, 256))):
        with torch.no_grad():
            model.offset.fill_(1.0)
        own = model._own(style)
        assert own.sum() == 128
        assert own[0, half].sum() == 128


def test_stages_move_the_style_and_then_everything(tmp_path):
    sound, prosody = starts()
    for task in (
        tuning.SoundTask(data(), SMALL, start=sound, edge=4000.0),
        tuning.DeliveryTask(data(), SMALL, start=prosody),
    ):
        name = type(task).__name__
        before = {k: v.clone() for k, v in task.model.state_dict().items()}
        style = tuning.learn_style(task, tmp_path / f"{name}-style", 3)
        moved = [k for k, v in style.items() if not torch.equal(v, before[k])]
        assert moved == [tuning.OFFSET]
        after = tuning.learn_all(task, tmp_path / f"{name}-all", 3)
        assert sum(not torch.equal(v, style[k]) for k, v in after.items()) > 10
        assert tuning.loss_of(task)["loss"] > 0


def test_narrow_recordings_are_filled_above_their_edge_only():
    sound, _ = starts()
    one = recording()
    (made,) = tuning.filled([one], sound, SMALL, 3600.0)
    before, after = (np.abs(np.fft.rfft(e.samples / 32768.0)) for e in (one, made))
    hertz = np.fft.rfftfreq(len(one.samples), 1 / 24_000)
    low, high = hertz < 3400, hertz > 3700
    np.testing.assert_allclose(after[low], before[low], atol=0.1)
    assert after[high].sum() > 2 * before[high].sum()
    assert tuning.filled([one], sound, SMALL, 12_000.0) == [one]


def test_examples_get_the_style_of_their_length():
    table = np.stack([np.full(256, i) for i in range(3)])
    (made,) = tuning.with_style([recording()], table, (0, 5, 9))
    assert made.style.dtype == np.float32
    assert (made.style == 0).all()  # one phoneme between borders
    (made,) = tuning.with_style([recording()], table[1:], (-1, 5))
    assert (made.style == 2).all()
