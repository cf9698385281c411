#!/usr/bin/env bash
# Speed and quality of the voice beside its peers, in one run on one machine.
#
# The figures mean something only on an otherwise idle machine. Results land in records/ with the
# commit, the configuration and the raw log; nothing is overwritten.
set -euo pipefail
cd "$(dirname "$0")/.."

voxhaus() { uv run --extra evaluate voxhaus "$@"; }

RECORD=records/$(date -u +%F)_speech_$(uname -m)-$(nproc)cores
mkdir -p "$RECORD"
{
    git rev-parse HEAD
    voxhaus doctor
    voxhaus bench speech
    voxhaus evaluate speech
} 2>&1 | tee "$RECORD/raw.log"
