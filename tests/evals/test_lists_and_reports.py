"""Sentence lists, levelling, summaries and tables."""

import json
import math
import re
import sys

import numpy as np
import pytest

from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.evals import engines, judges, machine, report, sentences, speech, speed


def test_the_committed_list_is_long_and_varied():
    found = sentences.read()
    assert len(found) >= 60
    assert len({s.text for s in found}) == len(found)
    assert len({s.category for s in found}) >= 10
    assert len(sentences.TEN_WORDS.split()) == 10
    assert 120 < len(sentences.paragraph().split()) < 190


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("news\tFine.\nno tab here\n", r"list.tsv, line 2: expected category, a tab"),
        ("news\t \n", "line 1"),
        ("# only a remark\n", "holds no sentences"),
        ("", "holds no sentences"),
    ],
)
def test_broken_lists_name_the_line(tmp_path, content, reason):
    path = tmp_path / "list.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match=reason):
        sentences.read(path)


def test_a_binary_or_missing_list_is_refused(tmp_path):
    (tmp_path / "list.tsv").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "list.tsv", tmp_path / "none.tsv"):
        with pytest.raises(InputError, match="cannot be read as text"):
            sentences.read(path)


def test_a_short_list_stands_for_every_category():
    found = sentences.read()
    categories = {s.category for s in found}
    short = sentences.spread(found, len(categories))
    assert {s.category for s in short} == categories
    assert short == [s for s in found if s in short]
    assert sentences.spread(found, None) == sentences.spread(found, 1000) == found


def test_levelling_ignores_pauses():
    rng = np.random.default_rng(0)
    loud = 0.01 * rng.standard_normal(16_000).astype(np.float32)
    paused = np.concatenate([loud, np.zeros(32_000, np.float32)])
    made = judges.level(paused, 16_000)
    rms = np.sqrt((made[:16_000].astype(np.float64) ** 2).mean())
    assert 20 * math.log10(rms) == pytest.approx(judges.ACTIVE_LEVEL, abs=0.2)
    silent = np.zeros(16_000, np.float32)
    assert not judges.level(silent, 16_000).any()


def row(category, wrong, words, mos):
    nan = float("nan")
    return {
        "category": category,
        "distillmos": mos,
        "dnsmos": 3.0,
        "wrong_words": wrong,
        "words": words,
        "pitch_hz": nan,
        "pitch_spread": nan,
        "seconds": 2.0,
    }


def test_summary_weighs_errors_by_words_and_passes_over_missing_pitch():
    made = speech.summary([row("a", 1, 4, 4.0), row("b", 0, 16, 4.5)])
    assert made["wer"] == pytest.approx(1 / 20)
    assert made["distillmos"] == pytest.approx(4.25)
    assert made["pitch_hz"] is None
    assert speech.table_row("all", made)[5] is None
    json.dumps(made, allow_nan=False)
    assert made["seconds"] == 4.0


def test_markdown_tables():
    table = report.markdown(["engine", "x"], [["ours", 1.23456], ["other", None]])
    assert table.splitlines() == [
        "| engine | x |",
        "|---|---:|",
        "| ours | 1.235 |",
        "| other | – |",
    ]


def measurement(engine, threads, value):
    return {
        "engine": engine,
        "threads": threads,
        "voice": "v",
        "version": "1",
        **dict.fromkeys(speed.FIGURES, value),
    }


def test_speed_summary_takes_medians_and_ratios(tmp_path):
    log = [measurement("voxhaus", 1, v) for v in (100.0, 300.0, 200.0)]
    log += [measurement("peer", 1, 50.0)]
    result = {"machine": machine.describe(), "results": speed.summarise(log)}
    ours = result["results"][0]["paragraph_x"]
    assert ours == {"median": 200.0, "min": 100.0, "max": 300.0}
    title, _, rows = speed.tables(result)[0]
    assert title == "1 thread"
    assert [r[-1] for r in rows] == [1.0, 0.25]
    speed.write_record(tmp_path / "record", result, log)
    page = (tmp_path / "record/README.md").read_text()
    assert "| peer (v) | 50 |" in page
    assert "| voxhaus (v) | 200 (100–300) |" in page
    assert len((tmp_path / "record/raw.jsonl").read_text().splitlines()) == 4


def test_the_machine_is_described():
    about = machine.describe()
    assert about["processor"]
    assert int(about["cores"]) >= 1
    assert "onnxruntime" in about["packages"]


def test_our_engine_speaks_and_streams():
    engine = engines.load("voxhaus", voice="ben")
    parts = list(engine.parts("One small step. Another one."))
    assert len(parts) == 3  # the first sentence in two pieces
    assert sum(map(len, parts)) == len(engine.whole("One small step. Another one."))
    assert engines.speak(engine, "One small step. Another one.").seconds > 1.5


def test_our_version_names_the_weights_by_checksum():
    assert re.search(r", weights \d+ \([0-9a-f]{8}\)$", engines.load("voxhaus").version)


def test_an_unknown_voice_is_refused_before_anything_is_judged():
    with pytest.raises(InputError, match=r"no voice 'zoe'. Voices: anna"):
        engines.load("voxhaus", voice="zoe")


def test_the_teacher_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="voxhaus train voice corpus"):
        engines.load("kokoro")


@pytest.mark.parametrize(("name", "package"), [("hibari", "hibari-tts"), ("piper", "piper-tts")])
def test_missing_peers_name_the_extra(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"'{package}'.*voxhaus\[peers\]"):
        engines.load(name)


@pytest.mark.parametrize(
    ("judge", "module", "package"),
    [
        (judges.DistillMos, "torch", "torch"),
        (judges.DnsMos, "speechmos.dnsmos", "speechmos"),
        (judges.Transcriber, "faster_whisper", "faster-whisper"),
        (judges.SpeakerJudge, "resemblyzer", "resemblyzer"),
    ],
)
def test_missing_judges_name_the_extra(judge, module, package, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"'{package}'.*voxhaus\[evaluate\]"):
        judge()


def test_unknown_engines_are_refused():
    with pytest.raises(InputError, match=r"no engine 'siri'. Engines: voxhaus, hibari"):
        engines.load("siri")


def test_one_engine_is_timed_in_a_process_of_its_own():
    made = speed.measure_apart("voxhaus", 1)
    assert made["paragraph_seconds"] > 30
    assert made["first_audio_ms"] > 0
    assert made["peak_mb"] > 20
    assert 0 < made["cpu_share"] < 1.1  # held to one CPU, whatever the engine does
