"""Getting the bytes of feeds: from the network or from files, many at once.

Knows: conditional requests, and the limits on size, time, redirects and expansion.
Refuses to know: what is in a feed.

A server is not trusted: bodies are unpacked piece by piece with a bound on every piece, and one
clock runs over a whole exchange, so that neither a compressed bomb nor a trickle of bytes holds us
up.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

import httpx

from voxhaus.products.briefing.feed_cache import Copy, FeedCache
from voxhaus.products.briefing.feeds import Delivery, FeedError, FeedRequest

ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/json;q=0.9, "
    "application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a feed may ask of us.

    Attributes:
        bytes: of the unpacked body. The largest news feeds have about 2 MB.
        seconds: for one feed, from the first to the last byte, redirects included.
        redirects: hops before we give up.
        at_once: feeds fetched at the same time.
    """

    bytes: int = 8_000_000
    seconds: float = 20.0
    redirects: int = 5
    at_once: int = 8


Fetched = Delivery | FeedError


def fetch_all(
    requests: Sequence[FeedRequest],
    cache: FeedCache,
    *,
    limits: Limits | None = None,
    on_each: Callable[[], None] = lambda: None,
) -> list[Fetched]:
    """Bytes of every feed, in the order asked; errors stand in the place of what failed.

    Args:
        requests: feeds to get.
        cache: copies for conditional requests; renewed by what comes.
        limits: see `Limits`.
        on_each: called when one more is there or has failed.
    """
    return asyncio.run(_fetch_all(requests, cache, limits or Limits(), on_each))


async def _fetch_all(
    requests: Sequence[FeedRequest],
    cache: FeedCache,
    limits: Limits,
    on_each: Callable[[], None],
) -> list[Fetched]:
    turn = asyncio.Semaphore(limits.at_once)
    client = httpx.AsyncClient(
        headers={
            "User-Agent": f"voxhaus/{version('voxhaus')} (feed reader)",
            "Accept": ACCEPT,
            "Accept-Encoding": "gzip",
        },
        follow_redirects=True,
        max_redirects=limits.redirects,
        timeout=limits.seconds,
    )

    async def one(request: FeedRequest) -> Fetched:
        async with turn:
            try:
                if request.is_url:
                    return await _fetch(client, request, cache, limits)
                return await asyncio.to_thread(_open, request, limits)
            except FeedError as error:
                return error
            finally:
                on_each()

    async with client:
        return list(await asyncio.gather(*map(one, requests)))


def _open(request: FeedRequest, limits: Limits) -> Delivery:
    path = Path(request.address).expanduser()
    if "://" in request.address:
        scheme = request.address.split("://", 1)[0]
        raise FeedError(
            f"{request.shown}: '{scheme}' is not an address we can fetch; give http, https or a "
            "file name.",
            bad_input=True,
        )
    try:
        if not path.exists():
            raise FeedError(f"{path}: there is no such file.", bad_input=True)
        if not path.is_file():
            raise FeedError(f"{path}: this is not a file.", bad_input=True)
        with path.open("rb") as stream:
            data = stream.read(limits.bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FeedError(f"{path}: cannot be read: {reason}.", bad_input=True) from error
    if len(data) > limits.bytes:
        raise _too_large(request, limits)
    return Delivery(data=data)


async def _fetch(
    client: httpx.AsyncClient, request: FeedRequest, cache: FeedCache, limits: Limits
) -> Delivery:
    try:
        async with asyncio.timeout(limits.seconds):
            return await _exchange(client, request, cache, limits)
    except (TimeoutError, httpx.TimeoutException) as error:
        raise FeedError(
            f"{request.shown}: no complete answer within {limits.seconds:g} seconds."
        ) from error
    except httpx.TooManyRedirects as error:
        raise FeedError(
            f"{request.shown}: redirected more than {limits.redirects} times."
        ) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise FeedError(
            f"{request.shown}: leads to no web address ({_lower(error)}).", bad_input=True
        ) from error
    except httpx.ConnectError as error:
        raise FeedError(f"{request.shown}: no connection ({_lower(error)}).") from error
    except httpx.HTTPError as error:
        raise FeedError(f"{request.shown}: the exchange failed ({_lower(error)}).") from error


def _lower(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text[:1].lower() + text[1:]


async def _exchange(
    client: httpx.AsyncClient, request: FeedRequest, cache: FeedCache, limits: Limits
) -> Delivery:
    url = request.address
    copy = cache.get(url)
    headers = copy.conditions() if copy else {}
    async with client.stream("GET", url, headers=headers) as response:
        status, final = response.status_code, str(response.url)
        if status == HTTPStatus.NOT_MODIFIED and copy:
            return Delivery(
                data=copy.data,
                content_type=copy.content_type,
                url=copy.url,
                status=status,
                from_cache=True,
            )
        if status != HTTPStatus.OK:
            raise FeedError(f"{request.shown}: the server answered {_spelled(status)}.")
        data = await _body(request, response, limits)
        content_type = response.headers.get("Content-Type", "")
        fresh = Copy(
            data=data,
            etag=response.headers.get("ETag", ""),
            last_modified=response.headers.get("Last-Modified", ""),
            content_type=content_type,
            url=final,
        )
    cache.put(url, fresh)
    return Delivery(data=data, content_type=content_type, url=final, status=status)


def _spelled(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


async def _body(request: FeedRequest, response: httpx.Response, limits: Limits) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    try:
        return await _Unpacker(encoding, limits.bytes).all(response.aiter_raw())
    except OverflowError as error:
        raise _too_large(request, limits) from error
    except (zlib.error, EOFError) as error:
        raise FeedError(f"{request.shown}: the compressed answer is damaged.") from error
    except LookupError as error:
        raise FeedError(f"{request.shown}: compressed as '{encoding}', not asked for.") from error


def _too_large(request: FeedRequest, limits: Limits) -> FeedError:
    return FeedError(
        f"{request.shown}: larger than {limits.bytes / 1e6:g} MB; that is no news feed.",
        bad_input=True,
    )


class _Unpacker:
    """Undoes transfer compression without ever holding more than `limit` bytes of the result.

    httpx would unpack a whole network chunk at once, which a bomb turns into a thousand chunks.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
            raise LookupError(encoding)
        # 32 + 15: zlib or gzip, whichever header is there.
        self._inflate = zlib.decompressobj(47) if encoding not in ("identity", "") else None
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    async def all(self, chunks: AsyncIterator[bytes]) -> bytes:
        """Everything unpacked.

        Raises:
            OverflowError: more than the limit.
            zlib.error: damaged.
            EOFError: cut short.
        """
        async for chunk in chunks:
            self._take(self._unpacked(chunk))
        if self._inflate and self._size and not self._inflate.eof:
            raise EOFError
        return b"".join(self._parts)

    def _unpacked(self, chunk: bytes) -> bytes:
        if self._inflate is None:
            return chunk
        return self._inflate.decompress(chunk, self._limit + 1 - self._size)

    def _take(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise OverflowError
        self._parts.append(part)
