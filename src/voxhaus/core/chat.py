"""The nouns of a conversation with a text model.

Knows: messages, what is asked of a model, and what comes back piece by piece.
Refuses to know: engines, HTTP, and how a model answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "developer", "user", "assistant", "tool"]
StopReason = Literal["stop", "length", "content_filter", "tool_calls"]


@dataclass(frozen=True, kw_only=True)
class Message:
    """One turn of a conversation.

    Attributes:
        extra: further fields of the published shape (name, tool_call_id, ...), as they came.
    """

    role: Role
    content: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """What is asked of a text model. None leaves a choice to the engine.

    Attributes:
        messages: the conversation, oldest first; at least one.
        model: public name of a model or a route.
        temperature: 0 to 2.
        top_p: 0 to 1.
        max_tokens: of the answer.
        stop: texts that end the answer; not part of it.
        seed: for engines that can repeat themselves.
        extra: further parameters of the published shape, for engines that know them.
    """

    messages: tuple[Message, ...]
    model: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TokenUsage:
    """Tokens that a request took."""

    prompt: int
    completion: int


@dataclass(frozen=True, kw_only=True)
class ChatDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, kw_only=True)
class ChatEnd:
    """The end of the answer; comes once, last."""

    reason: StopReason
    usage: TokenUsage


ChatEvent = ChatDelta | ChatEnd
