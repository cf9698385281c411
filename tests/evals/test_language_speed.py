"""The same weights go into every engine, each writes as many tokens as asked for, and all is told."""

import json

import pytest

pytest.importorskip("onnx")

from voxhaus.core.errors import InputError
from voxhaus.evals import language_speed as speed
from voxhaus.evals import report
from voxhaus.models.language.config import LanguageConfig

SHORT = {"PROMPT": 4, "ANSWER": 5, "LONG": 12, "AT_ONCE": (1, 2), "_REPEATS": 1}
TINY = LanguageConfig(
    vocab_size=300, hidden_size=64, layers=1, heads=2, kv_heads=1, head_dim=32, experts=2,
    expert_size=32, context=64,
)  # fmt: skip


@pytest.fixture
def short(monkeypatch):
    for name, value in SHORT.items():
        monkeypatch.setattr(speed, name, value)


@pytest.fixture
def folder(tmp_path, short, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path / "cache"))
    model = speed.random_model(tmp_path / "model", TINY, spread=0.3)
    place = tmp_path / "place"
    place.mkdir()
    pytest.importorskip("gguf")
    assert speed.prepared(str(model), place, ["llama.cpp", "transformers"]) == 300
    return place


@pytest.mark.parametrize(
    ("name", "package"),
    [("voxhaus", "onnx"), ("llama.cpp", "xllamacpp"), ("transformers", "transformers")],
)
def test_each_engine_is_measured(folder, name, package):
    if package == "transformers":
        pytest.importorskip("torch")
    pytest.importorskip(package)
    row = speed.measure(name, folder, 1, 300)
    assert {"answers_1", "answers_2", "prefill", "load_seconds", "peak_mb"} <= set(row)
    assert all(value > 0 for key, value in row.items() if key != "engine")


def test_ours_writes_as_many_tokens_as_asked_for(folder):
    from voxhaus.core.chat import ChatEnd

    engine = speed._load("voxhaus", folder, 1)
    language = engine._language
    told = []
    follow = language.follow
    language.follow = lambda *a: (told.append(list(follow(*a))), iter(told[-1]))[1]
    engine.answer([[20, 21], [22]], 40)
    ends = [events[-1] for events in told]
    assert all(isinstance(e, ChatEnd) and e.usage.completion == 40 for e in ends)


def rows():
    figures = dict.fromkeys(speed.FIGURES, 2.0)
    return [
        {"engine": name, "threads": 1, "run": run, **figures, "answers_1": 1.0 + run}
        for name in ("voxhaus", "llama.cpp")
        for run in range(3)
    ]


def test_medians_and_the_record(tmp_path):
    results = report.summarise(rows(), speed.FIGURES)
    assert [r["answers_1"]["median"] for r in results] == [2.0, 2.0]
    result = {"machine": {"cpu": "x"}, "model": "random", "results": results}
    speed.write_record(tmp_path / "record", result, rows())
    assert "llama.cpp" in (tmp_path / "record" / "README.md").read_text()
    assert json.loads((tmp_path / "record" / "results.json").read_text())["model"] == "random"


def test_an_unknown_engine_is_refused():
    with pytest.raises(InputError, match="no engine 'x'"):
        speed.compare("random", ["x"], [1], 1, lambda _: None)


def test_too_short_a_context_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "LONG", 64)
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="shorter than 65"):
        speed.prepared(str(folder / "voxhaus"), tmp_path / "other", [])
