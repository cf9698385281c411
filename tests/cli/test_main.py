"""How errors, interrupts and closed pipes end, and what the small commands say."""

import json
import subprocess
import sys

import pytest

from voxhaus.cli import main as door
from voxhaus.cli.main import explain, main
from voxhaus.core.errors import InputError, MissingExtraError, WeightsError


def raising(error):
    def load(*_, **__):
        raise error

    return load


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (InputError("Give a voice."), 2, "Give a voice."),
        (WeightsError("filters.onnx is damaged."), 1, "filters.onnx is damaged."),
        (PermissionError(13, "Permission denied", "a.wav"), 1, "a.wav: Permission denied."),
        (MemoryError(), 1, "not enough memory"),
        (ZeroDivisionError("division by zero"), 1, "Unexpected ZeroDivisionError"),
        (MissingExtraError("torch", "train"), 1, "voxhaus[train]"),
    ],
)
def test_an_error_is_one_sentence_and_a_status(monkeypatch, capsys, error, status, reason):
    monkeypatch.delenv("VOXHAUS_DEBUG", raising=False)
    monkeypatch.setattr("voxhaus.runtime.voice.Voice.load", raising(error))
    assert main(["voices"]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert reason in said.err
    assert "Traceback" not in said.err


def test_an_interrupt_is_quiet(monkeypatch, capsys):
    monkeypatch.setattr("voxhaus.runtime.voice.Voice.load", raising(KeyboardInterrupt()))
    assert main(["voices"]) == door.INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


def test_debugging_shows_where(monkeypatch):
    monkeypatch.setenv("VOXHAUS_DEBUG", "1")
    monkeypatch.setattr("voxhaus.runtime.voice.Voice.load", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["voices"])


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m voxhaus doctor"
    script = f"{command} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    # The reader may be gone before or after the last line was written.
    assert done.returncode in (0, 1, door.PIPE_CLOSED)
    assert done.stderr == ""


def test_an_error_without_a_file_still_is_a_sentence():
    assert explain(OSError(28, "No space left on device")) == ("No space left on device.", 1)


def test_voices_as_a_table_and_as_json(voxhaus, quick_voice):
    assert quick_voice.default_voice == "anna"
    status, out, _ = voxhaus("voices")
    assert status == 0
    assert out.splitlines()[1].split() == ["anna", "Anna", "female", "us", "en-US", "neutral"]
    status, report, _ = voxhaus("voices", "--json")
    assert status == 0
    assert report["voices"] == [
        {
            "id": "anna",
            "name": "Anna",
            "sex": "female",
            "accent": "us",
            "language": "en-US",
            "styles": ["neutral"],
        }
    ]


def test_no_command_shows_the_commands(voxhaus):
    status, out, err = voxhaus()
    assert (status, err) == (0, "")
    for command in ("say", "voices", "models", "doctor", "train", "briefing", "evaluate", "bench"):
        assert f"\n  {command} " in out


def test_version(voxhaus):
    status, out, _ = voxhaus("--version")
    assert status == 0
    assert out.startswith("voxhaus ")


@pytest.fixture
def broken_weights(tmp_path, monkeypatch):
    folder = tmp_path / "weights" / "model" / "1"
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"changed")
    manifest = {"created": "2026-11-01", "files": {"a.bin": {"sha256": "0", "bytes": 7}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setenv("VOXHAUS_WEIGHTS", str(tmp_path / "weights"))


@pytest.mark.usefixtures("broken_weights")
def test_models_and_doctor_name_damaged_weights(voxhaus):
    status, report, _ = voxhaus("models", "--json")
    assert status == 0
    assert report["models"][0]["created"] == "2026-11-01"
    assert "a.bin is damaged" in report["models"][0]["problems"][0]
    assert "a.bin is damaged" in voxhaus("models")[1]
    status, report, _ = voxhaus("doctor", "--json")
    assert status == 1
    assert report["ok"] is False
    assert "a.bin is damaged" in report["problems"][0]


def test_doctor_names_missing_weights_and_a_broken_configuration(voxhaus, tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setenv("VOXHAUS_CONFIG", str(tmp_path / "voxhaus.toml"))
    (tmp_path / "voxhaus.toml").write_text("feeds = [")
    status, out, _ = voxhaus("doctor")
    assert status == 1
    assert "No model weights" in out
    assert "voxhaus.toml cannot be read" in out


def test_train_without_torch_names_the_extra(voxhaus, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "voxhaus.training.voice.recipes", raising=False)
    # A module that was imported once is also an attribute of its package.
    monkeypatch.delattr("voxhaus.training.voice.recipes", raising=False)
    status, _, err = voxhaus("train", "voice", "acoustic")
    assert status == 1
    assert "voxhaus[train]" in err


def test_train_knows_its_recipes(voxhaus):
    recipes = pytest.importorskip("voxhaus.training.voice.recipes", exc_type=ImportError)
    status, _, err = voxhaus("train", "voice", "nonsense")
    assert status == 2
    assert all(name in err for name in recipes.RECIPES)
    _, out, _ = voxhaus("train", "voice", "--help")
    assert ", ".join(recipes.RECIPES) in " ".join(out.split())
