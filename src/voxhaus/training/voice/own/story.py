"""From a folder of recordings to a voice of one's own: the whole of it.

Knows: the order of stages, their lengths, and what is printed on the way.
Refuses to know: how any stage works inside.

Stages resume: recordings are checked and timed once, training goes on from its checkpoints. A run
on other recordings of the same name begins anew.
"""

import random
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from voxhaus.core.errors import InputError
from voxhaus.models.voice.config import VoiceConfig
from voxhaus.runtime import weights
from voxhaus.runtime.reader import Reader, read_readers
from voxhaus.training.voice import cuts
from voxhaus.training.voice.dataset import Example
from voxhaus.training.voice.own import examples, folder, scores, tuning
from voxhaus.training.voice.own.consent import given
from voxhaus.training.voice.tasks import Data

SOUND_STEPS, PROSODY_STEPS, STYLE_STEPS = 600, 300, 120
MOST_EPOCHS = 40  # a handful of recordings is learned by heart sooner than that
SECONDS = 16.0  # of padded sound in a step, as when the shipped voice was trained
PIECES = 6
HELD_OUT, MOST_HELD_OUT = 0.1, 20
COMPARED = 6  # recordings by which the nearest voice is found

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, kw_only=True)
class OwnOptions:
    """What a voice of one's own is made from.

    Attributes:
        data: folder of recordings with their texts.
        name: id of the voice.
        accent: how texts are pronounced, "us" or "gb".
        consent: file with the speaker's statement, if it is not asked for.
        ask: puts a question to whoever sits at the terminal; None where nobody does.
        runs: where the work is kept.
        out: the model folder to write.
        steps: of the sound model; prosody takes half; 0 is the recipe's own length.
        threads: CPU threads; 0 leaves torch's choice.
    """

    data: Path
    name: str
    runs: Path
    out: Path
    accent: str = "us"
    consent: Path | None = None
    ask: Callable[[str], str] | None = None
    steps: int = 0
    threads: int = 0


def model_name(voice: str) -> str:
    """The model that holds a voice of one's own."""
    return f"own-{voice}"


def check_name(name: str) -> None:
    """Refuse what could not be typed after --voice.

    Raises:
        InputError: not a word of small letters, digits and hyphens.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"'{name}' cannot be a voice's name; use small letters, digits and hyphens, "
            "as in --name maria.",
            param="name",
        )


def make(o: OwnOptions) -> Path:
    """Make the voice; return its model folder.

    Raises:
        InputError: no consent, an unusable name, or recordings that cannot be used.
    """
    check_name(o.name)
    consent = given(o.consent, o.ask)
    if o.threads:
        torch.set_num_threads(o.threads)
    begun = time.monotonic()
    shipped = weights.load("voxhaus-voice-1")
    work = o.runs / model_name(o.name)
    material = examples.prepare(o.data, work, shipped, o.accent)
    prepared = time.monotonic() - begun
    _forget_other(work, material.figures["key"])
    result = learn(o, material, shipped, work)
    about = {
        **result.about,
        "minutes": {
            "preparing": round(prepared / 60, 1),
            "learning": round((time.monotonic() - begun - prepared) / 60, 1),
        },
    }
    result = replace(result, about=about)
    path = folder.write(o.out, o.name, o.accent, consent, material, result)
    found = scores.judge(path, o.name, result.nearest_sound, result.held_out, material.edge)
    folder.write_card(path, o.name, consent, material, result, found)
    print(f'{path}: say something with: voxhaus say "Hello." --model {_said(o, path)}', flush=True)
    return path


def _said(o: OwnOptions, path: Path) -> str:
    named = (model_name(o.name), path.name) in weights.available()
    return model_name(o.name) if named else str(path)


def _forget_other(work: Path, key: str) -> None:
    """Checkpoints of other recordings are of no use."""
    mark = work / "learned-from.txt"
    if mark.is_file() and mark.read_text("utf-8") == key:
        return
    for run in work.glob("*/"):
        if any(run.glob("step-*.pt")):
            shutil.rmtree(run)
    mark.write_text(key, "utf-8")


def split(found: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Training and held-out examples; the same ones for the same recordings."""
    order = list(range(len(found)))
    random.Random(1).shuffle(order)
    count = max(1, min(MOST_HELD_OUT, round(HELD_OUT * len(found))))
    aside = sorted(order[:count])
    train = sorted(order[count:])
    return [found[i] for i in train], [found[i] for i in aside]


def learn(
    o: OwnOptions, material: examples.Material, shipped: weights.Weights, work: Path
) -> folder.Result:
    """Teach both models the speaker."""
    config = VoiceConfig()
    readers, _ = read_readers(shipped)
    train, held_out = split(material.examples)
    starts = {n: _start(shipped, n) for n in ("acoustic", "prosody")}
    data = Data(train=train, held_out=held_out, seconds=SECONDS, heard_only=True)

    def nearest(kind: str) -> Reader:
        rng = random.Random(0)
        some = rng.sample(train, min(COMPARED, len(train)))
        found = {}
        for name, reader in readers.items():
            d = replace(data, held_out=styled(some, reader))
            task = _task(kind, d, config, starts, material.edge)
            found[name] = tuning.loss_of(task)["loss"]
        best = min(found, key=lambda n: found[n])
        shown = {k: round(v, 3) for k, v in found.items()}
        print(f"{kind}: nearest voice {best}", shown, flush=True)
        return readers[best]

    sound_reader, prosody_reader = nearest("acoustic"), nearest("prosody")
    both = [styled(part, sound_reader) for part in (train, held_out)]
    whole = tuning.filled(both[0], starts["acoustic"], config, material.edge)
    shape = cuts.Shape(count=_pieces(whole))
    sound_data = replace(data, train=whole, held_out=both[1], shape=shape)
    sound, acoustic = _stages("acoustic", o, sound_data, config, starts, material.edge, work)
    prosody_data = replace(
        data,
        train=styled(train, prosody_reader),
        held_out=styled(held_out, prosody_reader),
        heard_only=False,
    )
    delivery, prosody = _stages("prosody", o, prosody_data, config, starts, material.edge, work)
    half = tuning.HALF
    table = np.concatenate(
        [
            _table(sound_reader)[:, :half] + acoustic.pop(tuning.OFFSET).numpy(),
            _table(prosody_reader)[:, half:] + prosody.pop(tuning.OFFSET).numpy(),
        ],
        axis=1,
    )
    return folder.Result(
        acoustic=acoustic,
        prosody=prosody,
        table=table.astype(np.float32),
        rows=sound_reader.rows,
        sex=sound_reader.info.sex,
        nearest_sound=sound_reader.info.id,
        nearest_prosody=prosody_reader.info.id,
        held_out=held_out,
        about={"sound": sound, "prosody": delivery, "recordings": len(material.examples)},
    )


def styled(found: Sequence[Example], reader: Reader) -> list[Example]:
    """Examples in a voice's neutral style."""
    return tuning.with_style(found, _table(reader), reader.rows)


def _table(reader: Reader) -> np.ndarray:
    return reader.styles_YRS[reader.info.styles.index(reader.default_style)].astype(np.float32)


def _start(shipped: weights.Weights, name: str) -> tuning.State:
    path = shipped.folder / "training" / f"{name}.pt"
    if not path.is_file():
        raise InputError(
            f"{path} is missing: a wheel brings no weights to train from. Use a clone of the "
            "repository.",
            param="recipe",
        )
    return tuning.plain_start(torch.load(path, weights_only=True))


def _task(
    kind: str,
    data: Data,
    config: VoiceConfig,
    starts: dict[str, tuning.State],
    edge: float,
) -> tuning.Own:
    if kind == "acoustic":
        return tuning.SoundTask(data, config, start=starts[kind], edge=edge)
    return tuning.DeliveryTask(data, config, start=starts[kind])


def _pieces(train: Sequence[Example]) -> int:
    longest = cuts.Shape(count=1).units - 2 * cuts.CONTEXT
    return max(1, min(PIECES, sum(len(cuts.cuts_of(e, longest)) for e in train)))


def _lengths(o: OwnOptions, kind: str, train: Sequence[Example]) -> tuple[int, int]:
    """Steps for the style alone and for all weights."""
    own = SOUND_STEPS if kind == "acoustic" else PROSODY_STEPS
    if o.steps:
        own = o.steps if kind == "acoustic" else max(1, o.steps // 2)
    seconds = sum(e.units for e in train) / 40
    most = max(10, round(MOST_EPOCHS * seconds / SECONDS))
    whole = min(own, most)
    return min(STYLE_STEPS, max(1, whole // 3)), whole


def _stages(
    kind: str,
    o: OwnOptions,
    data: Data,
    config: VoiceConfig,
    starts: dict[str, tuning.State],
    edge: float,
    work: Path,
) -> tuple[dict[str, Any], tuning.State]:
    """Style, then all weights, then whichever of the two is nearer to the held-out recordings."""
    task = _task(kind, data, config, starts, edge)
    for_style, for_all = _lengths(o, kind, data.train)
    figures = {"nearest voice": tuning.loss_of(task)}
    states = {}
    for stage, learn_it, steps in (
        ("style", tuning.learn_style, for_style),
        ("all weights", tuning.learn_all, for_all),
    ):
        begun = time.monotonic()
        states[stage] = learn_it(task, work / f"{kind}-{stage.split()[0]}", steps)
        task.model.load_state_dict(states[stage])
        figures[stage] = tuning.loss_of(task)
        print(
            f"{kind}, {stage}: {steps} steps in {time.monotonic() - begun:.0f} s, held out",
            {k: round(v, 3) for k, v in figures[stage].items()},
            flush=True,
        )
    best = min(states, key=lambda s: figures[s]["loss"])
    return {
        "kept": best,
        "steps": {"style": for_style, "all weights": for_all},
        "held_out": figures,
    }, dict(states[best])
