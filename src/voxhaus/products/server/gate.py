"""What the routes ask of whoever watches the door.

Knows: two questions: may this request pass, and what did it take.
Refuses to know: keys, budgets and how they are stored.
"""

from typing import Any, Protocol

from voxhaus.products.orchestrator.contract import Caller, Task


class Admitted(Protocol):
    """A request that may pass."""

    @property
    def caller(self) -> Caller:
        """On whose behalf it runs."""
        ...


class Gate(Protocol):
    """Who may do what. `voxhaus.products.server.access` has one that asks the store."""

    async def admit(
        self,
        *,
        authorization: str | None,
        api_key: str | None,
        client_host: str | None,
        task: Task | None,
        model: str | None,
    ) -> Admitted:
        """Let a request pass, or raise.

        Args:
            authorization: the header of that name.
            api_key: the header `api-key`, which Azure's clients send.
            client_host: the address it comes from.
            task: what it wants done; None for looking at lists.
            model: by whom; None for looking at lists.

        Raises:
            ApiError: 401, 403 or 429.
        """
        ...

    async def record(
        self,
        admitted: Any,  # noqa: ANN401 - what `admit` gave; each gate has its own kind
        *,
        model: str,
        task: Task,
        requests: int = 1,
        audio_seconds: float = 0.0,
        characters: int = 0,
        input_tokens: int = 0,
        output_tokens: int = 0,
        status: int,
    ) -> None:
        """Write down what an admitted request took; once for each, also when it failed."""
        ...
