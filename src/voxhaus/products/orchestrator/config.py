"""What engines and routes there are: the file engines.toml.

Knows: its tables and their limits, where it lies, what holds without a file, and how a mistake in
it is said.
Refuses to know: how engines work, and secrets: the file names environment variables, never keys.
"""

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from voxhaus.core.errors import InputError
from voxhaus.core.paths import config_file
from voxhaus.products.orchestrator.contract import Policy, Task
from voxhaus.runtime.weights import available

Kind = Literal["voice", "llama", "language", "openai", "azure", "whisper"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]
Positive = Annotated[float, Field(gt=0)]

TASKS: dict[str, Task] = {
    "voice": "speech",
    "llama": "chat",
    "language": "chat",
    "whisper": "transcription",
}
IN_PROCESS = frozenset(TASKS)
OPENAI = "https://api.openai.com/v1"
VOICE, TEXT = "voxhaus-voice-1", "voxhaus-1-preview"
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Timeouts(_Table):
    """How long an engine may take, in seconds.

    Attributes:
        first: to the first event, loading a model included.
        idle: between two events.
        total: from start to end, however slowly the answer is fetched.
    """

    first: Positive = 60.0
    idle: Positive = 30.0
    total: Positive = 600.0


class EngineConfig(_Table):
    """One engine.

    Attributes:
        models: public name -> the engine's own name; a list means that both are the same.
        owner: who made or runs the models.
        languages: ISO 639-1 of what it can; empty for "all" or "unknown".
        context: tokens; for chat.
        speed: times real time (speech, transcription) or tokens a second (chat).
        price: of 1000 characters (speech), 1000 tokens (chat) or 1 minute (transcription), in
            whatever currency all prices of the file are.
        rating: as your arena or another leaderboard gives it; higher is better.
        local: nothing leaves this machine. In-process engines are; an upstream only if declared.
        ignore: parameters that may be left out where the engine cannot honour them.
        voices: public name of a voice -> the engine's own.
        threads: of an in-process engine.
        path: file or folder of a model that is not found by its name.
        extra: further parameters of chat requests that an upstream understands.
        max_tokens_as: what an upstream calls the limit of an answer.
        instructions: an upstream voice understands a style as `instructions`.
        sample_rate: Hz of an upstream's raw audio.
        timestamps: an upstream recogniser tells when words were said ("verbose_json").
        retries: further tries at the same engine before another is asked.
        queue: requests that wait for a place; `patience`: seconds that each waits at most.
        failures: in a row, after which the engine is left alone for `cooldown` seconds.
    """

    kind: Kind
    task: Task
    models: dict[ModelName, ModelName] = Field(min_length=1)
    owner: str = Field("", max_length=100)
    languages: tuple[str, ...] = ()
    context: int | None = Field(None, gt=0)
    speed: Positive | None = None
    price: float | None = Field(None, ge=0)
    rating: float | None = None
    local: bool = False
    ignore: frozenset[str] = frozenset()
    voices: dict[str, str] = Field(default_factory=dict)
    default_voice: str | None = None

    base_url: str | None = None
    api_key_env: str | None = Field(None, max_length=100)
    api_version: str | None = None
    extra: frozenset[str] = frozenset()
    max_tokens_as: Literal["max_tokens", "max_completion_tokens"] | None = None
    instructions: bool = False
    sample_rate: int = Field(24_000, ge=8_000, le=192_000)
    timestamps: bool = True

    path: Path | None = None
    threads: int | None = Field(None, ge=1, le=256)

    concurrency: int | None = Field(None, ge=1, le=1000)
    queue: int = Field(32, ge=0, le=10_000)
    patience: Positive = 10.0
    timeout: Timeouts = Timeouts()
    retries: int = Field(1, ge=0, le=10)
    failures: int = Field(5, ge=1)
    cooldown: Positive = 5.0

    @model_validator(mode="before")
    @classmethod
    def _task_of_its_kind(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file says
        if isinstance(value, dict) and value.get("kind") in TASKS:
            task = TASKS[value["kind"]]
            if value.setdefault("task", task) != task:
                raise ValueError(f"the task of kind '{value['kind']}' is '{task}'")
            if value.setdefault("local", True) is not True:
                raise ValueError(f"kind '{value['kind']}' runs in this process: it is local")
        return value

    @field_validator("models", mode="before")
    @classmethod
    def _same_names(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file says
        return {m: m for m in value} if isinstance(value, list) else value

    @field_validator("api_key_env", mode="before")
    @classmethod
    def _no_key(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file says
        # Capitals only, since keys have small letters; and the value is not repeated in any error.
        if isinstance(value, str) and not _VARIABLE.fullmatch(value):
            raise ValueError(
                "write the name of an environment variable in capitals here, never a key"
            )
        return value

    @model_validator(mode="after")
    def _address(self) -> Self:
        if self.kind in IN_PROCESS:
            if self.base_url or self.api_key_env:
                raise ValueError(f"kind '{self.kind}' has no 'base_url' and no 'api_key_env'")
            return self
        if self.kind == "azure" and not (self.base_url and self.api_version):
            raise ValueError("kind 'azure' needs 'base_url' (the endpoint) and 'api_version'")
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("'base_url' must look like https://host/v1, without user and password")
        if self.local and not _is_this_machine(parts.hostname):
            raise ValueError(
                f"'local' is only for engines on this machine; {parts.hostname} is not "
                "localhost, 127.0.0.1 or ::1"
            )
        return self

    @property
    def address(self) -> str:
        """Where an upstream is."""
        return self.base_url or OPENAI


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class RouteConfig(_Table):
    """A public name behind which several engines stand.

    Attributes:
        engines: "engine" or "engine/model", in order of fallback; without a model its first.
        policy: what comes before that order.
    """

    engines: tuple[str, ...] = Field(min_length=1)
    policy: Policy = "in-order"


class Config(_Table):
    """The whole file.

    Attributes:
        source: where it was read; "built in" without a file.
    """

    engines: dict[Name, EngineConfig] = Field(min_length=1)
    routes: dict[ModelName, RouteConfig] = Field(default_factory=dict)
    source: str = Field("built in", exclude=True)

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        served = {m for e in self.engines.values() for m in e.models}
        for name, route in self.routes.items():
            if name in served:
                raise ValueError(f"'routes.{name}' has the name of a model; give it another")
            try:
                tasks = {self.engines[self.target(t)[0]].task for t in route.engines}
            except ValueError as error:
                raise ValueError(f"'routes.{name}.engines': {error}") from error
            if len(tasks) > 1:
                raise ValueError(f"'routes.{name}' mixes the tasks {', '.join(sorted(tasks))}")
        return self

    def target(self, written: str) -> tuple[str, str]:
        """Engine and public model of "engine" or "engine/model".

        Raises:
            ValueError: there is no such engine, or it has no such model.
        """
        engine, _, model = written.partition("/")
        if engine not in self.engines:
            there = ", ".join(self.engines)
            raise ValueError(f"there is no engine '{engine}'; there are {there}")
        models = self.engines[engine].models
        if model and model not in models:
            raise ValueError(
                f"engine '{engine}' has no model '{model}'; it has {', '.join(models)}"
            )
        return engine, model or next(iter(models))


def built_in() -> Config:
    """What holds without a file: our voice, also under the names that OpenAI's clients use.

    And our text model under its own name, where its weights are.
    """
    routes = {name: {"engines": ["voice"]} for name in ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")}
    engines: dict[str, Any] = {"voice": {"kind": "voice", "models": [VOICE]}}
    if any(model == TEXT for model, _ in available()):
        engines["text"] = {"kind": "language", "models": [TEXT], "owner": "voxhaus"}
    return Config.model_validate({"engines": engines, "routes": routes})


def engines_file() -> Path:
    """Where the file is looked for: `VOXHAUS_ENGINES`, or beside the user's configuration."""
    override = os.environ.get("VOXHAUS_ENGINES")
    return Path(override) if override else config_file().parent / "engines.toml"


def load_config(path: Path | None = None) -> Config:
    """Read the engines' file.

    Args:
        path: the file; if None, that of `engines_file`, and what is built in if it does not exist.

    Raises:
        InputError: the file cannot be read or says something impossible; one sentence names file,
            key and what to do.
    """
    chosen = path or engines_file()
    try:
        text = chosen.read_text("utf-8")
    except FileNotFoundError:
        if path is None and "VOXHAUS_ENGINES" not in os.environ:
            return built_in()
        raise InputError(f"There is no file {chosen}.", param="config") from None
    except UnicodeDecodeError:
        raise InputError(f"{chosen} is not UTF-8; save it as UTF-8.", param="config") from None
    except OSError as error:
        raise InputError(f"{chosen} cannot be read: {error.strerror}.", param="config") from error
    return parse(text, str(chosen))


def parse(text: str, source: str) -> Config:
    """The configuration that a text says; errors are those of `load_config`."""
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not valid TOML: {error}.", param="config") from error
    if "source" in read:
        raise InputError(f"{source}: 'source' is not a setting; remove it.", param="config")
    try:
        return Config.model_validate({**read, "source": source})
    except ValidationError as error:
        raise InputError(f"{source}: {_told(error)}", param="config") from error


def _told(error: ValidationError) -> str:
    """The first thing that is wrong, in words, and what would be right."""
    first = error.errors(include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        known = ", ".join(_settings_at(first["loc"]))
        return f"'{where}' is not a setting; there are {known}."
    if first["type"] == "missing":
        return f"'{where}' is missing; add it."
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    return (
        f"'{where}': {said[:1].lower()}{said[1:]}." if where else f"{said[:1].upper()}{said[1:]}."
    )


def _settings_at(where: tuple[int | str, ...]) -> list[str]:
    tables: dict[tuple[str, int], type[BaseModel]] = {
        ("engines", 3): EngineConfig,
        ("engines", 4): Timeouts,
        ("routes", 3): RouteConfig,
    }
    found = tables.get((str(where[0]), len(where)), Config)
    return [name for name in found.model_fields if name != "source"]
