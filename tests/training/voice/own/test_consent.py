"""No voice without consent; what was said is kept and can be told apart from any other statement."""

import pytest

from voxhaus.core.errors import InputError
from voxhaus.training.voice.own import consent

WORDS = "I, Maria Example, agree that a voice is made from my recordings."


def answers(*given):
    left = list(given)
    return lambda question: left.pop(0)


def test_none_given_and_nobody_to_ask():
    with pytest.raises(InputError, match=r"only made with the consent .* --consent FILE"):
        consent.given(None)


def test_from_a_file(tmp_path):
    path = tmp_path / "consent.txt"
    path.write_text(WORDS, "utf-8")
    found = consent.given(path)
    assert found.text == WORDS + "\n"
    assert found.where("own-maria 1") == (f"consent.txt of own-maria 1, sha256 {found.sha256[:16]}")
    path.write_text(WORDS + " Until 2027.", "utf-8")
    assert consent.given(path).sha256 != found.sha256


def test_a_file_that_says_too_little(tmp_path):
    path = tmp_path / "consent.txt"
    path.write_text("yes", "utf-8")
    with pytest.raises(InputError, match="says too little: write who agrees, and to what"):
        consent.given(path)
    with pytest.raises(InputError, match="is no file"):
        consent.given(tmp_path / "none.txt")


def test_asked_at_a_terminal():
    found = consent.given(None, answers("Maria Example", "the choir", " Yes "))
    assert "I, Maria Example, am the person heard" in found.text
    assert "used by the choir" in found.text


@pytest.mark.parametrize("said", [("", "us", "yes"), ("M", "", "yes"), ("M", "us", "no")])
def test_refused_at_a_terminal(said):
    with pytest.raises(InputError, match="only made with the consent"):
        consent.given(None, answers(*said))
