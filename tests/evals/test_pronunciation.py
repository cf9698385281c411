"""How pronunciations are split, scored and compared."""

from voxhaus.evals import pronunciation
from voxhaus.evals.sentences import Sentence
from voxhaus.models.text.frontend import TextFrontend


def test_inflected_forms_fall_on_one_side_of_the_split():
    """Stems of four letters or more; shorter ones may be split, and have few unknown forms."""
    for family in (
        ("cook", "cooks", "cooking", "cooked", "cook's"),
        ("taste", "tasted", "tasting"),
    ):
        assert len({pronunciation.lemma(w) for w in family}) == 1
        assert len({pronunciation.held_out(w) for w in family}) == 1


def test_a_small_share_is_held_out():
    words = [
        f"{a}{b}{c}" for a in "bdfgklmp" for b in "aeiou" for c in ("sk", "nt", "rm", "lp", "x")
    ]
    share = sum(map(pronunciation.held_out, words)) / len(words)
    assert 0 < share < 0.1


def test_distance_counts_edits():
    assert pronunciation.distance("kæt", "kæt") == 0
    assert pronunciation.distance("kæt", "kˈæts") == 2
    assert pronunciation.distance("", "abc") == 3


def test_the_network_guesses_unknown_words_about_right():
    figures = pronunciation.unknown_words()
    for accent in ("us", "gb"):
        assert figures[f"{accent}_words"] > 1000
        assert 0 < figures[f"{accent}_per_unstressed"] < figures[f"{accent}_per"] < 0.15
        assert figures[f"{accent}_per"] < figures[f"{accent}_wer"] < 0.5


def test_agreement_counts_words_and_sentences():
    front = TextFrontend("us")
    said = {t: " ".join(u.phonemes for u in front.utterances(t)) for t in ("A cat.", "Two dogs.")}
    said["Two dogs."] = said["Two dogs."].replace("dˈɔɡz.", "dˈɑɡz.")
    wanted = [Sentence(category="x", text=t) for t in said]
    result = pronunciation.agreement(wanted, "us", lambda text, accent: said[text])
    assert (result.sentences, result.words) == (2, 4)
    assert (result.same_sentences, result.same_words) == (0.5, 0.75)
    assert [d[1:] for d in result.differences] == [("dˈɔɡz.", "Two dogs.")]
