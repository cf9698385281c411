"""How a conversation is written for the text model: ChatML.

Knows: the order of special tokens, roles and contents, in ids, as plain text, and as the Jinja text
that other programs read out of `tokenizer_config.json`.
Refuses to know: how text becomes ids (any tokenizer with `encode`), contexts and models.

    <|im_start|>user
    What is an oar?<|im_end|>
    <|im_start|>assistant
    A long pole with a flat end, for rowing.<|im_end|>

Contents are encoded by themselves and special tokens are put between them as ids, so that text
which looks like a special token stays text: nobody can end a turn, or speak for the system, by
typing it. White space around a content is not part of it; with it gone, the line of the role and
the content have the same ids together as apart (GPT-2's pre-tokenizer parts a line's end from a
word), so other programs, which encode them together, get the same ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from voxhaus.core.chat import Message
from voxhaus.core.errors import InputError
from voxhaus.models.text.tokenizer import IM_END, IM_START

# "developer" is the newer word for "system" in published chat interfaces.
ROLES: Mapping[str, str] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}

JINJA = """\
{%- for message in messages -%}
{%- set role = 'system' if message['role'] == 'developer' else message['role'] -%}
{%- if role not in ['system', 'user', 'assistant'] -%}
{{- raise_exception('This model knows no role \\'' + role + '\\'.') -}}
{%- endif -%}
{{- '<|im_start|>' + role + '\\n' + message['content'] | trim + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""

Messages = Iterable[Message | Mapping[str, Any]]


class Encoder(Protocol):
    """What is asked of a tokenizer (`voxhaus.models.text.tokenizer.Tokenizer` has it)."""

    @property
    def im_start(self) -> int:
        """Id of the token that opens a turn."""

    @property
    def im_end(self) -> int:
        """Id of the token that ends a turn."""

    def encode(self, text: str) -> list[int]:
        """Ids of a text; special tokens in it are not recognised."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A conversation in ids.

    Attributes:
        ids: of tokens, from the first turn on.
        learned: for each id whether the assistant says it: its contents and the token that ends
            its turn, which is what supervised fine-tuning learns.
    """

    ids: tuple[int, ...]
    learned: tuple[bool, ...]


def write(messages: Messages, tokenizer: Encoder, *, generate: bool = False) -> Written:
    """A conversation as ids.

    Args:
        messages: oldest first; a mapping has "role" and "content".
        tokenizer: makes ids of text.
        generate: end with the opening of the assistant's next turn.

    Raises:
        InputError: there is no message, or one that this model cannot read.
    """
    ids: list[int] = []
    learned: list[bool] = []

    def put(more: Sequence[int], learn: bool = False) -> None:
        ids.extend(more)
        learned.extend([learn] * len(more))

    newline = tokenizer.encode("\n")
    for role, content in _turns(messages):
        said = role == "assistant"
        put([tokenizer.im_start, *tokenizer.encode(f"{role}\n")])
        put([*tokenizer.encode(content), tokenizer.im_end], learn=said)
        put(newline)
    if generate:
        put([tokenizer.im_start, *tokenizer.encode("assistant\n")])
    return Written(ids=tuple(ids), learned=tuple(learned))


def text_of(messages: Messages, *, generate: bool = False) -> str:
    """A conversation as text with special tokens in it: to be shown, and what JINJA gives.

    Do not encode it: contents that look like special tokens cannot be told apart any more.
    """
    turns = (f"{IM_START}{r}\n{content}{IM_END}\n" for r, content in _turns(messages))
    return "".join(turns) + (f"{IM_START}assistant\n" if generate else "")


def _turns(messages: Messages) -> list[tuple[str, str]]:
    """Role and content of each message, checked."""
    turns = [_turn(message) for message in messages]
    if not turns:
        raise InputError("A conversation needs at least one message.", param="messages")
    return turns


def _turn(message: Message | Mapping[str, Any]) -> tuple[str, str]:
    if isinstance(message, Message):
        message = {"role": message.role, "content": message.content}
    role, content = message.get("role", ""), message.get("content")
    if role not in ROLES:
        raise InputError(
            f"This model knows no role '{role}'. Roles: {', '.join(ROLES)}.", param="messages"
        )
    if not isinstance(content, str):
        raise InputError("The content of a message must be text.", param="messages")
    return ROLES[role], content.strip()
