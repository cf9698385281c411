"""How wide the melody is, without frames that the pitch tracker hears an octave off: NAME PEER.

For each sentence of the list, ours and the teacher's: the spread of all tracked frames (as
`voxhaus evaluate speech` gives it), that of frames within eight semitones of the sentence's median,
and the share of frames further down than that.
"""

import sys

import numpy as np

from voxhaus.evals import engines, pitch, sentences

NEAR = 8.0  # semitones


def figures(engine: engines.Engine) -> np.ndarray:
    """Means over sentences: spread, spread of the near frames, share of frames below."""
    rows = []
    for sentence in sentences.read():
        speech = engines.speak(engine, sentence.text)
        hertz = pitch.track(speech.samples, speech.sample_rate)
        if len(hertz) < 5:
            continue
        apart = 12 * np.log2(hertz / np.median(hertz))
        rows.append((apart.std(), apart[np.abs(apart) < NEAR].std(), (apart < -NEAR).mean()))
    return np.mean(rows, 0)


for name, voice in (("voxhaus", sys.argv[1]), ("kokoro", sys.argv[2])):
    spread, near, below = figures(engines.load(name, voice=voice))
    print(
        f"{name} {voice}: spread {spread:.2f}, near {near:.2f}, below {100 * below:.1f} %",
        flush=True,
    )
