"""Who may pass, and what is written down of what they used.

Knows: how a key travels in headers, what it allows, its rates and budgets.
Refuses to know: routes, and how work is done.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from voxhaus.products.orchestrator.contract import Caller
from voxhaus.products.server.access.addresses import is_loopback
from voxhaus.products.server.access.rates import Rates
from voxhaus.products.server.errors import ApiError
from voxhaus.products.store.failures import StoreError
from voxhaus.products.store.keys import ApiKey
from voxhaus.products.store.store import Store
from voxhaus.products.store.tokens import KEY_MARK
from voxhaus.products.store.usage import Work

LOG = logging.getLogger("voxhaus.server.access")
MINUTE = 60.0
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Admitted(Caller):
    """A caller who may pass.

    Attributes:
        key_id: None without a key.
        charged: requests that were counted against a budget on the way in.
    """

    key_id: str | None = None
    charged: int = 0

    @property
    def caller(self) -> Caller:
        """On whose behalf the request runs."""
        return self


class Gate:
    """The door of the API."""

    def __init__(
        self,
        store: Store,
        *,
        open_on_loopback: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch a door.

        Args:
            store: where keys are.
            open_on_loopback: callers on this machine need no key. Only for a server that listens on
                loopback, and not behind a proxy there, which would lend everybody its address.
            clock: seconds, for rates; should not be set by anybody.
        """
        self._store, self._open = store, open_on_loopback
        self._rates = Rates(clock)
        # Threads of their own: the usual ones can all be busy with models.
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="voxhaus-gate")

    async def admit(
        self,
        *,
        authorization: str | None,
        api_key: str | None,
        client_host: str | None,
        task: str | None,
        model: str | None,
    ) -> Admitted:
        """Let a request pass, or raise.

        Args:
            authorization: the header of that name.
            api_key: the header `api-key`, which Azure's clients send.
            client_host: the address it comes from.
            task: what it wants done, a scope; None for looking at lists.
            model: by whom; None for looking at lists.

        Raises:
            ApiError: 401 invalid_api_key; 403 insufficient_permissions or model_not_allowed; 429
                rate_limit_exceeded or insufficient_quota; 503 while the store does not answer.
        """
        secret = presented(authorization, api_key)
        if self._open and is_loopback(client_host) and counts_as_none(secret):
            return Admitted(id="anonymous")
        return await self._in_thread(lambda: self._admit(secret, task, model))

    def _admit(self, secret: str | None, task: str | None, model: str | None) -> Admitted:
        key = self.identify(secret)
        check_rights(key, task, model)
        charged = 0
        if task is not None:
            self._check_rate(key)
            charged = self._charge(key)
        return Admitted(
            id=key.id,
            models=key.terms.models,
            local_only=key.terms.local_only,
            key_id=key.id,
            charged=charged,
        )

    def identify(self, secret: str | None) -> ApiKey:
        """The valid key that a secret belongs to. Waits for the store; not for the event loop.

        Raises:
            ApiError: 401 without one, 503 while the store does not answer.
        """
        if secret is None:
            raise ApiError(
                401,
                "This needs an API key: send it as 'Authorization: Bearer KEY'.",
                code="invalid_api_key",
            )
        key = self._asked(lambda: self._store.keys.find(secret))
        if key is None:
            message = "The API key is unknown, expired or revoked."
            raise ApiError(401, message, code="invalid_api_key")
        return key

    def _check_rate(self, key: ApiKey) -> None:
        most = key.terms.limits.per_minute
        wait = 0.0 if most is None else self._rates.wait(key.id, most, MINUTE)
        if wait > 0:
            message = f"This key may make {most} requests a minute."
            raise ApiError(429, message, code="rate_limit_exceeded", retry_after=wait)

    def _charge(self, key: ApiKey) -> int:
        charge = self._asked(lambda: self._store.usage.charge(key))
        if charge.exhausted is not None:
            message = f"This key's {charge.exhausted} for this month are used up."
            wait = charge.resets - self._store.clock()
            raise ApiError(429, message, code="insufficient_quota", retry_after=wait)
        return charge.requests

    @staticmethod
    def _asked(question: Callable[[], Result]) -> Result:
        try:
            return question()
        except StoreError as error:
            raise ApiError(503, str(error), code="store_unavailable", retry_after=5) from error

    async def record(
        self,
        admitted: Admitted,
        *,
        model: str,
        task: str,
        requests: int = 1,
        audio_seconds: float = 0.0,
        characters: int = 0,
        input_tokens: int = 0,
        output_tokens: int = 0,
        status: int,
    ) -> None:
        """Write down what an admitted request took; once for each, also when it failed.

        Never raises for a store that fails: the answer was sent. It goes on when the caller is
        cancelled meanwhile, as happens when a client hangs up.
        """
        work = Work(
            key_id=admitted.key_id,
            model=model,
            task=task,
            status=status,
            requests=requests,
            audio_seconds=audio_seconds,
            characters=characters,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
        )
        try:
            # Begun before anything is awaited, and no task: neither a client that hangs up nor the
            # end of the event loop takes it back.
            writing = self._threads.submit(self._record, work, admitted.charged)
            await asyncio.shield(asyncio.wrap_future(writing))
        except RuntimeError:
            LOG.error("A request's usage was not recorded: the gate is closed.")

    def _record(self, work: Work, charged: int) -> None:
        try:
            self._store.usage.record(work, charged=charged)
        except Exception as error:
            # The kind alone: an exception's text may hold what the request held.
            LOG.error("A request's usage was not recorded: %s", type(error).__name__)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Wait until what is being written down is finished; after the event loop has ended."""
        self._threads.shutdown()


def counts_as_none(secret: str | None) -> bool:
    """Whether no key of this server's is meant.

    Programs made for OpenAI insist on sending some key; where none is needed it says nothing.
    """
    return secret is None or (secret != "" and not secret.startswith(KEY_MARK))


def presented(authorization: str | None, api_key: str | None) -> str | None:
    """The secret that a request shows; None if it shows none.

    Clients of Azure's send `api-key`; some also send an `Authorization` for another purpose, so
    the former goes first.
    """
    if api_key and api_key.strip():
        return api_key.strip()
    scheme, _, value = (authorization or "").strip().partition(" ")
    if not scheme or (scheme.lower() == "bearer" and not value.strip()):
        return None
    # Another scheme is a wrong key, not none: whoever sends one expects that it is looked at.
    return value.strip() if scheme.lower() == "bearer" else ""


def check_rights(key: ApiKey, task: str | None, model: str | None) -> None:
    """Check what a key allows.

    Raises:
        ApiError: 403; the message says what is missing.
    """
    terms = key.terms
    if task is not None and task not in terms.scopes:
        has = ", ".join(sorted(terms.scopes))
        message = f"This key has no scope '{task}', only {has}."
        raise ApiError(403, message, code="insufficient_permissions")
    if model is not None and terms.models is not None and model not in terms.models:
        has = ", ".join(sorted(terms.models)) or "none"
        message = f"This key may not use that model; it may use {has}."
        raise ApiError(403, message, code="model_not_allowed", param="model")
