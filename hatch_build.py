"""Puts the models' weights into the wheel.

Knows: `weights/` of the clone becomes `voxhaus/weights/` of a wheel, but for what only training
needs.
Refuses to know: what the weights are.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WeightsHook(BuildHookInterface):  # type: ignore[type-arg]
    """An editable install reads the clone's own folder, so it gets no copy that could go stale."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a build; `version` is "standard" or "editable"."""
        if version == "standard":
            for path in Path(self.root, "weights").rglob("*"):
                if path.is_file() and path.parent.name != "training":
                    inside = path.relative_to(self.root).as_posix()
                    build_data["force_include"][str(path)] = f"voxhaus/{inside}"
