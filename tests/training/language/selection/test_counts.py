"""Counted pairs give probabilities that add up and know what follows what."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.training.language.selection import counts as counts_module
from voxhaus.training.language.selection.counts import DISCOUNT, Counts

TEXT = np.array([[0, 1, 2, 1, 2], [3, 1, 2, 1, 0]])


def test_probabilities_after_every_token_add_up_to_one():
    counts = Counts([TEXT[:1], TEXT[1:]], 5)

    for before in range(5):
        rows = np.array([[before, after] for after in range(5)])
        assert counts.probabilities(rows).sum() == pytest.approx(1)
    assert counts.tokens == 8


def test_a_pair_has_its_discounted_share_and_its_part_of_the_rest():
    counts = Counts([TEXT], 5)

    likely, unseen, unknown = counts.probabilities(np.array([[1, 2], [1, 3], [4, 2]]))[:, 0]

    # After 1 came 2 three times and 0 once; 2 is 3 of 8 tokens that came after another.
    single = (3 + 1) / (8 + 5)
    assert likely == pytest.approx((3 - DISCOUNT) / 4 + 2 * DISCOUNT / 4 * single)
    assert unseen == pytest.approx(2 * DISCOUNT / 4 / (8 + 5))
    assert unknown == pytest.approx(single)  # nothing is known after 4


def test_merging_on_the_way_changes_nothing(monkeypatch):
    random = np.random.default_rng(1)
    rows = random.integers(0, 50, (40, 33))
    asked = random.integers(0, 50, (10, 9))
    at_once = Counts([rows], 50).probabilities(asked)
    monkeypatch.setattr(counts_module, "_AT_ONCE", 10)

    assert np.allclose(Counts(np.split(rows, 20), 50).probabilities(asked), at_once, rtol=1e-12)
