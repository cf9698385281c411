"""The three tasks learn, judge without disturbing, and resume with their judges."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.config import HOP, SAMPLE_RATE, VoiceConfig  # noqa: E402
from voxhaus.training.loop.schedule import Schedule  # noqa: E402
from voxhaus.training.loop.trainer import LoopConfig, Trainer  # noqa: E402
from voxhaus.training.voice import cuts, dataset, tasks  # noqa: E402

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


def reading(seed):
    """Half a second of two tones, said to be three phonemes."""
    rng = np.random.default_rng(seed)
    durations = np.array([6, 8, 6], np.int16)
    frames = 2 * int(durations.sum())
    t = np.arange(frames * HOP) / SAMPLE_RATE
    sound = 4000 * np.sin(2 * np.pi * 120 * t) + 2000 * np.sin(2 * np.pi * 960 * t)
    return dataset.Example(
        voice="anna",
        text="x",
        tokens=np.array([3, 4, 5], np.int16),
        durations=durations,
        exact_durations=durations.astype(np.float32),
        pitch=np.full(frames, 120.0, np.float32),
        energy=np.full(frames, 5.0, np.float32),
        style=rng.standard_normal(256).astype(np.float32),
        samples=sound.astype(np.int16),
    )


def long_reading():
    """Sixty phonemes of a tenth of a second."""
    rng = np.random.default_rng(0)
    durations = np.full(60, 4, np.int16)
    frames = 2 * int(durations.sum())
    return dataset.Example(
        voice="anna",
        text="x",
        tokens=rng.integers(1, 170, 60).astype(np.int16),
        durations=durations,
        exact_durations=durations.astype(np.float32),
        pitch=rng.uniform(90, 200, frames).astype(np.float32),
        energy=rng.uniform(0, 8, frames).astype(np.float32),
        style=rng.standard_normal(256).astype(np.float32),
        samples=np.zeros(frames * HOP, np.int16),
    )


def data(*, sound=True):
    readings = [reading(s) for s in range(3)]
    return tasks.Data(
        train=readings[1:],
        held_out=readings[:1],
        seconds=1.5,
        heard_only=sound,
        device=torch.device("cpu"),
    )


def make(kind):
    torch.manual_seed(0)
    if kind == "prosody":
        return tasks.ProsodyTask(data(sound=False), SMALL)
    acoustic = tasks.AcousticTask(data(), SMALL)
    if kind == "acoustic":
        return acoustic
    start = acoustic.model.state_dict()
    return tasks.AdversarialTask(data(), SMALL, start=start, cut_frames=16, head_start=6)


@torch.no_grad()
def judged(task):
    return task.evaluate()


def train(kind, folder, steps):
    config = LoopConfig(
        folder=folder,
        schedule=Schedule(peak=1e-2, warmup=1, steps=steps),
        evaluate_every=1000,
        save_every=1000,
        quiet=True,
    )
    trainer = Trainer(make(kind), config)
    trainer.run()
    return trainer


@pytest.mark.parametrize("kind", ["prosody", "acoustic", "adversarial"])
def test_held_out_figures_fall(kind, tmp_path):
    before = judged(make(kind))
    trained = judged(train(kind, tmp_path, 40).task)
    assert trained["loss"] < 0.9 * before["loss"]


def test_judging_leaves_weights_and_repeats():
    task = make("acoustic")
    kept = {k: v.clone() for k, v in task.model.state_dict().items()}
    assert judged(task) == judged(task)
    assert all(torch.equal(v, kept[k]) for k, v in task.model.state_dict().items())


def test_adversarial_run_resumes_with_its_judges(tmp_path):
    whole = train("adversarial", tmp_path / "whole", 6)
    train("adversarial", tmp_path / "parts", 3)
    parts = train("adversarial", tmp_path / "parts", 6)
    fresh = make("adversarial").judges.state_dict()
    for name, value in whole.task.judges.state_dict().items():
        assert torch.equal(value, parts.task.judges.state_dict()[name])
        assert not torch.equal(value, fresh[name]), "judges learn"


def test_judges_get_a_head_start_once(tmp_path):
    task = make("adversarial")
    fresh = {k: v.clone() for k, v in task.judges.state_dict().items()}
    held = {k: v.clone() for k, v in task.model.state_dict().items()}
    task._begin()
    assert task.head_start == 0
    assert not all(torch.equal(v, fresh[k]) for k, v in task.judges.state_dict().items())
    assert all(torch.equal(v, held[k]) for k, v in task.model.state_dict().items())
    resumed = make("adversarial")
    resumed.load_state(task.state())
    assert resumed.head_start == 0


def test_one_look_gives_the_gradient_of_a_look_of_its_own():
    task = make("adversarial")
    wanted = 0.1 * torch.randn(2, 4800)
    made = (0.1 * torch.randn(2, 4800)).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        seen = (task.judges.spectra(x) for x in (made, wanted))
        verdicts = task.judges(*seen)
    (task.fooling * verdicts.fooled + task.matching * verdicts.apart).backward()
    expected, made.grad = made.grad, None
    task.judges.zero_grad()
    terms = task._contest(made, wanted)
    sum(terms.values()).backward()
    assert torch.nn.functional.cosine_similarity(made.grad, expected).min() > 0.99
    assert terms["matching"].item() == pytest.approx(
        task.matching * verdicts.apart.item(), rel=0.01
    )


def test_a_piece_sounds_as_it_does_in_the_whole_reading():
    torch.manual_seed(0)
    config = VoiceConfig()
    model = tasks.AcousticModel(config)
    assert sum(config.acoustic_dilations) <= cuts.TOKEN_CONTEXT
    frames = sum(config.decoder_frame_dilations)
    assert sum(config.decoder_dilations) + frames / 2 <= cuts.CONTEXT
    for p in model.parameters():
        p.data += 0.02 * torch.randn_like(p)
    e = long_reading()
    shape = cuts.Shape(count=1)
    piece = cuts.cuts_of(e, shape.units - 2 * cuts.CONTEXT)[1]

    def filters(b):
        spans = tasks.span_features(b.durations_BL, b.unit_index_BU, b.unit_offset_BU)
        curves = tasks.prosody_inputs(b.pitch_BF, b.energy_BF)
        x = model.phonemes(b.tokens_BL, b.style_BS, b.token_mask_BL1)
        return model.decode(x, b.style_BS, spans, b.unit_index_BU, curves, b.unit_mask_BU1)

    with torch.no_grad():
        whole, cut = filters(dataset.collate([e])), filters(cuts.collate([piece], shape))
    start, stop = 2 * piece.start, 2 * piece.stop
    shift = 2 * (piece.start - cuts.CONTEXT)
    assert torch.allclose(whole[:, start:stop], cut[:, start - shift : stop - shift], rtol=1e-3)
    beyond = slice(start - 2 * cuts.CONTEXT, start - 2 * cuts.CONTEXT + 2)
    near = slice(beyond.start - shift, beyond.stop - shift)
    assert not torch.allclose(whole[:, beyond], cut[:, near], rtol=1e-3), "an edge does matter"
