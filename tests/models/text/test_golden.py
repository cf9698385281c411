"""The golden files of the text front end: hundreds of hard cases, one a line, to be reviewed."""

from pathlib import Path

import pytest

from voxhaus.core.errors import InputError
from voxhaus.models.text import frontend, markup, sentences, ssml
from voxhaus.models.text.normalise import normalise, silence

GOLDEN = Path(__file__).parents[2] / "golden" / "text"
FRONTENDS = {accent: frontend.TextFrontend(accent) for accent in ("us", "gb")}


def rows(name):
    lines = (GOLDEN / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n").split("\t") for line in lines if line and line[:2] != "# "]


def parse(text):
    return ssml.parse(text) if markup.is_ssml(text) else markup.parse(text)


@pytest.mark.parametrize(("category", "accent", "written", "said"), rows("normalise"))
def test_written_text_is_said_in_words(category, accent, written, said):
    assert normalise(written, "us" if accent == "*" else accent) == said


@pytest.mark.parametrize(("text", "american", "british"), rows("phonemes"))
def test_words_become_phonemes_in_context(text, american, british):
    assert FRONTENDS["us"].phonemize(text) == american
    assert FRONTENDS["gb"].phonemize(text) == british


@pytest.mark.parametrize(
    ("word", "phonemes", "sentence"),
    [
        pytest.param(*r[:3], marks=[pytest.mark.xfail(reason="known to be misread")] * (len(r) > 3))
        for r in rows("heteronyms")
    ],
)
def test_words_that_are_written_alike_are_told_apart(word, phonemes, sentence):
    said = [
        u.phonemes[w.start : w.end]
        for u in FRONTENDS["us"].utterances(sentence)
        for w in u.words
        if w.text.lower() == word.lower()
    ]
    assert phonemes in said


@pytest.mark.parametrize(("text", "expected"), rows("sentences"))
def test_sentences_end_where_a_reader_would_end_them(text, expected):
    found = [text[s.start : s.end] for s in sentences.split(silence(text))]
    assert found == expected.split(" | ")


@pytest.mark.parametrize(("text", "tree"), rows("markup"))
def test_markup_is_read_into_one_tree(text, tree):
    parsed = parse(text)
    assert markup.to_json(parsed) == tree
    assert markup.from_json(tree) == parsed


@pytest.mark.parametrize(("text", "message"), rows("markup_errors"))
def test_broken_markup_is_one_clear_sentence(text, message):
    with pytest.raises(InputError) as error:
        parse(text)
    assert message in str(error.value)
    assert error.value.param == "text"


def test_golden_files_are_large_enough_to_mean_something():
    assert len(rows("normalise")) >= 240
    assert len(rows("heteronyms")) >= 100
    assert sum(len(r) > 3 for r in rows("heteronyms")) <= 3
