"""Both layouts are read, sound keeps its pitch at another rate, and bad folders are told apart."""

import numpy as np
import pytest
import soundfile

from voxhaus.core.errors import InputError
from voxhaus.training.voice.own import recordings


def tone(rate, seconds=1.0, hertz=440.0):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype("f4")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "wavs").mkdir()
    for name in ("b", "a"):
        soundfile.write(tmp_path / "wavs" / f"{name}.wav", tone(8000), 8000)
    return tmp_path


def test_ljspeech_layout(folder):
    (folder / "metadata.csv").write_text("b|Dr. B.|Doctor B.\n\na|It is A.\n", "utf-8")
    found = recordings.read_folder(folder)
    assert [(r.name, r.text) for r in found] == [("a", "It is A."), ("b", "Doctor B.")]


def test_texts_beside_sounds(tmp_path):
    soundfile.write(tmp_path / "x.flac", tone(16_000), 16_000)
    soundfile.write(tmp_path / "without.wav", tone(16_000), 16_000)
    (tmp_path / "x.txt").write_text("Two\n words.\n", "utf-8")
    assert [(r.name, r.text) for r in recordings.read_folder(tmp_path)] == [("x", "Two words.")]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ("c|Not there.\n", "lists 'c', but there is no such file"),
        ("a\n", "line 1, has no text; a line is name|text"),
        ("", "holds no recordings with texts"),
    ],
)
def test_what_is_wrong_with_a_list(folder, metadata, reason):
    (folder / "metadata.csv").write_text(metadata, "utf-8")
    with pytest.raises(InputError) as caught:
        recordings.read_folder(folder)
    assert reason in str(caught.value)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="is no folder; it should hold either metadata"):
        recordings.read_folder(tmp_path / "none")


def test_not_a_sound(tmp_path):
    (tmp_path / "a.wav").write_text("no")
    with pytest.raises(InputError, match="cannot be read as sound"):
        recordings.load(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_resampling_is_exact_inside(rate):
    made = recordings.resampled(tone(rate), rate)
    assert len(made) == recordings.RATE
    inside = slice(2000, -2000)
    np.testing.assert_allclose(made[inside], tone(recordings.RATE)[inside], atol=2e-3)
