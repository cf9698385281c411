"""Takes: what was spoken, cut free of the silence around it.

Knows: where sound begins and ends, and which silence a text asks for.
Refuses to know: who speaks, and what comes before and after.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from voxhaus.core.errors import InputError
from voxhaus.core.speech import AudioChunk, PhonemeTiming, Samples, Speech, WordTiming, join
from voxhaus.models.text import markup, ssml

# Silence is what is softer by so many dB than the loudest 10 ms. Ends of words, a "th" or an "f",
# lie 30 to 45 dB below; what our voices make between words lies 60 and more below.
_SILENCE = -50.0
_STEP = 0.005  # seconds; takes are cut at such steps
_FADE = 0.005  # seconds at both ends


@dataclass(frozen=True, kw_only=True)
class Take:
    """A text as it was spoken.

    Attributes:
        speech: from the first sound to the last.
        text: what was said, without markup.
        lead: seconds of silence that the text asks for before it.
        tail: and after it.
    """

    speech: Speech
    text: str
    lead: float
    tail: float


def take_of(chunks: list[AudioChunk], text: str) -> Take:
    """A take from the chunks of a stream that spoke a text.

    Raises:
        InputError: nothing was spoken, or broken markup.
    """
    if not sum(len(c.samples) for c in chunks):
        raise InputError("The text holds nothing that can be spoken.", param="text")
    lead, tail = asked_silence(text)
    said = " ".join(c.text for c in chunks if c.text)
    return Take(
        speech=trimmed(join(chunks, chunks[0].sample_rate)), text=said, lead=lead, tail=tail
    )


def asked_silence(text: str) -> tuple[float, float]:
    """Seconds of silence that a text's markup asks for before its first and after its last word.

    Raises:
        InputError: broken markup.
    """
    tree = ssml.parse(text) if markup.is_ssml(text) else markup.parse(text)
    leaves = list(_leaves(tree))
    return _pauses(leaves), _pauses(leaves[::-1])


def _leaves(node: markup.Node) -> Iterator[markup.Text | markup.Pause]:
    if isinstance(node, markup.Span):
        for child in node.children:
            yield from _leaves(child)
    else:
        yield node


def _pauses(leaves: list[markup.Text | markup.Pause]) -> float:
    total = 0.0
    for leaf in leaves:
        if isinstance(leaf, markup.Pause):
            total += leaf.seconds
        elif leaf.text.strip():
            break
    return total


def trimmed(speech: Speech) -> Speech:
    """The recording from its first to its last sound, the ends faded; words keep their places."""
    rate, step = speech.sample_rate, round(_STEP * speech.sample_rate)
    start, end = _heard(speech.samples, step)
    samples = speech.samples[start:end].copy()
    fade = min(round(_FADE * rate), len(samples) // 2)
    ramp = np.linspace(0.0, 1.0, fade, endpoint=False, dtype=np.float32)
    samples[:fade] *= ramp
    samples[len(samples) - fade :] *= ramp[::-1]
    end_seconds = len(samples) / rate
    return Speech(
        samples=samples,
        sample_rate=rate,
        words=moved(speech.words, -start / rate, end_seconds),
        phonemes=moved_sounds(speech.phonemes, -start / rate, end_seconds),
    )


def _heard(samples: Samples, step: int) -> tuple[int, int]:
    """Where sound begins and ends, in samples; all of it when there is none."""
    if not len(samples):
        return 0, 0
    steps = np.pad(samples, (0, -len(samples) % step)).reshape(-1, step)
    powers = np.square(steps, dtype=np.float64).mean(1)
    level = np.convolve(
        powers, [0.5, 0.5]
    )  # of the 10 ms that each step lies in: one more than steps
    heard = np.flatnonzero(np.maximum(level[:-1], level[1:]) > level.max() * 10 ** (_SILENCE / 10))
    if not len(heard):
        return 0, len(samples)
    return int(heard[0]) * step, min(len(samples), (int(heard[-1]) + 1) * step)


def moved_sounds(
    sounds: Sequence[PhonemeTiming], by: float, end: float
) -> tuple[PhonemeTiming, ...]:
    """Sounds shifted in time, within 0 and `end`."""
    return tuple(
        PhonemeTiming(
            s.symbol, min(max(s.start + by, 0.0), end), min(max(s.end + by, 0.0), end), s.word
        )
        for s in sounds
    )


def moved(words: Sequence[WordTiming], by: float, end: float) -> tuple[WordTiming, ...]:
    """Words shifted in time, within 0 and `end`."""
    return tuple(
        replace(w, start=min(max(w.start + by, 0.0), end), end=min(max(w.end + by, 0.0), end))
        for w in words
    )
