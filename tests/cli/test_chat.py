"""A conversation in the terminal: what is shown, remembered, stopped, spoken and reported."""

import io
import json

import pytest
import soundfile

pytest.importorskip("onnx")

from voxhaus.cli import chat as chatting
from voxhaus.cli.main import INTERRUPTED, main
from voxhaus.evals.language_speed import random_model
from voxhaus.models.language.config import LanguageConfig
from voxhaus.runtime.language.language import Language
from voxhaus.runtime.language.prepare import prepare

TINY = LanguageConfig(
    vocab_size=400, hidden_size=64, layers=2, heads=2, kv_heads=1, head_dim=32, experts=4,
    expert_size=32, context=120,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = random_model(tmp_path_factory.mktemp("random") / "random", TINY, spread=0.3)
    (made / "generation_config.json").write_text('{"temperature": 0.0}')
    return prepare(made, tmp_path_factory.mktemp("ready") / "tiny", exact=True)


@pytest.fixture
def said(folder):
    return lambda *turns, **options: Language(folder, "tiny").chat(
        [{"role": r, "content": c} for r, c in turns], **options
    )


class Terminal(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self):
        return True


@pytest.fixture
def typed(monkeypatch):
    """Lines that somebody types."""

    def type_(*lines):
        monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))

    return type_


def test_one_question(folder, said, capsys):
    assert main(["chat", "What?", "--model", str(folder), "--max-tokens", "9"]) == 0
    assert capsys.readouterr().out == said(("user", "What?"), max_tokens=9).text + "\n"


def test_a_question_from_a_pipe(folder, said, capsys, monkeypatch):
    pipe = io.TextIOWrapper(io.BytesIO(b"What?"), "utf-8")
    monkeypatch.setattr("sys.stdin", pipe)
    assert main(["chat", "-", "--model", str(folder), "--max-tokens", "9"]) == 0
    assert capsys.readouterr().out == said(("user", "What?"), max_tokens=9).text + "\n"


def test_json_reports_the_answer(folder, said, capsys):
    arguments = ["--max-tokens", "9", "--seed", "4", "--temperature", "1", "--system", "Be brief."]
    assert main(["chat", "What?", "--model", str(folder), "--json", *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    alone = said(("system", "Be brief."), ("user", "What?"), max_tokens=9, seed=4, temperature=1.0)
    assert (report["text"], report["reason"]) == (alone.text, "length")
    assert report["completion_tokens"] == 9 and report["tokens_per_second"] > 0
    assert report["prompt_tokens"] == alone.usage.prompt


def test_turns_are_remembered_and_forgotten(folder, said, capsys, typed):
    typed("One.", "Two.", "/new", "Two.", "", "/what", "/bye", "Never.")
    assert main(["chat", "--model", str(folder), "--max-tokens", "7"]) == 0
    shown = capsys.readouterr()
    first = said(("user", "One."), max_tokens=7).text
    second = said(("user", "One."), ("assistant", first), ("user", "Two."), max_tokens=7).text
    alone = said(("user", "Two."), max_tokens=7).text
    assert second != alone
    answers = shown.out.replace("> ", "")
    assert answers == f"{first}\n{second}\n{alone}\n"
    assert "/bye" in shown.err


def test_a_full_context_forgets_the_oldest_turn(folder, capsys, typed):
    typed(*["abcdefghij" * 3] * 5)
    assert main(["chat", "--model", str(folder), "--max-tokens", "20"]) == 0
    assert "oldest turn is forgotten" in capsys.readouterr().err


def test_too_long_a_question_is_said_and_the_conversation_goes_on(folder, said, capsys, typed):
    typed("abcdefghij" * 30, "What?")
    assert main(["chat", "--model", str(folder), "--max-tokens", "5"]) == 0
    shown = capsys.readouterr()
    assert "takes 120" in shown.err
    assert said(("user", "What?"), max_tokens=5).text in shown.out


class Interrupting(io.StringIO):
    """Standard output where Ctrl-C is pressed at the third piece of the first answer."""

    def __init__(self):
        super().__init__()
        self.left = 3

    def write(self, text):
        if text.strip() and text != "> ":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return super().write(text)


def test_control_c_stops_the_answer_and_not_the_conversation(folder, said, monkeypatch, typed):
    typed("One.", "Two.")
    out = Interrupting()
    monkeypatch.setattr("sys.stdout", out)
    assert main(["chat", "--model", str(folder), "--max-tokens", "30"]) == 0
    first, second = out.getvalue().replace("> ", "").split("\n")[:2]
    assert len(first) < len(second)
    assert said(("user", "One."), max_tokens=30).text.startswith(first)


def test_control_c_at_a_single_question_is_an_interruption(folder, monkeypatch):
    monkeypatch.setattr("sys.stdout", Interrupting())
    assert main(["chat", "One.", "--model", str(folder), "--max-tokens", "30"]) == INTERRUPTED


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--model", "voxhaus-9"], "no text model 'voxhaus-9' here. Fetch one with: voxhaus pull"),
        (["--model", "Some/Model"], "voxhaus pull Some/Model"),
        (["--temperature", "9"], "temperature must lie between 0 and 2"),
        (["--schema", "none.json"], "none.json cannot be read"),
        (["--max-tokens", "0"], "at least 1"),
    ],
)
def test_bad_input_is_one_sentence(folder, capsys, arguments, named, tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path))
    model = [] if "--model" in arguments else ["--model", str(folder)]
    assert main(["chat", "What?", *model, *arguments]) == 2
    said = capsys.readouterr().err
    assert named in said and said.count("\n") == 1


def test_json_without_a_question(capsys, typed):
    typed()
    assert main(["chat", "--json"]) == 2
    assert "--json needs a PROMPT" in capsys.readouterr().err


def test_answers_are_spoken_into_a_file(folder, tmp_path, capsys):
    path = tmp_path / "said.wav"
    arguments = ["--max-tokens", "40", "--speak", "-o", str(path), "--voice", "ben"]
    assert main(["chat", "What?", "--model", str(folder), *arguments]) == 0
    samples, rate = soundfile.read(path)
    assert len(samples) / rate > 0.3


def test_sentences_are_spoken_as_they_come(monkeypatch):
    from voxhaus.cli import aloud

    spoken = []
    monkeypatch.setattr(aloud.Aloud, "_speak", lambda self, text: spoken.append(text.strip()))
    speaker = aloud.Aloud(None, None if aloud.shutil.which("aplay") else aloud.Path("x.wav"))
    for piece in ("Dr. Oar is ", "here. She ro", "ws. And", " then"):
        speaker.push(piece)
    speaker.finish()
    assert spoken == ["Dr. Oar is here.", "She rows.", "And then"]


def test_without_a_player_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert main(["chat", "What?", "--speak"]) == 2
    assert "or give a file with -o" in capsys.readouterr().err


def test_the_player_hears_samples(monkeypatch, tmp_path):
    """Through a program that stands in for the sound card."""
    from voxhaus.cli import aloud

    heard = tmp_path / "heard.pcm"
    program = tmp_path / "tee.sh"
    program.write_text(f"#!/bin/sh\ncat > {heard}\n")
    program.chmod(0o755)
    monkeypatch.setattr(aloud, "_player", lambda: [str(program)])
    speaker = aloud.Aloud("anna", None)
    speaker.push("Good morning. [Style] *is* not markup.")
    speaker.finish()
    assert heard.stat().st_size > 24_000


def test_a_conversation_keeps_what_was_said_before_a_failure(folder):
    talk = chatting.Conversation(Language(folder, "tiny"), None, {"temperature": 5.0})
    with pytest.raises(chatting.InputError):
        talk.ask("What?", show=False)
    assert talk.history == []


@pytest.mark.parametrize(("to", "kind"), [("hf", "float16"), ("gguf", "q8_0")])
def test_export_writes_and_reports(folder, tmp_path, capsys, to, kind):
    pytest.importorskip("gguf")
    path = tmp_path / "out"
    arguments = ["--to", to, "--type", kind, "-o", str(path), "--json"]
    assert main(["export", "language", str(folder), *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["path"] == str(path) and report["bytes"] > 10_000 and path.exists()


def test_export_refuses_types_of_the_other_format(folder, capsys):
    assert main(["export", "language", str(folder), "--to", "hf", "--type", "q8_0"]) == 2
    assert "float32, float16" in capsys.readouterr().err
