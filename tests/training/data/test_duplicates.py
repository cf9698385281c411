"""Duplicates are found, different texts are not."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from voxhaus.training.data.duplicates import (
    Duplicates,
    MinHash,
    bare_words,
    estimated_similarity,
    jaccard,
    ngram_hashes,
)

RANDOM = random.Random(5)
WORDS = [f"word{n}" for n in range(3000)]


def text(words):
    return " ".join(words)


def changed(words, share):
    return [RANDOM.choice(WORDS) if RANDOM.random() < share else word for word in words]


BASE = RANDOM.choices(WORDS, k=400)


def test_exact_duplicates_ignore_case_and_punctuation():
    known = Duplicates()
    assert known.reason("Hello there, world: this is a text.") is None
    assert known.reason("hello THERE world; this is a text") == "exact duplicate"


def test_near_duplicates_are_found_and_others_are_not():
    known = Duplicates()
    assert known.reason(text(BASE)) is None
    assert known.reason(text(changed(BASE, 0.01))) == "near duplicate"
    assert known.reason(text(BASE[:390])) == "near duplicate"
    assert known.reason(text(changed(BASE, 0.5))) is None
    assert known.reason(text(RANDOM.choices(WORDS, k=400))) is None


def test_the_first_stays_and_the_order_decides():
    known = Duplicates()
    verdicts = [known.reason(text(t)) for t in (BASE[:395], BASE, BASE[5:])]
    assert verdicts == [None, "near duplicate", "near duplicate"]


def test_empty_texts_and_short_texts():
    known = Duplicates()
    assert known.reason("") is None
    assert known.reason("...") == "exact duplicate"
    assert known.reason("one two") is None
    assert known.reason("two one") is None


def test_the_estimate_is_near_jaccard():
    settings_ = MinHash()
    for share in (0.0, 0.01, 0.03, 0.1):
        other = changed(BASE, share)
        true = jaccard(*(set(zip(*(w[k:] for k in range(5)), strict=False)) for w in (BASE, other)))
        assert abs(estimated_similarity(settings_, text(BASE), text(other)) - true) < 0.15


def test_signatures_are_the_same_in_every_run():
    signature = MinHash().signature(bare_words("The same text gives the same numbers everywhere."))
    assert signature[:3].tolist() == SIGNATURE


# A fixed point: shards made on other machines must leave out the same documents.
SIGNATURE = [569056448, 529732707, 802420915]


@given(st.lists(st.sampled_from("abcdef"), max_size=30), st.integers(1, 6))
@settings(deadline=None)
def test_equal_ngrams_have_equal_hashes_and_different_ones_differ(words, n):
    hashes = ngram_hashes(words, n)
    grams = [tuple(words[k : k + n]) for k in range(max(1, len(words) - n + 1))] if words else []
    assert len(hashes) == len(grams)
    assert len(np.unique(hashes)) == len(set(grams))
