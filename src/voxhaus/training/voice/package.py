"""From checkpoints to a folder under `weights/`.

Knows: which files a voice model folder holds and what its manifest records.
Refuses to know: training, and how the runtime uses the files.
"""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from voxhaus.core.errors import VoxhausError
from voxhaus.models.text.phonemes import MAX_PHONEMES
from voxhaus.models.voice import config as c
from voxhaus.models.voice.acoustic import AcousticModel, prosody_inputs, sharpen
from voxhaus.models.voice.export import export_graphs
from voxhaus.models.voice.prosody import PITCH_CENTRE, ProsodyModel, span_features
from voxhaus.runtime.voice_model import VoiceModel
from voxhaus.runtime.waveform import Array
from voxhaus.runtime.weights import unchecked
from voxhaus.training.loop import checkpoint
from voxhaus.training.voice import by_ear, corpus, styles, teacher
from voxhaus.training.voice.dataset import Example, collate, load_corpus, load_unheard

MODEL = "voxhaus-voice-1"
MEASURED = 16  # readings that show what the spectral head has to expect
STYLED = 80  # readings of each voice on which its styles are measured
HEARD = 40  # readings of each voice whose melody is compared as sound
SHARPENING = 0.3  # of the postfilter; chosen on held-out readings (decision 0045)

# What a listener is told of each voice.
_ACCENTS = {"us": "en-US", "gb": "en-GB"}


def _about(voice: str) -> dict[str, str]:
    taught_by, accent = corpus.VOICES[voice]
    sex = {"f": "female", "m": "male"}[taught_by[1]]
    about = {"id": voice, "name": voice.title(), "sex": sex, "accent": accent}
    return {**about, "language": _ACCENTS[accent]}


def averaged(runs: Path, name: str) -> tuple[dict[str, torch.Tensor], int]:
    """The averaged weights of a run's newest checkpoint, and its step.

    Raises:
        VoxhausError: the run has no checkpoint.
    """
    state = checkpoint.newest(runs / name)
    if state is None:
        raise VoxhausError(f"No checkpoint in {runs / name}; train '{name}' first.")
    return state["average"], int(state["step"])


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def corpus_hash(folder: Path) -> str:
    """SHA-256 over the plans and the names of the finished shards of all corpora in the folder."""
    h = hashlib.sha256()
    for part in corpus.parts_of(folder):
        h.update((part / "plan.jsonl").read_bytes())
        for path in sorted(part.glob("shard-*.npz")):
            h.update(path.name.encode())
    return h.hexdigest()


def _reading(e: Example) -> styles.Reading:
    """A reading as styles are measured on it; borrowed prosody says nothing of the voice's own."""
    pitch_F = styles.heard_pitch(np.where(e.pitch > c.VOICED_FROM, e.pitch, 0.0), e.energy)
    return styles.Reading(tokens=e.tokens.tolist(), pitch_F=pitch_F if e.plain else None)


def _write_voices(
    folder: Path, examples: Sequence[Example], spoken: Sequence[Example] = ()
) -> None:
    """Style vectors of all voices and styles, and the manners that a finished model needs.

    Manners are measured on each voice's first STYLED examples, and all its melodies made narrower
    where its first HEARD spoken ones sound wider than the teacher's.
    """
    voices = teacher.Voices(teacher.fetch())
    model = VoiceModel(unchecked(folder))
    listing, tables = [], []
    for name, (taught_by, _) in corpus.VOICES.items():
        made = {s: styles.styles_of(voices, taught_by, aim) for s, aim in styles.AIMS.items()}
        readings = [_reading(e) for e in examples if e.voice == name and e.voiced][:STYLED]
        manners = styles.manners_of(model, readings, made)
        heard = [e for e in spoken if e.voice == name and e.plain and e.voiced][:HEARD]
        wide = max(1.0, by_ear.width(model, heard, made["neutral"], manners["neutral"]))
        manners = {s: replace(m, range=round(m.range / wide, 3)) for s, m in manners.items()}
        shown = {s: styles.listed(m) for s, m in manners.items()}
        listing.append({**_about(name), "styles": shown})
        tables.append(np.stack(list(made.values())))
    np.save(folder / "styles.npy", np.stack(tables).astype(np.float16))
    rows = list(teacher.STYLE_ROWS)
    write_json(folder / "voices.json", {"default": "anna", "rows": rows, "voices": listing})


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Write a JSON file as model folders hold them."""
    path.write_text(json.dumps(value, indent=1) + "\n", "utf-8")


def config_of() -> dict[str, Any]:
    """What the runtime must know of the time axes."""
    return {
        "synthesiser": {
            "sample_rate": c.SAMPLE_RATE,
            "hop": c.HOP,
            "window": c.WINDOW,
            "fft": c.FFT,
            "voiced_from": c.VOICED_FROM,
        },
        "unit_seconds": c.HOP * c.FRAMES_PER_UNIT / c.SAMPLE_RATE,
        "frames_per_unit": c.FRAMES_PER_UNIT,
        "pitch_centre": PITCH_CENTRE,
        "silent_below": c.SILENT_BELOW,
    }


@torch.no_grad()
def head_reach(model: AcousticModel, readings: Sequence[Example]) -> Array:
    """The largest inputs of each channel [C] of the model's spectral head in some readings."""
    seen: list[torch.Tensor] = []
    hook = model.head.register_forward_pre_hook(lambda _, x: seen.append(x[0].abs().amax((0, 1))))
    for reading in readings:
        b = collate([reading], heard_only=True)
        spans = span_features(b.durations_BL, b.unit_index_BU, b.unit_offset_BU)
        x = model.phonemes(b.tokens_BL, b.style_BS, b.token_mask_BL1)
        curves = prosody_inputs(b.pitch_BF, b.energy_BF)
        model.decode(x, b.style_BS, spans, b.unit_index_BU, curves, b.unit_mask_BU1)
    hook.remove()
    reach: Array = torch.stack(seen).amax(0).numpy()
    return reach


def halfway(
    one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The mean of two sets of weights that lie in one valley of the loss, in float32."""
    return {k: (v.float() + other[k].float()) / 2 for k, v in one.items()}


def write_models(
    prosody: ProsodyModel, acoustic: AcousticModel, out: Path, readings: Sequence[Example] = ()
) -> None:
    """Write both models: their weights in float16 into the folder `training`, and as graphs.

    Args:
        prosody: as trained.
        acoustic: as trained; the postfilter is built into it, so do not train it any further.
        out: folder to write; made where it is missing.
        readings: a few that show what the spectral head has to expect.
    """
    (out / "training").mkdir(parents=True, exist_ok=True)
    for name, model in (("prosody", prosody), ("acoustic", acoustic)):
        half = {k: v.half() for k, v in model.state_dict().items()}
        torch.save(half, out / "training" / f"{name}.pt")
    sharpen(acoustic, SHARPENING)
    reach = head_reach(acoustic, readings) if readings else None
    export_graphs(prosody, acoustic, out, longest=MAX_PHONEMES + 2, reach_C=reach)


def package(
    runs: Path,
    corpus_folder: Path,
    out: Path,
    *,
    begun_from: dict[str, torch.Tensor] | None = None,
    start: Path | None = None,
) -> Path:
    """Write the model folder `out` from the newest checkpoints of both runs; return it.

    The averaged weights themselves are kept in its folder `training`, in float16, so that later
    training can start from them; wheels leave that folder out.

    An adversarial run, where there is one, stands in for the acoustic run that it began from.

    Args:
        runs: folder of the training runs.
        corpus_folder: the corpus that they were trained on.
        out: folder to write; made where it is missing.
        begun_from: weights of the sound model that the run went on from, if any. What is packaged
            then lies halfway between them and its end (Wortsman et al. 2022, "Robust fine-tuning"),
            which scored no worse than either (records/2026-11-25_voice-1-postfilter_training_cpu).
        start: an earlier model's folder `training`, for what was not trained again.

    Raises:
        VoxhausError: neither a run's checkpoint nor `start` has the weights of a model.
    """
    sizes = c.VoiceConfig()
    prosody, acoustic = ProsodyModel(sizes), AcousticModel(sizes)
    steps: dict[str, int | str] = {}
    sound = "adversarial" if (runs / "adversarial").is_dir() else "acoustic"
    for name, run, model in (("prosody", "prosody", prosody), ("acoustic", sound, acoustic)):
        if start is not None and not checkpoint.begun(runs / run):
            state, steps[name] = _read_state(start / f"{name}.pt"), "as before"
        else:
            state, steps[run] = averaged(runs, run)
            if name == "acoustic" and begun_from is not None:
                state = halfway(state, begun_from)
        model.load_state_dict(state)
    trained, held_out = load_corpus(corpus_folder)
    write_models(prosody, acoustic, out, (held_out + trained)[:MEASURED])
    write_json(out / "config.json", config_of())
    _write_voices(out, held_out + load_unheard(corpus_folder), held_out + trained)
    about: dict[str, Any] = {"steps": steps, "corpus_sha256": corpus_hash(corpus_folder)}
    about |= {"halfway_to_start": begun_from is not None, "sharpening": SHARPENING}
    write_manifest(out, {**about, "corpus": corpus.describe(corpus_folder)})
    return out


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    try:
        state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    except OSError as error:
        raise VoxhausError(f"{path} cannot be read; train that stage first.") from error
    return {k: v.float() for k, v in state.items()}


def write_manifest(folder: Path, about: dict[str, Any]) -> None:
    """Write `manifest.json` with a checksum for every file that speaking needs."""
    skip = {"manifest.json", "card.md"}
    files = {
        p.name: {"sha256": hashlib.sha256(p.read_bytes()).hexdigest(), "bytes": p.stat().st_size}
        for p in sorted(folder.iterdir())
        if p.is_file() and p.name not in skip
    }
    write_json(
        folder / "manifest.json",
        {
            "model": MODEL,
            "created": datetime.now(UTC).date().isoformat(),
            "commit": _commit(),
            "recipe": "runs/voice.sh",
            **about,
            "files": files,
        },
    )
