"""Movements of the pitch are measured where they are, and judged by what the sentence means."""

import numpy as np
import pytest

from voxhaus.core.errors import InputError
from voxhaus.core.speech import PhonemeTiming, Speech, WordTiming
from voxhaus.evals import intonation
from voxhaus.evals.intonation import Finding, Prompt

RATE = 24_000


def glide(words, last=0.0, gain=0.2, lift=None):
    """Half a second of buzz for each word at 150 Hz; the last glides by so many semitones.

    Args:
        lift: index of a word, and semitones by which it is higher.
    """
    each = RATE // 2
    course = np.full(each * len(words), 0.0)
    course[-each:] = np.linspace(0.0, last, each)
    if lift:
        course[lift[0] * each : (lift[0] + 1) * each] += lift[1]
    phase = 2 * np.pi * np.cumsum(150 * 2 ** (course / 12)) / RATE
    samples = gain * sum(np.cos(k * phase) / k for k in range(1, 12)) / 3
    edges = [(i / 2, (i + 1) / 2) for i in range(len(words))]
    return Speech(
        samples=samples.astype(np.float32),
        sample_rate=RATE,
        words=tuple(
            WordTiming(text=w, start=a, end=b) for w, (a, b) in zip(words, edges, strict=True)
        ),
        phonemes=tuple(PhonemeTiming("ˈA", a, b, i) for i, (a, b) in enumerate(edges)),
    )


@pytest.mark.parametrize("semitones", [-8.0, -2.0, 0.0, 5.0])
def test_the_last_movement_is_measured(semitones):
    moved = intonation.final_movement(glide(["you", "are", "here"], semitones))
    assert moved == pytest.approx(0.85 * semitones, abs=0.6)


def test_a_jump_of_an_octave_is_the_trackers_mistake():
    hertz = np.array([200.0, 205.0, 102.0, 104.0, 210.0])
    assert intonation._whole(hertz) == pytest.approx([200, 205, 204, 208, 210])


def speak(text, voice):
    words = text.replace("*", "").strip(".?").split()
    stressed = next((i for i, w in enumerate(text.split()) if w.startswith("*")), None)
    lift = None if stressed is None else (stressed, 2.0)
    return glide(words, 5.0 if text.endswith("?") else -5.0, lift=lift)


def test_all_kinds_are_judged():
    wanted = [
        Prompt(kind="pair", text="You are here"),
        Prompt(kind="yes-no", text="Are you here?"),
        Prompt(kind="wh", text="Where are you?"),
        Prompt(kind="list", text="We need apples, lemons, and melons."),
        Prompt(kind="emphasis", text="It is *really* blue today."),
    ]
    found = list(intonation.measure(speak, "anna", wanted))
    verdict = intonation.verdict(found)
    assert verdict["statements"]["right"] == 1.0
    assert verdict["question over statement"]["median"] == pytest.approx(8.5, abs=0.6)
    assert verdict["yes/no questions"]["right"] == 1.0
    assert verdict["wh-questions"]["right"] == 0.0, "this speaker raises them, too"
    assert verdict["items before the last"]["n"] == 2
    assert verdict["last items"]["right"] == 1.0
    assert verdict["higher"]["median"] == pytest.approx(2.0, abs=0.2)
    assert abs(verdict["longer"]["median"]) < 1e-6
    rows = intonation.rows("anna", verdict)
    assert {len(r) for r in rows} == {len(intonation.COLUMNS)}


def test_effects_are_over_their_spread():
    pairs = [Finding(kind="pair", text="x", statement=-4.0, question=q) for q in (0.0, 2.0, 4.0)]
    over = intonation.verdict(pairs)["question over statement"]
    assert (over["median"], over["d"]) == (6.0, 3.0)


def test_unvoiced_findings_are_left_out():
    pairs = [Finding(kind="pair", text="x", statement=float("nan"), question=1.0)]
    verdict = intonation.verdict(pairs)
    assert "statements" not in verdict
    assert verdict["questions"]["n"] == 1


def test_the_committed_list_has_enough_of_each_kind():
    kinds = [p.kind for p in intonation.prompts()]
    assert kinds.count("pair") >= 30
    assert min(kinds.count(k) for k in ("yes-no", "wh", "list", "emphasis")) >= 12


def test_another_kind_is_refused_by_name():
    with pytest.raises(InputError, match="'song' is no kind of intonation: pair, yes-no, wh"):
        list(intonation.measure(speak, "anna", [Prompt(kind="song", text="La")]))
