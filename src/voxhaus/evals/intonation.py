"""Does the melody say what the sentence means: questions, lists, stressed words?

Knows: the committed list of sentences, which movement of the pitch each kind should have, and how
it is measured in recorded sound with the speaker's own timestamps.
Refuses to know: how anything is spoken.

Yes/no questions are measured against the same words as a statement. Movements are in semitones,
from the first voiced moments of a last stressed syllable to the last voiced moments of what is
measured.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.errors import InputError
from voxhaus.core.speech import PhonemeTiming, Speech
from voxhaus.evals import pitch, sentences

EDGE = 0.05  # seconds of voiced sound whose median pitch is one end of a movement
RISING, FALLING = 1.0, -1.0  # semitones that are heard as a movement
COLUMNS = ("voice", "what", "n", "median", "quartiles", "as it should be %", "effect d")

Speak = Callable[[str, str], Speech]


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One line of the list: its kind ("pair", "yes-no", "wh", "list", "emphasis") and its text."""

    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was measured of one prompt.

    Attributes:
        text: what was said.
        statement, question: movements of the two readings of a pair; NaN otherwise.
        movement: of a question without a pair.
        items: of all items of a list, in order.
        higher, longer, louder: of a stressed word against the same word unstressed: semitones,
            a factor, decibels.
    """

    kind: str
    text: str
    statement: float = float("nan")
    question: float = float("nan")
    movement: float = float("nan")
    items: tuple[float, ...] = ()
    higher: float = float("nan")
    longer: float = float("nan")
    louder: float = float("nan")


def prompts() -> list[Prompt]:
    """The committed list."""
    data = resources.files("voxhaus.evals") / "data" / "intonation.tsv"
    lines = sentences.parse(data.read_text("utf-8"), "the list of intonation")
    return [Prompt(kind=s.category, text=s.text) for s in lines]


def measure(speak: Speak, voice: str, wanted: Sequence[Prompt]) -> Iterator[Finding]:
    """Every prompt by a voice.

    Args:
        speak: text and voice -> speech with words and sounds.
        voice: its id.
        wanted: what is read.

    Raises:
        InputError: a kind of prompt that there is not.
    """
    for prompt in wanted:
        if prompt.kind not in _READERS:
            raise InputError(f"'{prompt.kind}' is no kind of intonation: {', '.join(_READERS)}.")
        yield _READERS[prompt.kind](speak, voice, prompt)


def _pair(speak: Speak, voice: str, prompt: Prompt) -> Finding:
    statement, question = (speak(f"{prompt.text}{mark}", voice) for mark in ".?")
    return Finding(
        kind="pair",
        text=prompt.text,
        statement=final_movement(statement),
        question=final_movement(question),
    )


def _question(speak: Speak, voice: str, prompt: Prompt) -> Finding:
    moved = final_movement(speak(prompt.text, voice))
    return Finding(kind=prompt.kind, text=prompt.text, movement=moved)


def _list(speak: Speak, voice: str, prompt: Prompt) -> Finding:
    """Items end at commas; the last ends the sentence."""
    speech = speak(prompt.text, voice)
    ends, at = [], -1
    for part in prompt.text.split(","):
        at += len(part.split())
        ends.append(at)
    items = tuple(movement(speech, [p for p in speech.phonemes if p.word == e]) for e in ends)
    return Finding(kind="list", text=prompt.text, items=items)


def _emphasis(speak: Speak, voice: str, prompt: Prompt) -> Finding:
    at = next(i for i, w in enumerate(prompt.text.split()) if w.startswith("*"))
    stressed, plain = speak(prompt.text, voice), speak(prompt.text.replace("*", ""), voice)
    (height, length, level), (was_height, was_length, was_level) = (
        _prominence(s, at) for s in (stressed, plain)
    )
    return Finding(
        kind="emphasis",
        text=prompt.text,
        higher=height - was_height,
        longer=length / was_length,
        louder=level - was_level,
    )


_READERS: dict[str, Callable[[Speak, str, Prompt], Finding]] = {
    "pair": _pair,
    "yes-no": _question,
    "wh": _question,
    "list": _list,
    "emphasis": _emphasis,
}


def _prominence(speech: Speech, word: int) -> tuple[float, float, float]:
    """Highest pitch of a word in semitones, its length in seconds, its level in decibels."""
    start, end = speech.words[word].start, speech.words[word].end
    rate = speech.sample_rate
    times, hertz = pitch.curve(speech.samples, rate)
    inside = hertz[(times >= start) & (times < end)]
    height = 12 * float(np.log2(np.percentile(inside, 90))) if len(inside) else float("nan")
    sound = speech.samples[round(start * rate) : round(end * rate)].astype(np.float64)
    return height, end - start, float(10 * np.log10((sound**2).mean() + 1e-12))


def final_movement(speech: Speech) -> float:
    """Semitones from the last stressed syllable of a recording to its end; NaN if unvoiced."""
    stressed = [i for i, p in enumerate(speech.phonemes) if p.symbol.startswith("ˈ")]
    return movement(speech, speech.phonemes[stressed[-1] if stressed else 0 :])


def movement(speech: Speech, sounds: Sequence[PhonemeTiming]) -> float:
    """Semitones from the first stressed vowel of some sounds to their end; NaN if unvoiced."""
    stressed = [p for p in sounds if p.symbol.startswith("ˈ")] or list(sounds)
    if not stressed:
        return float("nan")
    times, hertz = pitch.curve(speech.samples, speech.sample_rate)
    inside = (times >= stressed[0].start) & (times < sounds[-1].end)
    return _moved(times[inside], hertz[inside])


def _moved(times: NDArray[np.float64], hertz: NDArray[np.float64]) -> float:
    if len(times) < 4:
        return float("nan")
    hertz = _whole(hertz)
    first = hertz[times <= times[0] + EDGE]
    last = hertz[times >= times[-1] - EDGE]
    return 12 * float(np.log2(np.median(last) / np.median(first)))


def _whole(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve without jumps of an octave, which are the tracker's mistakes and not the voice's."""
    octaves = np.log2(hertz)
    steps = np.round(np.diff(octaves))
    made: NDArray[np.float64] = np.exp2(octaves - np.concatenate([[0.0], np.cumsum(steps)]))
    return made


def verdict(findings: Sequence[Finding]) -> dict[str, dict[str, Any]]:
    """What the findings of a voice come to.

    Returns:
        For each of "statements", "questions", "question over statement" (equal words, 32 pairs),
            "yes/no questions" (with their words turned around), "wh-questions",
        "items before the last", "last items", "item over last item", and of emphasis "higher",
        "longer" (per cent) and "louder": `n`, `median`, `quartiles`, `right` (share as it should
        be) and, where two are compared, `d`: the mean difference over its standard deviation
        (Cohen's d of pairs).
    """
    pairs = [f for f in findings if f.kind == "pair"]
    lists = [f.items for f in findings if f.kind == "list"]
    stressed = [f for f in findings if f.kind == "emphasis"]
    made = {
        "statements": _figures([f.statement for f in pairs], lambda x: x < 0),
        "questions": _figures([f.question for f in pairs], lambda x: x > RISING),
        "question over statement": _figures(
            [f.question - f.statement for f in pairs], lambda x: x > RISING, paired=True
        ),
        "yes/no questions": _figures(_movements(findings, "yes-no"), lambda x: x > RISING),
        "wh-questions": _figures(_movements(findings, "wh"), lambda x: x < 0),
        "items before the last": _figures(
            [x for i in lists for x in i[:-1]], lambda x: x > FALLING
        ),
        "last items": _figures([i[-1] for i in lists], lambda x: x < 0),
        "item over last item": _figures(
            [float(np.nanmean(i[:-1])) - i[-1] for i in lists], lambda x: x > 0, paired=True
        ),
    }
    for name in ("higher", "longer", "louder"):
        values = [getattr(f, name) for f in stressed]
        values = [100 * (v - 1) for v in values] if name == "longer" else values
        made[name] = _figures(values, lambda x: x > 0, paired=True)
    return {name: figures for name, figures in made.items() if figures["n"]}


def _movements(findings: Sequence[Finding], kind: str) -> list[float]:
    return [f.movement for f in findings if f.kind == kind]


def _figures(
    values: Sequence[float],
    right: Callable[[NDArray[np.float64]], NDArray[np.bool_]],
    *,
    paired: bool = False,
) -> dict[str, Any]:
    x = np.array([v for v in values if np.isfinite(v)])
    if not len(x):
        return {"n": 0}
    made: dict[str, Any] = {
        "n": len(x),
        "median": round(float(np.median(x)), 2),
        "quartiles": [round(float(q), 2) for q in np.percentile(x, [25, 75])],
        "right": round(float(right(x).mean()), 3),
    }
    if paired and len(x) > 1:
        made["d"] = round(float(x.mean() / max(x.std(ddof=1), 1e-9)), 2)
    return made


def rows(voice: str, figures: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Lines of COLUMNS."""
    made = []
    for name, f in figures.items():
        low, high = f["quartiles"]
        effect = f"{f['d']:+.1f}" if "d" in f else "–"
        spread = f"{low:+.1f} to {high:+.1f}"
        right = f"{100 * f['right']:.0f}"
        made.append([voice, name, f"{f['n']}", f"{f['median']:+.1f}", spread, right, effect])
    return made
