"""Published parameters that this server does not honour, and what is done about each.

Knows: which are refused because an answer without them would be another answer, and which can be
left out because the answer is the same; the caller is told of both.
Refuses to know: parameters that are honoured. Those that only some engines know are passed on; the
orchestrator names what was left out in `Decision.ignored`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from voxhaus.products.server.errors import ApiError

_NO_TOOLS = "Calls of tools have no place in the answers of this server yet."
_NO_STATE = "Responses are not stored here; send the whole conversation in 'input'."
_TEXT_ONLY = "Conversations are text; speak the answer with /v1/audio/speech."

# Refused by name, with the reason.
UNSUPPORTED: dict[str, str] = {
    "tools": _NO_TOOLS,
    "tool_choice": _NO_TOOLS,
    "functions": _NO_TOOLS,
    "function_call": _NO_TOOLS,
    "max_tool_calls": _NO_TOOLS,
    "web_search_options": _NO_TOOLS,
    "audio": _TEXT_ONLY,
    "modalities": _TEXT_ONLY,
    "image": _TEXT_ONLY,
    "logprobs": "Probabilities of tokens are not told.",
    "top_logprobs": "Probabilities of tokens are not told.",
    "prediction": "Predicted outputs are not supported.",
    "moderation": "Nothing is moderated here.",
    "previous_response_id": _NO_STATE,
    "conversation": _NO_STATE,
    "prompt": "Prompts are not stored here; send their text.",
    "background": "Answers are given in the request that asks for them.",
    "background_options": "Answers are given in the request that asks for them.",
    "context_management": "A conversation that is too long is refused, never cut.",
    "include": "There is nothing more that could be included.",
    "access_programs": "There are no such programs here.",
    "chunking_strategy": "Recordings are heard as a whole.",
    "keywords": "Put words to listen for into 'prompt'.",
    "languages": "Name one language in 'language', or none.",
    "known_speaker_names": "Speakers are not told apart.",
    "known_speaker_references": "Speakers are not told apart.",
}

# Values that ask for nothing but what happens anyway; clients send them by habit.
HARMLESS: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "modalities": (["text"],),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "frequency_penalty": (0, 0.0),
    "presence_penalty": (0, 0.0),
    "logit_bias": ({},),
    "background": (False,),
    "include": ([],),
    "store": (False,),
    "service_tier": ("auto", "default"),
    "truncation": ("disabled",),
    "chunking_strategy": ("auto",),
}

# Left out and named in the header: none of them changes what the answer says.
LEFT_OUT = (
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "truncation",
    "user",
)


def unsupported(name: str) -> ApiError:
    """The refusal of one of UNSUPPORTED."""
    message = f"Unsupported parameter: '{name}'. {UNSUPPORTED[name]}"
    return ApiError(400, message, param=name, code="unsupported_parameter")


def check_supported(names: Iterable[str]) -> None:
    """Refuse parameters that no engine could honour.

    Raises:
        ApiError: 400 for the first of them.
    """
    for name in names:
        if name in UNSUPPORTED:
            raise unsupported(name)


def asked_for(values: Any) -> Any:  # noqa: ANN401 - whatever a body holds
    """A body without what asks for nothing: nulls of parameters above, and harmless values."""
    if not isinstance(values, Mapping):
        return values
    return {k: v for k, v in values.items() if not _asks_nothing(k, v)}


def _asks_nothing(name: str, value: object) -> bool:
    known = name in UNSUPPORTED or name in LEFT_OUT
    # Compared with their types: False is no 0 here.
    same = any(type(value) is type(h) and value == h for h in HARMLESS.get(name, ()))
    return same or (known and value is None)
