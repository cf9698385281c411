"""Are the styles of a voice different, and does it still speak well in each?

Knows: what of a recording tells styles apart, effect sizes, and a classifier that must tell styles
apart on sentences that it has not heard.
Refuses to know: how styles are made, tables and files.

Shapes: N recordings, Q qualities.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.speech import Samples, Speech
from voxhaus.evals import pitch
from voxhaus.evals.sentences import Sentence

Array = NDArray[np.float64]

# Semitones, semitones, decibels, milliseconds a letter, decibels an octave, share of the time, and
# share of what is heard.
QUALITIES = ("pitch", "spread", "loudness", "pace", "tilt", "pauses", "voiced")

STEP = 0.02  # seconds of a frame of loudness
SILENT = 35.0  # decibels under the loudest frame
TILT_BAND = (300.0, 6000.0)  # Hz


def qualities(speech: Speech, text: str) -> Array:
    """The qualities of one recording [Q]; a whisper's pitch is NaN."""
    rate, samples = speech.sample_rate, speech.samples
    heard = _heard(samples, rate)
    track = pitch.track(samples, rate)
    semitones = 12 * np.log2(track) if len(track) > 4 else np.full(1, np.nan)
    letters = sum(c.isalnum() for c in text)
    sounding = samples[: len(heard) * int(STEP * rate)].reshape(len(heard), -1)[heard]
    inner = np.flatnonzero(heard)
    length = inner[-1] + 1 - inner[0]
    return np.array(
        [
            semitones.mean(),
            semitones.std() if len(semitones) > 1 else np.nan,
            10 * np.log10((sounding.astype(np.float64) ** 2).mean()),
            1000 * STEP * heard.sum() / max(1, letters),
            _tilt(sounding.reshape(-1), rate),
            1 - heard.sum() / length,
            min(1.0, len(track) * pitch.HOP / (STEP * heard.sum())),
        ]
    )


def _heard(samples: Samples, rate: int) -> NDArray[np.bool_]:
    """The frames of STEP seconds in which something is heard."""
    size = int(STEP * rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    power = (frames**2).mean(axis=1)
    heard: NDArray[np.bool_] = power > power.max() * 10 ** (-SILENT / 10)
    return heard


def _tilt(samples: Samples, rate: int) -> float:
    """Slope of the long-term spectrum in decibels an octave, over third-octave bands."""
    size = 1024
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = (np.abs(np.fft.rfft(frames * np.hanning(size))) ** 2).mean(axis=0)
    low, high = TILT_BAND
    octaves = np.arange(0, np.log2(high / low), 1 / 3)
    edges = np.round(low * 2**octaves * size / rate).astype(int)
    bands = [10 * np.log10(power[a : max(b, a + 1)].mean()) for a, b in zip(edges, edges[1:])]  # noqa: B905, RUF007
    return float(np.polyfit(octaves[:-1], bands, 1)[0])


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One recording's qualities, and what it is a recording of."""

    voice: str
    style: str
    sentence: int
    values: Array


def record(
    speak: Callable[[str, str, str], Speech],
    voices: Sequence[str],
    styles: Sequence[str],
    sentences: Sequence[Sentence],
) -> Iterator[tuple[Sample, Speech]]:
    """Every sentence in every style of every voice.

    Args:
        speak: text, voice and style -> speech.
        voices: ids.
        styles: names.
        sentences: what is read.
    """
    for voice in voices:
        for style in styles:
            for number, sentence in enumerate(sentences):
                speech = speak(sentence.text, voice, style)
                values = qualities(speech, sentence.text)
                yield Sample(voice=voice, style=style, sentence=number, values=values), speech


def signature(samples: Sequence[Sample], voice: str, style: str) -> dict[str, dict[str, float]]:
    """How a style differs from neutral in each quality.

    Returns:
        The mean difference over sentences, `apart`, and its effect size, `d`: the difference over
        the pooled standard deviation (Cohen 1988).
    """
    plain, styled = (_table(samples, voice, s) for s in ("neutral", style))
    signs = {}
    for i, name in enumerate(QUALITIES):
        a, b = plain[:, i], styled[:, i]
        both = ~(np.isnan(a) | np.isnan(b))
        if not both.any():
            signs[name] = {"apart": float("nan"), "d": float("nan")}
            continue
        pooled = np.sqrt((a[both].var(ddof=1) + b[both].var(ddof=1)) / 2) if both.sum() > 1 else 0.0
        apart = float((b[both] - a[both]).mean())
        signs[name] = {"apart": apart, "d": apart / pooled if pooled > 0 else 0.0}
    return signs


def _table(samples: Sequence[Sample], voice: str, style: str) -> Array:
    rows = [s for s in samples if (s.voice, s.style) == (voice, style)]
    return np.stack([s.values for s in sorted(rows, key=lambda s: s.sentence)])


def told_apart(samples: Sequence[Sample]) -> dict[str, Any]:
    """How often a classifier names the style of a sentence that it was not trained on.

    Linear discriminants with one covariance of all styles (Fisher 1936), trained on the sentences
    of even number and asked about the others. Qualities count from the voice's neutral mean on the
    training sentences, so that a voice is not mistaken for a style.

    Returns:
        `accuracy`, `by_style` and `by_voice` (shares), `confusion` (style -> named as -> count).
    """
    styles = list(dict.fromkeys(s.style for s in samples))
    centre = {v: _neutral(samples, v) for v in dict.fromkeys(s.voice for s in samples)}

    def seen(odd: int) -> tuple[Array, list[Sample]]:
        chosen = [s for s in samples if s.sentence % 2 == odd]
        # What has no pitch is put at the centre: `voiced` tells that it has none.
        return np.stack([np.nan_to_num(s.values - centre[s.voice]) for s in chosen]), chosen

    x_NQ, trained = seen(0)
    means = np.stack([x_NQ[[s.style == y for s in trained]].mean(axis=0) for y in styles])
    inner = x_NQ - means[[styles.index(s.style) for s in trained]]
    inverse: Array = np.linalg.pinv(inner.T @ inner / len(inner) + 1e-6 * np.eye(len(QUALITIES)))
    y_NQ, asked = seen(1)
    distance: Array = ((y_NQ[:, None] - means) @ inverse * (y_NQ[:, None] - means)).sum(-1)
    named = [styles[i] for i in distance.argmin(axis=1)]
    right = [bool(n == s.style) for n, s in zip(named, asked, strict=True)]

    def share(chosen: Callable[[Sample], bool]) -> float:
        hits = [r for r, s in zip(right, asked, strict=True) if chosen(s)]
        return sum(hits) / len(hits)

    confusion: dict[str, dict[str, int]] = {y: dict.fromkeys(styles, 0) for y in styles}
    for n, s in zip(named, asked, strict=True):
        confusion[s.style][n] += 1
    return {
        "accuracy": share(lambda s: True),
        "by_style": {y: share(lambda s, y=y: s.style == y) for y in styles},  # type: ignore[misc]
        "by_voice": {v: share(lambda s, v=v: s.voice == v) for v in centre},  # type: ignore[misc]
        "confusion": confusion,
    }


def _neutral(samples: Sequence[Sample], voice: str) -> Array:
    rows = [s.values for s in samples if (s.voice, s.style) == (voice, "neutral")]
    even = [s.sentence % 2 == 0 for s in samples if (s.voice, s.style) == (voice, "neutral")]
    return np.nanmean(np.stack(rows)[even], axis=0)  # type: ignore[no-any-return]
