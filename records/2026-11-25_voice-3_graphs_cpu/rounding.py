"""How far shipped graphs are from float32 ones of the same weights, on the paragraph of the bench.

Durations in per cent, pitch in semitones, levels in decibels: means of absolute differences. Curves
and filters of both are asked with the durations and curves of the float32 graphs.
"""

import tempfile
from pathlib import Path

import numpy as np

from voxhaus.evals.sentences import paragraph
from voxhaus.models.text.phonemes import MAX_PHONEMES
from voxhaus.models.voice.config import BINS
from voxhaus.models.voice.export import export_graphs
from voxhaus.runtime import voice_model, weights
from voxhaus.runtime.gpu.voice import load_models
from voxhaus.runtime.voice import Voice
from voxhaus.runtime.voice_model import VoiceModel

DECIBELS = 20 / np.log(10)

files = weights.load("voxhaus-voice-1")
shipped, reader = VoiceModel(files), Voice(files, threads=1)
rows = []
with tempfile.TemporaryDirectory() as folder:
    export_graphs(*load_models(files), Path(folder), longest=MAX_PHONEMES + 2, exact=True)
    (Path(folder) / "config.json").write_bytes(files.path("config.json").read_bytes())
    exact = VoiceModel(weights.unchecked(Path(folder)))
    for voice in ("anna", "david", "grace"):
        for job in reader.jobs(paragraph(), voice, None, 1.0, 0):
            made, places, given = [], {}, {}
            for model in (exact, shipped):
                asked = model._asked(job.style_1S)
                feeds = {k: v for k, v in asked.items() if k.startswith("phonemes")}
                feeds["tokens"] = np.array(job.tokens)
                durations, prosody, sound = model._phonemes.run(None, feeds)
                if not made:
                    lengths = voice_model.whole_units(durations, 1.0)
                    index, offset = voice_model._places(lengths)
                    places = {"index": index, "spans": voice_model._spans(lengths, index, offset)}
                feeds = {"features": prosody, "curves": asked["curves"], **places}
                pitch, voicing, energy = model._curves.run(None, feeds)
                if not made:
                    hertz = np.where(voicing > 0, 200 * np.exp2(pitch), 0).astype(np.float32)
                    given = {"prosody": model._inputs(hertz, energy)}
                feeds = {"features": sound, "filters": asked["filters"], **places, **given}
                made.append((durations, 12 * pitch[hertz > 0], model._filters.run(None, feeds)[0]))
            (d0, p0, o0), (d1, p1, o1) = made
            apart = DECIBELS * np.abs(o1 - o0)
            level, noise = apart[:, :BINS].mean(), apart[:, 2 * BINS : 3 * BINS].mean()
            row = (100 * np.abs(d1 / d0 - 1).mean(), np.abs(p1 - p0).mean(), level, noise)
            rows.append(row)
durations, pitch, level, noise = np.mean(rows, 0)
print(
    f"durations {durations:.3f} %, pitch {pitch:.3f} st, level {level:.3f} dB, noise {noise:.3f} dB"
)
