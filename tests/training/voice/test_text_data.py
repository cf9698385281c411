"""How the text front end's training data are cut and scored."""

import pytest

g2p = pytest.importorskip("voxhaus.training.voice.g2p", reason="needs the extra 'train'")


def test_inflected_forms_fall_on_one_side_of_the_split():
    """Stems of four letters or more; shorter ones may be split, and have few unknown forms."""
    for family in (
        ("cook", "cooks", "cooking", "cooked", "cook's"),
        ("taste", "tasted", "tasting"),
    ):
        assert len({g2p.lemma(w) for w in family}) == 1
        assert len({g2p.held_out(w) for w in family}) == 1


def test_a_small_share_is_held_out():
    words = [
        f"{a}{b}{c}" for a in "bdfgklmp" for b in "aeiou" for c in ("sk", "nt", "rm", "lp", "x")
    ]
    share = sum(map(g2p.held_out, words)) / len(words)
    assert 0 < share < 0.1


def test_distance_counts_edits():
    assert g2p.distance("kæt", "kæt") == 0
    assert g2p.distance("kæt", "kˈæts") == 2
    assert g2p.distance("", "abc") == 3
