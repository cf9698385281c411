"""The nouns of recognised speech.

Knows: what is asked of a recogniser, and what it heard when.
Refuses to know: engines, HTTP and audio formats.
"""

from dataclasses import dataclass, field

from voxhaus.core.speech import WordTiming


@dataclass(frozen=True, kw_only=True)
class TranscriptionRequest:
    """A recording to be written down.

    Attributes:
        audio: the bytes of an audio file, in any format that `soundfile` reads.
        model: public name of a model or a route.
        language: ISO 639-1; None leaves it to the engine.
        prompt: text that the recording continues.
        temperature: 0 to 1.
    """

    audio: bytes
    model: str
    language: str | None = None
    prompt: str | None = None
    temperature: float | None = None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of speech, in seconds from the start of the recording."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What was heard.

    Attributes:
        seconds: length of the recording.
    """

    text: str
    language: str
    seconds: float
    segments: tuple[Segment, ...] = field(default=())
    words: tuple[WordTiming, ...] = field(default=())
