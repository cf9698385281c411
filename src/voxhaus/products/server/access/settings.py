"""How access is given.

Knows: what whoever starts the server may choose, and the defaults.
Refuses to know: who enforces it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


def _none() -> Sequence[str]:
    return ()


@dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """How access is given.

    Attributes:
        requests_open: strangers may ask for a key.
        asks_per_hour: how often one address may ask.
        looks_per_minute: how often one address may look whether it was answered, or try a link.
        offered: names of models that the form offers; without any it has a free field.
        base_url: where people find the server, such as https://voice.example.org. Needed behind a
            proxy that does not pass on the name it was called by.
    """

    requests_open: bool = True
    asks_per_hour: int = 5
    looks_per_minute: int = 30
    offered: Callable[[], Sequence[str]] = _none
    base_url: str | None = None
