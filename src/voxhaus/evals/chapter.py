"""Whether a voice keeps its form over a whole chapter, and in a single word.

Knows: what is checked and what is allowed. Refuses to know: how flaws are measured (`flaws`).

A chapter is one call with thousands of words. What goes wrong then does not show in a sentence: a
click at one border of a thousand, a loudness that drifts, a word that is left out, a tired ending.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from voxhaus.core.errors import InputError
from voxhaus.core.speech import AudioChunk, Samples, Speech, join
from voxhaus.evals import flaws
from voxhaus.models.text.passages import PARAGRAPH_PAUSE
from voxhaus.models.text.utterance import Utterance
from voxhaus.runtime.voice import SENTENCE_PAUSE, Voice
from voxhaus.runtime.voice_model import Sound

# What is allowed. The jump is far above what fades between sentences have (0.3 at most, measured)
# and under what a cut in the middle of a vowel has (5 and more).
MOST_JUMP = 3.0
MOST_LOUDNESS = 1.5  # LU from the whole, of any minute
# Seconds: a paragraph's end, and the silence that a voice makes itself around sentences.
MOST_SILENCE = PARAGRAPH_PAUSE + SENTENCE_PAUSE + 0.6
MOST_TIRED = 0.03  # word error rate of the last quarter above the first

_QUARTERS = 4
_MARKS = "ˈˌː"  # phonemes that are no sounds

# One word at a time: short and long, with every kind of beginning and end.
WORDS = tuple(
    "yes no go stop wait one two six eight ten cat dog bird fish house tree sun moon rain snow "
    "thanks please sorry hello goodbye maybe never always today tomorrow past strength fifth "
    "sixths asked thought judge church vision measure yellow water apple orange umbrella island "
    "university information extraordinary I".split()
)

Hear = Callable[[Samples], str]
CountErrors = Callable[[str, str], tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        value: what was found, for people.
        limit: what is allowed, for people.
        passed: whether it is.
    """

    name: str
    value: str
    limit: str
    passed: bool


def evaluate(
    voice: Voice,
    text: str,
    *,
    speaker: str | None = None,
    style: str | None = None,
    transcriber: Any = None,  # noqa: ANN401 - judges.Transcriber, or a stand-in for tests
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Speak a chapter and fifty single words, and look for flaws.

    Args:
        voice: loaded.
        text: of the chapter.
        speaker: one of its voices; the default if None.
        style: the voice's default if None.
        transcriber: counts misheard words of each quarter, if given.
        progress: told what is being done.

    Returns:
        `voice`, `words`, `seconds`, `passed`, `checks` (see `Check`), `minutes` (LUFS), `wer` of
        the quarters or None, and `lost`, the single words that failed.

    Raises:
        InputError: nothing speakable, unknown voice or style.
    """
    progress("speaking")
    chunks = list(voice.stream(text, voice=speaker, style=style))
    speech = join(chunks, voice.sample_rate)
    checks = [*sound_checks(speech, [c.start for c in chunks]), *word_checks(speech, text)]
    lost = lost_words(voice, speaker, style)
    checks.append(_check("single words lost", " ".join(lost) or "none", "none", not lost))
    wer: list[float] | None = None
    if transcriber is not None:
        wer = []
        for number, part in enumerate(quarters(chunks), 1):
            progress(f"listening to quarter {number}")
            wer.append(_word_errors(part, transcriber))
        checks.append(_tired(wer))
    return {
        "voice": speaker or voice.default_voice,
        "style": style or "neutral",
        "version": f"{voice.name} {voice.version}",
        "words": len(text.split()),
        "sentences": len(chunks),
        "seconds": speech.seconds,
        "passed": all(c.passed for c in checks),
        "checks": [asdict(c) for c in checks],
        "minutes": flaws.minutes(speech.samples, speech.sample_rate),
        "wer": wer,
        "lost": lost,
    }


def _check(name: str, value: str, limit: str, passed: bool) -> Check:
    return Check(name=name, value=value, limit=limit, passed=bool(passed))


def sound_checks(speech: Speech, starts: Sequence[float]) -> list[Check]:
    """What the samples alone tell.

    Args:
        speech: all of it.
        starts: seconds at which its sentences begin; borders are looked at closely.
    """
    samples, rate = speech.samples, speech.sample_rate
    strange = int((~np.isfinite(samples)).sum())
    if strange:
        return [_check("samples that are no numbers", str(strange), "0", False)]
    clipped = flaws.clipped(samples)
    joints = [flaws.jump(samples, round(s * rate), rate) for s in starts[1:]]
    inside = [flaws.jump(samples, at, rate) for at in flaws.spread_places(1000, len(samples))]
    jump = max(joints, default=0.0)
    usual = float(np.percentile(inside, 99))
    loudness = np.array(flaws.minutes(samples, rate))
    apart = float(np.abs(loudness - np.median(loudness)).max()) if len(loudness) else 0.0
    silence = flaws.longest_silence(samples, rate)
    return [
        _check("samples that are no numbers", "0", "0", True),
        _check("clipped samples", str(clipped), "0", clipped == 0),
        _check(
            f"jump at {len(joints)} borders",
            f"{jump:.2f} at most; inside speech 99 % are under {usual:.2f}",
            f"{MOST_JUMP:g}",
            jump <= MOST_JUMP,
        ),
        _check(
            f"loudness of {len(loudness)} minutes",
            f"within {apart:.2f} LU of {np.median(loudness):.1f} LUFS",
            f"{MOST_LOUDNESS:g} LU",
            apart <= MOST_LOUDNESS,
        ),
        _check(
            "longest silence", f"{silence:.2f} s", f"{MOST_SILENCE:.2f} s", silence <= MOST_SILENCE
        ),
    ]


def word_checks(speech: Speech, text: str) -> list[Check]:
    """Whether the timestamps name the words of the text, in order and within the recording."""
    wanted, found = plain_words(text), plain_words(" ".join(w.text for w in speech.words))
    same = wanted == found
    if same:
        value = f"{len(found)} of {len(wanted)}"
    else:
        at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), None)
        where = min(len(wanted), len(found)) if at is None else at
        value = f"{len(found)} of {len(wanted)}, other from word {where + 1} on"
    times = [t for w in speech.words for t in (w.start, w.end)]
    rising = all(a <= b + 1e-6 for a, b in itertools.pairwise(times))
    inside = not times or (times[0] >= 0 and times[-1] <= speech.seconds + 1e-6)
    return [
        _check("words of the text in the timestamps", value, "all", same),
        _check(
            "timestamps in order", "yes" if rising and inside else "no", "yes", rising and inside
        ),
    ]


def plain_words(text: str) -> list[str]:
    """Words without their marks, small."""
    return re.findall(r"\w+", text.lower().replace("'", "").replace("’", ""))


def lost_words(
    voice: Voice, speaker: str | None = None, style: str | None = None, words: Sequence[str] = WORDS
) -> list[str]:
    """Of single words, each a call of its own, those that are silent or lack their ends."""
    return [
        word
        for word in words
        if any(
            lacks_ends(job.utterance, voice.sound(job), voice.sample_rate)
            for job in voice.jobs(word, speaker, style, 1.0, 0)
        )
    ]


def lacks_ends(utterance: Utterance, sound: Sound, rate: int) -> bool:
    """Whether an utterance's first or last phoneme is silent; the last owns what dies away."""
    if not np.isfinite(sound.samples).all() or not utterance.words:
        return True
    # Token i + 1 is phoneme i, so its sound lies between the ends of tokens i and i + 1.
    first, last = utterance.words[0].start, utterance.words[-1].end - 1
    while utterance.phonemes[first] in _MARKS:
        first += 1
    while utterance.phonemes[last] in _MARKS:
        last -= 1
    course = sound.course
    unit = len(sound.samples) / rate / (course.stop - course.start)
    ends = np.maximum(np.cumsum(course.lengths_L) - course.start, 0) * unit
    return any(
        flaws.silent(sound.samples, rate, float(ends[i]), float(ends[i + 1])) for i in (first, last)
    )


def quarters(chunks: Sequence[AudioChunk]) -> list[Sequence[AudioChunk]]:
    """Four parts of about as many sentences.

    Raises:
        InputError: fewer than four sentences.
    """
    if len(chunks) < _QUARTERS:
        raise InputError("A text of at least four sentences is needed to compare its quarters.")
    edges = np.linspace(0, len(chunks), _QUARTERS + 1).astype(int)
    return [chunks[a:b] for a, b in itertools.pairwise(edges)]


def _word_errors(chunks: Sequence[AudioChunk], transcriber: Any) -> float:  # noqa: ANN401
    from voxhaus.evals.judges import JUDGE_RATE, level, resample

    rate = chunks[0].sample_rate
    samples = resample(np.concatenate([c.samples for c in chunks]), rate, JUDGE_RATE)
    heard = transcriber.heard(level(samples, JUDGE_RATE))
    wrong, words = transcriber.errors(" ".join(c.text for c in chunks), heard)
    return float(wrong / max(1, words))


def _tired(wer: Sequence[float]) -> Check:
    """Whether the last quarter is understood as well as the first."""
    shown = ", ".join(f"{100 * w:.1f}" for w in wer)
    limit = f"the last at most {100 * MOST_TIRED:g} points over the first"
    return _check("WER % of the quarters", shown, limit, wer[-1] <= wer[0] + MOST_TIRED)
