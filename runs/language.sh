#!/usr/bin/env bash
# The whole making of voxhaus-1-preview: from nothing to a folder under weights/.
#
# Every stage resumes where it stopped, so this script can be interrupted and started again.
#
#   bash runs/language.sh            the preview: hours on two CPU cores
#   bash runs/language.sh --quick    every stage at its smallest, in minutes, without a network
#
#   SIZE     the dial: layers, from which all else follows   (6; quick: 1)
#   TOKENS   of pre-training, in place of the rule's          (rule: 20 for each active parameter)
#   THREADS  of torch                                        (all cores)
#   DATA     folder of the corpus                            (in the cache)
#   RUNS     folder of checkpoints and curves                (in the cache)
#   OUT      the model folder that is written                (weights/voxhaus-1-preview/1)
#   START    a model folder to go on from instead of from nothing
set -euo pipefail
cd "$(dirname "$0")/.."

QUICK=
[ "${1:-}" != "--quick" ] || QUICK=--quick
CACHE=${VOXHAUS_CACHE:-$HOME/.cache/voxhaus}/language${QUICK:+-quick}
DATA=${DATA:-$CACHE}
RUNS=${RUNS:-$CACHE/runs}
OUT=${OUT:-$([ -n "$QUICK" ] && echo "$CACHE/weights/voxhaus-1-preview/1" || echo weights/voxhaus-1-preview/1)}

# A CPU build of torch that was put into .venv by hand is left alone; otherwise uv brings the locked one.
voxhaus() { uv run --extra language --extra convert --extra text voxhaus "$@"; }
if .venv/bin/python -c 'import torch, safetensors, onnx' 2>/dev/null; then
    voxhaus() { .venv/bin/voxhaus "$@"; }
fi
train() {
    voxhaus train language "$@" --data "$DATA" --runs "$RUNS" --out "$OUT" --threads "${THREADS:-$(nproc)}" \
        ${SIZE:+--size "$SIZE"} ${TOKENS:+--tokens "$TOKENS"} $QUICK
}

# 1. Text: fetched, read, filtered, without duplicates, in tokens. Ends in a table of what was kept and why.
train corpus

# 2. Which of it teaches most.
train select

# 3. The language.
train pretrain ${START:+--start "$START"}

# 4. Everyday tasks from real, licensed material, and learning them.
train tasks
train tune

# 5. To ONNX, eight bits a weight, with card and manifest; what rounding costs is measured.
train package

# 6. Is it good, is it fast?
voxhaus evaluate language --model "$OUT"
voxhaus bench language --model "$OUT"

# 7. It answers.
voxhaus chat "What is a lighthouse?" --model "$OUT"
