"""The whole making of voxhaus-voice-1, stage by stage.

Knows: the settings of every run; `runs/voice.sh` calls the stages in order.
Refuses to know: how any stage works inside.

Each stage resumes where it stopped: run the same command again.
"""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from voxhaus.core.errors import InputError
from voxhaus.core.paths import cache_root, weights_root
from voxhaus.models.voice.config import VoiceConfig
from voxhaus.training.loop import checkpoint
from voxhaus.training.loop.schedule import Schedule
from voxhaus.training.loop.trainer import LoopConfig, Task, Trainer
from voxhaus.training.voice import corpus
from voxhaus.training.voice.corpus import VOICES
from voxhaus.training.voice.cuts import Shape
from voxhaus.training.voice.dataset import Example, load_corpus, load_unheard
from voxhaus.training.voice.own import story
from voxhaus.training.voice.package import MODEL, averaged, package
from voxhaus.training.voice.tasks import AcousticTask, AdversarialTask, Data, ProsodyTask

START = "start.pt"  # in the folder of a run: what it began from
MOST_OFTEN = 3  # how many times a reading may be heard in an epoch, so that voices balance


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be changed from the command line.

    Attributes:
        steps: length of the run; 0 takes the recipe's own.
        threads: CPU threads; 0 leaves torch's choice.
        hours: teacher speech in the corpus.
        workers: processes that make it, one core each.
        out: the model folder that `package` writes.
        seed: of the corpus; another seed plans other sentences.
        start: a model's folder `training`, whose weights a new run begins from.
        voices: who reads the corpus, in turns.
        data: recordings of a person, for a voice of one's own.
        name: of that voice.
        accent: how its texts are pronounced.
        consent: file with the person's statement.
        ask: asks whoever sits at the terminal; None where nobody does.
    """

    corpus: Path
    runs: Path
    out: Path
    steps: int = 0
    threads: int = 0
    hours: float = 4.0
    workers: int = 2
    seed: int = 1
    start: Path | None = None
    voices: tuple[str, ...] = tuple(VOICES)
    data: Path | None = None
    name: str = ""
    accent: str = "us"
    consent: Path | None = None
    ask: Callable[[str], str] | None = None


def default_options() -> Options:
    """Corpus and runs in the cache folder, the packaged model in the repository's weights."""
    return Options(
        corpus=corpus.corpus_folder(),
        runs=cache_root() / "voice-runs",
        out=weights_root() / MODEL / "4",
    )


def speech(o: Options) -> None:
    """The teacher corpus: plan, teacher and shards.

    An hour of speech takes about 730 sentences; four times as many are planned, so that the
    prosody model hears of three that are not spoken for each one that is.
    """
    planned = round(3000 * o.hours)
    corpus.make(
        o.corpus,
        hours=o.hours,
        workers=o.workers,
        sentences_planned=planned,
        seed=o.seed,
        voices=o.voices,
    )


def _data(o: Options, *, seconds: float, sound: bool) -> Data:
    """All readings for prosody; for sound those that have it, without the silence around them."""
    if o.threads:
        torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    train, held_out = load_corpus(o.corpus)
    if not train:
        raise InputError(
            f"There is no teacher speech in {o.corpus}; make it with: voxhaus train voice corpus",
            param="corpus",
        )
    if not sound:
        train = train + load_unheard(o.corpus)
    hours = sum(e.units for e in train) / 40 / 3600
    print(f"{len(train)} readings, {hours:.2f} h; held out {len(held_out)}", flush=True)
    return Data(train=train, held_out=held_out, seconds=seconds, heard_only=sound)


def _run(task: Task, name: str, o: Options, schedule: Schedule) -> None:
    if o.steps:
        schedule = replace(schedule, steps=o.steps)
    config = LoopConfig(folder=o.runs / name, schedule=schedule)
    figures = Trainer(task, config).run()
    print("finished:", {k: round(v, 4) for k, v in figures.items()}, flush=True)


def _given(o: Options, run: str, name: str) -> dict[str, Tensor] | None:
    """The weights of an earlier version that a run begins from, if any were asked for.

    The run keeps a copy: what `--start` points to is often the folder that is packaged over.

    Raises:
        InputError: the folder does not hold them.
    """
    folder = o.runs / run
    if checkpoint.begun(folder):
        return begun_from(folder)
    if o.start is None:
        (folder / START).unlink(missing_ok=True)
        return None
    path = o.start / f"{name}.pt"
    if not path.is_file():
        raise InputError(
            f"{path} is missing; --start wants a model's folder 'training'.", param="start"
        )
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / START)
    return begun_from(folder)


def begun_from(run: Path) -> dict[str, Tensor] | None:
    """The weights that a run began from, in float32; none if from nothing."""
    if not (run / START).is_file():
        return None
    state: dict[str, Tensor] = torch.load(run / START, weights_only=True)
    return {k: v.float() for k, v in state.items()}


def _fuse() -> bool:
    """Compiling pays where there is a compiler; without one the same steps take twice as long."""
    return shutil.which("g++") is not None


def prosody(o: Options) -> None:
    """Durations, pitch, voicing and energy."""
    start = _given(o, "prosody", "prosody")
    task = ProsodyTask(_data(o, seconds=40.0, sound=False), VoiceConfig(), start=start)
    _run(task, "prosody", o, Schedule(peak=1e-3, steps=16_000, decay=0.35))


def balanced(readings: list[Example]) -> list[Example]:
    """The readings, those of voices with few of them more than once."""
    counts = Counter(e.voice for e in readings)
    most = max(counts.values())
    times = {v: min(MOST_OFTEN, round(most / n)) for v, n in counts.items()}
    return [e for e in readings for _ in range(times[e.voice])]


def _sound(o: Options) -> Data:
    data = _data(o, seconds=16.0, sound=True)
    return replace(data, train=balanced(data.train), shape=Shape(count=6))


def acoustic(o: Options) -> None:
    """Spectral filters, judged by the waveforms that they make."""
    start = _given(o, "acoustic", "acoustic")
    task = AcousticTask(_sound(o), VoiceConfig(), start=start, fuse=_fuse())
    _run(task, "acoustic", o, Schedule(peak=1e-3, steps=7_000, decay=0.35))


def adversarial(o: Options) -> None:
    """The acoustic model again, from its averaged weights, with trained judges."""
    start = _given(o, "adversarial", "acoustic") or averaged(o.runs, "acoustic")[0]
    task = AdversarialTask(_sound(o), VoiceConfig(), start=start, fuse=_fuse())
    _run(task, "adversarial", o, Schedule(peak=3e-4, steps=22_000, decay=0.5))


def packaged(o: Options) -> None:
    """The model folder; for a stage that did not run, with the weights in `start`."""
    old = begun_from(o.runs / "adversarial")
    print(package(o.runs, o.corpus, o.out, begun_from=old, start=o.start))


def own(o: Options) -> None:
    """A voice of one's own: recordings of a person become a model folder.

    Raises:
        InputError: no recordings, no name, no consent.
    """
    if o.data is None:
        raise InputError(
            "Give the folder of recordings with --data; docs/guides/own-voice.md says what it "
            "holds.",
            param="data",
        )
    story.make(
        story.OwnOptions(
            data=o.data,
            name=o.name,
            runs=o.runs,
            out=o.out,
            accent=o.accent,
            consent=o.consent,
            ask=o.ask,
            steps=o.steps,
            threads=o.threads,
        )
    )


# In the order of a whole run; `own` goes on from what is shipped.
RECIPES: dict[str, Callable[[Options], None]] = {
    "corpus": speech,
    "prosody": prosody,
    "acoustic": acoustic,
    "adversarial": adversarial,
    "package": packaged,
    "own": own,
}
