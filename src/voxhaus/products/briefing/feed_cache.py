"""Copies of feeds, so that a server can answer "nothing new".

Knows: one file a feed, with the validators that the server sent.
Refuses to know: networks. A copy that cannot be read or written is no error: it is only a cache.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from voxhaus.core.errors import InputError
from voxhaus.core.files import write_whole


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A feed as it last came.

    Attributes:
        data: its bytes.
        etag: the server's validators; "" where it sent none.
        last_modified: same.
        content_type: as the server said.
        url: where it lay after redirects.
    """

    data: bytes
    etag: str
    last_modified: str
    content_type: str
    url: str

    def conditions(self) -> dict[str, str]:
        """Request headers that ask for the feed only if it has changed."""
        wanted = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in wanted.items() if value}


class FeedCache:
    """A folder of copies, found by the address that was asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, url: str) -> Copy | None:
        """The copy of a feed, if there is a whole one."""
        try:
            head, _, data = self._path(url).read_bytes().partition(b"\n")
            about = json.loads(head)
            size = about.pop("bytes")
            copy = Copy(data=data, **about)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return copy if len(data) == size else None

    def put(self, url: str, copy: Copy) -> None:
        """Keep a copy, if the server gave something to ask with next time."""
        if not copy.conditions():
            return
        about = {
            "etag": copy.etag,
            "last_modified": copy.last_modified,
            "content_type": copy.content_type,
            "url": copy.url,
            "bytes": len(copy.data),
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(url), json.dumps(about).encode() + b"\n" + copy.data)
        except (OSError, InputError):
            return

    def _path(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()}.feed"
