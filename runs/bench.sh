#!/usr/bin/env bash
# Speed and quality of the voice beside its peers, in one run on one machine.
#
# The figures mean something only on an otherwise idle machine. Results land in a folder of records/ with
# the commit, the machine and the raw log (without the names of your folders); a folder that is already
# there is refused.
#
#   ENGINES  who is timed, with commas     (voxhaus,hibari,piper); kokoro, the teacher, is there
#            once a corpus was made, and is then scored, too
set -euo pipefail
cd "$(dirname "$0")/.."

RECORD=records/$(date -u +%F)_speech_$(uname -m)-$(nproc)cores

voxhaus() { uv run --extra evaluate --extra peers voxhaus "$@"; }
if .venv/bin/python -c 'import distillmos, hibari' 2>/dev/null; then
    voxhaus() { .venv/bin/voxhaus "$@"; }
fi

ENGINES=${ENGINES:-voxhaus,hibari,piper}
# Our voices and the teacher's that they learned from:
PAIRS="anna:af_heart ben:am_michael clara:bf_emma david:bm_george ella:af_nova finn:am_fenrir grace:bf_alice hugo:bm_daniel"

if [ -e "$RECORD" ]; then
    echo "$RECORD is already there; move it away first." >&2
    exit 1
fi
mkdir -p "$RECORD"
{
    git rev-parse HEAD
    voxhaus doctor
    voxhaus bench speech --engines "$ENGINES" --out "$RECORD"
    for PAIR in $PAIRS; do
        voxhaus evaluate speech --voice "${PAIR%:*}" --out "$RECORD"
        if [[ ",$ENGINES," == *,kokoro,* ]]; then
            voxhaus evaluate speech --engine kokoro --voice "${PAIR#*:}" --out "$RECORD"
        fi
    done
    voxhaus evaluate speech --engine hibari --out "$RECORD"
    voxhaus evaluate speech --engine piper --out "$RECORD"
} 2>&1 | sed -u "s#$PWD/##g; s#$PWD#.#g; s#$HOME#~#g" | tee "$RECORD/raw.log"
