"""The table and the JSON of `voxhaus evaluate language`, with a model that only counts."""

import json

import numpy as np
import pytest

from voxhaus.cli.main import main
from voxhaus.evals import language_models


class Flat:
    """Every byte is as likely as any other; answers yes."""

    name, context = "flat", 512

    def encode(self, text):
        return list(text.encode("utf-8"))

    def log_probabilities(self, ids):
        return np.full(len(ids), -np.log(256), np.float32)

    def prompt(self, messages):
        return self.encode(messages[-1]["content"])

    def answers(self, conversations, tokens):
        return ["Yes." for _ in conversations]


@pytest.fixture(autouse=True)
def models(monkeypatch):
    monkeypatch.setattr(language_models, "load", lambda name, threads: Flat())


@pytest.fixture
def held_out(tmp_path):
    path = tmp_path / "held_out.jsonl"
    rows = [
        {
            "task": "yes_no",
            "kind": kind,
            "messages": [
                {"role": "user", "content": "Is it?"},
                {"role": "assistant", "content": kind},
            ],
            "baselines": {"always yes": "Yes."},
        }
        for kind in ("yes", "no")
    ]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def test_our_own_prose_by_kinds(capsys):
    assert main(["evaluate", "language", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["models"][0]
    assert result["text"]["bits_per_byte"] == pytest.approx(8)
    assert set(result["text"]["kinds"]) >= {"news", "radio", "story"}
    assert "tasks" not in result


def test_a_file_and_tasks_beside_baselines(capsys, tmp_path, held_out):
    text = tmp_path / "mine.txt"
    text.write_text("Übung")
    command = ["evaluate", "language", "--text", str(text), "--tasks", "--held-out", str(held_out)]
    assert main([*command, "--json", "--out", str(tmp_path / "out")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["models"][0]["text"]["bytes"] == 6
    assert result["models"][0]["tasks"]["yes_no"]["balanced_accuracy"] == 0.5
    assert result["baselines"]["yes_no"]["always yes"]["balanced_accuracy"] == 0.5
    assert json.loads((tmp_path / "out/language.json").read_text()) == result
    assert len(json.loads((tmp_path / "out/answers.json").read_text())["answers"]) == 2


def test_the_table(capsys, held_out):
    command = ["evaluate", "language", "--tasks", "--held-out", str(held_out), "--model", "a"]
    assert main([*command, "--model", "b"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("8.0000") == 2
    assert "always yes 0.500" in shown


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--text", "nowhere.txt"], "Cannot read nowhere.txt"),
        (["--context", "1024"], "looks at 512 tokens"),
        (["--tasks", "--held-out", "nowhere.jsonl"], "no held-out conversations"),
    ],
)
def test_bad_input_is_one_sentence(capsys, more, reason):
    assert main(["evaluate", "language", *more]) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert "Traceback" not in said
