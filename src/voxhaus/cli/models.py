"""`voxhaus models`: which weights are here.

Knows: how the list is shown.
Refuses to know: what the models do.
"""

import json
from pathlib import Path
from typing import Any

from voxhaus.cli.terminal import AsJson, print_json, print_table


def models(as_json: AsJson = False) -> None:
    """List the models whose weights are installed, with size, origin and whether they are whole."""
    found = [describe(model, version) for model, version in _available()]
    found += _pulled()
    if as_json:
        print_json({"models": found})
        return
    rows = [
        [
            m["model"],
            m["version"],
            f"{m['bytes'] / 1e6:.1f} MB",
            m["created"],
            "; ".join(m["problems"]) or "ok",
        ]
        for m in found
    ]
    print_table(["MODEL", "VERSION", "SIZE", "CREATED", "STATE"], rows)


def _pulled() -> list[dict[str, Any]]:
    """Text models of the Hugging Face Hub that are here."""
    from voxhaus.runtime.language.places import place_of, pulled

    nothing = {"version": "", "created": "", "commit": "", "recipe": "", "problems": []}
    return [
        {"model": m, "path": str(place_of(m)), "bytes": _size(place_of(m)), **nothing}
        for m in pulled()
    ]


def _available() -> list[tuple[str, str]]:
    from voxhaus.runtime.weights import available

    return available()


def describe(model: str, version: str) -> dict[str, Any]:
    """One model folder: what its manifest says of it, its size, and what is wrong with it."""
    from voxhaus.runtime.weights import damaged, find

    folder = find(model, version)
    problems = damaged(folder)
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        manifest = {}
    return {
        "model": model,
        "version": version,
        "path": str(folder),
        "bytes": _size(folder),
        "created": str(manifest.get("created", "")),
        "commit": str(manifest.get("commit", "")),
        "recipe": str(manifest.get("recipe", "")),
        "problems": problems,
    }


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
