"""Short recordings are heard together, and doubtful ones once more alone."""

import numpy as np

from voxhaus.evals.judges import JUDGE_RATE
from voxhaus.training.voice.own import words


class Listener:
    """Hears the number of a recording from its pitch-less level; errs on 3 among others."""

    def __init__(self):
        self.calls = []

    def heard(self, samples):
        self.calls.append(round(len(samples) / JUDGE_RATE, 1))
        return "all of it"

    def errors_by_part(self, wanted, heard):
        return [(1 if w == "bad" else int(len(wanted) > 1 and w == "unsure"), 2) for w in wanted]


def test_groups_and_second_hearing():
    listener = Listener()
    sounds = [np.full(9 * JUDGE_RATE, 0.1, np.float32)] * 4
    found = words.listen(listener, sounds, ["good", "unsure", "bad", "good"])
    assert [f[:2] for f in found] == [(0, 2), (0, 2), (1, 2), (0, 2)]
    assert listener.calls == [19.2, 9.6, 19.2, 9.6]


def test_words_that_are_only_parted_otherwise():
    class Parted(Listener):
        def heard(self, samples):
            return "Deactivated."

        def errors_by_part(self, wanted, heard):
            return [(2, 2) for _ in wanted]

    sounds = [np.full(JUDGE_RATE, 0.1, np.float32)] * 2
    found = words.listen(Parted(), sounds, ["De-activated", "Re-activated"])
    assert [f[:2] for f in found] == [(0, 2), (2, 2)]
