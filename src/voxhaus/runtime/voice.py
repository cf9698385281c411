"""Speaking: from text with markup to audio, sentence by sentence.

Knows: voices and styles of a model folder, the text front end, and how sentences follow each other.
Refuses to know: file formats, HTTP, and how the model works inside.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.errors import InputError
from voxhaus.core.speech import AudioChunk, Speech, VoiceInfo, WordTiming, join
from voxhaus.models.text.frontend import TextFrontend
from voxhaus.models.text.phonemes import encode
from voxhaus.models.text.utterance import Utterance
from voxhaus.runtime import weights as model_files
from voxhaus.runtime.manner import Manner
from voxhaus.runtime.reader import Reader, blended, read_readers
from voxhaus.runtime.sessions import default_threads
from voxhaus.runtime.voice_model import Plan, Sound, VoiceModel
from voxhaus.runtime.waveform import Array

DEFAULT_MODEL = "voxhaus-voice-1"
MIN_SPEED, MAX_SPEED = 0.25, 4.0
MAX_PITCH = 12.0  # semitones up or down

SENTENCE_PAUSE = 0.28  # seconds between sentences, besides the silence kept around them
EDGE_FADE = 0.004  # seconds; the few samples at both ends of a sentence that are faded


class Voice:
    """A voice model, ready to speak. Safe to share between threads.

    Use `Voice.load`; see the guide "Speak" for the markup that texts may carry.
    """

    def __init__(self, files: model_files.Weights, *, threads: int | None = None) -> None:
        begun = time.perf_counter()
        self.name, self.version = files.model, files.version
        self._threads = threads or default_threads()
        self._model = VoiceModel(files)
        self._readers, self.default_voice = read_readers(files)
        self._frontends: dict[str, TextFrontend] = {}
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None
        self.load_seconds = time.perf_counter() - begun

    @classmethod
    def load(
        cls, model: str = DEFAULT_MODEL, *, version: str | None = None, threads: int | None = None
    ) -> Self:
        """Load a shipped voice model.

        Args:
            model: name of the model folder.
            version: its version; the newest if None.
            threads: sentences spoken at the same time; the number of CPUs if None.

        Raises:
            InputError: no such model or version.
            WeightsError: files are missing or damaged.
        """
        begun = time.perf_counter()
        voice = cls(model_files.load(model, version), threads=threads)
        voice.load_seconds = time.perf_counter() - begun
        return voice

    @property
    def sample_rate(self) -> int:
        """Samples per second of everything it speaks."""
        return self._model.synthesiser.sample_rate

    def voices(self) -> list[VoiceInfo]:
        """The voices to choose from."""
        return [r.info for r in self._readers.values()]

    def speak(
        self,
        text: str,
        *,
        voice: str | None = None,
        style: str | None = None,
        speed: float = 1.0,
        seed: int = 0,
        pitch: float = 0.0,
    ) -> Speech:
        """Speak a whole text.

        Args:
            text: plain text, the project's markup, or SSML.
            voice: id of a voice, or a blend ("anna:0.6+ben:0.4"); the model's default if None.
            style: a style that the voice has; neutral if None.
            speed: 1.0 is the voice's own pace; MIN_SPEED to MAX_SPEED.
            seed: fixes the noise in the voice; the same call with the same seed gives the same
                samples.
            pitch: semitones up, at most MAX_PITCH to either side.

        Raises:
            InputError: nothing speakable, unknown voice or style, bad markup, speed or pitch out of
                range.
        """
        chunks = list(
            self.stream(text, voice=voice, style=style, speed=speed, seed=seed, pitch=pitch)
        )
        return join(chunks, self.sample_rate)

    def stream(
        self,
        text: str,
        *,
        voice: str | None = None,
        style: str | None = None,
        speed: float = 1.0,
        seed: int = 0,
        pitch: float = 0.0,
    ) -> Iterator[AudioChunk]:
        """Speak sentence by sentence; the chunks joined are exactly what `speak` returns.

        Arguments and errors are those of `speak`; errors are raised before the first chunk.
        """
        jobs = self.jobs(text, voice, style, speed, seed, pitch)
        return self._chunks(jobs)

    def predict_seconds(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> float:
        """How long `speak` would take to say the text, in seconds, without making the sound.

        Raises:
            InputError: as for `speak`.
        """
        total = 0.0
        for job in self.jobs(text, voice, None, speed, 0):
            total += job.lead + job.tail
            if job.utterance.phonemes:
                total += self._model.seconds(self._plan(job))
        return total

    def _chunks(self, jobs: list["Job"]) -> Iterator[AudioChunk]:
        start = 0.0
        for samples, words, job in self._spoken(jobs):
            moved = tuple(
                WordTiming(text=w.text, start=w.start + start, end=w.end + start) for w in words
            )
            yield AudioChunk(
                samples=samples,
                sample_rate=self.sample_rate,
                start=start,
                words=moved,
                text=job.utterance.text,
            )
            start += len(samples) / self.sample_rate

    def _spoken(self, jobs: list["Job"]) -> Iterator[tuple[Array, tuple[WordTiming, ...], "Job"]]:
        if self._pool is None or len(jobs) == 1:
            yield from map(self._utter, jobs)
            return
        # A few sentences ahead of the listener, never the whole book.
        waiting = []
        for job in jobs:
            waiting.append(self._pool.submit(self._utter, job))
            if len(waiting) > 2 * self._threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()

    def jobs(
        self,
        text: str,
        voice: str | None,
        style: str | None,
        speed: float,
        seed: int,
        pitch: float = 0.0,
    ) -> list["Job"]:
        """The utterances of a text, each with everything that its sound depends on.

        Arguments and errors are those of `speak`.
        """
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise InputError(
                f"The speed must lie between {MIN_SPEED} and {MAX_SPEED}; it is {speed}.",
                param="speed",
            )
        if not -MAX_PITCH <= pitch <= MAX_PITCH:
            raise InputError(
                f"The pitch must lie between -{MAX_PITCH:g} and {MAX_PITCH:g} semitones; "
                f"it is {pitch:g}.",
                param="pitch",
            )
        if seed < 0:
            raise InputError(f"The seed must not be negative; it is {seed}.", param="seed")
        chosen = self._reader(voice or self.default_voice)
        if style is not None:
            self._check_style(chosen, style)
        utterances = self._frontend(chosen.info.accent).utterances(
            text, accent_of=lambda name: self._reader(name).info.accent
        )
        jobs = []
        for number, u in enumerate(utterances):
            reader = self._reader(u.voice) if u.voice else chosen
            spoken = u.style or style or reader.default_style
            self._check_style(reader, spoken)
            own = reader.manners[spoken]
            manner = replace(own, rate=own.rate * speed * u.rate, pitch=own.pitch + pitch)
            last = number == len(utterances) - 1
            pause = SENTENCE_PAUSE * manner.pauses / speed
            jobs.append(
                Job(
                    utterance=u,
                    style_1S=reader.style(spoken, len(u.phonemes)),
                    manner=manner,
                    seed=(seed, number),
                    lead=u.pause_before,
                    tail=u.pause_after + (0.0 if last else pause),
                )
            )
        return jobs

    def _reader(self, voice: str) -> Reader:
        if voice not in self._readers and ("+" in voice or ":" in voice):
            return blended(self._readers, voice)
        if voice not in self._readers:
            names = ", ".join(self._readers)
            raise InputError(f"There is no voice '{voice}'. Voices: {names}.", param="voice")
        return self._readers[voice]

    @staticmethod
    def _check_style(reader: Reader, style: str) -> None:
        if style not in reader.info.styles:
            styles = ", ".join(reader.info.styles)
            raise InputError(
                f"Voice '{reader.info.id}' has no style '{style}'. Its styles: {styles}.",
                param="style",
            )

    def _frontend(self, accent: str) -> TextFrontend:
        if accent not in self._frontends:
            self._frontends[accent] = TextFrontend(accent)
        return self._frontends[accent]

    def _plan(self, job: "Job") -> Plan:
        return self._model.plan(job.tokens, job.style_1S, job.manner, job.stress)

    def _utter(self, job: "Job") -> tuple[Array, tuple[WordTiming, ...], "Job"]:
        sound = self.sound(job) if job.utterance.phonemes else None
        return *job.placed(sound, self.sample_rate), job

    def sound(self, job: "Job") -> Sound:
        """One utterance that has phonemes, without the silences around it."""
        sound = self._model.speak(self._plan(job), job.style_1S, job.generator(), job.manner)
        samples = np.clip(sound.samples, -1.0, 1.0)
        fade = round(EDGE_FADE * self.sample_rate)
        ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
        samples[:fade] *= ramp
        samples[-fade:] *= ramp[::-1]
        return replace(sound, samples=samples)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One utterance to be spoken, with everything that its sound depends on."""

    utterance: Utterance
    style_1S: Array
    manner: Manner
    seed: tuple[int, int]
    lead: float
    tail: float

    @property
    def tokens(self) -> list[int]:
        """Token ids with borders."""
        return encode(self.utterance.phonemes)

    @property
    def stress(self) -> NDArray[np.bool_]:
        """Which tokens belong to stressed words, [L]."""
        stress_L = np.zeros(len(self.utterance.phonemes) + 2, bool)
        for word in self.utterance.words:
            stress_L[word.start + 1 : word.end + 1] = word.emphasis
        return stress_L

    def generator(self) -> np.random.Generator:
        """What chooses its noise."""
        return np.random.Generator(np.random.PCG64(self.seed))

    def placed(self, sound: Sound | None, rate: int) -> tuple[Array, tuple[WordTiming, ...]]:
        """The sound between the silences around it, and when its words are heard.

        Args:
            sound: None for an utterance without phonemes.
            rate: samples a second.
        """
        lead, tail = (np.zeros(round(s * rate), np.float32) for s in (self.lead, self.tail))
        if sound is None:
            return np.concatenate([lead, tail]), ()
        # Token i + 1 is phoneme i: a border comes first.
        words = tuple(
            WordTiming(
                text=w.text,
                start=self.lead + float(sound.ends_L[w.start]),
                end=self.lead + float(sound.ends_L[w.end]),
            )
            for w in self.utterance.words
        )
        return np.concatenate([lead, sound.samples, tail]), words
