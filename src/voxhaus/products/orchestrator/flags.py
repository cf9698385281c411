"""Rollouts through OpenFeature's interface.

Knows: that the flag `route.NAME` is the engine which the targeting key's owner would get.
Refuses to know: how it is chosen. Nothing is asked of an engine.

Source: https://openfeature.dev/specification/sections/providers
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from voxhaus.core.errors import MissingExtraError
from voxhaus.products.orchestrator.conductor import Orchestrator
from voxhaus.products.orchestrator.contract import Caller, UnknownModelError

try:
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.exception import (
        FlagNotFoundError,
        TargetingKeyMissingError,
        TypeMismatchError,
    )
    from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
    from openfeature.provider import AbstractProvider, Metadata
except ImportError:
    raise MissingExtraError("openfeature-sdk", "server") from None

PREFIX = "route."


class RouteFlags(AbstractProvider):
    """A provider whose flags are the routes of an orchestrator, all of them strings."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        super().__init__()
        self._orchestrator = orchestrator

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata(name="voxhaus-routes")

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """The engine that would be asked first; the variant is the side of a rollout."""
        route = flag_key.removeprefix(PREFIX)
        if route == flag_key:
            raise FlagNotFoundError(f"Flags are called {PREFIX}NAME.")
        if evaluation_context is None or not evaluation_context.targeting_key:
            raise TargetingKeyMissingError("The targeting key is the caller's id.")
        caller = Caller(id=evaluation_context.targeting_key)
        try:
            engine, arm = self._orchestrator.engine_for(route, caller)
        except UnknownModelError as error:
            raise FlagNotFoundError(str(error)) from error
        shared = self._orchestrator.rollouts.side(route, caller.id) is not None
        reason = Reason.SPLIT if shared else Reason.STATIC
        return FlagResolutionDetails(value=engine, variant=arm, reason=reason)

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Never: an engine is a string."""
        _mismatch()

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """Never: an engine is a string."""
        _mismatch()

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """Never: an engine is a string."""
        _mismatch()

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Never: an engine is a string."""
        _mismatch()


def _mismatch() -> NoReturn:
    raise TypeMismatchError("The flags of routes are strings.")
