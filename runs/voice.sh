#!/usr/bin/env bash
# The whole making of voxhaus-voice-1: from nothing to a folder under weights/.
#
# Every stage resumes where it stopped, so this script can be interrupted and started again. On two CPU
# cores the corpus takes most of the time; the same code runs on a GPU where torch finds one.
#
#   HOURS    teacher speech to make          (4)
#   STEPS    length of every training run    (each recipe's own; a trial takes minutes with HOURS=0.1 STEPS=50)
#   WORKERS  processes that make it          (all cores)
#   OUT      the model folder that is written (weights/voxhaus-voice-1/4)
#   SEED     of the corpus: another seed, other sentences    (1)
#   START    a model's folder 'training' to go on from instead of from nothing, as
#            weights/voxhaus-voice-1/4/training; the acoustic stage is then left out
set -euo pipefail
cd "$(dirname "$0")/.."

HOURS=${HOURS:-4}
STEPS=${STEPS:-0}
WORKERS=${WORKERS:-$(nproc)}
OUT=${OUT:-weights/voxhaus-voice-1/4}
SEED=${SEED:-1}
START=${START:-}

# A CPU build of torch that was put into .venv by hand is left alone; otherwise uv brings the locked one.
voxhaus() { uv run --extra train --extra evaluate --extra peers voxhaus "$@"; }
if .venv/bin/python -c 'import torch, onnx, openvino' 2>/dev/null; then
    voxhaus() { .venv/bin/voxhaus "$@"; }
fi
train() { voxhaus train voice "$@" --steps "$STEPS" --out "$OUT" ${START:+--start "$START"}; }

# 1. What the teacher says: fetch it, plan who reads which sentence, fill the shards; the rest of the plan is
#    timed and tuned without sound.
train corpus --hours "$HOURS" --workers "$WORKERS" --seed "$SEED"

# 2. When: durations, pitch, voicing and energy from phonemes.
train prosody

# 3. How it sounds: filters per frame, first by spectral losses, then with small judges beside them.
[ -n "$START" ] || train acoustic
train adversarial

# 4. To ONNX, with voices, configuration and manifest.
train package

# 5. Is it good, is it fast?
VOXHAUS_WEIGHTS=$(realpath "$OUT/../..")
export VOXHAUS_WEIGHTS
for VOICE in anna ben clara david ella finn grace hugo; do
    voxhaus evaluate speech --voice "$VOICE"
done
voxhaus evaluate styles --judged 12
voxhaus bench speech --engines voxhaus,hibari,piper
