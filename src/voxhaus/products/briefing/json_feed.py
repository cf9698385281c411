"""JSON Feed 1.0 and 1.1 (jsonfeed.org), read without trusting any field.

Knows: the format. Refuses to know: what is made of its entries.
"""

import json
from datetime import UTC, datetime
from typing import Any

from voxhaus.products.briefing.feeds import FeedError


def read_json(text: str, shown: str) -> dict[str, Any]:
    """The fields of a JSON feed: kind, title, language, entries.

    Raises:
        FeedError: broken JSON, or JSON that is no feed.
    """
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "nested too deeply or numbers too long")
        raise FeedError(f"{shown}: broken JSON: {reason}.", bad_input=True) from error
    if not isinstance(read, dict) or not isinstance(read.get("items"), list):
        raise FeedError(f"{shown}: this is JSON, but no JSON Feed: no 'items'.", bad_input=True)
    return {
        "kind": _kind(_text(read, "version")),
        "title": _text(read, "title"),
        "language": _text(read, "language"),
        "entries": [_entry(item) for item in read["items"] if isinstance(item, dict)],
    }


def _kind(version: str) -> str:
    number = version.rpartition("/")[2]
    return f"JSON Feed {number}" if number in ("1", "1.0", "1.1") else "JSON Feed"


def _text(holder: dict[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _entry(item: dict[str, Any]) -> dict[str, Any]:
    tags = item.get("tags")
    bodies = [_text(item, "content_html"), _as_html(_text(item, "content_text"))]
    bodies.append(_as_html(_text(item, "summary")))
    return {
        "title": _as_html(_text(item, "title")),
        "url": _text(item, "url") or _text(item, "external_url") or _text(item, "id"),
        "body": max(bodies, key=len),
        "published": _moment(_text(item, "date_published") or _text(item, "date_modified")),
        "topics": [t for t in tags if isinstance(t, str)] if isinstance(tags, list) else [],
        "publisher": "",
        "language": _text(item, "language"),
    }


def _as_html(text: str) -> str:
    """Plain text as HTML, so that a "<" in it stays one."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br>")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
