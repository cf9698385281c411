"""What one answer shall be like.

Knows: the settings of an answer, their limits, and a model's own defaults.
Refuses to know: how they are obeyed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from voxhaus.core.errors import InputError

MAX_STOPS, MAX_STOP_LENGTH = 16, 1000


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of an answer.

    Attributes:
        max_tokens: of the answer; up to the end of the context if None.
        temperature: 0 takes the likeliest token; 1 is the model's own distribution; at most 2.
        top_k: only so many of the likeliest tokens; 0 for all.
        top_p: only the likeliest tokens that together have this share; 1 for all.
        min_p: only tokens with this share of the likeliest one's; 0 for all.
        repetition_penalty: logits of tokens that were there before are divided by it if positive,
            else multiplied (CTRL, Keskar et al. 2019); 1 for none.
        seed: of the choice; the same seed and the same request give the same answer, but for what
            int8 rounds otherwise beside other requests. None for chance.
        stop: texts that end the answer; not part of it.
        json: True for any JSON object, or a JSON schema that the answer must follow; None for free
            text.
        endless: the model cannot end by itself; for measurements.
    """

    max_tokens: int | None = None
    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    json: bool | Mapping[str, Any] | None = None
    endless: bool = False

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            InputError: with the name of the setting.
        """
        _within("temperature", self.temperature, 0.0, 2.0)
        _within("top_p", self.top_p, 0.0, 1.0)
        _within("min_p", self.min_p, 0.0, 1.0)
        _within("repetition_penalty", self.repetition_penalty, 0.1, 10.0)
        _within("top_k", self.top_k, 0, 1_000_000)
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InputError("max_tokens must be at least 1.", param="max_tokens")
        if self.seed is not None and self.seed < 0:
            raise InputError("The seed must not be negative.", param="seed")
        if len(self.stop) > MAX_STOPS or any(
            not 0 < len(text) <= MAX_STOP_LENGTH for text in self.stop
        ):
            raise InputError(
                f"There may be {MAX_STOPS} texts that stop an answer, each of 1 to "
                f"{MAX_STOP_LENGTH} characters.",
                param="stop",
            )


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # also refuses what is not a number
        raise InputError(
            f"{name} must lie between {least:g} and {most:g}; it is {value}.", param=name
        )


NAMES = tuple(f.name for f in fields(Options))
_OF_MODELS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")


def defaults_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """A model's own settings from its parsed `generation_config.json`."""
    found = {n: said[n] for n in _OF_MODELS if isinstance(said.get(n), int | float)}
    if said.get("do_sample") is False:
        found["temperature"] = 0.0
    return found


def options(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Options:
    """Settings from a model's defaults and what was asked for; None asks for the default.

    Raises:
        InputError: there is no such setting, or its value is out of range.
    """
    for name in given:
        if name not in NAMES:
            raise InputError(
                f"There is no option '{name}'; there are {', '.join(NAMES)}.", param=name
            )
    chosen = {**defaults, **{n: v for n, v in given.items() if v is not None}}
    stop: str | Sequence[str] = chosen.get("stop", ())
    chosen["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    try:
        return Options(**chosen)
    except TypeError as error:
        raise InputError(f"An option has a value of the wrong kind: {error}.") from error
