"""What strangers may do: ask for a key, look for the answer, pick the key up.

Knows: how often an address may do it.
Refuses to know: JSON and pages, which both come here.
"""

from collections.abc import Sequence

from fastapi import Request

from voxhaus.products.server.access.addresses import neighbourhood
from voxhaus.products.server.access.gate import presented
from voxhaus.products.server.access.rates import Rates
from voxhaus.products.server.access.settings import AccessSettings
from voxhaus.products.server.errors import ApiError
from voxhaus.products.store.access_requests import AccessRequest, NewRequest
from voxhaus.products.store.failures import NoSuchError
from voxhaus.products.store.keys import NewKey
from voxhaus.products.store.store import Store

HOUR, MINUTE = 3600.0, 60.0


class Desk:
    """Where strangers come to."""

    def __init__(self, store: Store, settings: AccessSettings, rates: Rates | None = None) -> None:
        self.store, self.settings = store, settings
        self._rates = rates or Rates()

    def ask(
        self, request: Request, *, name: str, email: str, reason: str, models: Sequence[str]
    ) -> NewRequest:
        """Ask for a key.

        Raises:
            ApiError: 403 nobody may ask, 429 this address has asked too often.
            InputError: a field is not right.
            FullError: too many requests wait.
        """
        if not self.settings.requests_open:
            message = "This server takes no requests for keys."
            raise ApiError(403, message, code="requests_closed")
        self._check("ask", request, self.settings.asks_per_hour, HOUR)
        return self.store.requests.ask(name=name, email=email, reason=reason, models=models)

    def look(self, request: Request, token: str) -> AccessRequest:
        """The request of a private link.

        Raises:
            ApiError: 429.
            NoSuchError: no such link.
        """
        self._check("look", request, self.settings.looks_per_minute, MINUTE)
        found = self.store.requests.by_token(token)
        if found is None:
            raise NoSuchError("There is no such request.", param="token")
        return found

    def collect(self, request: Request, token: str) -> NewKey:
        """Pick a key up.

        Raises:
            ApiError: 429.
            NoSuchError: no such link.
            TooLateError: it is not there to be picked up.
        """
        self._check("look", request, self.settings.looks_per_minute, MINUTE)
        return self.store.requests.collect(token)

    def check_tries(self, request: Request) -> None:
        """Count a try at a link of administrators.

        Raises:
            ApiError: 429.
        """
        self._check("look", request, self.settings.looks_per_minute, MINUTE)

    @staticmethod
    def token_of(request: Request) -> str:
        """The token that a program sends.

        Raises:
            ApiError: 401, none.
        """
        token = presented(request.headers.get("authorization"), None)
        if token is None:
            message = "Send the request's token as 'Authorization: Bearer TOKEN'."
            raise ApiError(401, message, code="missing_token")
        return token

    def _check(self, deed: str, request: Request, most: int, seconds: float) -> None:
        who = neighbourhood(request.client.host if request.client else None)
        wait = self._rates.wait(f"{deed} {who}", most, seconds)
        if wait > 0:
            message = "Too many tries from this address; come back later."
            raise ApiError(429, message, code="rate_limit_exceeded", retry_after=wait)
