# One word for each need. `just` comes with the development group: uv run --group dev just WORD

dev := "uv run --group dev"

# List the words
default:
    @just --list --unsorted

# Install everything for development
setup:
    uv sync --group dev

# Everything that a change must pass; arguments go to pytest
[positional-arguments]
@test *arguments:
    {{dev}} python -m tests "$@"

# Linter and formatter, repairing what they can
lint:
    {{dev}} ruff check --fix .
    {{dev}} ruff format .

# Strict types
types:
    {{dev}} mypy

# What CI runs, on this machine
ci:
    bash .ci/run

# Write the generated pages: command line reference, list of decisions
docs:
    {{dev}} python -m voxhaus.cli.reference
    {{dev}} python docs/list_decisions.py

# Speak: just say "Hello" -o hello.wav
[positional-arguments]
@say *arguments:
    uv run voxhaus say "$@"

# A spoken news briefing
[positional-arguments]
@briefing *arguments:
    uv run voxhaus briefing "$@"

# Speed and quality beside the peers, into records/
bench:
    bash runs/bench.sh

# Make the voice, from nothing to weights
voice:
    bash runs/voice.sh

# Make the text model, from nothing to weights; `just language --quick` to see it work
[positional-arguments]
@language *arguments:
    bash runs/language.sh "$@"

# Talk to a text model
[positional-arguments]
@chat *arguments:
    uv run voxhaus chat "$@"

# Build the wheel
wheel:
    uv build
