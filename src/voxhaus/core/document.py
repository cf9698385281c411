"""The nouns of written sources.

Knows: what a text is that somebody published, and where it came from.
Refuses to know: how it was fetched or parsed, and what is made of it.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where something was published.

    Attributes:
        name: the publisher's name, as a person would say it.
        url: address of the page, or "" when the source gave none.
    """

    name: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """A published text, in plain words without markup of any kind.

    Attributes:
        title: its headline, without a final point.
        text: paragraphs separated by blank lines; may be empty.
        source: publisher and address.
        published: moment of publication with time zone, or None when unknown.
        language: language tag such as "en-GB", or "" when unknown.
        topics: what the publisher filed it under.
    """

    title: str
    text: str
    source: Source
    published: datetime | None = None
    language: str = ""
    topics: tuple[str, ...] = ()
