"""Speech in batches is the speech of one at a time, whatever it shares a batch with."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the GPU path needs the extra 'train'")

from voxhaus.core.errors import InputError, VoxhausError, WeightsError  # noqa: E402
from voxhaus.runtime import weights  # noqa: E402
from voxhaus.runtime.gpu import voice as gpu  # noqa: E402
from voxhaus.runtime.gpu.batch import Batcher  # noqa: E402
from voxhaus.runtime.gpu.pipeline import Pipeline, whole_units  # noqa: E402
from voxhaus.runtime.gpu.voice import BatchedVoice  # noqa: E402
from voxhaus.runtime.voice import Voice  # noqa: E402
from voxhaus.runtime.voice_model import whole_units as one_by_one  # noqa: E402

TEXTS = (
    "The ship sailed at dawn. Nobody saw it leave!",
    "Hello.",
    "It was a long and winding road, and *nobody* knew where, or when, it would end.",
    "[style whisper]Come closer.[/style] [style angry]Go away![/style] [pause 0.3s] [rate 1.5]Now![/rate]",
    "Is it far? Will you come with us tonight? [volume -6dB]We shall see[/volume] — or not.",
)


@pytest.fixture(scope="module")
def batched():
    return BatchedVoice.load(device="cpu")


@pytest.fixture(scope="module")
def many(batched):
    return batched.speak_many(TEXTS, seed=3)


def ratio(wanted, made):
    """Signal to difference in dB."""
    assert len(wanted) == len(made)
    return 10 * np.log10((wanted @ wanted) / (np.square(wanted - made).sum() + 1e-12))


def bands(samples, rate):
    """Log energies of 20 bands in 20 ms frames."""
    frames = samples[: len(samples) // 480 * 480].reshape(-1, 480)
    power = np.abs(np.fft.rfft(frames * np.hanning(480))) ** 2
    return np.log(power[:, :240].reshape(len(frames), 20, 12).mean(-1) + 1e-6)


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_company_does_not_change_the_sound(batched, many, number):
    (alone,) = batched.speak_many([TEXTS[number]], seed=3)
    assert alone.words == many[number].words
    assert ratio(alone.samples, many[number].samples) > 50


def test_it_says_what_the_default_path_says(many):
    plain = Voice.load(threads=1)
    for text, speech in zip(TEXTS, many, strict=True):
        wanted = plain.speak(text, seed=3)
        assert [w.text for w in speech.words] == [w.text for w in wanted.words]
        assert speech.seconds == pytest.approx(wanted.seconds, rel=0.04)
        assert np.abs(speech.samples).max() <= 1.0
        assert speech.samples.dtype == np.float32
    # int8 moves durations by a unit here and there; "Hello." has the same ones.
    one, other = plain.speak(TEXTS[1], seed=3), many[1]
    assert len(one.samples) == len(other.samples)
    apart = np.abs(bands(one.samples, 24_000) - bands(other.samples, 24_000))
    assert apart.mean() < 0.5


def test_it_equals_the_default_path_on_graphs_that_are_not_rounded(batched, tmp_path):
    pytest.importorskip("onnx", reason="training needs the extra 'train'")
    from voxhaus.models.voice.export import export_graphs

    files = weights.load("voxhaus-voice-1")
    export_graphs(*gpu.load_models(files), tmp_path, longest=402, exact=True)
    for name in ("config.json", "voices.json", "styles.npy"):
        (tmp_path / name).write_bytes((files.folder / name).read_bytes())
    exact = Voice(weights.unchecked(tmp_path), threads=1)
    for text, speech in zip(TEXTS, batched.speak_many(TEXTS, voice="ben", pitch=1.0), strict=True):
        wanted = exact.speak(text, voice="ben", pitch=1.0)
        assert ratio(wanted.samples, speech.samples) > 50
        for ours, theirs in zip(speech.words, wanted.words, strict=True):
            assert (ours.start, ours.end) == pytest.approx((theirs.start, theirs.end))


def test_half_precision_is_close_and_finite(many):
    half = BatchedVoice.load(device="cpu", half=True).speak_many(TEXTS[:2], seed=3)
    for wanted, made in zip(many, half, strict=False):
        assert np.isfinite(made.samples).all()
        assert ratio(wanted.samples, made.samples) > 45


def test_seed_fixes_the_samples(batched, many):
    again = batched.speak_many(TEXTS, seed=3)
    for one, other in zip(many, again, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
    other = batched.speak_many(TEXTS[:1], seed=4)[0]
    assert other.samples.shape == many[0].samples.shape
    assert not np.array_equal(other.samples, many[0].samples)


@pytest.mark.parametrize("count", [1, 3, 64, 65])
def test_any_number_of_texts(batched, count):
    made = batched.speak_many(["Yes.", "No, no!"] * (count // 2) + ["Yes."] * (count % 2))
    assert len(made) == count
    assert all(0.3 < s.seconds < 2.0 for s in made)
    assert ratio(made[0].samples, made[-1 if count % 2 else -2].samples) > 50
    load = batched.load_of_last
    assert load.utterances == count
    assert load.tokens <= load.padded_tokens
    assert load.units <= load.padded_units


def test_a_text_without_sounds_is_silence(batched):
    made = batched.speak_many(["Hello. [pause 1s]", "Hello."])
    assert made[0].seconds == pytest.approx(made[1].seconds + 1.0, abs=0.01)


def test_nothing_gives_nothing(batched):
    assert batched.speak_many([]) == []


def test_voices_and_styles_may_differ(batched):
    made = batched.speak_many(["Good morning."] * 3, voice=["anna", "ben", None], style="sad")
    assert ratio(made[0].samples, made[2].samples) > 50
    assert (
        len(made[1].samples) != len(made[0].samples) or ratio(made[0].samples, made[1].samples) < 10
    )
    with pytest.raises(InputError, match="2 texts and 1 voices"):
        batched.speak_many(["a", "b"], voice=["anna"])
    with pytest.raises(InputError, match="no voice 'nobody'"):
        batched.speak_many(["a"], voice="nobody")


def test_large_batches_are_divided(batched, many):
    pipeline = Pipeline(
        *gpu.load_models(weights.load("voxhaus-voice-1")), batched.device, half=False
    )
    narrow = Batcher(pipeline, most=2, most_units=1)
    requests = batched.requests(batched.read(TEXTS, seed=3))
    wanted = batched.sounds(requests)
    for one, other in zip(wanted, narrow.speak(requests), strict=True):
        assert ratio(one.samples, other.samples) > 50
        np.testing.assert_array_equal(one.course.lengths_L, other.course.lengths_L)
        assert (one.course.start, one.course.stop) == (other.course.start, other.course.stop)


def test_rounding_without_a_loop_is_the_loop():
    generator = np.random.default_rng(0)
    for _ in range(50):
        counts = generator.integers(1, 40, 5)
        durations = generator.uniform(0.02, 9.0, (5, 40)).astype(np.float32)
        rates = generator.uniform(0.25, 4.0, 5)
        mask = torch.arange(40) < torch.tensor(counts)[:, None]
        ends = whole_units(torch.tensor(durations).double(), torch.tensor(rates), mask).numpy()
        for row, count in enumerate(counts):
            wanted = np.cumsum(one_by_one(durations[row, :count], rates[row]))
            np.testing.assert_array_equal(ends[row, :count], wanted)
            assert (ends[row, count:] == wanted[-1]).all()


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(VoxhausError, match="no CUDA device here"):
        BatchedVoice.load()
    with pytest.raises(InputError, match="no device 'abacus'"):
        BatchedVoice.load(device="abacus")


def test_weights_without_their_training_folder_are_refused(tmp_path):
    files = weights.Weights(model="m", version="1", folder=tmp_path, manifest={})
    with pytest.raises(WeightsError, match="no folder 'training'"):
        gpu.load_models(files)
    (tmp_path / "training").mkdir()
    torch.save({"strange": torch.zeros(1)}, tmp_path / "training" / "prosody.pt")
    with pytest.raises(WeightsError, match="of another size"):
        gpu.load_models(files)


def test_the_postfilter_is_the_one_of_the_package():
    files = weights.load("voxhaus-voice-1")
    assert files.manifest["sharpening"] > 0
    plain = weights.Weights(model="m", version="1", folder=files.folder, manifest=json.loads("{}"))
    sharp, blunt = (gpu.load_models(f)[1].head.weight for f in (files, plain))
    assert not torch.equal(sharp, blunt)


def test_the_guides_example_runs(capsys):
    page = (Path(__file__).resolve().parents[3] / "docs/guides/scale.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(code.replace("BatchedVoice.load()", 'BatchedVoice.load(device="cpu")'), {})
    assert len(capsys.readouterr().out.splitlines()) == 3
