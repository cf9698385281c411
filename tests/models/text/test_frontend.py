"""The front end as a whole: utterances, words, markup applied, limits."""

import pytest

from voxhaus.core.errors import InputError
from voxhaus.models.text import markup
from voxhaus.models.text.frontend import MAX_CHARACTERS, TextFrontend
from voxhaus.models.text.passages import PARAGRAPH_PAUSE
from voxhaus.models.text.phonemes import MAX_PHONEMES, encode


@pytest.fixture(scope="module")
def us():
    return TextFrontend("us")


def spans(utterance):
    return {w.text: utterance.phonemes[w.start : w.end] for w in utterance.words}


def test_one_utterance_a_sentence(us):
    texts = [u.text for u in us.utterances("Dr. Smith arrived at 3 p.m. He left. Why?")]
    assert texts == ["Dr. Smith arrived at 3 p.m.", "He left.", "Why?"]


def test_words_keep_their_written_form_and_their_phonemes(us):
    (utterance,) = us.utterances("It cost $3.2 billion.")
    assert spans(utterance) == {
        "It": "ˌɪt",
        "cost": "kˈɔst",
        "$3.2 billion": "θɹˈi pYnt tˈu bˈɪljən dˈɑləɹz",
    }


def test_paragraphs_are_set_apart_but_the_last_adds_no_silence(us):
    first, second = us.utterances("One.\n\nTwo.")
    assert (first.pause_after, second.pause_after) == (PARAGRAPH_PAUSE, 0.0)


def test_pause_ends_an_utterance_and_lasts_as_asked(us):
    first, second = us.utterances("Wait [pause 0.5s] here.")
    assert (first.phonemes, first.pause_after) == ("wˈAt,", 0.5)
    assert (second.text, second.pause_before) == ("here.", 0.0)


def test_pause_before_everything_leads_the_first_utterance(us):
    (utterance,) = us.utterances("[pause 1s]Hello.[pause 2s]")
    assert (utterance.pause_before, utterance.pause_after) == (1.0, 2.0)


def test_voice_style_and_rate_are_handed_on(us):
    tagged, plain = us.utterances(
        "[voice clara][style calm][rate 1.2][rate 1.5]Hello.[/rate][/rate][/style][/voice] Bye."
    )
    assert (tagged.voice, tagged.style, tagged.rate) == ("clara", "calm", pytest.approx(1.8))
    assert (plain.voice, plain.style, plain.rate) == (None, None, 1.0)


def test_pitch_and_volume_add_up_over_spans(us):
    tagged, plain = us.utterances(
        "[pitch +2][volume -6dB][pitch -0.5]Hello.[/pitch][/volume][/pitch] Bye."
    )
    assert (tagged.pitch, tagged.volume) == (1.5, -6.0)
    assert (plain.pitch, plain.volume) == (0.0, 0.0)
    (soft,) = us.utterances("[volume -30dB][volume -30dB]Hello.[/volume][/volume]")
    assert soft.volume == markup.MIN_VOLUME


def test_a_voice_is_read_in_its_own_accent(us):
    text = "The bath. [voice clara]The bath.[/voice]"
    said = [u.phonemes for u in us.utterances(text, accent_of={"clara": "gb"}.__getitem__)]
    assert said == ["ðə bˈæθ.", "ðə bˈɑːθ."]
    assert {u.phonemes for u in us.utterances(text)} == {"ðə bˈæθ."}


def test_emphasis_stresses_words_and_marks_them(us):
    (utterance,) = us.utterances("He saw *the* house.")
    assert [w.text for w in utterance.words if w.emphasis] == ["the"]
    assert spans(utterance)["the"] == "ðˈi"


def test_phonemes_of_the_author_are_taken_as_they_are(us):
    (utterance,) = us.utterances("A [tomato](/təmˈɑːtQ/) here.")
    assert spans(utterance)["tomato"] == "təmˈɑːtQ"


def test_say_as_and_sub_choose_the_reading(us):
    said = us.phonemize(
        "<speak><say-as interpret-as='digits'>42</say-as> "
        "<say-as interpret-as='ordinal'>3</say-as> <sub alias='doctor'>Dr</sub></speak>"
    )
    assert said == us.phonemize("four two third doctor")


def test_text_without_markup_may_hold_any_bracket(us):
    tree = markup.plain("[laughs] *now*")
    assert "lˈæfs" in " ".join(u.phonemes for u in us.utterances(tree))


def test_long_sentences_are_cut_at_marks_and_lose_no_word(us):
    clause = "the committee that had met in the old hall by the river agreed on the plan"
    text = ", ".join([clause] * 20) + "."
    found = us.utterances(text)
    assert len(found) > 3
    assert all(0 < len(u.phonemes) <= MAX_PHONEMES for u in found)
    assert all(u.phonemes.endswith((",", ".")) for u in found)
    assert [w.text for u in found for w in u.words] == text.replace(",", "").strip(".").split()


def test_a_word_longer_than_an_utterance_is_cut_too(us):
    found = us.utterances("bana" * 300)
    assert all(len(u.phonemes) <= MAX_PHONEMES for u in found)


@pytest.mark.parametrize(
    "text", ["", "   \n\n ", "!!! ... ---", "[pause 1s]", "\u200b\u2060", "<b></b>"]
)
def test_nothing_to_say_is_an_error(us, text):
    with pytest.raises(InputError, match="holds nothing that can be spoken"):
        us.utterances(text)


def test_a_megabyte_is_refused_with_both_numbers(us):
    with pytest.raises(InputError, match=r"1,000,000 characters; at most 200,000"):
        us.utterances("a" * 1_000_000)
    with pytest.raises(InputError, match=f"at most {MAX_CHARACTERS:,}"):
        us.utterances(markup.plain("a" * (MAX_CHARACTERS + 1)))


def test_unknown_accent_is_refused_by_name():
    with pytest.raises(InputError, match="no accent 'au'; there are us and gb"):
        TextFrontend("au")


def test_phonemes_encode(us):
    for u in us.utterances("Hello there, “world” — (you) & me… 50% off!"):
        assert len(encode(u.phonemes)) == len(u.phonemes) + 2


def test_names_of_the_news_differ_by_accent():
    assert TextFrontend("us").phonemize("Birmingham") == "bˈɜɹmɪŋəm."
    assert TextFrontend("gb").phonemize("Birmingham") == "bˈɜːmɪŋəm."
