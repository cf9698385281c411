"""The nouns of feeds.

Knows: what we are asked to read, what came back, and what is said of a feed that cannot be read.
Refuses to know: networks, formats and stories.
"""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

from voxhaus.core.document import Document
from voxhaus.core.errors import VoxhausError


@dataclass(frozen=True, kw_only=True)
class FeedRequest:
    """A feed that somebody wants to hear.

    Attributes:
        address: http(s) URL or path of a file.
        name: the publisher's name to be spoken; the feed's own if "".
        topic: one topic for all of it; judged story by story if "".
    """

    address: str
    name: str = ""
    topic: str = ""

    @property
    def is_url(self) -> bool:
        """Whether it is to be fetched rather than opened."""
        return self.address.lower().startswith(("http://", "https://"))

    @property
    def shown(self) -> str:
        """The address as it may be printed: without user name and password."""
        return without_secrets(self.address) if self.is_url else self.address


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The bytes of a feed as they arrived.

    Attributes:
        data: at most the limit of bytes, with transfer compression undone.
        content_type: what the server said it is, or "".
        url: where it lies in the end, after redirects; "" for a file.
        status: of HTTP; 0 for a file.
        from_cache: whether the server said that our copy is still good.
    """

    data: bytes
    content_type: str = ""
    url: str = ""
    status: int = 0
    from_cache: bool = False


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A feed that was understood.

    Attributes:
        name: its publisher, as a person would say it.
        kind: format and version, such as "RSS 2.0".
        documents: its entries, in its own order.
        skipped: title of an entry that was left out -> why.
    """

    name: str
    kind: str
    documents: tuple[Document, ...]
    skipped: tuple[tuple[str, str], ...] = ()


class FeedError(VoxhausError):
    """One feed cannot be read. The briefing goes on without it.

    Attributes:
        bad_input: whether what was given is at fault (not a feed, no such file) rather than a
            network or a server.
    """

    def __init__(self, message: str, *, bad_input: bool = False) -> None:
        super().__init__(message)
        self.bad_input = bad_input


@dataclass(frozen=True, kw_only=True)
class FeedReport:
    """What became of one request.

    Attributes:
        request: what was asked for.
        feed: what was read, or None.
        error: why not, or None.
        delivery: what arrived, or None.
    """

    request: FeedRequest
    feed: Feed | None = None
    error: FeedError | None = None
    delivery: Delivery | None = None

    def record(self) -> dict[str, object]:
        """The report for a JSON of the run."""
        feed, got = self.feed, self.delivery
        return {
            "source": self.request.shown,
            "ok": feed is not None,
            "error": str(self.error) if self.error else None,
            "name": feed.name if feed else None,
            "kind": feed.kind if feed else None,
            "entries": len(feed.documents) + len(feed.skipped) if feed else 0,
            "status": got.status or None if got else None,
            "url": without_secrets(got.url) if got and got.url else None,
            "from_cache": bool(got and got.from_cache),
            "bytes": len(got.data) if got else 0,
        }


def without_secrets(url: str) -> str:
    """A URL without user name and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def renamed(feed: Feed, name: str) -> Feed:
    """A feed under the name that its listener gave it."""
    documents = tuple(replace(d, source=replace(d.source, name=name)) for d in feed.documents)
    return replace(feed, name=name, documents=documents)
