#!/usr/bin/env bash
# Thousands of requests made from the server's own OpenAPI document: does each get an answer that the
# document foresees, and never a 5xx?
#
#   bash runs/server_fuzz.sh                              starts a server with an empty store
#   URL=http://host:8000 KEY=vx-... bash runs/server_fuzz.sh    against one that runs
#
# CASES is for each route. Left out: positive_data_acceptance, because a document cannot list a running
# server's models and voices, so random names are rightly refused; ignored_auth where no key is
# needed (on loopback).
set -euo pipefail
cd "$(dirname "$0")/.."

CASES=${CASES:-200}
PORT=${PORT:-8137}
SKIPPED=positive_data_acceptance
[[ -n ${KEY:-} ]] || SKIPPED+=,ignored_auth

if [[ -z ${URL:-} ]]; then
    URL=http://127.0.0.1:$PORT
    STORE=$(mktemp -d)
    uv run --group dev voxhaus serve --port "$PORT" --threads 1 \
        --database "sqlite:///$STORE/store.db" 2>"$STORE/log" &
    SERVER=$!
    trap 'kill "$SERVER"; rm -rf "$STORE"' EXIT
    for _ in $(seq 300); do
        curl --silent --fail --output /dev/null "$URL/healthz" && break
        sleep 0.2
    done
fi

uv run --group dev schemathesis run "$URL/openapi.json" --url "$URL" \
    --max-examples "$CASES" --exclude-checks "$SKIPPED" --phases examples,coverage,fuzzing \
    --suppress-health-check all --request-timeout 60 --continue-on-failure \
    ${KEY:+--header "Authorization: Bearer $KEY"} "$@"
