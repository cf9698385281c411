"""From checkpoints to a folder under `weights/`.

Knows: which files a voice model folder holds and what its manifest records.
Refuses to know: training, and how the runtime uses the files.
"""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from voxhaus.core.errors import VoxhausError
from voxhaus.models.voice import config as c
from voxhaus.models.voice.acoustic import AcousticModel, sharpen
from voxhaus.models.voice.export import export_graphs
from voxhaus.models.voice.prosody import PITCH_CENTRE, ProsodyModel
from voxhaus.runtime.voice_model import VoiceModel
from voxhaus.runtime.weights import unchecked
from voxhaus.training.loop import checkpoint
from voxhaus.training.voice import corpus, styles, teacher
from voxhaus.training.voice.dataset import Example, load_corpus

MODEL = "voxhaus-voice-1"
LARGE = 1024  # constants of fewer elements are not worth converting
GRAPHS = ("phonemes", "curves", "filters")
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


def _write_voices(folder: Path, held_out: Sequence[Example]) -> None:
    """Style vectors of all voices and styles, and the manners that a finished model needs."""
    voices = teacher.Voices(teacher.fetch())
    model = VoiceModel(unchecked(folder))
    listing, tables = [], []
    for name, (taught_by, _) in corpus.VOICES.items():
        made = {s: styles.styles_of(voices, taught_by, aim) for s, aim in styles.AIMS.items()}
        readings = [
            styles.Reading(
                tokens=e.tokens.tolist(),
                pitch_F=np.where(e.pitch > c.VOICED_FROM, e.pitch, 0.0) if e.plain else None,
            )
            for e in held_out
            if e.voice == name and e.voiced
        ]
        manners = styles.manners_of(model, readings, made)
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


def quantise(path: Path) -> None:
    """Make a graph's matrices int8, one scale a column; activations are scaled on the fly.

    The last layers of durations and curves stay in float32: they are small, and rounding them moved
    durations by 1.8 per cent where rounding all the rest moves them by 0.25.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    nodes = [n.name for n in onnx.load(path).graph.node if n.op_type == "MatMul"]
    exact = ("/duration/", "/curves/")
    small = path.with_suffix(".int8.onnx")
    quantize_dynamic(
        path,
        small,
        nodes_to_exclude=[n for n in nodes if n.startswith(exact)],
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )
    small.replace(path)


def optimise(path: Path) -> None:
    """Fuse a graph's operators once, as every load would have to.

    Only fusions that all processors share; the runtime then loads the graph as it is, in a third of
    the time.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    fused = path.with_suffix(".fused.onnx")
    options.optimized_model_filepath = str(fused)
    ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    fused.replace(path)


def store_half(path: Path) -> None:
    """Keep a graph's large constants in float16; the runtime widens them when it loads.

    Arithmetic stays in float32, so only the constants are rounded.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph, casts = model.graph, []
    for constant in graph.initializer:
        if constant.data_type != TensorProto.FLOAT or np.prod(constant.dims) < LARGE:
            continue
        name = constant.name
        half = numpy_helper.to_array(constant).astype(np.float16)
        constant.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    onnx.save(model, path)


def halfway(
    one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The mean of two sets of weights that lie in one valley of the loss, in float32."""
    return {k: (v.float() + other[k].float()) / 2 for k, v in one.items()}


def write_models(
    prosody: ProsodyModel,
    acoustic: AcousticModel,
    out: Path,
    *,
    int8: Sequence[str] = GRAPHS,
) -> None:
    """Write both models: their weights in float16 into the folder `training`, and as graphs.

    Args:
        prosody: as trained.
        acoustic: as trained; the postfilter is built into it, so do not train it any further.
        out: folder to write; made where it is missing.
        int8: names of graphs to quantise; the others are stored in float16.
    """
    (out / "training").mkdir(parents=True, exist_ok=True)
    for name, model in (("prosody", prosody), ("acoustic", acoustic)):
        half = {k: v.half() for k, v in model.state_dict().items()}
        torch.save(half, out / "training" / f"{name}.pt")
    sharpen(acoustic, SHARPENING)
    for path in export_graphs(prosody, acoustic, out):
        if path.stem in int8:
            quantise(path)
            optimise(path)
        else:
            store_half(path)


def package(
    runs: Path,
    corpus_folder: Path,
    out: Path,
    *,
    int8: tuple[str, ...] = GRAPHS,
    begun_from: dict[str, torch.Tensor] | None = None,
) -> Path:
    """Write the model folder `out` from the newest checkpoints of both runs; return it.

    The averaged weights themselves are kept in its folder `training`, in float16, so that later
    training can start from them; wheels leave that folder out.

    An adversarial run, where there is one, stands in for the acoustic run that it began from.

    Args:
        runs: folder of the training runs.
        corpus_folder: the corpus that they were trained on.
        out: folder to write; made where it is missing.
        int8: names of graphs to quantise; the others are stored in float16.
        begun_from: weights of the sound model that the run went on from, if any. What is packaged
            then lies halfway between them and its end (Wortsman et al. 2022, "Robust fine-tuning"),
            which scored no worse than either (records/2026-11-25_voice-1-postfilter_training_cpu).
    """
    sizes = c.VoiceConfig()
    prosody, acoustic = ProsodyModel(sizes), AcousticModel(sizes)
    steps = {}
    sound = "adversarial" if (runs / "adversarial").is_dir() else "acoustic"
    for name, run, model in (("prosody", "prosody", prosody), ("acoustic", sound, acoustic)):
        state, steps[run] = averaged(runs, run)
        if name == "acoustic" and begun_from is not None:
            state = halfway(state, begun_from)
        model.load_state_dict(state)
    write_models(prosody, acoustic, out, int8=int8)
    write_json(out / "config.json", config_of())
    _write_voices(out, load_corpus(corpus_folder)[1])
    about: dict[str, Any] = {"steps": steps, "corpus_sha256": corpus_hash(corpus_folder)}
    about |= {"halfway_to_start": begun_from is not None, "sharpening": SHARPENING}
    write_manifest(out, {**about, "corpus": corpus.describe(corpus_folder)})
    return out


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
