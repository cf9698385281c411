"""The pipeline from folders to shards: what is kept, what is resumed, what is refused."""

import json
import os
import random
import subprocess
import sys
from typing import ClassVar

import pytest

from voxhaus.core.errors import InputError, MissingExtraError, VoxhausError
from voxhaus.models.text.tokenizer import Tokenizer
from voxhaus.training.data.corpus import SHARDS, CorpusOptions, corpus, is_held_out
from voxhaus.training.data.documents import Document
from voxhaus.training.data.duplicates import MinHash
from voxhaus.training.data.own_sources import OwnText
from voxhaus.training.data.quality import GopherQuality
from voxhaus.training.data.quick import PythonTopics, quick_options, quick_sources
from voxhaus.training.data.report import Report
from voxhaus.training.data.shards import open_shards

WORDS = "the be to of and that have with river house letter garden window market bridge teacher sailor".split()
MORE = [
    f"{a}{b}" for a in "bcdfghlmnprst" for b in ("ound", "ight", "arrow", "ast", "ender", "illow")
]


def story(seed, words=120):
    rng = random.Random(seed)
    return " ".join(rng.choices(WORDS + MORE, k=words)).capitalize() + "."


@pytest.fixture
def folders(tmp_path):
    """60 stories, and 40 pages of which 10 repeat stories and 5 are too short."""
    for name in ("stories", "pages"):
        (tmp_path / name).mkdir()
    for n in range(60):
        (tmp_path / "stories" / f"{n:02}.txt").write_text(story(n))
    for n in range(40):
        text = story(n) + " Once more." if n < 10 else "Too short." if n < 15 else story(100 + n)
        (tmp_path / "pages" / f"{n:02}.txt").write_text(
            text + "\n\nmail me@example.net" * (n == 20)
        )
    return tmp_path


def options(root, **changes):
    sources = (
        OwnText(name="stories", place=str(root / "stories"), kind="folder", licence="CC0-1.0"),
        OwnText(
            name="pages", place=str(root / "pages"), kind="folder", licence="MIT", target=False
        ),
    )
    settings = {
        "sources": sources, "folder": root / "out", "rules": (GopherQuality(),), "vocabulary": 400,
        "held_out": 0.1, "held_out_target": 0.1,
    }  # fmt: skip
    return CorpusOptions(**{**settings, **changes})


def texts(root, name):
    tokenizer = Tokenizer.load(root / "out/tokenizer")
    shards = open_shards(root / "out/shards" / name, tokenizer, check=True)
    return [tokenizer.decode(ids.tolist()) for _, ids in shards]


def test_a_run_keeps_what_it_should_and_says_why_not_the_rest(folders):
    report = corpus(options(folders))
    assert set(report.shards) == set(SHARDS)
    refused = {reason: documents for reason, (documents, _) in report.refusals().items()}
    assert refused == {"gopher quality: too few words": 5, "duplicates: near duplicate": 10}
    held_out = texts(folders, "held_out")
    assert held_out and all(is_held_out(text, 0.1) for text in held_out)
    train, pool, target = (texts(folders, name) for name in ("train", "pool", "target"))
    assert len(train) + len(held_out) == 60 + 25
    assert set(target) < set(train) < set(pool) | set(train)
    assert set(held_out).isdisjoint(pool) and set(held_out).isdisjoint(train)
    # A story that is held out is not in the pool with two more words either.
    assert not any(text in other for text in held_out for other in pool)
    assert not any("me@example.net" in text for text in [*pool, *held_out])


def test_the_account_is_a_table_and_can_be_read_again(folders):
    report = corpus(options(folders))
    table = (folders / "out/report.md").read_text()
    assert table == report.table()
    assert "| gopher quality: too few words | 5 |" in table and "| stories |" in table
    again = Report.load(folders / "out")
    assert again.table() == table


def test_the_plot(folders):
    pytest.importorskip("matplotlib")
    corpus(options(folders)).draw(folders / "kept.png")
    assert (folders / "kept.png").read_bytes().startswith(b"\x89PNG")


def test_two_runs_give_the_same_bytes(folders, tmp_path):
    corpus(options(folders))
    corpus(options(folders, folder=folders / "twice"))
    for name in (
        "tokenizer/tokenizer.json",
        "shards/train/tokens-00000.bin",
        "shards/pool/manifest.json",
    ):
        assert (folders / "out" / name).read_bytes() == (folders / "twice" / name).read_bytes()


def test_a_second_run_does_nothing_and_reports_the_same(folders):
    first = corpus(options(folders))
    said = []
    second = corpus(options(folders), say=said.append)
    assert said == []
    assert second.refusals() == first.refusals() and second.shards == first.shards


def test_a_changed_rule_redoes_what_follows_it_only(folders):
    corpus(options(folders))
    said = []
    report = corpus(options(folders, rules=(GopherQuality(fewest_words=1),)), say=said.append)
    assert not any("extracted" in line or line.endswith(" pool.") for line in said)
    assert any("filtered" in line for line in said)
    assert "gopher quality: too few words" not in report.refusals()


class Dies(OwnText):
    """A source that stops half-way, once."""

    alive: ClassVar = [False]

    def documents(self, root):
        for n, document in enumerate(super().documents(root)):
            if n == 30 and not self.alive[0]:
                raise KeyboardInterrupt
            yield document


def test_a_killed_run_goes_on_and_gives_the_same(folders):
    expected = corpus(options(folders, folder=folders / "whole"))
    base = options(folders).sources
    dying = Dies(name="pages", place=base[1].place, kind="folder", licence="MIT", target=False)
    with pytest.raises(KeyboardInterrupt):
        corpus(options(folders, sources=(base[0], dying)))
    Dies.alive[0] = True
    said = []
    report = corpus(options(folders, sources=(base[0], dying)), say=said.append)
    assert not any(line.startswith("stories") and "extracted" in line for line in said)
    assert report.shards == expected.shards


def test_settings_are_written_alike_by_every_process():
    """Else a second run would do everything again."""
    code = (
        "from voxhaus.training.data.corpus import *; print(repr((PREPARATION, RULES, MinHash())))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1


def test_duplicates_can_be_kept(folders):
    assert "duplicates: near duplicate" not in corpus(options(folders, duplicates=None)).refusals()
    strict = options(folders, folder=folders / "strict", duplicates=MinHash(least_similarity=1.0))
    assert "duplicates: near duplicate" not in corpus(strict).refusals()


def test_evaluation_texts_are_kept_out(folders):
    item = " ".join(story(33).split()[20:40])
    corpus(options(folders, evaluations=(item,)))
    assert not any(item in text for text in texts(folders, "train") + texts(folders, "pool"))


def test_a_given_tokenizer_is_used(folders):
    corpus(options(folders))
    given = folders / "out/tokenizer"
    report = corpus(options(folders, folder=folders / "second", tokenizer=given, vocabulary=300))
    assert report.vocabulary == Tokenizer.load(given).size
    manifest = json.loads((folders / "second/shards/train/manifest.json").read_text())
    assert manifest["tokenizer"] == Tokenizer.load(given).digest


def test_a_source_that_cannot_be_had_is_left_out_or_stops_the_run(folders):
    missing = OwnText(name="gone", place=str(folders / "gone"), kind="folder", licence="MIT")
    sources = (*options(folders).sources, missing)
    report = corpus(options(folders, sources=sources))
    assert list(report.left_out) == ["gone"] and "Left out: gone" in report.table()
    with pytest.raises(InputError, match="There is no file or folder"):
        corpus(options(folders, sources=sources, folder=folders / "again", required=True))
    with pytest.raises(InputError, match="None of the sources could be had"):
        corpus(options(folders, sources=(missing,), folder=folders / "third"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": ()}, "at least one source"),
        ({"held_out": 0.0}, "between 0 and 1"),
        ({"vocabulary": 100}, "between 272 and 65536"),
        ({"held_out": 0.0001, "held_out_target": 0.0001}, "none is held out for held_out"),
        ({"rules": (GopherQuality(fewest_words=10_000),)}, "No text is left for train"),
    ],
)
def test_settings_that_cannot_work_are_refused(folders, changes, message):
    with pytest.raises(InputError, match=message):
        corpus(options(folders, **changes))


def test_two_sources_of_one_name_are_refused(folders):
    source = options(folders).sources[0]
    with pytest.raises(InputError, match="the same name"):
        corpus(options(folders, sources=(source, source)))


def test_binary_text_is_refused_by_name(folders):
    (folders / "stories" / "99.txt").write_text("\x01\x02\x03\x04 not text")
    report = corpus(options(folders))
    assert report.refusals()["normalise: binary"][0] == 1


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(folders, monkeypatch):
    from voxhaus.training.data import documents

    with monkeypatch.context() as patch:
        patch.setattr(
            documents.os,
            "fsync",
            lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")),
        )
        with pytest.raises(VoxhausError, match=r"Cannot write .*No space left on device"):
            corpus(options(folders))
    assert not list((folders / "out").rglob("*.partial"))
    assert corpus(options(folders)).shards


def test_the_quick_corpus_needs_no_network(tmp_path):
    report = corpus(quick_options(tmp_path))
    assert report.shards["train"][1] > 50_000
    assert {"held_out", "target"} <= set(report.shards)
    assert quick_sources()[-1] == PythonTopics(target=len(quick_sources()) == 1)


def test_the_language_rule_names_its_extra(monkeypatch):
    from voxhaus.training.data import language_check

    language_check._identifier.cache_clear()
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(MissingExtraError, match=r"voxhaus\[language\]"):
        language_check.LanguageIs()(Document(id="1", text="Hello", source="s", licence="l"))
    language_check._identifier.cache_clear()
