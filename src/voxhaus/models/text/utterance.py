"""What the text front end hands to the voice: one utterance a sentence.

Knows: the record only. Refuses to know: how text becomes phonemes, and audio.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SpokenWord:
    """A word of the original text and where its phonemes lie in the utterance.

    Attributes:
        text: as written ("$3.2", "Dr.").
        start: index of its first phoneme in `Utterance.phonemes`.
        end: index after its last phoneme. Equal to start for a word that makes no sound.
        emphasis: whether markup asks for stress on it.
    """

    text: str
    start: int
    end: int
    emphasis: bool = False


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """One sentence, or a part of one, to be spoken in one breath.

    Attributes:
        text: the original text of it.
        phonemes: symbols of `voxhaus.models.text.phonemes.IDS`, at most MAX_PHONEMES.
        words: in order, with spans into `phonemes`.
        pause_before: extra silence asked for by markup before it, in seconds.
        pause_after: extra silence after it: from markup, or a paragraph's end; in seconds.
        rate: speed factor from markup, 1.0 is normal.
        pitch: semitones up, from markup.
        volume: decibels up, from markup.
        voice: voice asked for by markup, or None for the caller's.
        style: style asked for by markup, or None for the caller's.
    """

    text: str
    phonemes: str
    words: tuple[SpokenWord, ...]
    pause_before: float = 0.0
    pause_after: float = 0.0
    rate: float = 1.0
    pitch: float = 0.0
    volume: float = 0.0
    voice: str | None = None
    style: str | None = None
