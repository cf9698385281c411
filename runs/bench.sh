#!/usr/bin/env bash
# Speed and quality of the voice beside its peers, in one run on one machine.
#
# The figures mean something only on an otherwise idle machine. Results land in a folder of records/ with
# the commit, the machine and the raw log; a folder that is already there is refused.
#
#   ENGINES  who is timed, with commas     (voxhaus,hibari,piper)
set -euo pipefail
cd "$(dirname "$0")/.."

ENGINES=${ENGINES:-voxhaus,hibari,piper}
RECORD=records/$(date -u +%F)_speech_$(uname -m)-$(nproc)cores

voxhaus() { uv run --extra evaluate --extra peers voxhaus "$@"; }
if .venv/bin/python -c 'import distillmos, hibari' 2>/dev/null; then
    voxhaus() { .venv/bin/voxhaus "$@"; }
fi

if [ -e "$RECORD" ]; then
    echo "$RECORD is already there; move it away first." >&2
    exit 1
fi
mkdir -p "$RECORD"
{
    git rev-parse HEAD
    voxhaus doctor
    voxhaus bench speech --engines "$ENGINES" --out "$RECORD"
    for VOICE in anna ben clara david; do
        voxhaus evaluate speech --voice "$VOICE" --out "$RECORD"
    done
    voxhaus evaluate speech --engine hibari --out "$RECORD"
    voxhaus evaluate speech --engine piper --out "$RECORD"
} 2>&1 | tee "$RECORD/raw.log"
