"""The sentences that are read: clean, varied, reproducible."""

from voxhaus.training.voice import sentences


def test_templates_depend_on_the_seed_only():
    first = [sentences.Templates(5).sentence() for _ in range(3)]
    again = [sentences.Templates(5).sentence() for _ in range(3)]
    assert first == again
    one, other = sentences.Templates(5), sentences.Templates(6)
    assert [one.sentence() for _ in range(9)] != [other.sentence() for _ in range(9)]


def test_templates_are_usable_and_varied():
    maker = sentences.Templates(1)
    made = [maker.sentence() for _ in range(2000)]
    assert all(s.count(",") <= 5 and s[-1] in ".!?" for s in made)
    assert sum(sentences.usable(s) for s in made) > 1900
    assert len(set(made)) > 1300
    assert sum(s.endswith("?") for s in made) > 150
    assert sum(s.endswith("!") for s in made) > 100


def test_unusable_sentences_are_refused():
    for text in ("", "x", "Grüße aus Köln.", 'He said "no.', "(open", "1 2 3 4 5 6 7", "a" * 300):
        assert not sentences.usable(text), text


def test_splitting_keeps_titles_together():
    text = "Dr. Smith met Mrs. Jones. They spoke! Was it long? Yes."
    assert list(sentences.split_plain(text)) == [
        "Dr. Smith met Mrs. Jones.",
        "They spoke!",
        "Was it long?",
        "Yes.",
    ]
