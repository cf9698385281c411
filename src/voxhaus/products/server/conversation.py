"""Messages as the two chat APIs write them, and their text.

Knows: content as a string or as text parts, and how long a conversation may be.
Refuses to know: images, sound and files in messages; they are refused by the name of their part.
"""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from voxhaus.core.chat import Message, Role
from voxhaus.products.server.bodies import STRICT
from voxhaus.products.server.errors import ApiError


class TextPart(BaseModel):
    """A part of a message that is text."""

    model_config = STRICT
    type: Literal["text", "input_text", "output_text"]
    text: str
    annotations: list[Any] | None = None  # what an answer brought comes back with the next question
    logprobs: list[Any] | None = None


class ChatMessage(BaseModel):
    """One turn, as `messages` of chat completions holds it."""

    model_config = STRICT
    role: Role
    content: str | list[TextPart] | None = None
    name: str | None = Field(None, max_length=64)
    refusal: str | None = None
    annotations: list[Any] | None = None
    tool_call_id: str | None = None
    tool_calls: list[dict[str, Any]] | None = None

    def message(self) -> Message:
        """As a noun of ours."""
        extra = self.model_dump(include={"name", "tool_call_id", "tool_calls"}, exclude_none=True)
        return Message(role=self.role, content=text_of(self.content), extra=extra)


class InputMessage(BaseModel):
    """One turn, as `input` of responses holds it."""

    model_config = STRICT
    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[TextPart]
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None
    phase: Literal["commentary", "final_answer"] | None = None

    def message(self) -> Message:
        """As a noun of ours."""
        return Message(role=self.role, content=text_of(self.content))


def text_of(content: str | Sequence[TextPart] | None) -> str:
    """All text of a message."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(p.text for p in content)


def check_length(messages: Sequence[Message], longest: int, param: str) -> None:
    """Refuse a conversation that is too long for this server.

    Raises:
        ApiError: 400, as OpenAI answers when a context is exceeded.
    """
    length = sum(len(m.content) for m in messages)
    if length > longest:
        message = f"The conversation has {length} characters; this server takes {longest}."
        raise ApiError(400, message, param=param, code="context_length_exceeded")
