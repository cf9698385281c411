"""From a public name to the engines that may answer, in order.

Knows: models, routes, policies, and what a caller may use.
Refuses to know: health, failures and rollouts.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from voxhaus.core.chat import ChatRequest
from voxhaus.core.errors import InputError
from voxhaus.core.hearing import TranscriptionRequest
from voxhaus.products.orchestrator.config import IN_PROCESS, Config, EngineConfig
from voxhaus.products.orchestrator.contract import Caller, Policy, Task, UnknownModelError
from voxhaus.products.orchestrator.engine import Request

_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A model at an engine.

    Attributes:
        model: its public name.
        own: the engine's name of it.
    """

    engine: str
    model: str
    own: str


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where a request may go.

    Attributes:
        route: the name that was asked for.
        direct: it is a model's name.
        choices: in order; at least one.
    """

    route: str
    direct: bool
    task: Task
    policy: Policy
    choices: tuple[Choice, ...]


class Routes:
    """All public names of a configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ways = {way.route: way for way in _ways(config)}

    def engine(self, choice: Choice) -> EngineConfig:
        """The declaration behind a choice."""
        return self._config.engines[choice.engine]

    def choice(self, written: str) -> Choice:
        """What "engine" or "engine/model" means.

        Raises:
            InputError: there is no such engine or model.
        """
        try:
            return _choice(self._config, written)
        except ValueError as error:
            raise InputError(f"{str(error).capitalize()}.", param="candidate") from error

    def all(self, caller: Caller | None = None) -> list[Way]:
        """Every name that a caller may use, with the choices that are left to it."""
        return [
            way
            for name in self._ways
            if _may(caller, name) and (way := self._left_to(self._ways[name], caller)).choices
        ]

    def find(self, name: str, task: Task | None, caller: Caller | None = None) -> Way:
        """The way to a name.

        Args:
            name: of a model or a route.
            task: what is wanted of it; None for anything.
            caller: who asks; None for one who may use everything.

        Raises:
            UnknownModelError: there is none, or not for this caller or task.
        """
        known = self._ways.get(name)
        if known is None or not _may(caller, name) or task not in (None, known.task):
            raise UnknownModelError(self._others(name, task, caller))
        way = self._left_to(known, caller)
        if not way.choices:
            raise UnknownModelError(
                f"No engine of '{name}' runs on this machine, and this request may not leave it."
            )
        return way

    def suited(self, way: Way, request: Request) -> Way:
        """The same way without engines that are declared to be unable.

        Raises:
            InputError: none is left.
        """
        reasons = [_unsuited(request, self.engine(c)) for c in way.choices]
        fit = tuple(c for c, r in zip(way.choices, reasons, strict=True) if r is None)
        if not fit:
            raise next(r for r in reasons if r is not None)
        return Way(
            route=way.route, direct=way.direct, task=way.task, policy=way.policy, choices=fit
        )

    def _left_to(self, way: Way, caller: Caller | None) -> Way:
        home_only = way.policy == "local-only" or (caller is not None and caller.local_only)
        choices = [c for c in way.choices if self.engine(c).local or not home_only]
        return Way(
            route=way.route,
            direct=way.direct,
            task=way.task,
            policy="local-only" if home_only else way.policy,
            choices=tuple(choices),
        )

    def _others(self, name: str, task: Task | None, caller: Caller | None) -> str:
        there = [w.route for w in self.all(caller) if task in (None, w.task)]
        kind = f" for {task}" if task else ""
        if not there:
            return f"There is no model{kind} for you here; engines.toml declares them."
        return f"There is no model '{name}'{kind}. Use one of: {', '.join(there)}."


def _may(caller: Caller | None, name: str) -> bool:
    return caller is None or caller.models is None or name in caller.models


def _ways(config: Config) -> Iterator[Way]:
    for name, route in config.routes.items():
        choices = [_choice(config, written) for written in route.engines]
        yield Way(
            route=name,
            direct=False,
            task=config.engines[choices[0].engine].task,
            policy=route.policy,
            choices=tuple(_ordered(choices, config.engines, route.policy)),
        )
    yield from _models(config)


def _models(config: Config) -> Iterator[Way]:
    """One way for each model; several engines may serve the same one."""
    for task in ("speech", "chat", "transcription"):
        served: dict[str, list[Choice]] = {}
        for name, engine in config.engines.items():
            for model, own in engine.models.items():
                if engine.task == task:
                    served.setdefault(model, []).append(Choice(engine=name, model=model, own=own))
        for model, choices in served.items():
            yield Way(
                route=model, direct=True, task=task, policy="in-order", choices=tuple(choices)
            )


def _choice(config: Config, written: str) -> Choice:
    engine, model = config.target(written)
    return Choice(engine=engine, model=model, own=config.engines[engine].models[model])


def _ordered(
    choices: Sequence[Choice], engines: Mapping[str, EngineConfig], policy: Policy
) -> list[Choice]:
    """Best first; what is not declared comes last, equals stay as they were written."""
    keys: dict[Policy, Callable[[EngineConfig], float]] = {
        "fastest": lambda e: -(e.speed or 0.0),
        "cheapest": _price,
        "best-rated": lambda e: math.inf if e.rating is None else -e.rating,
    }
    if policy not in keys:
        return list(choices)
    return sorted(choices, key=lambda c: keys[policy](engines[c.engine]))


def _price(engine: EngineConfig) -> float:
    if engine.price is None:
        return 0.0 if engine.kind in IN_PROCESS else math.inf
    return engine.price


def _unsuited(request: Request, engine: EngineConfig) -> InputError | None:
    known = engine.languages
    if isinstance(request, TranscriptionRequest) and known and request.language:
        if request.language in known:
            return None
        return InputError(
            f"'{request.language}' is not understood here; there is {', '.join(known)}.",
            param="language",
        )
    if isinstance(request, ChatRequest) and engine.context:
        tokens = sum(len(m.content) for m in request.messages) // _CHARACTERS_A_TOKEN
        if tokens > engine.context:
            return InputError(
                f"The conversation has about {tokens} tokens; at most {engine.context} fit.",
                param="messages",
            )
    return None
