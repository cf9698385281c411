"""The whole making of voxhaus-voice-1, stage by stage.

Knows: the settings of every run; `runs/voice.sh` calls the stages in order.
Refuses to know: how any stage works inside.

Each stage resumes where it stopped: run the same command again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from voxhaus.core.paths import cache_root
from voxhaus.models.voice.config import VoiceConfig
from voxhaus.training.loop.metrics import plot
from voxhaus.training.loop.schedule import Schedule
from voxhaus.training.loop.trainer import LoopConfig, Trainer
from voxhaus.training.voice import corpus
from voxhaus.training.voice.dataset import load_corpus
from voxhaus.training.voice.tasks import AcousticTask, Data, ProsodyTask


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be changed from the command line.

    Attributes:
        steps: length of the run; 0 takes the recipe's own.
        threads: CPU threads; 0 leaves torch's choice.
    """

    corpus: Path
    runs: Path
    steps: int = 0
    threads: int = 0


def default_options() -> Options:
    """Corpus and runs in the cache folder."""
    return Options(corpus=corpus.corpus_folder(), runs=cache_root() / "voice-runs")


def _train(kind: type[AcousticTask] | type[ProsodyTask], name: str, o: Options, **own: float) -> None:
    if o.threads:
        torch.set_num_threads(o.threads)
    train, held_out = load_corpus(o.corpus)
    hours = sum(e.units for e in train) / 40 / 3600
    print(f"{len(train)} readings, {hours:.2f} h; held out {len(held_out)}", flush=True)
    torch.manual_seed(1)
    data = Data(
        train=train,
        held_out=held_out,
        seconds=own["seconds"],
        heard_only=kind is AcousticTask,
    )
    task = kind(data, VoiceConfig())
    schedule = Schedule(peak=own["peak"], steps=o.steps or int(own["steps"]), decay=0.35)
    config = LoopConfig(folder=o.runs / name, schedule=schedule)
    figures = Trainer(task, config).run()
    plot(config.folder / "metrics.jsonl", config.folder / "curves.svg")
    print("finished:", {k: round(v, 4) for k, v in figures.items()}, flush=True)


def prosody(o: Options) -> None:
    """Durations, pitch, voicing and energy."""
    _train(ProsodyTask, "prosody", o, seconds=40.0, peak=1e-3, steps=12_000)


def acoustic(o: Options) -> None:
    """Spectral filters, judged by the waveforms that they make."""
    _train(AcousticTask, "acoustic", o, seconds=16.0, peak=1e-3, steps=12_000)


RECIPES: dict[str, Callable[[Options], None]] = {"prosody": prosody, "acoustic": acoustic}
