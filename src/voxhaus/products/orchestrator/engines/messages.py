"""A conversation in the published shape.

Knows: the fields of a message, and that only OpenAI's own models know the role "developer".
Refuses to know: who is sent it.
"""

from collections.abc import Iterable
from typing import Any

from voxhaus.core.chat import Message


def published(messages: Iterable[Message], *, developers: bool) -> list[dict[str, Any]]:
    """Messages as they are sent.

    Args:
        messages: the conversation.
        developers: the role "developer" is known; where it is not, its words are the system's, as
            they were before that role had a name of its own.
    """
    return [
        {
            **message.extra,
            "role": "system" if message.role == "developer" and not developers else message.role,
            "content": message.content,
        }
        for message in messages
    ]
