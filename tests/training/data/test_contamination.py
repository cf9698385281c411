"""Evaluation text is kept out."""

import pytest

from voxhaus.training.data.contamination import NotIn
from voxhaus.training.data.documents import Document
from voxhaus.training.data.steps import Refusal

ITEM = (
    "what is the name of the old lighthouse keeper who lives alone beyond the northern harbour wall"
)
LONG = " ".join(f"w{n}" for n in range(400))


def document(text):
    return Document(id="1", text=text, source="s", licence="l")


def test_one_shared_thirteen_gram_is_enough_by_default():
    step = NotIn.texts([ITEM])
    clean = document(LONG)
    assert step(clean) is clean
    shared = " ".join(ITEM.split()[:13])
    assert step(document(f"{LONG} {shared.upper()}, {LONG}")) == Refusal(
        "decontaminate", "in an evaluation set"
    )
    assert not isinstance(step(document(f"{LONG} {' '.join(ITEM.split()[:12])} {LONG}")), Refusal)


def test_a_share_lets_a_common_notice_pass():
    step = NotIn.texts([ITEM], least_share=0.1, reason="in the held-out set")
    assert not isinstance(step(document(f"{LONG} {ITEM}")), Refusal)
    assert step(document(ITEM)) == Refusal("decontaminate", "in the held-out set")


@pytest.mark.parametrize("texts", [[], ["too short to index"]])
def test_nothing_known_refuses_nothing(texts):
    step = NotIn.texts(texts)
    assert step.share(ITEM) == 0
    assert not isinstance(step(document("too short to index")), Refusal)
