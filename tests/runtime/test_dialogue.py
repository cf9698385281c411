"""Dialogues: who is heard when, and how loud."""

import itertools
import threading

import numpy as np
import pytest

from voxhaus.core.errors import InputError
from voxhaus.core.loudness import integrated
from voxhaus.core.peaks import true_peak
from voxhaus.core.speech import AudioChunk, WordTiming
from voxhaus.runtime.dialogue import LEAD_IN, LEAD_OUT, Turn, perform
from voxhaus.runtime.dialogue_script import parse_script
from voxhaus.runtime.voice import Voice

RATE = 24_000
LEVELS = {"anna": 0.3, "ben": 0.03, "clara": 0.1}
WORD, SILENCE = 0.5, 0.2  # seconds


class ToneSpeaker:
    """Half a second of tone for each word, with 0.2 s of silence around each text."""

    def __init__(self):
        self.asked = []
        self.spoken = []

    def stream(self, text, *, voice=None, style=None, speed=1.0, seed=0):
        if voice not in LEVELS:
            raise InputError(f"There is no voice '{voice}'.", param="voice")
        if "{" in text:
            raise InputError("The text holds nothing that can be spoken.", param="text")
        self.asked.append((text, voice, style, seed))
        return self._spoken(text, voice, style)

    def _spoken(self, text, voice, style):
        self.spoken.append((text, threading.current_thread().name))
        said = text.split("]")[-1].split()
        time = np.arange(round(WORD * len(said) * RATE)) / RATE
        tone = LEVELS[voice] * np.sin(2 * np.pi * 400 * time)
        tone *= 0.1 if style == "whisper" else 1.0
        silence = np.zeros(round(SILENCE * RATE))
        words = tuple(
            WordTiming(text=w, start=SILENCE + WORD * n, end=SILENCE + WORD * (n + 1))
            for n, w in enumerate(said)
        )
        yield AudioChunk(
            samples=np.concatenate([silence, tone, silence]).astype(np.float32),
            sample_rate=RATE,
            start=0.0,
            words=words,
            text=" ".join(said),
        )


def spans(dialogue):
    return [(round(t.start, 2), round(t.end, 2)) for t in dialogue.turns]


def part(dialogue, timing):
    return dialogue.samples[round(timing.start * RATE) : round(timing.end * RATE)]


def test_gaps_are_what_they_say_whatever_silence_the_voice_brings():
    turns = [Turn("Anna", "one two"), Turn("Ben", "three", gap=0.7), Turn("Anna", "four", gap=0.0)]
    made = perform(ToneSpeaker(), turns)
    for before, after, gap in zip(made.turns, made.turns[1:], (0.7, 0.0), strict=False):
        assert after.start - before.end == pytest.approx(gap, abs=1e-3)
    assert made.turns[0].start == pytest.approx(LEAD_IN, abs=1e-3)
    assert made.seconds == pytest.approx(made.turns[-1].end + LEAD_OUT, abs=1e-3)
    silent = made.samples[round(made.turns[0].end * RATE) : round(made.turns[1].start * RATE)]
    assert np.abs(silent).max() == 0.0


def test_turns_say_who_said_what():
    first, second = perform(
        ToneSpeaker(), [Turn("Anna", "one two"), Turn("Guest", "three", voice="ben", style="sad")]
    ).turns
    assert (first.speaker, first.voice, first.style, first.text) == (
        "Anna",
        "anna",
        None,
        "one two",
    )
    assert (second.speaker, second.voice, second.style) == ("Guest", "ben", "sad")
    assert first.end - first.start == pytest.approx(1.0, abs=0.02)


def test_words_lie_where_they_are_heard():
    made = perform(ToneSpeaker(), [Turn("Anna", "one two"), Turn("Ben", "three four", gap=1.0)])
    assert [w.text for w in made.words] == ["one", "two", "three", "four"]
    assert made.words == tuple(w for t in made.turns for w in t.words)
    for timing in made.turns:
        assert timing.words[0].start == pytest.approx(timing.start, abs=0.011)
        assert timing.words[-1].end == pytest.approx(timing.end, abs=0.011)
    for before, after in itertools.pairwise(made.words):
        assert before.start < before.end <= after.start + 1e-9


def test_an_overlap_mixes_both():
    made = perform(ToneSpeaker(), [Turn("Anna", "one two"), Turn("Clara", "three", overlap=0.3)])
    first, second = made.turns
    assert second.start == pytest.approx(first.end - 0.3, abs=1e-3)
    assert made.seconds == pytest.approx(second.end + LEAD_OUT, abs=1e-3)
    both = made.samples[round(second.start * RATE) : round(first.end * RATE)]
    assert both.std() > 1.5 * made.samples[round(0.3 * RATE) : round(0.6 * RATE)].std()


def test_nobody_overlaps_further_than_a_turn_or_themselves():
    back = perform(
        ToneSpeaker(),
        [
            Turn("Anna", "one two three four"),
            Turn("Ben", "mhm", overlap=1.5),  # within Anna's turn
            Turn("Anna", "five", overlap=1.0),  # her own turn ends later than his
            Turn("Clara", "six", overlap=9.0),  # begins with "five" at the earliest
        ],
    )
    anna, ben, again, clara = back.turns
    assert ben.end < anna.end
    assert ben.start == pytest.approx(anna.end - 1.5, abs=1e-3)
    assert again.start == pytest.approx(anna.end, abs=1e-3)
    assert clara.start == pytest.approx(again.start, abs=1e-3)


def test_a_turn_after_an_inserted_one_waits_for_the_longer():
    turns = [
        Turn("Anna", "one two three"),
        Turn("Ben", "mhm", overlap=1.2),
        Turn("Ben", "so", gap=0.5),
    ]
    anna, _, so = perform(ToneSpeaker(), turns).turns
    assert so.start == pytest.approx(anna.end + 0.5, abs=1e-3)


def test_pauses_in_the_text_are_kept():
    turns = [Turn("Anna", "one"), Turn("Ben", "[pause 1s] two", gap=0.2)]
    one, two = perform(ToneSpeaker(), turns).turns
    assert two.start - one.end == pytest.approx(1.2, abs=1e-3)


def test_speakers_are_equally_loud_and_the_whole_is_at_the_target():
    turns = [Turn(who, "one two three four", gap=0.5) for who in ("Anna", "Ben", "Clara")] * 2
    for target in (-16.0, -23.0):
        made = perform(ToneSpeaker(), turns, loudness=target)
        levels = [integrated(part(made, t), RATE) for t in made.turns]
        assert max(levels) - min(levels) < 0.2
        assert integrated(made.samples, RATE) == pytest.approx(target, abs=0.1)
        assert true_peak(made.samples) <= -1.0 + 0.01


def test_a_whisper_stays_softer_than_the_rest():
    turns = [
        Turn("Anna", "one two three four"),
        Turn("Anna", "psst five six seven", style="whisper"),
        Turn("Ben", "eight nine ten eleven"),
    ]
    loud, soft, other = (
        integrated(part(made, t), RATE)
        for made in [perform(ToneSpeaker(), turns)]
        for t in made.turns
    )
    assert loud - soft == pytest.approx(20.0, abs=0.5)
    assert loud == pytest.approx(other, abs=0.5)


def test_the_seed_fixes_everything():
    turns = [Turn("Anna", "one"), Turn("Ben", "two"), Turn("Anna", "three"), Turn("Ben", "four")]
    one, same, other = (perform(ToneSpeaker(), turns, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(one.samples, same.samples)
    assert one.turns == same.turns
    assert spans(one) != spans(other)
    gaps = [b.start - a.end for a, b in itertools.pairwise(one.turns)]
    assert len({round(g, 3) for g in gaps}) == 3


def test_the_same_words_are_said_with_another_seed():
    speaker = ToneSpeaker()
    perform(speaker, [Turn("Anna", "no"), Turn("Anna", "no", style="sad")], seed=7)
    assert speaker.asked == [("no", "anna", None, 7), ("no", "anna", "sad", 8)]


def test_workers_change_nothing_that_is_heard():
    turns = [Turn("Anna", "one two"), Turn("Ben", "three"), Turn("Clara", "four", overlap=0.1)] * 3
    speaker = ToneSpeaker()
    one, three = perform(ToneSpeaker(), turns), perform(speaker, turns, workers=3)
    np.testing.assert_array_equal(one.samples, three.samples)
    assert one.turns == three.turns
    assert threading.current_thread().name not in {name for _, name in speaker.spoken}


def test_progress_is_told_turn_by_turn():
    told = []
    turns = [Turn("Anna", "one"), Turn("Ben", "two")]
    made = perform(ToneSpeaker(), turns, on_turn=lambda *news: told.append(news))
    assert told == [(made.turns[0], 1, 2), (made.turns[1], 2, 2)]


GOOD = Turn("Anna", "one")
BAD = [
    ([], {}, "There are no turns"),
    ([GOOD], {"loudness": -3.0}, "between -40 and -9 LUFS; it is -3"),
    ([GOOD], {"loudness": float("nan")}, "between -40 and -9 LUFS"),
    ([GOOD], {"seed": -1}, "must not be negative"),
    ([GOOD, Turn("Zelda", "two")], {}, "^Turn 2: There is no voice 'zelda'"),
    ([GOOD, Turn("Anna", "{", line=9)], {}, "^Line 9: The text holds nothing"),
    ([Turn("Anna", "x" * 300_000)], {}, "300,000 characters; at most 200,000"),
]


@pytest.mark.parametrize(("turns", "options", "reason"), BAD)
def test_bad_input_is_refused_before_anything_is_spoken(turns, options, reason):
    speaker = ToneSpeaker()
    with pytest.raises(InputError, match=reason):
        perform(speaker, turns, **options)
    assert speaker.spoken == []


def test_markup_that_breaks_while_it_is_spoken_names_its_turn():
    class Late(ToneSpeaker):
        def _spoken(self, text, voice, style):
            raise InputError("Too late.")
            yield

    with pytest.raises(InputError, match="Turn 1: Too late"):
        perform(Late(), [GOOD])


@pytest.fixture(scope="module")
def voice():
    return Voice.load(threads=1)


def test_the_shipped_voices_talk_to_each_other(voice):
    script = """
        @Host = anna
        @Guest = ben

        Host: Good morning, and welcome to the harbour.
        Guest: Is it always this [pause 0.3s] windy?
        Host (overlap 0.25s): Always!
        David: Never mind. The ferry leaves at 10:30, and it's £4.

        Guest: Then let us go.
    """
    turns = parse_script(script, [v.id for v in voice.voices()])
    made = perform(voice, turns, workers=2)
    assert [t.speaker for t in made.turns] == ["Host", "Guest", "Host", "David", "Guest"]
    gaps = [b.start - a.end for a, b in itertools.pairwise(made.turns)]
    assert gaps == pytest.approx([0.2, -0.25, 0.2, 1.2], abs=0.13)
    assert integrated(made.samples, made.sample_rate) == pytest.approx(-16.0, abs=0.1)
    assert true_peak(made.samples) <= -1.0 + 0.01
    heard = {t.speaker: [] for t in made.turns}
    for timing in made.turns:
        heard[timing.speaker].append(part(made, timing))
    levels = [integrated(np.concatenate(p), made.sample_rate) for p in heard.values()]
    assert max(levels) - min(levels) < 1.0
    assert [w.text for w in made.turns[3].words][-2:] == ["it's", "£4"]


def test_what_the_voice_refuses_names_the_line(voice):
    ids = [v.id for v in voice.voices()]
    with pytest.raises(InputError, match=r"^Line 2: Voice 'ben' has no style 'operatic'"):
        perform(voice, parse_script("Anna: Hi.\nBen (operatic): Hi.", ids))
    with pytest.raises(InputError, match=r"^Line 1: .*\[shout\] is not a tag"):
        perform(voice, parse_script("Anna: [shout] Hi.", ids))
