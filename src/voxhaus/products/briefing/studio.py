"""From a script to sound.

Knows: that sentences are spoken one by one and may be spoken at the same time, how long the
silences between them are, and what everything takes before and after it is spoken.
Refuses to know: stories, and files.

One sentence is one call to the Speaker. So its place in the recording is exact, whatever the voice
thinks a sentence is, and a sentence that is kept when the script changes is not spoken again.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from voxhaus.core.audio_tags import Chapter
from voxhaus.core.errors import InputError
from voxhaus.core.speech import Speaker, Speech
from voxhaus.products.briefing.fitting import UnspeakableError
from voxhaus.products.briefing.script import Line, Role, Script, speakable

LEAD_IN = 0.15  # seconds of silence before the first word
LEAD_OUT = 0.40  # and after the last
SEGMENT_PAUSE = 0.75  # between stories
LINE_PAUSES: dict[Role, float] = {  # after a line that another of its segment follows
    "greeting": 0.30,
    "transition": 0.35,
    "headline": 0.45,
    "report": 0.30,
    "farewell": 0.30,
}


@dataclass(frozen=True)
class Cue:
    """A line and when it is heard, in seconds from the start of the recording."""

    line: Line
    segment: int
    start: float
    end: float


@dataclass(frozen=True)
class Recording:
    """A spoken script."""

    speech: Speech
    cues: tuple[Cue, ...]
    chapters: tuple[Chapter, ...]


class Studio:
    """One voice that speaks scripts and remembers what it has spoken."""

    def __init__(
        self,
        speaker: Speaker,
        *,
        voice: str | None = None,
        style: str | None = None,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        """Choose a voice.

        Args:
            speaker: what speaks; shared between threads if `workers` is more than one.
            voice: one of the speaker's voices; its default if None.
            style: a style of that voice; neutral if None.
            seed: the same seed makes the same recording.
            workers: sentences spoken at the same time.
        """
        self._speaker, self._voice, self._style, self._seed = speaker, voice, style, seed
        self._workers = workers
        self._predicted: dict[str, float] = {}
        self._spoken: dict[str, Speech] = {}

    def check(self) -> None:
        """Speak a word, so that a wrong voice or style is found before feeds are read.

        Raises:
            InputError: the speaker's own sentence about it.
        """
        self._speak("Hello.")

    def seconds(self, script: Script) -> float:
        """Length of a script: measured where it has been spoken, else predicted.

        Raises:
            UnspeakableError: a line that the voice cannot say.
        """
        pauses = LEAD_IN + LEAD_OUT + sum(pause for _, _, pause in _paused(script))
        return pauses + sum(self._line_seconds(line.text) for line in script.lines)

    def predicted(self, script: Script) -> float:
        """Length of a script by prediction alone, corrected by nothing."""
        pauses = LEAD_IN + LEAD_OUT + sum(pause for _, _, pause in _paused(script))
        return pauses + sum(self._predict(line.text) for line in script.lines)

    def _line_seconds(self, text: str) -> float:
        if text in self._spoken:
            return self._spoken[text].seconds
        return self._predict(text) * self._correction()

    def _predict(self, text: str) -> float:
        if text not in self._predicted:
            try:
                seconds = self._speaker.predict_seconds(speakable(text), voice=self._voice)
            except InputError as error:
                raise UnspeakableError(text) from error
            self._predicted[text] = seconds
        return self._predicted[text]

    def _correction(self) -> float:
        """Seconds really spoken for a second predicted, over everything spoken so far."""
        spoken = sum(s.seconds for s in self._spoken.values())
        predicted = sum(self._predict(text) for text in self._spoken)
        return spoken / predicted if predicted else 1.0

    def record(
        self, script: Script, on_each: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        """Speak every line that has not been spoken yet.

        Args:
            script: what to speak.
            on_each: called with lines done and lines in all.
        """
        missing = list(
            dict.fromkeys(t for line in script.lines if (t := line.text) not in self._spoken)
        )
        for done, (text, speech) in enumerate(self._performances(missing), 1):
            self._spoken[text] = speech
            on_each(done, len(missing))

    def _performances(self, texts: list[str]) -> Iterator[tuple[str, Speech]]:
        if self._workers == 1:
            yield from ((text, self._speak(text)) for text in texts)
            return
        with ThreadPoolExecutor(self._workers) as pool:
            yield from zip(texts, pool.map(self._speak, texts), strict=True)

    def _speak(self, text: str) -> Speech:
        return self._speaker.speak(
            speakable(text), voice=self._voice, style=self._style, seed=self._seed
        )

    def assemble(self, script: Script) -> Recording:
        """The recording of a script whose lines have all been spoken."""
        rate = self._spoken[script.lines[0].text].sample_rate
        parts, cues, at = [_silence(LEAD_IN, rate)], [], round(LEAD_IN * rate)
        for segment, line, pause in _paused(script):
            sound = self._spoken[line.text].samples
            cues.append(Cue(line, segment, at / rate, (at + len(sound)) / rate))
            parts += [sound, _silence(pause, rate)]
            at += len(sound) + round(pause * rate)
        parts.append(_silence(LEAD_OUT, rate))
        speech = Speech(samples=np.concatenate(parts), sample_rate=rate)
        return Recording(speech, tuple(cues), _chapters(script, cues, speech.seconds))


def _paused(script: Script) -> Iterator[tuple[int, Line, float]]:
    """Every line with the number of its segment and the silence after it."""
    last = len(script.segments) - 1
    for number, segment in enumerate(script.segments):
        for place, line in enumerate(segment.lines):
            if place < len(segment.lines) - 1:
                yield number, line, LINE_PAUSES[line.role]
            else:
                yield number, line, SEGMENT_PAUSE if number < last else 0.0


def _silence(seconds: float, rate: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.zeros(round(seconds * rate), np.float32)


def _chapters(script: Script, cues: list[Cue], end: float) -> tuple[Chapter, ...]:
    """Chapters without gaps: each lasts until the next one's first word."""
    starts = [0.0] + [
        next(c.start for c in cues if c.segment == n) for n in range(1, len(script.segments))
    ]
    ends = [*starts[1:], end]
    return tuple(
        Chapter(segment.title, a, b)
        for segment, a, b in zip(script.segments, starts, ends, strict=True)
    )
