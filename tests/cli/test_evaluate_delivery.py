"""The tables and the JSON of `voxhaus evaluate timestamps`, `pauses` and `intonation`."""

import json

import pytest

from voxhaus.evals import aligner, intonation, pauses
from voxhaus.evals.intonation import Prompt


@pytest.fixture
def few(monkeypatch):
    """Lists so short that the real voice reads them at once."""
    monkeypatch.setattr(pauses, "HALVES", pauses.HALVES[:1])
    monkeypatch.setattr(pauses, "MARKS", {"none": " ", "comma": ", "})
    prompts = [Prompt(kind="pair", text="She lives in Rome"), Prompt(kind="wh", text="Who is it?")]
    monkeypatch.setattr(intonation, "prompts", lambda: prompts)


def test_pauses(voxhaus, few, tmp_path):
    status, made, _ = voxhaus(
        "evaluate", "pauses", "--voices", "anna,ben", "--out", "kept", "--json"
    )
    assert status == 0
    assert list(made) == ["anna", "ben"]
    assert made["anna"]["comma"]["median"] > made["anna"]["none"]["median"] + 50
    assert json.loads((tmp_path / "kept" / "pauses.json").read_text()) == made
    _, table, _ = voxhaus("evaluate", "pauses", "--voices", "anna")
    assert "comma" in table


def test_intonation(voxhaus, few, tmp_path):
    command = ("evaluate", "intonation", "--voices", "ella", "--out", "kept")
    status, made, _ = voxhaus(*command, "--json")
    assert status == 0
    assert made["voices"]["ella"]["question over statement"]["median"] > 2
    kept = json.loads((tmp_path / "kept" / "intonation.json").read_text())
    assert kept["voices"] == made["voices"]
    assert [f["kind"] for f in kept["raw"]["ella"]] == ["pair", "wh"]
    assert "question over statement" in voxhaus(*command)[1]


def test_timestamps(voxhaus, tmp_path):
    pytest.importorskip("pocketsphinx", reason="aligning needs the extra 'timestamps'")
    pytest.importorskip("scipy")
    command = ("evaluate", "timestamps", "--voices", "anna", "--limit", "1", "--out", "kept")
    status, made, _ = voxhaus(*command, "--json")
    assert status == 0
    assert made["overall"]["sound starts"]["median_absolute"] < 30
    assert set(made["floor"]) == {"delayed", "noisy"}
    assert "raw" not in made
    assert "anna" in json.loads((tmp_path / "kept" / "timestamps.json").read_text())["raw"]


def test_timestamps_without_the_aligner_name_the_extra(voxhaus, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pocketsphinx", None)
    status, _, err = voxhaus("evaluate", "timestamps")
    assert status == 1
    assert "pip install 'voxhaus[timestamps]'" in err
    assert aligner.ALIGNER_RATE == 16_000


@pytest.mark.parametrize("what", ["pauses", "intonation"])
def test_unknown_voices_are_named(voxhaus, what):
    status, _, err = voxhaus("evaluate", what, "--voices", "anna,zelda")
    assert status == 2
    assert "no voice 'zelda'. Voices: anna" in err
