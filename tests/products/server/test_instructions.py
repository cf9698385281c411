import pytest

from voxhaus.core.speech import VoiceInfo
from voxhaus.products.server.instructions import understood
from voxhaus.products.server.voices import STAND_INS, stand_in


@pytest.mark.parametrize(
    ("said", "style"),
    [
        ("Speak in a cheerful and positive tone.", "cheerful"),
        ("Whisper.", "whisper"),
        ("please whisper this", "whisper"),
        ("You are very excited!", "excited"),
        ("Sound sad", "sad"),
        ("Tone: Calm", "calm"),
        ("Use a soothing voice", "calm"),
        ("like a news anchor", "serious"),
        ("Read it like a bedtime story", "storytelling"),
        ("ANGRY", "angry"),
        ("plain", "neutral"),
    ],
)
def test_words_mean_a_style(said, style):
    reading = understood(said)
    assert reading.style == style


@pytest.mark.parametrize(
    "said", ["Do not whisper", "Don't sound angry", "never sad", "less excited"]
)
def test_a_wish_against_a_style_is_none_for_it(said):
    assert understood(said).style is None
    assert understood(said).unused == (said,)


def test_what_no_rule_fits_is_handed_back_as_it_was_written():
    reading = understood("Speak sadly, with a French accent. Roll every R!")
    assert reading.style == "sad"
    assert reading.unused == ("a French accent", "Roll every R")


def test_the_first_style_wins_and_the_other_is_named():
    reading = understood("Start cheerful, then angry")
    assert (reading.style, reading.unused) == ("cheerful", ("then angry",))


def test_words_without_meaning_are_not_named():
    assert understood("Please speak in a voice.").unused == ()


def info(id_):
    return VoiceInfo(id=id_, name=id_, sex="f", accent="us", language="en-US", styles=("neutral",))


OURS = tuple(map(info, ("anna", "ben", "clara", "david", "ella", "finn", "grace", "hugo")))


def test_every_published_voice_has_a_stand_in():
    published = "alloy ash ballad coral echo fable nova onyx sage shimmer verse marin cedar".split()
    assert sorted(STAND_INS) == sorted(published)
    assert all(stand_in(name, OURS) in {v.id for v in OURS} for name in published)


def test_a_models_own_voice_is_never_replaced():
    assert stand_in("alloy", (*OURS, info("alloy"))) == "alloy"
    assert stand_in("alloy", ()) == "alloy"
    assert stand_in("anna:0.5+ben:0.5", OURS) == "anna:0.5+ben:0.5"
