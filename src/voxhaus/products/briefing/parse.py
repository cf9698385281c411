"""From the text of a feed to its documents.

Knows: RSS, RDF and Atom through feedparser, JSON Feed, and how to tell that something is none of
them.
Refuses to know: networks, and which entries are worth hearing.
"""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from voxhaus.core.document import Document, Source
from voxhaus.products.briefing import clean
from voxhaus.products.briefing.charsets import decode
from voxhaus.products.briefing.feeds import Delivery, Feed, FeedError
from voxhaus.products.briefing.json_feed import read_json

MAX_ENTRIES = 200  # of one feed; the newest come first in practice
MAX_HTML = 60_000  # characters of one entry: the longest reports have about half of that

_KINDS = {"rss": "RSS", "atom": "Atom", "cdf": "CDF"}
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>", re.IGNORECASE)
_XML_HEAD = re.compile(r"^\s*<\?xml[^>]*\?>")
_PAGE = re.compile(
    # A comment must not be able to end in two ways, or forty of them take hours.
    r"(?:<\?xml[^>]*\?>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html\b)",
    re.IGNORECASE | re.DOTALL,
)
_ROOT = re.compile(r"<(?:[\w-]+:)?(rss|feed|rdf|channel)\b", re.IGNORECASE)
_LINK = re.compile(r"<link\b[^>]{0,1000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))")


def parse(delivery: Delivery, shown: str) -> Feed:
    """A feed from what arrived.

    Args:
        delivery: bytes and where they came from.
        shown: the address for messages.

    Raises:
        FeedError: it is no feed; the message says what it seems to be instead.
    """
    text = decode(delivery.data, delivery.content_type)
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise FeedError(f"{shown}: it is empty.", bad_input=True)
    if "\0" in start[:4096]:
        raise FeedError(f"{shown}: this is binary data, not a feed.", bad_input=True)
    if start.startswith("{"):
        return _feed(read_json(start, shown), delivery)
    if _PAGE.match(start[:20_000]):
        raise _web_page(start, delivery, shown)
    if not _ROOT.search(start[:20_000]):
        raise FeedError(f"{shown}: this is neither RSS, Atom nor JSON Feed.", bad_input=True)
    return _feed(_read_xml(start, shown), delivery)


def _web_page(text: str, delivery: Delivery, shown: str) -> FeedError:
    message = f"{shown}: this is a web page, not a feed."
    for tag in _LINK.findall(text[:200_000]):
        found = _ATTRIBUTE.findall(tag)
        attributes = {k.lower(): next(filter(None, values), "") for k, *values in found}
        if re.fullmatch(r"application/(rss|atom|feed)\+(xml|json)", attributes.get("type", "")):
            where = _joined(delivery.url, attributes.get("href", ""))
            if where:
                message += f" It names this feed: {where}"
                break
    return FeedError(message, bad_input=True)


def _read_xml(text: str, shown: str) -> dict[str, Any]:
    # No feed needs entities of its own, and ten of them expand to gigabytes ("billion laughs").
    if re.search(r"<!ENTITY", text, re.IGNORECASE):
        raise FeedError(
            f"{shown}: it declares XML entities, which feeds do not need and attacks use.",
            bad_input=True,
        )
    import feedparser

    # The text is decoded already: neither its own claim nor feedparser's guess shall count again.
    body = _XML_HEAD.sub("", _DOCTYPE.sub("", text, count=1))
    body = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", body)
    try:
        read = feedparser.parse(
            body.encode("utf-8", "replace"),
            sanitize_html=False,
            resolve_relative_uris=False,
            response_headers={"content-type": "application/xml; charset=utf-8"},
        )
    except Exception as error:  # a parser of anything: its own mistakes must not end the briefing
        raise FeedError(f"{shown}: cannot be parsed ({type(error).__name__}).") from error
    version = read.get("version", "")
    if not version and not read.entries:
        raise FeedError(f"{shown}: this is neither RSS, Atom nor JSON Feed.", bad_input=True)
    return {
        "kind": _kind(version),
        "title": _value(read.feed, "title"),
        "language": _value(read.feed, "language") or _atom_language(read.feed),
        "entries": [_xml_entry(e) for e in read.entries[:MAX_ENTRIES]],
    }


def _kind(version: str) -> str:
    m = re.fullmatch(r"([a-z]+)(\d)?(\d)?.*", version)
    if not m:
        return "RSS"
    return " ".join([_KINDS.get(m[1], m[1]), ".".join(n for n in (m[2], m[3]) if n)]).strip()


def _value(holder: Any, name: str) -> str:  # noqa: ANN401 - feedparser's own dictionary
    value = holder.get(name) or ""
    return value if isinstance(value, str) else ""


def _atom_language(feed: Any) -> str:  # noqa: ANN401
    detail = feed.get("title_detail") or {}
    return _value(detail, "language")


def _xml_entry(entry: Any) -> dict[str, Any]:  # noqa: ANN401
    bodies = [c.get("value") or "" for c in entry.get("content") or []]
    if summary := _value(entry, "summary"):
        bodies.append(summary)
    # Past feedparser's own get, which takes one date for the other and warns about it.
    moment = dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
    source = entry.get("source") or {}
    return {
        "title": _value(entry, "title"),
        "url": _value(entry, "link"),
        "body": max(bodies, key=len, default=""),
        "published": _moment(moment),
        "topics": [str(t.get("term") or "") for t in entry.get("tags") or []],
        "publisher": _value(source, "title"),
        "language": "",
    }


def _moment(parsed: Any) -> datetime | None:  # noqa: ANN401 - time.struct_time in UTC, or None
    try:
        year, month, day, hour, minute, second = parsed[:6]
        # A leap second is a second that datetime does not have.
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _feed(read: dict[str, Any], delivery: Delivery) -> Feed:
    name = clean.publisher(read["title"])
    documents, skipped = [], []
    for entry in read["entries"][:MAX_ENTRIES]:
        document = _document(entry, name, read["language"], delivery.url)
        if document.title or document.text:
            documents.append(document)
        else:
            skipped.append(("(untitled)", "neither a title nor a text"))
    return Feed(name=name, kind=read["kind"], documents=tuple(documents), skipped=tuple(skipped))


def _document(entry: dict[str, Any], feed_name: str, language: str, base: str) -> Document:
    publisher = clean.publisher(entry["publisher"]) or feed_name
    url = _joined(base, entry["url"])
    title = clean.headline(entry["title"], publisher, feed_name, address=url)
    return Document(
        title=title,
        text=clean.body(entry["body"][:MAX_HTML], title, url),
        source=Source(name=publisher, url=url),
        published=entry["published"],
        language=entry["language"] or language,
        topics=tuple(t for t in map(str.strip, entry["topics"]) if t),
    )


def _joined(base: str, url: str) -> str:
    """An absolute web address, or "" for anything else: nothing of a feed may be a script."""
    try:
        whole = urljoin(base, url.strip())
        urlsplit(whole)  # urljoin passes on what it has no base for, unread
    except ValueError:
        return ""
    safe = whole.lower().startswith(("http://", "https://")) and not re.search(r"[\s<>\"]", whole)
    return whole if safe else ""
