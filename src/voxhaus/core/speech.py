"""The nouns of spoken audio.

Knows: what a piece of speech is, how its words are timed, and what anything that speaks must offer.
Refuses to know: models, text processing, files and formats.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class WordTiming:
    """One spoken word and when it is heard, in seconds from the start of its Speech."""

    text: str
    start: float
    end: float


class PhonemeTiming(NamedTuple):
    """One spoken sound and when it is heard, in seconds from the start of its Speech.

    A tuple, because a paragraph has a thousand of them.

    Attributes:
        symbol: in the alphabet of `voxhaus.models.text.phonemes`, with its stress before and its
            length behind ("ˈA", "ɜː"); those of a word joined are the word's phonemes.
        start: when it begins.
        end: when it ends.
        word: index of its word in the `words` beside it.
    """

    symbol: str
    start: float
    end: float
    word: int


@dataclass(frozen=True, kw_only=True)
class Speech:
    """A finished recording.

    Attributes:
        samples: float32 [n], mono, in [-1, 1].
        sample_rate: in Hz.
        words: timings of the words as they stood in the text, in order.
        phonemes: timings of their sounds, in order; empty where the speaker does not tell.
    """

    samples: Samples
    sample_rate: int
    words: tuple[WordTiming, ...] = field(default=())
    phonemes: tuple[PhonemeTiming, ...] = field(default=())

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, kw_only=True)
class AudioChunk:
    """A part of a recording while it is made; chunks follow each other without gap.

    Attributes:
        samples: float32 [n], mono, in [-1, 1].
        sample_rate: in Hz.
        start: seconds from the start of the whole recording.
        words: timings within the whole recording.
        text: the sentence that this chunk speaks.
        phonemes: timings within the whole recording; they count the words of this chunk.
    """

    samples: Samples
    sample_rate: int
    start: float
    words: tuple[WordTiming, ...] = field(default=())
    text: str = ""
    phonemes: tuple[PhonemeTiming, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class VoiceInfo:
    """What a listener needs to know to choose a voice.

    Attributes:
        consent: for a voice made from a person's recordings, where that person's consent is
            recorded; None for a voice that is nobody's.
    """

    id: str
    name: str
    sex: str
    accent: str
    language: str
    styles: tuple[str, ...]
    consent: str | None = None


@dataclass(frozen=True, kw_only=True)
class SpeechRequest:
    """What is asked of a voice model; the fields are those of `Speaker.speak`. None is its default.

    Attributes:
        text: plain text, the project's markup, or SSML.
        model: public name of a model or a route.
    """

    text: str
    model: str
    voice: str | None = None
    style: str | None = None
    speed: float = 1.0
    pitch: float = 0.0
    seed: int = 0
    breaths: bool = False


class Speaker(Protocol):
    """Anything that turns text (with the markup of the guide "Speak") into audio."""

    def speak(
        self,
        text: str,
        *,
        voice: str | None = None,
        style: str | None = None,
        speed: float = 1.0,
        seed: int = 0,
    ) -> Speech:
        """Speak the whole text."""
        ...

    def stream(
        self,
        text: str,
        *,
        voice: str | None = None,
        style: str | None = None,
        speed: float = 1.0,
        seed: int = 0,
    ) -> Iterator[AudioChunk]:
        """Speak sentence by sentence, yielding each as soon as it is ready."""
        ...

    def predict_seconds(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> float:
        """How long `text` will take to speak, without synthesising it."""
        ...


def join(chunks: list[AudioChunk], sample_rate: int) -> Speech:
    """One Speech from the chunks of a stream."""
    samples = [c.samples for c in chunks]
    return Speech(
        samples=np.concatenate(samples) if samples else np.zeros(0, np.float32),
        sample_rate=sample_rate,
        words=tuple(w for c in chunks for w in c.words),
        phonemes=counted_on((c.words, c.phonemes) for c in chunks),
    )


def counted_on(
    parts: Iterable[tuple[Sequence[WordTiming], Sequence[PhonemeTiming]]],
) -> tuple[PhonemeTiming, ...]:
    """The sounds of all parts, counting the words of all parts."""
    made: list[PhonemeTiming] = []
    before = 0
    for words, phonemes in parts:
        made += [PhonemeTiming(p.symbol, p.start, p.end, p.word + before) for p in phonemes]
        before += len(words)
    return tuple(made)
