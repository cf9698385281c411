"""Which recordings a voice can be learned from, and why others cannot.

Knows: what is measured of a file and the limits; how a report reads.
Refuses to know: models, and who listened to the words (`words.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.speech import Samples
from voxhaus.training.voice.own.recordings import Recording

SHORTEST, LONGEST = 0.8, 20.0  # seconds of sound between the silences
LOWEST_RATE = 8000
CLIPPED = 0.001  # share of samples at the very top
NOISY, WORRYING = 15.0, 25.0  # dB between speech and what is under it
SLOWEST, FASTEST = 4.0, 26.0  # sounds a second: beyond, text and length do not belong together
MISHEARD = 0.34  # share of words that Whisper base may hear otherwise
LONG_SILENCE = 1.0  # seconds at an end; is cut off in any case


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found in one recording.

    Attributes:
        problems: why it is left out; empty when it is used.
        notes: what is not fine but bearable.
        edge: Hz above which it holds nothing.
        start, stop: seconds between which something is said.
        wrong: share of words heard otherwise; None when nobody listened.
    """

    name: str
    rate: int
    seconds: float
    start: float
    stop: float
    noise_db: float
    clipped: float
    edge: float
    wrong: float | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def examine(
    recording: Recording,
    samples: Samples,
    rate: int,
    *,
    sounds: int,
) -> Finding:
    """Measure one recording.

    Args:
        recording: its name and text.
        samples: float32 [n] at its own rate.
        rate: in Hz.
        sounds: how many sounds its text has, in phonemes without marks and spaces.
    """
    start, stop, noise_db = spoken(samples, rate)
    seconds, clipped = stop - start, _clipped(samples)
    problems, notes = _problems(sounds, rate, seconds, noise_db, clipped)
    if max(start, len(samples) / rate - stop) > LONG_SILENCE and seconds > 0:
        notes.append("a second or more of silence at an end, which is cut off")
    return Finding(
        name=recording.name,
        rate=rate,
        seconds=len(samples) / rate,
        start=start,
        stop=stop,
        noise_db=noise_db,
        clipped=clipped,
        edge=edge_of(samples, rate),
        wrong=None,
        problems=tuple(problems),
        notes=tuple(notes),
    )


def with_words(finding: Finding, wrong: int, words: int, heard: str) -> Finding:
    """The finding of a recording whose words were listened to."""
    share = wrong / max(1, words)
    if share <= MISHEARD:
        return replace(finding, wrong=share)
    problem = f"the words differ from the text; heard: {heard.strip()[:80]!r}"
    return replace(finding, wrong=share, problems=(*finding.problems, problem))


def _problems(
    sounds: int, rate: int, seconds: float, noise_db: float, clipped: float
) -> tuple[list[str], list[str]]:
    problems, notes = [], []
    if rate < LOWEST_RATE:
        problems.append(f"{rate} Hz; at least {LOWEST_RATE} are needed")
    elif rate < 16_000:
        notes.append(f"{rate} Hz: what lies above {rate // 2} Hz is not heard in it")
    if seconds <= 0:
        problems.append("silence")
    elif not SHORTEST <= seconds <= LONGEST:
        problems.append(f"{seconds:.1f} s of speech; {SHORTEST:g} to {LONGEST:g} can be used")
    elif not SLOWEST <= sounds / seconds <= FASTEST:
        problems.append(f"{sounds} sounds in {seconds:.1f} s: text and recording do not fit")
    if seconds > 0 and noise_db < NOISY:
        problems.append(f"noise only {noise_db:.0f} dB under the speech; {NOISY:g} are needed")
    elif seconds > 0 and noise_db < WORRYING:
        notes.append(f"noise {noise_db:.0f} dB under the speech; {WORRYING:g} would be better")
    if clipped > CLIPPED:
        problems.append(f"{100 * clipped:.1f} % of it clipped: recorded too loud")
    return problems, notes


def _frames(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Levels of 20 ms frames in dBFS, silence at -120."""
    step = rate // 50
    frames = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float64)
    power = (frames**2).mean(1)
    levels: NDArray[np.float64] = 10 * np.log10(power + 1e-12)
    return levels


def spoken(samples: Samples, rate: int) -> tuple[float, float, float]:
    """Where speech begins and ends, in seconds, and its distance from the noise in dB.

    Speech is what stands 35 dB or less under its loud frames, and 6 dB or more over the noise.
    """
    levels = _frames(samples, rate)
    if not len(levels) or levels.max() < -60:
        return 0.0, 0.0, 0.0
    loud, quiet = np.quantile(levels, 0.9), np.quantile(levels, 0.05)
    border = max(loud - 35, min(quiet + 6, loud - 12))
    at = np.flatnonzero(levels > border)
    return float(at[0]) * 0.02, float(at[-1] + 1) * 0.02, float(min(99.0, loud - quiet))


def _clipped(samples: Samples) -> float:
    """Share of samples that stay at the highest level for three in a row or more."""
    top = float(np.abs(samples).max(initial=0.0))
    if top < 0.5:
        return 0.0
    flat = np.abs(samples) > 0.999 * top
    runs = flat[2:] & flat[1:-1] & flat[:-2]
    return float(runs.mean()) if len(runs) else 0.0


def edge_of(samples: Samples, rate: int) -> float:
    """The frequency in Hz above which there is nothing but what a converter leaves.

    A recording that was once kept at 8 kHz has its edge there, whatever its rate is now.
    """
    size = 1 << (rate // 20).bit_length()  # about 50 ms
    if len(samples) < size:
        return rate / 2
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    power = (np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2).mean(0)
    hertz = np.arange(len(power)) * rate / size
    levels = 10 * np.log10(power * np.maximum(hertz, 50) ** 2 + 1e-20)  # it falls
    over = np.flatnonzero(levels > levels.max() - 50)
    return float(min(rate / 2, hertz[over[-1]])) if len(over) else rate / 2


def limits(findings: Sequence[Finding]) -> float:
    """The edge in Hz that all used recordings reach, but for a tenth of them."""
    return float(np.quantile([f.edge for f in findings if not f.problems], 0.1))


def report(findings: Sequence[Finding], *, listened: str) -> str:
    """A page of Markdown: what is used, what is left out and why.

    Args:
        findings: of all recordings.
        listened: who heard the words, or why nobody did.
    """
    used = [f for f in findings if not f.problems]
    seconds = sum(f.stop - f.start for f in used)
    lines = [
        "# Recordings",
        "",
        f"{len(findings)} recordings; {len(used)} are used, {seconds / 60:.1f} minutes of speech.",
        f"Words: {listened}",
    ]
    if used:
        rates = ", ".join(f"{r} Hz" for r in sorted({f.rate for f in used}))
        noise = np.median([f.noise_db for f in used])
        lines.append(f"Sample rates: {rates}; speech over noise: median {noise:.0f} dB.")
        if all(f.wrong is not None for f in used):
            wrong = np.mean([f.wrong for f in used if f.wrong is not None])
            lines.append(f"Words heard otherwise in what is used: {100 * float(wrong):.1f} %.")
    out = [f for f in findings if f.problems]
    if out:
        lines += ["", "## Left out", "", *(f"- {f.name}: {'; '.join(f.problems)}" for f in out)]
    lines += _noted(used)
    return "\n".join(lines) + "\n"


def _noted(used: Sequence[Finding]) -> list[str]:
    notes: dict[str, list[str]] = {}
    for f in used:
        for note in f.notes:
            notes.setdefault(note, []).append(f.name)
    if not notes:
        return []
    shown = [
        f"- {note}: {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
        for note, names in notes.items()
    ]
    return ["", "## Used, but", "", *shown]


def rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings as JSON objects; figures rounded."""

    def plain(value: Any) -> Any:  # noqa: ANN401 - any field
        return round(value, 4) if isinstance(value, float) and math.isfinite(value) else value

    return [{k: plain(v) for k, v in asdict(f).items()} for f in findings]
