"""Who administers, and whether a request really comes from them.

Knows: keys with the scope admin, the cookie of a session, and how another site's page would try to
use that cookie.
Refuses to know: what is administered.
"""

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request, Response

from voxhaus.products.server.access.gate import Gate, presented
from voxhaus.products.server.access.settings import AccessSettings
from voxhaus.products.server.errors import ApiError
from voxhaus.products.store.sessions import SESSION_HOLDS, NewSession
from voxhaus.products.store.store import Store

COOKIE = "voxhaus_admin"
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf"
READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True)
class Administrator:
    """Somebody who may administer.

    Attributes:
        actor: the id of their key or session, for the audit log.
        csrf: what forms of this session must carry; None with a key, which no browser sends by
            itself.
    """

    actor: str
    csrf: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reception:
    """Looks who administers."""

    store: Store
    gate: Gate
    settings: AccessSettings

    def administrator(self, request: Request) -> Administrator:
        """Whoever administers by this request.

        Raises:
            ApiError: 401 nobody, 403 a key that may not, or another site's page.
        """
        headers = request.headers
        secret = presented(headers.get("authorization"), headers.get("api-key"))
        cookie = request.cookies.get(COOKIE)
        if secret is not None or cookie is None:
            key = self.gate.identify(secret)
            if "admin" not in key.terms.scopes:
                raise ApiError(
                    403, "This needs the scope 'admin'.", code="insufficient_permissions"
                )
            return Administrator(actor=key.id)
        admin = self.by_cookie(request)
        if admin is None:
            raise ApiError(401, "The session is over; sign in again.", code="invalid_session")
        if request.method not in READING:
            self.check_origin(request)
            check_csrf(admin, headers.get(CSRF_HEADER))
        return admin

    def by_cookie(self, request: Request) -> Administrator | None:
        """The administrator whose session a browser carries."""
        cookie = request.cookies.get(COOKIE)
        session = self.store.sessions.find(cookie) if cookie else None
        if session is None or cookie is None:
            return None
        return Administrator(actor=session.id, csrf=csrf_of(cookie))

    def check_origin(self, request: Request) -> None:
        """Refuse what another site's page sent.

        Browsers say where a form comes from; programs that say nothing have no cookies that
        somebody else could use.

        Raises:
            ApiError: 403.
        """
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        foreign = site is not None and site not in ("same-origin", "none")
        if foreign or (origin is not None and not self._own(request, origin)):
            raise ApiError(403, "This came from another site's page.", code="cross_site")

    def _own(self, request: Request, origin: str) -> bool:
        # Scheme aside: a proxy may have ended https before us.
        try:
            host = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        here = {request.headers.get("host", "").lower()}
        if self.settings.base_url:
            here.add(urlsplit(self.settings.base_url).netloc.lower())
        return bool(host) and host in here

    def set_cookie(self, response: Response, request: Request, opened: NewSession) -> None:
        """Give a browser its session."""
        response.set_cookie(
            COOKIE,
            opened.token,
            max_age=SESSION_HOLDS,
            path="/",
            secure=self.is_secure(request),
            httponly=True,
            samesite="strict",
        )

    def is_secure(self, request: Request) -> bool:
        """Whether people reach us by https, here or at a proxy."""
        named = (self.settings.base_url or "").lower().startswith("https:")
        return named or request.url.scheme == "https"


def csrf_of(token: str) -> str:
    """What forms of a session carry: made of its token, which other sites cannot read."""
    return hmac.new(token.encode(), b"voxhaus csrf", hashlib.sha256).hexdigest()


def check_csrf(admin: Administrator, sent: str | None) -> None:
    """Check that a form is one of ours.

    Raises:
        ApiError: 403.
    """
    wanted = admin.csrf
    if wanted is None:
        return
    if sent is None or not hmac.compare_digest(sent.encode(), wanted.encode()):
        raise ApiError(403, "The form is out of date; load the page again.", code="csrf")
