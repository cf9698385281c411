#!/usr/bin/env bash
# The official Python SDK's own tests (tests/api_resources of its source package) of the routes that we
# serve, against a running `voxhaus serve` with our voice and the packaged SmolLM2. What passes, what
# fails and why lands in a folder of records/.
#
# The tests are unmodified but for the two keys, which the server must know.
#
#   VERSION  of the SDK  (the installed one)
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD

python=.venv/bin/python
VERSION=${VERSION:-$($python -c 'from importlib.metadata import version; print(version("openai"))')}
RECORD=${RECORD:-records/$(date -u +%F)_server_sdk-tests_cpu}
PORT=${PORT:-8765}
WORK=$(mktemp -d)
trap 'kill "${SERVER:-}" 2>/dev/null || true; rm -rf "$WORK"' EXIT
mkdir -p "$RECORD"

python3 -m pip download --quiet --no-deps --no-binary openai --dest "$WORK" "openai==$VERSION"
tar -xzf "$WORK"/openai-*.tar.gz -C "$WORK"
uv venv --quiet "$WORK/venv"
uv pip install --quiet --python "$WORK/venv/bin/python" "openai[aiohttp]==$VERSION" \
    pytest pytest-asyncio pytest-xdist dirty-equals rich inline-snapshot nest-asyncio time-machine

# Names that the tests ask for, and what answers to them here.
cat >"$WORK/engines.toml" <<'TOML'
[engines.voice]
kind = "voice"
models = { "tts-1" = "voxhaus-voice-1" }

[engines.text]
kind = "llama"
models = { "gpt-6-astra" = "smollm2-135m-instruct" }

[engines.ears]
kind = "whisper"
models = { "whisper-1" = "whisper-base", "gpt-4o-transcribe" = "whisper-base" }
TOML
DATABASE=sqlite:///$WORK/voxhaus.db
KEY=$(.venv/bin/voxhaus keys create sdk --database "$DATABASE" --json |
    $python -c 'import json, sys; print(json.load(sys.stdin)["value"])')
sed -i "s/^api_key = .*/api_key = \"$KEY\"/; s/^admin_api_key = .*/admin_api_key = \"$KEY\"/" \
    "$WORK"/openai-*/tests/conftest.py

.venv/bin/voxhaus serve --port "$PORT" --config "$WORK/engines.toml" --database "$DATABASE" \
    2>"$WORK/server.log" &
SERVER=$!
for _ in $(seq 100); do
    curl --silent --fail "http://127.0.0.1:$PORT/healthz" >/dev/null && break
    sleep 0.2
done

{
    git rev-parse HEAD
    echo "openai $VERSION"
    cd "$WORK"/openai-*/
    COLUMNS=400 TEST_API_BASE_URL=http://127.0.0.1:$PORT/v1 "$WORK/venv/bin/python" -m pytest -q --tb=no -rf -p no:cacheprovider \
        --rootdir . -n 0 tests/api_resources/audio tests/api_resources/chat/test_completions.py \
        tests/api_resources/test_responses.py tests/api_resources/test_models.py || true
} 2>&1 | sed "s|$WORK|WORK|g; s|$ROOT|ROOT|g" | tee "$RECORD/log.txt"
