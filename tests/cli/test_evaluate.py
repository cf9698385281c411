"""The tables and the JSON of `voxhaus evaluate speech`, with judges that only count."""

import json

import numpy as np
import pytest

from voxhaus.cli.main import main
from voxhaus.evals import engines, speech
from voxhaus.evals.judges import Verdict


class Beeper(engines.Engine):
    """Says everything with a second of silence."""

    name, version, sample_rate = "beeper", "1", 16_000

    def __init__(self, voice, threads):
        self.voice = voice or "low"

    def parts(self, text):
        yield np.zeros(self.sample_rate, np.float32)


class Judges:
    """Give every recording the same verdict, and count."""

    asked = 0

    def judge(self, recording, text):
        self.asked += 1
        return Verdict(
            distillmos=4.5,
            dnsmos=3.5,
            wrong_words=0,
            words=len(text.split()),
            heard=text,
            pitch_hz=float("nan"),
            pitch_spread=float("nan"),
            seconds=recording.seconds,
        )


@pytest.fixture
def judges(monkeypatch):
    counting = Judges()
    monkeypatch.setitem(engines.ENGINES, "beeper", Beeper)
    monkeypatch.setattr(speech, "_bench", lambda: counting)
    return counting


BEEPER = ["evaluate", "speech", "--engine", "beeper"]


def test_one_voice_is_one_object(judges, capsys):
    assert main([*BEEPER, "--limit", "3", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["engine"], made["voice"], made["overall"]["n"]) == ("beeper", "low", 3)
    assert made["overall"]["pitch_hz"] is None


def test_several_voices_share_a_table_and_resume(judges, capsys, tmp_path):
    command = [*BEEPER, "--voices", "low,high", "--limit", "3", "--out", str(tmp_path)]
    assert main(command) == 0
    last = capsys.readouterr().out.partition("All voices")[2].split()
    assert "low" in last
    assert "high" in last
    assert judges.asked == 6
    assert main([*command, "--json"]) == 0
    assert judges.asked == 6
    made = json.loads(capsys.readouterr().out)
    assert [v["voice"] for v in made["voices"]] == ["low", "high"]
    assert json.loads((tmp_path / "beeper-high.json").read_text()) == made["voices"][1]


def test_voice_and_voices_exclude_each_other(judges, capsys):
    assert main([*BEEPER, "--voice", "low", "--voices", "low,high"]) == 2
    assert "not two of them" in capsys.readouterr().err


def test_unknown_engines_are_named(capsys):
    assert main(["bench", "speech", "--engines", "siri"]) == 2
    assert "no engine 'siri'" in capsys.readouterr().err
    assert main(["bench", "speech", "--threads", "one"]) == 2
    assert "whole numbers" in capsys.readouterr().err


def test_a_chapter_is_a_table_and_one_object(capsys, monkeypatch, tmp_path):
    from voxhaus.evals import chapter

    monkeypatch.setattr(chapter.lost_words, "__defaults__", (None, None, ("cat",)))
    command = ["evaluate", "chapter", "--words", "30", "--voice", "ben", "--out", str(tmp_path)]
    assert main(command) == 0
    table = capsys.readouterr().out
    assert "passed  words of the text in the timestamps" in table
    assert "FAILED" not in table
    kept = json.loads((tmp_path / "chapter-ben.json").read_text())
    assert kept["passed"]
    assert kept["wer"] is None
    monkeypatch.setattr(chapter, "MOST_SILENCE", 0.0)
    assert main([*command, "--json"]) == 1
    assert not json.loads(capsys.readouterr().out)["passed"]
    assert main(["evaluate", "chapter", "--voice", "nobody", "--words", "5"]) == 2
    assert "no voice 'nobody'" in capsys.readouterr().err
