"""Each rule refuses what it is for, by its name; verdicts are those of datatrove where it is there."""

import random

import pytest

from voxhaus.training.data import quality
from voxhaus.training.data.documents import Document
from voxhaus.training.data.quality import (
    C4Quality,
    FineWebQuality,
    GopherQuality,
    GopherRepetition,
    words_of,
)
from voxhaus.training.data.steps import Refusal

# Sentences of words drawn at random: enough words, hardly any repetition.
WORDS = """river house letter garden window market bridge teacher sailor winter village engine followed
    remembered painted carried answered quiet golden narrow distant broken careful old green sudden under over
    beside without behind against toward across before after while because though until since where that with and""".split()
_RANDOM = random.Random(1)
PROSE = "\n\n".join(
    f"The {' '.join(_RANDOM.choices(WORDS, k=6))} of {' '.join(_RANDOM.choices(WORDS, k=5))}."
    for _ in range(36)
)


def verdict(step, text):
    result = step(Document(id="1", text=text, source="s", licence="l"))
    return result.reason if isinstance(result, Refusal) else "kept"


@pytest.mark.parametrize(
    "step", [GopherQuality(), GopherRepetition(), C4Quality(), FineWebQuality()]
)
def test_prose_passes(step):
    assert verdict(step, PROSE) == "kept"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The cat sat and that was it.", "too few words"),
        (PROSE * 300, "too many words"),
        ("to be of a it is " * 20, "words too short"),
        ("the and " + "incomprehensibilities " * 60, "words too long"),
        (PROSE + " #" * 200, "too many hashes"),
        (PROSE + " and ..." * 150, "too many ellipses"),
        ("\n".join(f"- {line}" for line in PROSE.split("\n\n")), "too many bullets"),
        (
            "\n".join(f"{line[:-1]} of ..." for line in PROSE.split("\n\n")),
            "too many lines end in an ellipsis",
        ),
        (PROSE + " 123" * 300, "too few words with letters"),
        ("Katze Hund Maus Vogel Fisch " * 20, "too few stop words"),
    ],
)
def test_gopher_quality_names_its_reason(text, reason):
    assert verdict(GopherQuality(), text) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("The same paragraph again.\n\n" * 10, "duplicate paragraphs"),
        (
            PROSE
            + "\n\n"
            + "\n\n".join(
                ["A very long paragraph of text that says nothing new to anyone. " * 4] * 8
            ),
            "characters in duplicate paragraphs",
        ),
        (PROSE.replace("\n\n", "\n\n\nx\n"), "duplicate lines"),
        ("of the " * 300 + PROSE, "one 2-gram too often"),
        (PROSE + " " + PROSE.replace("\n\n", " "), "duplicate 5-grams"),
    ],
)
def test_gopher_repetition_names_its_reason(text, reason):
    assert verdict(GopherRepetition(), text) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE + "\n\nLorem ipsum dolor sit amet.", "lorem ipsum"),
        (PROSE + "\n\nThe function is { return 1 }.", "curly bracket"),
        ("One sentence only stands here.", "too few sentences"),
    ],
)
def test_c4_names_its_reason(text, reason):
    assert verdict(C4Quality(), text) == reason


def test_c4_takes_lines_out():
    text = f"{PROSE}\n\nPlease enable JavaScript now.\n\nHome\n\nThis site uses cookies of all kinds.\n\nThe end is here.[12]"
    kept = C4Quality()(Document(id="1", text=text, source="s", licence="l"))
    assert kept.text == f"{PROSE}\n\nThe end is here."


def test_c4_can_ask_for_terminal_punctuation():
    text = f"{PROSE}\n\nA heading of four words\n\nHe said more..."
    strict = C4Quality(terminal_punctuation=True)
    assert strict(Document(id="1", text=text, source="s", licence="l")).text == PROSE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n\n", "empty"),
        (PROSE.replace(".", ""), "few lines end in punctuation"),
        (PROSE + "\n" + "\n".join(f"Short line {n}." for n in range(90)), "short lines"),
        (PROSE + "\n\n" + PROSE.split("\n\n")[0], "duplicate line characters"),
        ("\n".join(f"incomprehensible{n} characteristics{n}." for n in range(30)), "list"),
    ],
)
def test_fineweb_names_its_reason(text, reason):
    assert verdict(FineWebQuality(), text) == reason


def _samples():
    pieces = [
        PROSE,
        "of the " * 50,
        "- a b\n" * 40,
        "x1 y2 33 44\n" * 20,
        "Some words... \n",
        "#" * 40,
        "{",
        "The same line of text.\n" * 4,
    ]
    for a in range(len(pieces)):
        for b in range(len(pieces)):
            for size in (200, 1500):
                yield f"{pieces[a][:size]}\n\n{pieces[b][:size]}"


@pytest.mark.parametrize("ours", [GopherRepetition(), FineWebQuality()])
def test_verdicts_are_those_of_datatrove(ours, monkeypatch):
    """With the same words, the same texts pass. (Gopher's quality rules differ on purpose in one.)"""
    pytest.importorskip("datatrove")
    from datatrove.pipeline.filters import fineweb_quality_filter, gopher_repetition_filter

    for module in (fineweb_quality_filter, gopher_repetition_filter):
        monkeypatch.setattr(module, "split_into_words", lambda text, _: list(words_of(text)))
    if isinstance(ours, GopherRepetition):
        theirs = gopher_repetition_filter.GopherRepetitionFilter()
    else:
        theirs = fineweb_quality_filter.FineWebQualityFilter(stop_chars=quality.TERMINAL)
    differ = []
    # Empty lines count in datatrove's FineWeb filter, not here.
    tight = isinstance(ours, FineWebQuality)
    for text in (s.replace("\n\n", "\n").strip() if tight else s for s in _samples()):
        mine = ours.broken_rule(text)
        result = theirs.filter(type("Doc", (), {"text": text})())
        passed = result is True
        if passed != (mine is None):
            differ.append((text[:60], mine, result))
    assert differ == []
