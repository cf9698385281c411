"""A pool with a good and a noise part, and a target like the good one."""

import random

import pytest

pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.training.data.documents import Document
from voxhaus.training.data.shards import write_shards
from voxhaus.training.data.vocabulary import learn_vocabulary

LENGTH = 32
WORDS = "the old sea was calm and a small boat came home with fish for my town".split()


def good(seed, words=400):
    """A first-order chain over few words: each is followed by one of three."""
    chooser = random.Random(seed)
    at, said = 0, []
    for _ in range(words):
        said.append(WORDS[at])
        at = (3 * at + chooser.choice((1, 2, 5))) % len(WORDS)
    return " ".join(said)


def noise(seed, words=300):
    """Words of the same letters in no order."""
    chooser = random.Random(seed)
    letters = sorted(set("".join(WORDS)))
    return " ".join("".join(chooser.choices(letters, k=3)) for _ in range(words))


def documents(make, source, count, first):
    return [
        Document(id=f"{source}{n}", text=make(first + n), source=source, licence="none")
        for n in range(count)
    ]


@pytest.fixture(scope="session")
def tokenizer():
    return learn_vocabulary([good(n) for n in range(5)], size=320)


@pytest.fixture(scope="session")
def shards(tmp_path_factory, tokenizer):
    """(pool, target): in the pool, source 0 is noise and source 1 is good."""
    folder = tmp_path_factory.mktemp("shards")
    mixed = documents(noise, "noise", 20, 0) + documents(good, "good", 40, 100)
    random.Random(1).shuffle(mixed)
    mixed.sort(key=lambda d: d.source != "noise")
    pool = write_shards(folder / "pool", mixed, tokenizer)
    target = write_shards(folder / "target", documents(good, "aim", 40, 1000), tokenizer)
    return pool, target


@pytest.fixture(scope="session")
def length():
    return LENGTH
