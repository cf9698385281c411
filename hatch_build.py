"""Puts the models' weights into the wheel.

Knows: `weights/` of the clone becomes `voxhaus/weights/` of a wheel.
Refuses to know: what the weights are.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WeightsHook(BuildHookInterface):  # type: ignore[type-arg]
    """An editable install reads the clone's own folder, so it gets no copy that could go stale."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a build; `version` is "standard" or "editable"."""
        if version == "standard":
            build_data["force_include"]["weights"] = "voxhaus/weights"
