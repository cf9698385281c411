"""From recordings and their texts to examples that the voice can learn from.

Knows: the order of work: texts to phonemes, checks, trimming and levelling, timing, pitch, energy;
and how the result is kept as a shard, as teacher speech is.
Refuses to know: training of the voice.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.core.loudness import integrated, normalised
from voxhaus.core.speech import Samples
from voxhaus.evals.judges import JUDGE_RATE, Transcriber
from voxhaus.models.text import markup
from voxhaus.models.text.frontend import TextFrontend
from voxhaus.models.text.phonemes import MAX_PHONEMES
from voxhaus.models.voice.config import FRAMES_PER_UNIT
from voxhaus.runtime.weights import Weights
from voxhaus.training.voice.dataset import Example, load_shard
from voxhaus.training.voice.own import alignment, bands, checks, curves, words
from voxhaus.training.voice.own.checks import Finding
from voxhaus.training.voice.own.practice import Practice, Reciter
from voxhaus.training.voice.own.recordings import RATE, Recording, load, read_folder, resampled
from voxhaus.training.voice.sentences import Templates

LEAD, TAIL = 0.1, 0.15  # seconds of silence that stay around the speech
MEASURED_BY = ("grace", "hugo")  # practice voices that the aligner is only tested on
PRACTICE, TESTS = 160, 30  # readings
PRACTICE_STEPS, LISTENING_STEPS = 300, 60
UNSURE = 6.0  # times the usual spread under the usual sureness: the text is another one
FEWEST = 5  # recordings
MARKS = frozenset(' ˈˌː,.;:!?—…"()“”')

SHARD = "shard-00000.npz"
FIGURES = "figures.json"
REPORT = "recordings.md"


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a voice is learned from.

    Attributes:
        examples: timed recordings; their style is empty.
        edge: Hz above which the recordings hold nothing.
        figures: what was measured on the way.
    """

    examples: list[Example]
    edge: float
    figures: dict[str, Any]


def prepare(data: Path, work: Path, shipped: Weights, accent: str) -> Material:
    """Check, time and keep the recordings of a folder; what is kept already is read again.

    Args:
        data: the folder of recordings.
        work: where report, figures and examples are written.
        shipped: the voice that practice speech comes from.
        accent: "us" or "gb".

    Raises:
        InputError: no folder, or too few recordings that can be used; the report says why.
    """
    recordings = read_folder(data)
    frontend = TextFrontend(accent)
    key = _hash(recordings, accent)
    kept = _kept(work, key)
    if kept is not None:
        return kept
    work.mkdir(parents=True, exist_ok=True)
    phonemes = {r.name: _phonemes(frontend, r.text) for r in recordings}
    findings, sounds = [], {}
    for r in recordings:
        finding, samples = _examined(r, phonemes[r.name])
        findings.append(finding)
        if not finding.problems:
            sounds[r.name] = samples
    findings, listened = _listened(recordings, sounds, findings)
    sounds = {f.name: sounds[f.name] for f in findings if not f.problems}
    _enough(findings, work, listened)
    reciter = Reciter(shipped)
    material = _timed(recordings, phonemes, sounds, findings, reciter, shipped)
    _enough(material[1], work, listened)
    examples, findings, figures = material
    figures |= {"key": key, "listened": listened, "findings": checks.rows(findings)}
    _keep(work / SHARD, examples)
    (work / FIGURES).write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    return Material(examples=examples, edge=figures["edge_hz"], figures=figures)


def _hash(recordings: Sequence[Recording], accent: str) -> str:
    h = hashlib.sha256(accent.encode())
    for r in recordings:
        h.update(f"\n{r.name}|{r.text}|".encode() + r.path.read_bytes())
    return h.hexdigest()


def _kept(work: Path, key: str) -> Material | None:
    if not (work / FIGURES).is_file() or not (work / SHARD).is_file():
        return None
    figures = json.loads((work / FIGURES).read_text("utf-8"))
    if figures["key"] != key:
        return None
    return Material(
        examples=load_shard(work / SHARD), edge=float(figures["edge_hz"]), figures=figures
    )


def _phonemes(frontend: TextFrontend, text: str) -> str:
    """Phonemes of a whole transcript; nothing where it cannot be read."""
    try:
        return " ".join(u.phonemes for u in frontend.utterances(markup.plain(text)))
    except InputError:
        return ""


def _listened(
    recordings: Sequence[Recording], sounds: dict[str, Samples], findings: list[Finding]
) -> tuple[list[Finding], str]:
    """The findings after Whisper listened, where it is there, and what the report says of it."""
    try:
        hears = Transcriber()
    except MissingExtraError:
        return findings, "not checked; `pip install 'voxhaus[evaluate]'` brings a listener."
    used = [r for r in recordings if r.name in sounds]
    print(f"listening to the words of {len(used)} recordings", flush=True)
    at_rate = [resampled(sounds[r.name], RATE, JUDGE_RATE) for r in used]
    found = words.listen(hears, at_rate, [r.text for r in used])
    verdicts = {r.name: v for r, v in zip(used, found, strict=True)}
    return [
        checks.with_words(f, *verdicts[f.name]) if f.name in verdicts else f for f in findings
    ], "heard by Whisper base."


def _examined(recording: Recording, phonemes: str) -> tuple[Finding, Samples]:
    samples, rate = load(recording.path)
    sounds = sum(c not in MARKS for c in phonemes)
    finding = checks.examine(recording, samples, rate, sounds=sounds)
    if not phonemes:
        finding = replace(finding, problems=("a text that cannot be read",))
    elif len(phonemes) > MAX_PHONEMES:
        finding = replace(finding, problems=(f"more than {MAX_PHONEMES} phonemes: cut it in two",))
    first = max(0, round((finding.start - LEAD) * rate))
    last = round((finding.stop + TAIL) * rate)
    return finding, resampled(samples[first:last], rate)


def _enough(findings: Sequence[Finding], work: Path, listened: str) -> None:
    (work / REPORT).write_text(checks.report(findings, listened=listened), "utf-8")
    used = [f for f in findings if not f.problems]
    if len(used) < FEWEST:
        raise InputError(
            f"{len(used)} of {len(findings)} recordings can be used, and {FEWEST} are the least; "
            f"{work / REPORT} says why.",
            param="data",
        )


def _timed(
    recordings: Sequence[Recording],
    phonemes: dict[str, str],
    sounds: dict[str, Samples],
    findings: list[Finding],
    reciter: Reciter,
    shipped: Weights,
) -> tuple[list[Example], list[Finding], dict[str, Any]]:
    rng = np.random.default_rng(1)
    edge = 0.92 * checks.limits(findings)
    filters = bands.filters(edge)
    used = [r for r in recordings if r.name in sounds]
    spoken = [phonemes[r.name] for r in used]
    practice, tests = _practice(spoken, reciter, shipped, rng)
    print(f"aligner: {len(practice)} practice readings, bands up to {edge:.0f} Hz", flush=True)
    seen = [_seen(p, filters) for p in practice]
    aligner = alignment.practised(seen, steps=PRACTICE_STEPS)
    tested = [_seen(p, filters) for p in tests]
    errors = alignment.boundary_errors(aligner, tested)
    print("aligner on voices it has not met:", asdict(errors), flush=True)
    target = float(np.median([integrated(p.samples, RATE) for p in tests]))
    levelled = {r.name: normalised(sounds[r.name], RATE, target) for r in used}
    heard = {
        r.name: alignment.Heard(
            tokens=_tokens(phonemes[r.name]),
            bands_FM=bands.even(bands.log_bands(levelled[r.name], filters)),
        )
        for r in used
    }
    alignment.listened(aligner, list(heard.values()), seen, steps=LISTENING_STEPS)
    after = alignment.boundary_errors(aligner, tested)
    energy = curves.fitted(practice, filters)
    figures: dict[str, Any] = {
        "edge_hz": edge,
        "loudness_lufs": target,
        "borders": asdict(errors),
        "borders_after_listening": asdict(after),
        "energy_error": energy.error(tests, filters),
    }
    examples, sure = {}, {}
    for r in used:
        found = heard[r.name]
        if len(found.bands_FM) < len(found.tokens):
            continue
        frames, sure[r.name] = alignment.timed(aligner, found)
        examples[r.name] = _example(r.text, found, frames, levelled[r.name], filters, energy)
    usual = usual_sureness({n: (sure[n], len(heard[n].tokens)) for n in sure})
    findings = [_judged(f, usual, set(sounds)) for f in findings]
    good = {f.name for f in findings if not f.problems}
    figures["seconds"] = sum(e.units for n, e in examples.items() if n in good) / 40
    return [e for n, e in examples.items() if n in good], findings, figures


def _practice(
    spoken: Sequence[str], reciter: Reciter, shipped: Weights, rng: np.random.Generator
) -> tuple[list[Practice], list[Practice]]:
    """Readings to learn from, half of them of the speaker's own texts, and others to test by."""
    frontend = TextFrontend("us")
    written = Templates(1)
    texts = [u.phonemes for _ in range(PRACTICE) for u in frontend.utterances(written.sentence())]
    learners = Reciter(shipped, [v for v in reciter.readers if v not in MEASURED_BY])
    testers = Reciter(shipped, MEASURED_BY)
    own = [spoken[i] for i in rng.integers(len(spoken), size=PRACTICE // 2)]
    practice = [learners.varied(p, rng) for p in [*own, *texts[: PRACTICE // 2]]]
    tests = [testers.varied(p, rng) for p in texts[-TESTS:]]
    return practice, tests


def _seen(made: Practice, filters: bands.Array) -> alignment.Heard:
    return alignment.heard_of(made, bands.even(bands.log_bands(made.samples, filters)))


def _tokens(phonemes: str) -> np.ndarray:
    from voxhaus.models.text.phonemes import encode

    return np.array(encode(phonemes))


def usual_sureness(found: dict[str, tuple[float, int]]) -> dict[str, float]:
    """By recording, how many usual spreads its timing is surer than usual for its length.

    Args:
        found: by recording, mean log-probability of its timing and number of tokens; more tokens
            are more to choose from.
    """
    sure, sizes = (np.array(x, float) for x in zip(*found.values(), strict=True))
    logs = np.log(sizes)
    slope, middle = np.polyfit(logs, sure, 1) if len(found) > 10 else (0.0, float(np.median(sure)))
    apart = sure - (slope * logs + middle)
    apart -= np.median(apart)
    spread = float(np.median(np.abs(apart))) + 0.02
    return dict(zip(found, (apart / spread).tolist(), strict=True))


def _judged(finding: Finding, usual: dict[str, float], sounding: set[str]) -> Finding:
    """The finding, with a problem where the sound does not follow the text.

    Where somebody heard the right words, being unsure of their timing says nothing against them.
    """
    if finding.name not in sounding:
        return finding
    if finding.name not in usual:
        return replace(finding, problems=("spoken faster than the model can follow",))
    if finding.wrong is None and usual[finding.name] < -UNSURE:
        return replace(finding, problems=("the sound does not follow the text",))
    return finding


def _example(
    text: str,
    heard: alignment.Heard,
    frames: np.ndarray,
    samples: Samples,
    filters: bands.Array,
    energy: curves.EnergyScale,
) -> Example:
    durations = whole_units(frames)
    count = int(durations.sum()) * FRAMES_PER_UNIT
    length = count * bands.HOP
    padded = np.pad(samples, (0, max(0, length - len(samples))))[:length]
    return Example(
        voice="own",
        text=text,
        tokens=heard.tokens.astype(np.int16),
        durations=durations.astype(np.int16),
        exact_durations=(frames / FRAMES_PER_UNIT).astype(np.float32),
        pitch=curves.pitch_of(padded),
        energy=energy.of(bands.log_bands(padded, filters)),
        style=np.zeros(256, np.float32),
        samples=np.round(np.clip(padded, -1, 1) * 32767).astype(np.int16),
    )


def whole_units(frames_L: np.ndarray) -> np.ndarray:
    """Frames of each token as units of two, one at least, without drift; the end may move."""
    ends = np.round(np.cumsum(frames_L) / FRAMES_PER_UNIT).astype(np.int64)
    made, last = np.empty(len(ends), np.int64), 0
    for i, end in enumerate(ends):
        made[i] = max(1, end - last)
        last += made[i]
    return made


def _keep(path: Path, examples: Sequence[Example]) -> None:
    """Write a shard as `dataset.load_shard` reads it."""

    def flat(name: str, dtype: str) -> np.ndarray:
        return np.concatenate([getattr(e, name) for e in examples]).astype(dtype)

    rows = [{"voice": e.voice, "text": e.text} for e in examples]
    np.savez(
        path,
        allow_pickle=False,
        samples=flat("samples", "<i2"),
        n_samples=np.array([len(e.samples) for e in examples], "<i4"),
        durations=flat("durations", "<i2"),
        exact_durations=flat("exact_durations", "<f4"),
        n_tokens=np.array([len(e.tokens) for e in examples], "<i4"),
        pitch=flat("pitch", "<f4"),
        energy=flat("energy", "<f4"),
        styles=np.stack([e.style for e in examples]).astype("<f4"),
        tokens=flat("tokens", "<i2"),
        rows=np.frombuffer(json.dumps(rows, ensure_ascii=False).encode(), np.uint8),
    )
