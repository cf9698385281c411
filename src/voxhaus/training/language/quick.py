"""The smallest run of every stage, to see that all of them work on a machine.

Knows: settings that make each stage after the corpus (`data/quick.py`) take seconds to a minute,
without a network.
Refuses to know: how to make a good model.
"""

from pathlib import Path
from typing import Any

from voxhaus.training.language.tasks import build, identity

SIZE, TOKENS, LENGTH = 1, 300_000, 128
TUNING = 60  # steps
SELECTION: dict[str, Any] = {
    "prior_tokens": 40_000,
    "target_tokens": 20_000,
    "proxies": 4,
    "proxy_tokens": 8_000,
    "tau": 1.5,
    "glance": 64,
}


def tasks(folder: Path) -> dict[str, Any]:
    """Conversations about the model itself, which need no package."""
    return build.build(folder, identity.conversations())
