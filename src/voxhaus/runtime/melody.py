"""The rise at the end of a yes/no question.

Knows: how far and in which shape the pitch rises from the last stressed syllable on.
Refuses to know: which sentences are questions, and how the curve came about.

The model reads "You are coming?" with the melody of "You are coming." (measured in
records/2026-11-25_voice-2_intonation_cpu). So its last fall is replaced: the last stressed syllable
begins low and the pitch rises from there to the end (in the notation of ToBI, L* H-H%:
Pierrehumbert 1980; Pierrehumbert & Hirschberg 1990).

Shapes: F frames of 12.5 ms.
"""

import numpy as np

from voxhaus.runtime.waveform import Array

LOW = 1.0  # semitones over the mean of the utterance: the highest that the rise begins at
RISE = 5.0  # semitones from there to the end
BEND = 1.4  # exponent over the share of the rise: it is steeper at its end
APPROACH = 8  # frames before the rise in which the pitch comes down to its beginning
AHEAD = 3  # frames by which a sound is heard before its token (`runtime.timing`)


def risen(pitch_F: Array, start: int) -> Array:
    """A pitch curve in Hz (0 where unvoiced) that rises from a frame on.

    Args:
        pitch_F: the melody of a statement.
        start: first frame of the last stressed syllable's token.
    """
    voiced = np.flatnonzero(pitch_F > 0)
    first = max(0, start - AHEAD)
    tail = voiced[voiced >= first]
    if len(tail) < 4:
        return pitch_F
    height = 12 * np.log2(pitch_F[voiced])
    before = 12 * float(np.log2(pitch_F[tail[0]]))
    begins = min(before, float(height.mean()) + LOW)
    made = pitch_F.copy()
    share = (tail - tail[0]) / max(1, tail[-1] - tail[0])
    made[tail] = np.exp2((begins + RISE * share**BEND) / 12)
    lead = voiced[(voiced < tail[0]) & (voiced >= tail[0] - APPROACH)]
    nearness = 1 - (tail[0] - lead) / (APPROACH + 1)
    made[lead] *= np.exp2((begins - before) * nearness / 12)
    return made
