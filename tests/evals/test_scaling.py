"""The scaling bench measures what it says, and refuses what it cannot measure."""

import json
import threading

import numpy as np
import pytest

from voxhaus.cli.main import main
from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.speech import AudioChunk
from voxhaus.evals import apart, scaling

RATE = 24_000


class Metronome:
    """Half a second of silence a sentence, at once; counts how many speak at the same time."""

    name, version, sample_rate = "metronome", "1", RATE

    def __init__(self):
        self.lock, self.now, self.most, self.seeds = threading.Lock(), 0, 0, []

    def stream(self, text, *, seed=0):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.seeds.append(seed)
        for part in range(2):
            yield AudioChunk(
                samples=np.zeros(RATE // 4, np.float32), sample_rate=RATE, start=part / 4
            )
        with self.lock:
            self.now -= 1


def test_a_length_is_measured():
    row = scaling.measure_length(Metronome(), 60)
    assert row["audio_seconds"] == 0.5
    assert row["times"] > 1
    assert row["mb_per_hour"] is None
    assert row["memory"]
    assert row["peak_mb"] >= row["final_mb"] > 10


def test_listeners_are_measured():
    voice = Metronome()
    row = scaling.measure_streams(voice, 4, 0.1)
    assert row["streams"] == 4
    assert row["sentences"] == len(voice.seeds) - 1  # one to warm up
    assert row["audio_seconds"] == pytest.approx(0.5 * row["sentences"])
    assert row["least_of_a_stream"] >= 1
    assert 0 < row["first_audio_p50_ms"] <= row["first_audio_p95_ms"] <= row["first_audio_p99_ms"]
    assert row["in_time"] == 1.0


def test_an_error_in_one_listener_is_the_benchs():
    class Mute(Metronome):
        def stream(self, text, *, seed=0):
            if seed == 1:
                raise InputError("Hoarse.")
            return super().stream(text, seed=seed)

    with pytest.raises(InputError, match="Hoarse"):
        scaling.measure_streams(Mute(), 2, 0.1)


def test_the_slope_is_that_of_what_follows_the_first_quarter():
    start = [(0.1 * i, 60.0 * i, 50.0 + 20 * i) for i in range(5)]
    later = [(0.1 * i, 60.0 * i, 150.0 + i / 60) for i in range(5, 20)]
    assert scaling.slope([*start, *later]) == pytest.approx(1.0)
    assert scaling.slope(later[:2]) is None
    assert scaling.slope([(0.0, 5.0, 1.0)] * 9) is None


@pytest.mark.parametrize(
    ("lengths", "streams", "seconds", "said"),
    [
        ([0], [], 1, "--lengths are seconds of audio from 1"),
        ([10**6], [], 1, "--lengths are seconds of audio from 1"),
        ([], [2000], 1, "--streams are numbers from 1 to 1024"),
        ([], [1], 0, "--seconds must lie between"),
    ],
)
def test_what_cannot_be_measured_is_refused(lengths, streams, seconds, said):
    with pytest.raises(InputError, match=said):
        scaling.check(lengths, streams, seconds)


def test_the_command_says_what_is_wrong(capsys):
    assert main(["bench", "scaling", "--lengths", "long"]) == 2
    assert "--lengths takes whole numbers" in capsys.readouterr().err
    assert main(["bench", "scaling", "--streams", "0"]) == 2
    assert "--streams takes whole numbers" in capsys.readouterr().err
    assert main(["bench", "scaling", "--seconds", "0"]) == 2
    assert "--seconds must lie" in capsys.readouterr().err


def test_a_record_is_made(capsys, tmp_path):
    command = "bench scaling --lengths 1 --streams 2 --seconds 0.2 --threads 1 --json --out"
    assert main([*command.split(), str(tmp_path)]) == 0
    result = json.loads(capsys.readouterr().out)
    (length,), (streams,) = result["lengths"], result["streams"]
    assert 0.8 < length["audio_seconds"] < 2.5
    assert streams["sentences"] >= 2
    page = (tmp_path / "README.md").read_text()
    assert "## Length of the text" in page
    assert "## Listeners" in page
    assert "commit" in page
    rows = [json.loads(line) for line in (tmp_path / "raw.jsonl").read_text().splitlines()]
    assert [r["kind"] for r in rows] == ["lengths", "streams"]
    assert "memory" in rows[0]
    assert "memory" not in json.loads((tmp_path / "results.json").read_text())["lengths"][0]


def test_a_measurement_that_fails_says_why():
    with pytest.raises(VoxhausError, match="The test failed: ValueError"):
        apart.run("voxhaus.evals.scaling", ["lengths", "x", "1", "1"], 1, "The test")


def test_memory_is_told():
    assert 10 < apart.memory_mb() <= apart.peak_mb() + 1
