"""Stories have the length that was asked for, and hardly a sentence twice."""

import pytest

from voxhaus.core.errors import InputError
from voxhaus.evals.story import MOST_WORDS, sentences, story
from voxhaus.models.text.sentences import split


@pytest.mark.parametrize("words", [1, 50, 5000])
def test_length(words):
    made = len(story(words).split())
    assert words <= made < words + 40


def test_the_same_seed_is_the_same_story_and_another_is_another():
    assert story(200, 1) == story(200, 1) != story(200, 2)


def test_hardly_a_sentence_comes_twice():
    text = story(5000)
    found = [text[s.start : s.end] for s in split(text)]
    long = [s for s in found if len(s.split()) > 5]
    assert len(long) > 250
    assert len(set(long)) > 0.95 * len(long)
    assert "{" not in text


def test_sentences_of_one_length():
    made = sentences(40, 10)
    assert {len(s.split()) for s in made} == {10}
    assert len(set(made)) > 20


@pytest.mark.parametrize("words", [0, MOST_WORDS + 1])
def test_no_story_of_such_a_length(words):
    with pytest.raises(InputError, match="A story has 1 to"):
        story(words)


def test_no_sentence_of_such_a_length():
    with pytest.raises(InputError, match="3 to 20 words"):
        sentences(1, 2)
