"""The smallest run of every stage, to see that all of them work on a machine.

Knows: settings that make each stage take seconds to a minute, without a network.
Refuses to know: how to make a good model.
"""

from pathlib import Path
from typing import Any

from voxhaus.core.errors import InputError
from voxhaus.training.data.own_sources import OwnText, open_source
from voxhaus.training.language.tasks import build, identity

SIZE, TOKENS, LENGTH = 1, 400_000, 128
SELECTION: dict[str, Any] = {
    "prior_tokens": 40_000,
    "target_tokens": 20_000,
    "proxies": 4,
    "proxy_tokens": 8_000,
    "tau": 1.5,
    "glance": 64,
}


def corpus(own: bool) -> dict[str, Any]:
    """Options of a small corpus: this repository's pages, unless there is text of one's own."""
    options: dict[str, Any] = {
        "vocabulary": 1024,
        "held_out": 0.2,
        "held_out_target": 0.2,
        "required": True,
    }
    return options if own else {**options, "sources": tuple(pages())}


def pages() -> list[OwnText]:
    """What this repository says in words: its documentation and its records.

    Raises:
        InputError: voxhaus was not installed from a clone of it.
    """
    root = Path(__file__).parents[4]
    if not (root / "docs").is_dir():
        raise InputError(
            "The quick run learns from the pages of the repository, and this is not a clone of it; "
            "name text of your own with --own.",
            param="own",
        )
    return [
        open_source(str(root / name), licence="Apache-2.0")
        for name in ("docs", "records")
        if (root / name).is_dir()
    ]


def tasks(folder: Path) -> dict[str, Any]:
    """Conversations about the model itself, which need no package."""
    return build.build(folder, identity.conversations())
