"""Dialogues: several voices in one recording, equally loud, each waiting for the other.

Knows: how turns are spoken, placed in time, made equally loud, and mixed.
Refuses to know: how scripts are written, files, where a sound ends, and how loudness is measured.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from voxhaus.core.errors import InputError
from voxhaus.core.loudness import TARGET, integrated, normalised
from voxhaus.core.speech import (
    AudioChunk,
    PhonemeTiming,
    Samples,
    Speaker,
    Speech,
    counted_on,
)
from voxhaus.models.text.frontend import MAX_CHARACTERS
from voxhaus.runtime.takes import Take, moved, moved_sounds, take_of
from voxhaus.runtime.turns import Turn, TurnTiming, natural_gap

__all__ = ["Dialogue", "OnTurn", "Turn", "TurnTiming", "perform"]

MIN_LOUDNESS, MAX_LOUDNESS = -40.0, -9.0  # LUFS; above, speech is all limiter

LEAD_IN = 0.15  # seconds of silence before the first word
LEAD_OUT = 0.40  # and after the last

OnTurn = Callable[[TurnTiming, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Dialogue(Speech):
    """A finished dialogue.

    Attributes:
        turns: when each turn is heard, in the order of the script. `words` are theirs, in that
            order too: where turns overlap, a word may start before the one that stands before it.
    """

    turns: tuple[TurnTiming, ...] = field(default=())


def perform(
    voice: Speaker,
    turns: Sequence[Turn],
    *,
    loudness: float = TARGET,
    seed: int = 0,
    workers: int = 1,
    on_turn: OnTurn = lambda timing, done, total: None,
) -> Dialogue:
    """Speak a dialogue.

    Every speaker is made equally loud over all of their turns together, so that what they whisper
    stays softer than what they shout; then the whole is brought to the loudness.

    Args:
        voice: what speaks; shared between threads if `workers` is more than one.
        turns: who says what, in order.
        loudness: of the whole, in LUFS; true peaks stay below -1 dBTP.
        seed: the same turns with the same seed give the same samples.
        workers: turns spoken at the same time.
        on_turn: called as each turn has been spoken and placed, in order, with its timing, the
            turns done and the turns in all.

    Raises:
        InputError: no turns, a turn that cannot be spoken (the message says which), or a loudness
            or seed out of range. With `Voice`, before any sound is made.
    """
    _check(turns, loudness, seed)
    takes: list[Take] = []
    placed: list[TurnTiming] = []
    floor = LEAD_IN  # when everything said so far has been said
    for turn, take in zip(turns, _takes(voice, turns, seed, workers), strict=True):
        start = _start(turn, placed, floor, seed) + take.lead
        placed.append(_timing(turn, take, start))
        takes.append(take)
        floor = max(floor, placed[-1].end + take.tail)
        on_turn(placed[-1], len(placed), len(turns))
    rate = takes[0].speech.sample_rate
    mixed = _mixed(takes, placed, _gains(takes, placed, loudness), floor + LEAD_OUT)
    return Dialogue(
        samples=normalised(mixed, rate, loudness),
        sample_rate=rate,
        words=tuple(w for t in placed for w in t.words),
        phonemes=counted_on((t.words, _sounds(k, t)) for k, t in zip(takes, placed, strict=True)),
        turns=tuple(placed),
    )


def _check(turns: Sequence[Turn], loudness: float, seed: int) -> None:
    if not turns:
        raise InputError("There are no turns to speak.", param="turns")
    if not MIN_LOUDNESS <= loudness <= MAX_LOUDNESS:
        raise InputError(
            f"The loudness must lie between {MIN_LOUDNESS:g} and {MAX_LOUDNESS:g} LUFS; "
            f"it is {loudness:g}.",
            param="loudness",
        )
    if seed < 0:
        raise InputError(f"The seed must not be negative; it is {seed}.", param="seed")
    characters = sum(len(t.text) for t in turns)
    if characters > MAX_CHARACTERS:
        raise InputError(
            f"The dialogue has {characters:,} characters; at most {MAX_CHARACTERS:,} can be "
            "spoken at once. Split it into parts.",
            param="turns",
        )


def _takes(voice: Speaker, turns: Sequence[Turn], seed: int, workers: int) -> Iterator[Take]:
    """The turns as they are spoken, in order."""
    # A Voice reads a text when its stream is asked for and speaks when it is listened to. So all
    # that is wrong with the texts is found here.
    streams = [_stream(voice, turn, number, seed) for number, turn in enumerate(turns)]
    jobs = list(zip(turns, streams, range(len(turns)), strict=True))
    if workers == 1:
        yield from (_take(*job) for job in jobs)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda job: _take(*job), jobs)


def _stream(voice: Speaker, turn: Turn, number: int, seed: int) -> Iterator[AudioChunk]:
    try:
        # A seed of its own for each, or the same words would sound the same twice.
        return voice.stream(turn.text, voice=turn.voice_id, style=turn.style, seed=seed + number)
    except InputError as error:
        raise _placed_error(error, turn, number) from error


def _take(turn: Turn, stream: Iterator[AudioChunk], number: int) -> Take:
    try:
        return take_of(list(stream), turn.text)
    except InputError as error:
        raise _placed_error(error, turn, number) from error


def _placed_error(error: InputError, turn: Turn, number: int) -> InputError:
    where = f"Line {turn.line}" if turn.line else f"Turn {number + 1}"
    return InputError(f"{where}: {error}", param=error.param)


def _start(turn: Turn, placed: Sequence[TurnTiming], floor: float, seed: int) -> float:
    """When a turn begins, before the silence that it asks for itself."""
    if not placed:
        return floor
    if turn.overlap is None:
        chance = np.random.Generator(np.random.PCG64((seed, len(placed))))
        natural = natural_gap(placed[-1], turn.speaker, chance)
        return floor + (natural if turn.gap is None else turn.gap)
    # Nobody begins before the turn that they interrupt, nor while they speak themselves.
    own = max((t.end for t in placed if t.speaker == turn.speaker), default=0.0)
    return max(max(t.end for t in placed) - turn.overlap, placed[-1].start, own)


def _timing(turn: Turn, take: Take, start: float) -> TurnTiming:
    rate = take.speech.sample_rate
    start = round(start * rate) / rate
    end = start + take.speech.seconds
    return TurnTiming(
        speaker=turn.speaker,
        voice=turn.voice_id,
        style=turn.style,
        start=start,
        end=end,
        text=take.text,
        words=moved(take.speech.words, start, end),
    )


def _sounds(take: Take, timing: TurnTiming) -> tuple[PhonemeTiming, ...]:
    return moved_sounds(take.speech.phonemes, timing.start, timing.end)


def _gains(
    takes: Sequence[Take], placed: Sequence[TurnTiming], loudness: float
) -> dict[str, float]:
    """One factor a speaker that brings all of their turns together to the loudness."""
    gains = {}
    for speaker in dict.fromkeys(t.speaker for t in placed):
        own = [k.speech for k, t in zip(takes, placed, strict=True) if t.speaker == speaker]
        measured = integrated(np.concatenate([s.samples for s in own]), own[0].sample_rate)
        gains[speaker] = 10 ** ((loudness - measured) / 20) if np.isfinite(measured) else 1.0
    return gains


def _mixed(
    takes: Sequence[Take], placed: Sequence[TurnTiming], gains: dict[str, float], seconds: float
) -> Samples:
    rate = takes[0].speech.sample_rate
    mix = np.zeros(round(seconds * rate), np.float32)
    for take, timing in zip(takes, placed, strict=True):
        at = round(timing.start * rate)
        sound = take.speech.samples
        mix[at : at + len(sound)] += sound * np.float32(gains[timing.speaker])
    return mix
