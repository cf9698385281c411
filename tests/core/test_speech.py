"""Parts of a recording are joined so that sounds still know their words."""

import numpy as np

from voxhaus.core.speech import AudioChunk, PhonemeTiming, WordTiming, join


def chunk(start, words):
    """A word of a tenth of a second with one sound, so many times."""
    times = [start + n / 10 for n in range(words)]
    return AudioChunk(
        samples=np.zeros(100 * words, np.float32),
        sample_rate=1000,
        start=start,
        words=tuple(WordTiming(text="a", start=t, end=t + 0.1) for t in times),
        phonemes=tuple(PhonemeTiming("A", t, t + 0.1, n) for n, t in enumerate(times)),
    )


def test_sounds_count_the_words_of_all_chunks():
    speech = join([chunk(0.0, 2), chunk(0.2, 3)], 1000)
    assert [p.word for p in speech.phonemes] == [0, 1, 2, 3, 4]
    for sound in speech.phonemes:
        assert speech.words[sound.word].start == sound.start


def test_nothing_is_joined_to_nothing():
    assert join([], 1000).phonemes == ()
