"""The bench of the batched path, run on the processor."""

import json

import pytest

torch = pytest.importorskip("torch", reason="the GPU path needs the extra 'train'")

from voxhaus.cli.main import main  # noqa: E402
from voxhaus.evals import gpu_speed  # noqa: E402
from voxhaus.runtime.gpu.batch import Load  # noqa: E402


def test_a_record_is_made(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_speed, "WORDS_A_MINUTE", 12)
    command = "bench gpu --device cpu --minutes 2 --streams 2 --repeats 1 --json --out"
    assert main([*command.split(), str(tmp_path)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["device"]["precision"] == "float32"
    for name, texts in (("minute", 1), ("batch", 2)):
        row = result[name]
        assert row["texts"] == texts
        assert row["all_seconds"] > row["read_seconds"] > 0
        assert row["times_floor"] > 0
        assert 0 <= row["padding_share"] < 1
    (streams,) = result["streams"]
    assert streams["streams"] == 2
    page = (tmp_path / "README.md").read_text()
    assert "Peaks as measured" in page
    assert "## Streams" in page
    assert len((tmp_path / "raw.jsonl").read_text().splitlines()) == 4


def test_the_floor_is_the_slower_of_arithmetic_and_memory():
    load = Load(utterances=1, tokens=40, units=100, padded_tokens=48, padded_units=200)
    fast, slow = 1e30, 1e6
    arithmetic = gpu_speed.against_floor(load, False, 1.0, {"flops": slow, "bytes": fast})
    memory = gpu_speed.against_floor(load, False, 1.0, {"flops": fast, "bytes": slow})
    assert arithmetic["floor_seconds"] == pytest.approx(arithmetic["flops"] / slow)
    assert memory["floor_seconds"] == pytest.approx(memory["bytes"] / slow)
    assert arithmetic["padding_share"] == 0.5
    assert arithmetic["times_floor"] == pytest.approx(1 / arithmetic["floor_seconds"])
    halved = gpu_speed.against_floor(load, True, 1.0, {"flops": fast, "bytes": slow})
    assert halved["bytes"] < memory["bytes"]


def test_without_a_gpu_the_command_says_so(capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["bench", "gpu"]) == 1
    said = capsys.readouterr().err
    assert "no CUDA device" in said
    assert "--device cpu" in said


def test_bad_options_are_refused(capsys):
    assert main(["bench", "gpu", "--device", "cpu", "--streams", "many"]) == 2
    assert "--streams takes whole numbers" in capsys.readouterr().err
    assert main(["bench", "gpu", "--device", "abacus"]) == 2
    assert "no device 'abacus'" in capsys.readouterr().err
