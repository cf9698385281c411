#!/usr/bin/env bash
# Speed of the batched path on this machine's GPU, into a folder of records/ with the raw log.
#
# Also runs the tests that need a GPU: they are skipped everywhere else. Without a GPU it says so and stops.
#
#   DEVICE   cuda, or cpu to try the script (a small measurement)   (cuda)
set -euo pipefail
cd "$(dirname "$0")/.."

DEVICE=${DEVICE:-cuda}
RECORD=records/$(date -u +%F)_voice_gpu-speed
PYTHON=${PYTHON:-.venv/bin/python}
export PYTHONPATH=src

if [ -e "$RECORD" ]; then
    echo "$RECORD is already there; move it away first." >&2
    exit 1
fi
if [ "$DEVICE" = cuda ] && ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    echo "There is no CUDA device here (DEVICE=cpu tries the script on the processor)." >&2
    exit 1
fi
SMALL=()
if [ "$DEVICE" = cpu ]; then
    SMALL=(--minutes 2 --streams "1,4" --repeats 2)
fi

mkdir -p "$RECORD"
{
    git rev-parse HEAD 2>/dev/null || true
    nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,power.limit --format=csv 2>/dev/null || true
    "$PYTHON" -m pytest -q tests/runtime/gpu tests/models/voice/test_work.py
    "$PYTHON" -m voxhaus.cli.main bench gpu --device "$DEVICE" "${SMALL[@]}" --out "$RECORD"
} 2>&1 | sed -u "s#$PWD/##g; s#$PWD#.#g; s#$HOME#~#g" | tee "$RECORD/raw.log"
