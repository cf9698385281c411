"""Checkpoints that are there whole or not at all.

Knows: naming, atomic writing, finding the newest, keeping a few.
Refuses to know: what the state holds.
"""

from pathlib import Path
from typing import Any

import torch


def save(folder: Path, step: int, state: dict[str, Any], *, keep: int = 2) -> Path:
    """Write `step-NNNNNNNN.pt` atomically and drop all but the newest `keep`; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:08d}.pt"
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
    for old in sorted(folder.glob("step-*.pt"))[:-keep]:
        old.unlink()
    return path


def begun(folder: Path) -> bool:
    """Whether there is a checkpoint in `folder`."""
    return any(folder.glob("step-*.pt"))


def newest(folder: Path) -> dict[str, Any] | None:
    """The state of the newest checkpoint in `folder`, or None."""
    found = sorted(folder.glob("step-*.pt"))
    if not found:
        return None
    state: dict[str, Any] = torch.load(found[-1], map_location="cpu", weights_only=True)
    return state
