"""The words of an HTML fragment, paragraph by paragraph.

Knows: which elements begin a new paragraph, and which hold nothing that is read aloud.
Refuses to know: what the words say; boilerplate is the business of `clean.py`.
"""

import re
import unicodedata
from html.parser import HTMLParser

_BLOCKS = frozenset(
    "p div br li ul ol dl dt dd blockquote section article header footer main hr tr address".split()
)
# Captions, menus, programs, footnote marks; subheadings are not sentences.
_SILENT = frozenset(
    "script style figure figcaption table form button svg iframe noscript aside nav pre sup "
    "h1 h2 h3 h4 h5 h6 video audio object select textarea template math head title".split()
)
_WITHIN_LINES = frozenset(("sup", "svg", "math"))
# Markup that was escaped once too often: its tags appear as text.
_ESCAPED = re.compile(
    r"</?(?:p|br|a|div|img|strong|em|span|b|i|ul|li)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
# Declarations, and a tag at the end that the publisher cut off.
_DECLARATION = re.compile(r"<[!?][^<>]*>?|</?[A-Za-z][^<>]*\Z")
# A "<" that begins no whole tag. Values in quotes may hold angle brackets; the bounds keep the time
# linear for text that opens thousands of tags and closes none.
_UNCLOSED = re.compile(
    r"<(?!/?[A-Za-z][^<>\"']*(?:(?:\"[^\"]{0,4000}\"|'[^']{0,4000}')[^<>\"']*){0,40}>"
    r"|/?[A-Za-z][^<>]*>)"
)
_LINKS_ONLY = 0.8  # a paragraph with this share of its letters inside links is a list of links


def paragraphs(html: str) -> list[str]:
    """Paragraphs of a fragment, without those that are nothing but links."""
    found = _read(html)
    if any(_ESCAPED.search(p) for p in found):
        found = _read("\n\n".join(found))
    return found


def line(html: str) -> str:
    """A fragment as one line, links and all."""
    text = _read(html, keep_links=True)
    if any(_ESCAPED.search(p) for p in text):
        text = _read(" ".join(text), keep_links=True)
    return " ".join(text)


def _read(html: str, *, keep_links: bool = False) -> list[str]:
    if "<" not in html and "&" not in html:
        found = [(part, 0.0) for part in re.split(r"\n\s*\n", html)]
    else:
        reader = _Reader()
        reader.feed(_whole_tags(html))
        reader.close()
        reader.end_paragraph()
        found = reader.found
    cleaned = [(tidy(text), share) for text, share in found]
    return [text for text, share in cleaned if text and (keep_links or share < _LINKS_ONLY)]


def _whole_tags(html: str) -> str:
    """A fragment without comments and declarations, in which every "<" begins a whole tag.

    The standard library's parser takes quadratic time for what is opened and never closed, and
    raises an AssertionError for declarations that it does not know ("<![ if gte mso 9]>").
    """
    before, *rest = html.split("<!--")
    without = before + "".join(part.partition("-->")[2] for part in rest)
    return _UNCLOSED.sub("&lt;", _DECLARATION.sub(" ", without))


def tidy(text: str) -> str:
    """Text without control, invisible and pictorial characters, and with single spaces."""
    text = unicodedata.normalize("NFC", text)
    kept = "".join(
        c
        if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "So") or c == "°"
        else " "
        if unicodedata.category(c) != "Cf"
        else ""
        for c in text
    )
    return " ".join(kept.split())


class _Reader(HTMLParser):
    """Gathers text between block elements and counts how much of it lies inside links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, float]] = []
        self._text: list[str] = []
        self._letters = self._linked = 0
        self._in_link = 0
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        if tag in _BLOCKS or (tag in _SILENT and tag not in _WITHIN_LINES):
            self.end_paragraph()
        elif tag == "a":
            self._in_link += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.end_paragraph()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            # Closes what was opened inside it and forgotten.
            while self._silent.pop() != tag:
                pass
            if tag not in _WITHIN_LINES:
                self.end_paragraph()
        elif tag in _BLOCKS:
            self.end_paragraph()
        elif tag == "a":
            self._in_link = max(0, self._in_link - 1)

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self._text.append(data)
        letters = sum(map(str.isalpha, data))
        self._letters += letters
        self._linked += letters if self._in_link else 0

    def end_paragraph(self) -> None:
        text = "".join(self._text)
        if text.strip():
            self.found.append((text, self._linked / max(1, self._letters)))
        self._text, self._letters, self._linked = [], 0, 0
