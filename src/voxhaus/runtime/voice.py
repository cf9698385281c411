"""Speaking: from text with markup to audio, sentence by sentence.

Knows: voices and styles of a model folder, the text front end, and how sentences follow each other.
Refuses to know: file formats, HTTP, and how the model works inside.
"""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from typing import Self

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.errors import InputError
from voxhaus.core.peaks import limited
from voxhaus.core.speech import AudioChunk, Speech, VoiceInfo, join
from voxhaus.models.text.frontend import TextFrontend
from voxhaus.models.text.markup import MAX_PITCH
from voxhaus.models.text.passages import Passage
from voxhaus.models.text.phonemes import encode
from voxhaus.models.text.questions import asks_yes_or_no, nucleus
from voxhaus.models.text.utterance import Utterance
from voxhaus.runtime import weights as model_files
from voxhaus.runtime.breaths import Lungs, colour_of, inhale, length_in, level_under
from voxhaus.runtime.manner import Manner
from voxhaus.runtime.reader import Reader, blended, read_readers
from voxhaus.runtime.sessions import default_threads
from voxhaus.runtime.timing import SILENT, Sounds, Times, placed, sounds_of, timed
from voxhaus.runtime.voice_model import Plan, Sound, VoiceModel
from voxhaus.runtime.waveform import Array

DEFAULT_MODEL = "voxhaus-voice-1"
MIN_SPEED, MAX_SPEED = 0.25, 4.0

SENTENCE_PAUSE = 0.28  # seconds between sentences, besides the silence kept around them
# Of a stream's first sentence: units in its first piece (0.4 s, as long as one can wait for the
# second on a slow machine), and how many times longer each next piece may be.
FIRST_PIECE, GROWTH = 16, 8
EDGE_FADE = 0.004  # seconds; the few samples at both ends of a sentence that are faded

SIGH = "hˈʌː."  # its colour is that of the voice's breaths
BREATH = 1  # marks the seeds of breaths
_ENDS = (".", "!", "?", "…")  # nobody breathes within a sentence
CEILING = -1.0  # dBTP of what markup makes louder


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
        self._throats: dict[str, Array] = {}
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
        breaths: bool = False,
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
            breaths: whether a soft breath is heard in the pause before a sentence that follows five
                seconds of speech or more.

        Raises:
            InputError: nothing speakable, unknown voice or style, bad markup, speed or pitch out of
                range.
        """
        jobs = self._jobs(text, voice, style, speed, seed, pitch, breaths)
        return join(list(self._chunks(jobs)), self.sample_rate)

    def stream(
        self,
        text: str,
        *,
        voice: str | None = None,
        style: str | None = None,
        speed: float = 1.0,
        seed: int = 0,
        pitch: float = 0.0,
        breaths: bool = False,
    ) -> Iterator[AudioChunk]:
        """Speak sentence by sentence, and the first sentence in two or more pieces.

        The text is read as it is spoken. Joined, the chunks are what `speak` returns, but for what
        int8 rounds otherwise in the pieces of the first sentence, of which the first chunk carries
        text and timings.

        Arguments and errors are those of `speak`; errors are raised before the first chunk.
        """
        return self._chunks(
            self._jobs(text, voice, style, speed, seed, pitch, breaths), FIRST_PIECE
        )

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

    def _chunks(self, jobs: Iterator["Job"], first_piece: int = 0) -> Iterator[AudioChunk]:
        at = 0
        for made in self._spoken(jobs, first_piece):
            yield made.chunk(at / self.sample_rate, self.sample_rate)
            at += len(made.samples)

    def _spoken(self, jobs: Iterator["Job"], first_piece: int) -> Iterator["Made"]:
        if first_piece:
            yield from self._in_pieces(next(jobs), first_piece)
        if self._pool is None:
            yield from map(self._utter, jobs)
            return
        # A few sentences ahead of the listener, never the whole book.
        waiting: deque[Future[Made]] = deque()
        for job in jobs:
            waiting.append(self._pool.submit(self._utter, job))
            if len(waiting) > 2 * self._threads:
                yield waiting.popleft().result()
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
        return list(self._jobs(text, voice, style, speed, seed, pitch))

    def _jobs(
        self,
        text: str,
        voice: str | None,
        style: str | None,
        speed: float,
        seed: int,
        pitch: float,
        breaths: bool = False,
    ) -> Iterator["Job"]:
        """The same, each as soon as the text behind it is read; errors are raised at once."""
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

        def check(passage: Passage) -> None:
            reader = self._reader(passage.voice) if passage.voice else chosen
            self._check_style(reader, passage.style or style or reader.default_style)
            _pitch(passage, pitch)

        utterances = self._frontend(chosen.info.accent).read(
            text, accent_of=lambda name: self._reader(name).info.accent, check=check
        )
        jobs = self._prepared(utterances, chosen, style, speed, seed, pitch)
        return _breathing(jobs, seed) if breaths else jobs

    def _prepared(
        self,
        utterances: Iterator[Utterance],
        chosen: Reader,
        style: str | None,
        speed: float,
        seed: int,
        pitch: float,
    ) -> Iterator["Job"]:
        following = next(utterances, None)
        for number in count():
            u, following = following, next(utterances, None)
            if u is None:
                return
            reader = self._reader(u.voice) if u.voice else chosen
            spoken = u.style or style or reader.default_style
            own = reader.manners[spoken]
            manner = replace(
                own, rate=own.rate * speed * u.rate, pitch=own.pitch + _pitch(u, pitch)
            )
            pause = SENTENCE_PAUSE * manner.pauses / speed
            yield Job(
                utterance=u,
                speaker=reader.info.id,
                style_1S=reader.style(spoken, len(u.phonemes)),
                manner=manner,
                seed=(seed, number),
                lead=u.pause_before,
                tail=u.pause_after + (pause if following else 0.0),
            )

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
        return self._model.plan(job.tokens, job.style_1S, job.manner, job.stress, job.rises_from)

    def _utter(self, job: "Job") -> "Made":
        sound = self.sound(job) if job.utterance.phonemes else None
        made = job.made(sound, self.sample_rate, self._model.unit_seconds)
        if job.breath and sound is not None:
            self._breathe(made.samples, sound.samples, job)
        return made

    def sound(self, job: "Job") -> Sound:
        """One utterance that has phonemes, without the silences around it."""
        plan = self._plan(job)
        samples = self._model.speak(plan, job.style_1S, job.generator(), job.manner)
        samples = np.clip(louder(samples, self.sample_rate, job.utterance.volume), -1.0, 1.0)
        self._fade(samples, start=True, end=True)
        return Sound(samples=samples, course=plan)

    def _fade(self, samples: Array, *, start: bool, end: bool) -> None:
        ramp = np.linspace(0.0, 1.0, round(EDGE_FADE * self.sample_rate), dtype=np.float32)
        if start:
            samples[: len(ramp)] *= ramp
        if end:
            samples[-len(ramp) :] *= ramp[::-1]

    def _in_pieces(self, job: "Job", first_piece: int) -> Iterator["Made"]:
        """One utterance, its first piece soon; whole where its loudness must be known."""
        if not job.utterance.phonemes or job.breath or job.utterance.volume:
            yield self._utter(job)
            return
        plan = self._plan(job)
        borders = _borders(plan.stop - plan.start, first_piece)
        sounds = sounds_of(job.utterance)
        times = timed(sounds, plan, self._model.unit_seconds)
        pieces = self._model.pieces(plan, job.style_1S, job.generator(), job.manner, borders)
        for number, made in enumerate(pieces, 1):
            samples = np.clip(made, -1.0, 1.0)
            last = number == len(borders) - 1
            self._fade(samples, start=number == 1, end=last)
            yield job.piece(samples, self.sample_rate, sounds, times, first=number == 1, last=last)

    def _breathe(self, samples: Array, speech: Array, job: "Job") -> None:
        """Put a breath at the end of the silence after a sound, softer than that by so much."""
        count = min(round(job.tail * self.sample_rate), round(job.breath * self.sample_rate))
        level = level_under(speech, self.sample_rate)
        chance = np.random.Generator(np.random.PCG64((*job.seed, BREATH)))
        samples[len(samples) - count :] = inhale(self._throat(job), count, level, chance)

    def _throat(self, job: "Job") -> Array:
        """The colour of a voice's breath, from a whispered sigh that nobody hears."""
        if job.speaker not in self._throats:
            whisper = Manner(whisper=1.0)
            plan = self._model.plan(encode(SIGH), job.style_1S, whisper)
            chance = np.random.Generator(np.random.PCG64(0))
            sigh = self._model.speak(plan, job.style_1S, chance, whisper)
            self._throats[job.speaker] = colour_of(sigh, self.sample_rate)
        return self._throats[job.speaker]


def _breathing(jobs: Iterator["Job"], seed: int) -> Iterator["Job"]:
    """The same jobs with breaths where they are due; a pause grows only if a breath needs it."""
    lungs = Lungs()
    before: Job | None = None
    for number, job in enumerate(jobs):
        due = lungs.due(job.speaker, job.utterance.phonemes, job.manner.rate)
        if before is not None:
            if due and before.utterance.phonemes.endswith(_ENDS):
                chance = np.random.Generator(np.random.PCG64((seed, number, BREATH)))
                length = length_in(before.tail, chance)
                before = replace(before, breath=length, tail=max(before.tail, length))
            yield before
        before = job
    if before is not None:
        yield before


def _borders(units: int, first: int) -> list[int]:
    """Where the pieces of a sentence lie: each may be GROWTH times as long as the one before.

    So there is no gap where a piece is made GROWTH times as fast as it is heard. A last piece that
    is shorter than the first is not worth its own run.
    """
    borders, piece = [0], first
    while units - borders[-1] >= piece + first:
        borders.append(borders[-1] + piece)
        piece *= GROWTH
    return [*borders, units]


def louder(samples: Array, rate: int, decibels: float) -> Array:
    """So many decibels louder, peaks held below full scale."""
    if not decibels:
        return samples
    samples = samples * np.float32(10 ** (decibels / 20))
    return limited(samples, rate, CEILING) if decibels > 0 else samples


def _pitch(marked: Utterance | Passage, pitch: float) -> float:
    """Semitones of markup and caller together.

    Raises:
        InputError: more than MAX_PITCH.
    """
    both = marked.pitch + pitch
    if abs(both) > MAX_PITCH:
        raise InputError(
            f"The pitches of the text and of the voice add up to {both:+g} semitones; they must "
            f"stay between -{MAX_PITCH:g} and {MAX_PITCH:g}.",
            param="pitch",
        )
    return both


@dataclass(frozen=True, kw_only=True)
class Job:
    """One utterance to be spoken, with everything that its sound depends on."""

    utterance: Utterance
    speaker: str
    style_1S: Array
    manner: Manner
    seed: tuple[int, int]
    lead: float
    tail: float
    breath: float = 0.0  # seconds of a breath at the end of the tail

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

    @property
    def rises_from(self) -> int | None:
        """The token from which on the pitch rises to the end, if it does."""
        at = nucleus(self.utterance) if asks_yes_or_no(self.utterance) else None
        return None if at is None else at + 1  # a border comes first

    def made(self, sound: Sound | None, rate: int, unit: float) -> "Made":
        """The sound between the silences around it, and when its phonemes are heard.

        Args:
            sound: None for an utterance without phonemes.
            rate: samples a second.
            unit: seconds of the model's unit.
        """
        sounds = sounds_of(self.utterance)
        if sound is None:
            return self.piece(np.zeros(0, np.float32), rate, sounds, SILENT)
        times = timed(sounds, sound.course, unit)
        return self.piece(sound.samples, rate, sounds, times)

    def piece(
        self,
        samples: Array,
        rate: int,
        sounds: Sounds,
        times: tuple[Times, Times],
        *,
        first: bool = True,
        last: bool = True,
    ) -> "Made":
        """A part of the sound; the first follows on the silence before it and has all timings."""
        lead, tail = (np.zeros(round(s * rate), np.float32) for s in (self.lead, self.tail))
        whole = np.concatenate([lead] * first + [samples] + [tail] * last)
        return Made(job=self, samples=whole, sounds=sounds, times=times, first=first)


@dataclass(frozen=True, kw_only=True)
class Made:
    """One utterance, spoken, or a piece of it.

    Attributes:
        job: what was asked for.
        samples: with the silence before and after it.
        sounds: of the utterance.
        times: their starts and ends, from the first sample after the silence before it.
        first: whether text and timings go with it; they do with the first piece only.
    """

    job: Job
    samples: Array
    sounds: Sounds
    times: tuple[Times, Times]
    first: bool

    def chunk(self, start: float, rate: int) -> AudioChunk:
        """As a part of a recording, from so many seconds on."""
        if not self.first:
            return AudioChunk(samples=self.samples, sample_rate=rate, start=start)
        said = self.job.utterance
        words, phonemes = placed(said, self.sounds, self.times, start + self.job.lead)
        return AudioChunk(
            samples=self.samples,
            sample_rate=rate,
            start=start,
            words=words,
            text=said.text,
            phonemes=phonemes,
        )
