"""How far are timestamps from where a forced aligner hears the same words and sounds?

Knows: differences and their statistics, and how the aligner's own uncertainty is measured.
Refuses to know: engines, how anything is spoken or aligned.

An aligner errs too. Its floor is what it disagrees with itself when the same sound reaches it 5 ms
later, one alignment against one, or with faint noise.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from voxhaus.core.speech import Samples, Speech
from voxhaus.evals.aligner import ALIGNER_RATE, ARPABET, Aligner, Alignment, arpabet
from voxhaus.evals.judges import resample
from voxhaus.evals.sentences import Sentence

KINDS = ("word starts", "word ends", "sound starts")
DELAY = 0.005  # seconds
NOISE = -30.0  # decibels under the mean power of the recording
TOLERANCES = (0.02, 0.04)  # seconds
COLUMNS = ("", "n", "median ms", "mean ms", "median size, ms", "within 20 ms %", "within 40 ms %")

Differences = dict[str, list[float]]


@dataclass
class Comparison:
    """Differences in seconds, ours minus the aligner's, gathered over recordings.

    Attributes:
        by_voice: voice -> half of the list (0 or 1) -> kind -> differences.
        floor: "delayed" and "noisy" -> kind -> differences of the aligner from itself.
        left_out: texts that could not be aligned, and why.
    """

    by_voice: dict[str, tuple[Differences, Differences]] = field(default_factory=dict)
    floor: dict[str, Differences] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def result(self) -> dict[str, Any]:
        """Statistics: `overall`, `halves`, `voices`, `floor`, `left_out`, and `raw` in ms."""
        halves = [self._pooled(h) for h in (0, 1)]
        return {
            "overall": _table(_merged(halves)),
            "halves": [_table(h) for h in halves],
            "voices": {v: _table(_merged(pair)) for v, pair in self.by_voice.items()},
            "floor": {name: _table(d) for name, d in self.floor.items()},
            "left_out": self.left_out,
            "raw": {
                v: {k: [round(1000 * x, 1) for x in d] for k, d in _merged(pair).items()}
                for v, pair in self.by_voice.items()
            },
        }

    def _pooled(self, half: int) -> Differences:
        return _merged([pair[half] for pair in self.by_voice.values()])


def compare(
    speak: Callable[[str, str], Speech],
    voices: Sequence[str],
    sentences: Sequence[Sentence],
    *,
    aligner: Aligner,
    floor_every: int = 4,
    progress: Callable[[str, int], None] = lambda voice, done: None,
) -> Comparison:
    """Every sentence by every voice against the aligner.

    Args:
        speak: text and voice -> speech with words and sounds.
        voices: ids.
        sentences: what is read; those of even number are one half, the others the other.
        aligner: where it is heard.
        floor_every: of so many sentences one is also aligned for the floor.
        progress: called with the voice and how many of its sentences are done.
    """
    made = Comparison(floor={"delayed": defaultdict(list), "noisy": defaultdict(list)})
    for voice in voices:
        made.by_voice[voice] = (defaultdict(list), defaultdict(list))
        for number, sentence in enumerate(sentences):
            speech = speak(sentence.text, voice)
            heard = _Heard.of(speech, aligner)
            if isinstance(heard, str):
                made.left_out.append(f"{voice}: {sentence.text} ({heard})")
                continue
            _add(made.by_voice[voice][number % 2], heard.ours, heard.theirs)
            if number % floor_every == 0:
                for name, (first, second) in heard.again(aligner):
                    _add(made.floor[name], first, second)
            progress(voice, number + 1)
    return made


@dataclass(frozen=True)
class _Edges:
    """Times of one recording: [n] each."""

    word_starts: Sequence[float]
    word_ends: Sequence[float]
    sound_starts: Sequence[float]

    @classmethod
    def of(cls, alignment: Alignment, away: float = 0.0) -> "_Edges":
        return cls(
            [w.start - away for w in alignment.words],
            [w.end - away for w in alignment.words],
            [p.start - away for w in alignment.phones for p in w],
        )


@dataclass(frozen=True)
class _Heard:
    """One recording with both opinions of it."""

    samples: Samples
    spelled: list[list[str]]
    ours: _Edges
    theirs: _Edges

    @classmethod
    def of(cls, speech: Speech, aligner: Aligner) -> "_Heard | str":
        """The recording compared, or why it cannot be."""
        sounding = [[p for p in speech.phonemes if p.word == i] for i in range(len(speech.words))]
        kept = [i for i, sounds in enumerate(sounding) if sounds]
        strange = {p.symbol for p in speech.phonemes if p.symbol.strip("ˈˌː") not in ARPABET}
        if strange or not kept:
            return f"no ARPAbet for {' '.join(sorted(strange))}" if strange else "no sounds"
        spelled = [[arpabet(p.symbol) for p in sounding[i]] for i in kept]
        samples = resample(speech.samples, speech.sample_rate, ALIGNER_RATE)
        alignment = aligner.align(samples, spelled)
        if alignment is None:
            return "the aligner found no way through"
        ours = _Edges(
            [speech.words[i].start for i in kept],
            [speech.words[i].end for i in kept],
            [p.start for i in kept for p in sounding[i]],
        )
        return cls(samples, spelled, ours, _Edges.of(alignment))

    def again(self, aligner: Aligner) -> Iterator[tuple[str, tuple[_Edges, _Edges]]]:
        """The aligner against itself: once delayed, once in noise."""
        once = aligner.align(self.samples, self.spelled, shifts=(0.0,))
        late = aligner.align(self.samples, self.spelled, shifts=(DELAY,))
        if once and late:
            yield "delayed", (_Edges.of(late), _Edges.of(once))
        noisy = aligner.align(_noisy(self.samples), self.spelled)
        if noisy:
            yield "noisy", (_Edges.of(noisy), self.theirs)


def _noisy(samples: Samples) -> Samples:
    noise = np.random.Generator(np.random.PCG64(1)).standard_normal(len(samples), np.float32)
    power = np.mean(np.square(samples, dtype=np.float64))
    made: Samples = samples + noise * np.float32(np.sqrt(power) * 10 ** (NOISE / 20))
    return made


def _add(to: Differences, first: _Edges, second: _Edges) -> None:
    pairs = (
        (first.word_starts, second.word_starts),
        (first.word_ends, second.word_ends),
        (first.sound_starts, second.sound_starts),
    )
    for kind, (a, b) in zip(KINDS, pairs, strict=True):
        to[kind] += [x - y for x, y in zip(a, b, strict=True)]


def _merged(parts: Sequence[Differences]) -> Differences:
    return {kind: [x for p in parts for x in p.get(kind, [])] for kind in KINDS}


def _table(differences: Differences) -> dict[str, dict[str, float]]:
    return {kind: statistics(d) for kind, d in differences.items() if d}


def statistics(differences: Sequence[float]) -> dict[str, float]:
    """Of differences in seconds: n, `median`, `mean` and `median_absolute` in ms, shares within."""
    x = np.array(differences)
    within = {
        f"within_{round(1000 * t)}": round(float((np.abs(x) <= t + 1e-9).mean()), 4)
        for t in TOLERANCES
    }
    return {
        "n": len(x),
        "median": round(1000 * float(np.median(x)), 1),
        "mean": round(1000 * float(x.mean()), 1),
        "median_absolute": round(1000 * float(np.median(np.abs(x))), 1),
        **within,
    }


def rows(table: dict[str, dict[str, float]], name: str = "") -> list[list[str]]:
    """Lines of COLUMNS."""
    made = []
    for kind, s in table.items():
        shares = [f"{100 * s[f'within_{round(1000 * t)}']:.1f}" for t in TOLERANCES]
        middle = [f"{s[k]:+.1f}" for k in ("median", "mean")]
        made.append(
            [f"{name} {kind}".strip(), f"{s['n']}", *middle, f"{s['median_absolute']}", *shares]
        )
    return made
