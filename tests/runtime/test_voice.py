"""The shipped voice speaks: end to end, with the real weights."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxhaus.core.errors import InputError
from voxhaus.evals.intonation import final_movement
from voxhaus.evals.pitch import statistics, track
from voxhaus.models.text import frontend
from voxhaus.runtime.voice import FIRST_PIECE, GROWTH, SENTENCE_PAUSE, Voice, _borders
from voxhaus.runtime.voice_model import REACH

TEXT = "The ship sailed at dawn. Nobody saw it leave! Did you?"


@pytest.fixture(scope="module")
def voice():
    return Voice.load(threads=1)


@pytest.fixture(scope="module")
def speech(voice):
    return voice.speak(TEXT)


def loud(samples, rate):
    """Seconds of audio above -45 dBFS, in 20 ms steps."""
    step = rate // 50
    level = np.sqrt((samples[: len(samples) // step * step].reshape(-1, step) ** 2).mean(1))
    return (level > 10 ** (-45 / 20)).sum() / 50


def test_speech_is_audible_and_of_sane_length(speech):
    assert speech.sample_rate == 24_000
    assert speech.samples.dtype == np.float32
    assert np.abs(speech.samples).max() <= 1.0
    assert 2.5 < speech.seconds < 8.0
    assert loud(speech.samples, speech.sample_rate) > 0.6 * speech.seconds - 1.0


def test_words_are_the_texts_words_in_order(speech):
    words = [w.text.strip(".!?") for w in speech.words]
    assert words == "The ship sailed at dawn Nobody saw it leave Did you".split()
    for before, after in itertools.pairwise(speech.words):
        assert before.start < before.end <= after.start + 1e-9
    assert speech.words[-1].end <= speech.seconds


def test_chunks_joined_are_the_speech(voice, speech):
    """But for the rounding of int8, which differs where the first sentence comes in pieces."""
    chunks = list(voice.stream(TEXT))
    assert [bool(c.text) for c in chunks] == [True, False, True, True]
    joined = np.concatenate([c.samples for c in chunks])
    first = len(chunks[0].samples) + len(chunks[1].samples)
    np.testing.assert_array_equal(joined[first:], speech.samples[first:])
    rest = joined[:first] - speech.samples[:first]
    assert np.square(rest).sum() < 0.003 * np.square(speech.samples[:first]).sum()
    assert tuple(w for c in chunks for w in c.words) == speech.words
    for before, after in itertools.pairwise(chunks):
        assert after.start == pytest.approx(before.start + len(before.samples) / 24_000)


def test_first_sound_is_there_before_its_sentence_and_text_behind_it_is_read(voice, monkeypatch):
    read, made = [], []
    model = voice._model
    outputs, sentences = model._outputs, frontend._sentences
    monkeypatch.setattr(
        model, "_outputs", lambda p, near, s: made.append(near) or outputs(p, near, s)
    )
    monkeypatch.setattr(
        frontend,
        "_sentences",
        lambda *a: (read.append(u.text) or u for u in sentences(*a)),
    )
    stream = voice.stream(
        "The ship sailed at dawn, and nobody saw it leave. One. Two. Three. Four."
    )
    assert len(next(stream).samples) < 0.4 * 24_000
    assert len(made) == 1
    assert made[0].stop == FIRST_PIECE + REACH
    assert "Four." not in read
    assert sum(bool(c.text) for c in stream) == 4


def test_pieces_of_a_long_sentence_meet_without_a_click(voice):
    text = "It was a very long sentence that went on, and on, and on, " * 3 + "until it ended."
    chunks = list(voice.stream(text))
    assert len(chunks) > 2
    whole = voice.speak(text).samples
    joined = np.concatenate([c.samples for c in chunks])
    assert joined.shape == whole.shape
    for chunk in chunks[1:]:
        at = round(chunk.start * 24_000)
        step = np.abs(np.diff(joined[at - 240 : at + 240])).max()
        assert step <= np.abs(np.diff(whole[at - 240 : at + 240])).max() + 0.02


@given(st.integers(1, 4000), st.integers(1, 64))
def test_pieces_cover_the_sentence(units, first):
    borders = _borders(units, first)
    lengths = np.diff(borders)
    assert borders[0] == 0
    assert borders[-1] == units
    assert len(lengths) == 1 or lengths.min() >= first
    assert all(after <= (GROWTH + 1) * before for before, after in itertools.pairwise(lengths))


def test_breaths_and_volume_wait_for_the_whole_sentence(voice):
    chunks = list(voice.stream("[volume -6dB]The ship sailed at dawn, and nobody saw it.[/volume]"))
    assert len(chunks) == 1


def test_seed_fixes_the_samples(voice, speech):
    np.testing.assert_array_equal(voice.speak(TEXT).samples, speech.samples)
    other = voice.speak(TEXT, seed=7).samples
    assert other.shape == speech.samples.shape
    assert not np.array_equal(other, speech.samples)


def test_threads_change_nothing_that_is_heard(speech):
    two = Voice.load(threads=2).speak(TEXT)
    np.testing.assert_allclose(two.samples, speech.samples, atol=1e-5)


def test_predicted_length_is_the_length(voice, speech):
    assert voice.predict_seconds(TEXT) == pytest.approx(speech.seconds, abs=0.02)


def test_speed_changes_the_length(voice, speech):
    fast = voice.speak(TEXT, speed=1.5)
    assert fast.seconds == pytest.approx(speech.seconds / 1.5, rel=0.12)


def test_sentences_begin_and_end_without_a_click(speech):
    assert np.abs(speech.samples[:24]).max() < 0.01
    assert np.abs(speech.samples[-24:]).max() < 0.01
    assert np.abs(np.diff(speech.samples)).max() < 0.6


def test_pause_markup_is_silence(voice):
    plain = voice.speak("One. Two.")
    paused = voice.speak("One. [pause 1.5s] Two.")
    assert paused.seconds - plain.seconds == pytest.approx(1.5, abs=0.05)
    assert SENTENCE_PAUSE > 0


def test_sounds_spell_the_words_and_lie_within_them(voice, speech):
    spelled = "".join(p.symbol for p in speech.phonemes)
    wanted = [u.phonemes[w.start : w.end] for u in voice_text(voice, TEXT) for w in u.words]
    assert spelled == "".join(wanted)
    for number, word in enumerate(speech.words):
        sounds = [p for p in speech.phonemes if p.word == number]
        assert sounds[0].start == word.start
        assert sounds[-1].end == word.end
        for before, after in itertools.pairwise(sounds):
            assert before.start <= before.end <= after.start + 1e-9


def voice_text(voice, text):
    return voice._frontend("us").utterances(text)


def test_chunks_count_their_own_words(voice, speech):
    chunks = list(voice.stream(TEXT))
    assert [c.phonemes[0].word for c in chunks if c.text] == [0, 0, 0]
    said = [len(c.words) for c in chunks]
    assert speech.phonemes[-1].word == sum(said) - 1


def test_a_first_word_begins_where_sound_begins(voice):
    """Before timestamps were set right, it began 40 ms later (decision 0049)."""
    apart = []
    for text in ("We were away.", "Nobody knew.", "All the lamps are on.", "Many were gone."):
        made = voice.speak(text)
        level = np.abs(made.samples)
        heard = np.flatnonzero(level > 0.05 * level.max())[0] / made.sample_rate
        apart.append(made.words[0].start - heard)
    assert np.median(apart) == pytest.approx(0.0, abs=0.03)


def test_markup_changes_pitch_and_volume_of_its_passage(voice):
    plain, _ = figures(voice.speak("We were away a year ago."))
    high, _ = figures(voice.speak("[pitch +3]We were away a year ago.[/pitch]", pitch=1.0))
    assert 12 * np.log2(high / plain) == pytest.approx(4.0, abs=0.4)
    soft = voice.speak("[volume -6dB]We were away a year ago.[/volume]").samples
    loud = voice.speak("We were away a year ago.").samples
    np.testing.assert_allclose(soft, loud * 10 ** (-6 / 20), atol=1e-6)
    most = voice.speak("[volume x-loud]We were away a year ago.[/volume]", voice="finn").samples
    assert np.abs(most).max() < 0.95, "held down, not cut off"


def test_pitches_that_add_up_to_too_much_are_refused(voice):
    with pytest.raises(InputError, match=r"add up to \+14 semitones; they must stay between"):
        voice.speak("[pitch +8]Hello.[/pitch]", pitch=6.0)
    with pytest.raises(InputError, match="add up to"):
        voice.speak("[pitch -8][pitch -8]Hello.[/pitch][/pitch]")


LONG = (
    "The ferry had been waiting at the pier since the early morning, and nobody could say when the "
    "fog would lift. Then a bell rang. We left."
)


def test_breaths_fill_the_pause_and_move_nothing(voice):
    plain, breathing = voice.speak(LONG), voice.speak(LONG, breaths=True)
    assert breathing.words == plain.words
    assert breathing.seconds == plain.seconds
    air = breathing.samples - plain.samples
    at = np.flatnonzero(air) / plain.sample_rate
    lift, then = plain.words[20:22]
    assert (lift.text, then.text) == ("lift", "Then")
    assert lift.end < at[0] < at[-1] < then.start
    assert 0.24 < at[-1] - at[0] < 0.36
    speech = np.sqrt((plain.samples[plain.samples != 0] ** 2).mean())
    level = 20 * np.log10(np.sqrt((air[air != 0] ** 2).mean()) / speech)
    assert -32 < level < -22
    np.testing.assert_array_equal(breathing.samples, voice.speak(LONG, breaths=True).samples)


def test_a_pause_grows_only_as_far_as_a_breath_needs(voice):
    plain = voice.speak(LONG, speed=2.0)
    breathing = voice.speak(LONG, speed=2.0, breaths=True)
    assert 0 <= breathing.seconds - plain.seconds < 0.2
    chunks = list(voice.stream(LONG, speed=2.0, breaths=True))
    assert tuple(w for c in chunks for w in c.words) == breathing.words


@pytest.mark.parametrize("who", ["ella", "ben", "clara", "david"])
def test_yes_or_no_questions_rise_and_statements_fall(voice, who):
    for text in ("She lives in Berlin", "It was only a dream"):
        statement = final_movement(voice.speak(f"{text}.", voice=who))
        question = final_movement(voice.speak(f"{text}?", voice=who))
        assert statement < 0
        assert question > statement + 2


@pytest.mark.parametrize("who", ["anna", "clara", "finn"])
def test_a_dash_is_a_longer_pause_than_none(voice, who):
    def gap(mark):
        speech = voice.speak(f"We waited at the harbour{mark}all the boats had left.", voice=who)
        harbour, after = speech.words[4:6]
        assert after.text == "all"
        return after.start - harbour.end

    assert gap(" — ") > gap(" ") + 0.08


EIGHT = ["anna", "ben", "clara", "david", "ella", "finn", "grace", "hugo"]


@pytest.mark.parametrize("who", EIGHT)
def test_every_voice_speaks(voice, who):
    made = voice.speak("Seventeen grey whales swam past the harbour wall.", voice=who)
    assert loud(made.samples, made.sample_rate) > 1.5


def test_voices_differ_in_pitch(voice):
    def pitch(who):
        x = voice.speak("We were away a year ago.", voice=who).samples[6000:30000]
        lags = np.correlate(x[:8000], x[:8000], "full")[7999:]
        return 24_000 / (np.argmax(lags[60:400]) + 60)

    assert pitch("anna") > 1.3 * pitch("ben")


def figures(speech):
    return statistics(speech.samples, speech.sample_rate)


def test_pitch_moves_the_melody_by_semitones(voice):
    text = "We were away a year ago, in an old mill."
    plain, high = (voice.speak(text, voice="ben", pitch=p) for p in (0.0, 4.0))
    assert high.seconds == plain.seconds
    assert 12 * np.log2(figures(high)[0] / figures(plain)[0]) == pytest.approx(4, abs=0.6)


def test_a_blend_lies_between_its_voices(voice):
    text = "We were away a year ago, in an old mill."
    low, between, high = (
        figures(voice.speak(text, voice=v))[0] for v in ("ben", "anna:0.5+ben:0.5", "anna")
    )
    assert 1.05 * low < between < high / 1.05


@pytest.mark.parametrize("who", EIGHT)
def test_styles_are_heard(voice, who):
    text = "The ferry leaves at noon, and nobody has told the captain about the storm."

    def heard(style):
        speech = voice.speak(text, voice=who, style=style)
        return 12 * np.log2(figures(speech)[0]), speech

    neutral, plain = heard("neutral")
    excited, quick = heard("excited")
    sad, slow = heard("sad")
    assert excited > neutral + 1 > sad + 2
    assert quick.seconds < plain.seconds < slow.seconds


def test_a_whisper_has_no_pitch(voice):
    plain, hushed = (voice.speak("We were away a year ago.", style=s) for s in (None, "whisper"))
    assert len(track(hushed.samples, 24_000)) < 0.5 * len(track(plain.samples, 24_000))


def test_markup_changes_the_style(voice):
    both = voice.speak("No. [style excited]No.[/style]")
    assert not np.array_equal(both.samples, voice.speak("No. No.").samples)


def test_emphasis_makes_a_word_longer_and_higher(voice):
    def blue(text):
        speech = voice.speak(text, voice="ben")
        word = next(w for w in speech.words if "blue" in w.text)
        samples = speech.samples[int(word.start * 24_000) : int(word.end * 24_000)]
        return word.end - word.start, statistics(samples, 24_000)[0]

    plain, stressed = blue("We chose the blue one."), blue("We chose the *blue* one.")
    assert stressed[0] > 1.1 * plain[0]
    assert stressed[1] > 1.05 * plain[1]


def test_markup_switches_the_voice(voice):
    both = voice.speak("Hello. [voice ben]Hello.[/voice]")
    alone = voice.speak("Hello.", voice="ben")
    assert both.seconds > alone.seconds


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"voice": "zelda"}, "no voice 'zelda'. Voices: anna, ben, clara, david, ella"),
        ({"style": "operatic"}, "has no style 'operatic'. Its styles: neutral, cheerful, excited"),
        ({"speed": 9.0}, "between 0.25 and 4.0"),
        ({"speed": float("nan")}, "between 0.25 and 4.0"),
        ({"seed": -1}, "must not be negative"),
        ({"pitch": 13.0}, "between -12 and 12 semitones"),
        ({"pitch": float("nan")}, "between -12 and 12 semitones"),
        ({"voice": "anna:0.5+zelda"}, "no voice 'zelda' to blend"),
    ],
)
def test_bad_arguments_are_refused_before_any_sound(voice, arguments, reason):
    with pytest.raises(InputError, match=reason):
        voice.stream("Hello.", **arguments)


def test_unknown_voice_in_markup_is_refused(voice):
    with pytest.raises(InputError, match="no voice 'zelda'"):
        voice.stream("[voice zelda]Hello.[/voice]")


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_nothing_to_say_is_refused(voice, text):
    with pytest.raises(InputError):
        voice.stream(text)
