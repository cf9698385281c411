"""Text out of files: HTML and other XML, plain text, dictionaries, manual pages.

Knows: which parts of a page are its text, and that blocks become paragraphs.
Refuses to know: where files come from, and whether the text is any good.

Code blocks and tables are left out: nobody speaks them.
"""

import gzip
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from voxhaus.core.errors import InputError

# Elements whose content is no running text.
_SKIPPED = frozenset(
    "script style head nav header footer aside form button select svg math pre table figure"
    " noscript programlisting screen template iframe object".split()
)
# Elements that begin and end a paragraph.
_BLOCKS = frozenset(
    "p div section article main body li ul ol dl dt dd h1 h2 h3 h4 h5 h6 blockquote hr br tr td"
    " title item para page steps note".split()
)
_VOID = frozenset("br hr img input meta link area base col embed source track wbr".split())
# Furniture of documentation generators, by class or role (Sphinx, DocBook, Doxygen, gtk-doc).
_FURNITURE = re.compile(
    r"nav|navbar|navheader|navfooter|navigation|navpanel|navigate|sphinxsidebar|related|toc|"
    r"toctree-\w+|tocdepth|lot|list-of-\w+|breadcrumbs?|headerlink|footer|header|footnav|menu|"
    r"indextable|genindextable|sidebar|copyright|legalnotice|titlepage|search|memitem|memproto|"
    r"highlight(?:-\w+)?|tocset|site|langs",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")


class _Text(HTMLParser):
    """Collects paragraphs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[str] = []
        self._line: list[str] = []
        self._skipped: list[str] = []  # open elements since the outermost one that is skipped

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipped:
            if tag not in _VOID and tag not in {"p", "li"}:
                self._skipped.append(tag)
            return
        if tag in _SKIPPED or (tag not in _VOID and self._is_furniture(tag, attrs)):
            self._end_paragraph()
            self._skipped.append(tag)
        elif tag in _BLOCKS:
            self._end_paragraph()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS and not self._skipped:
            self._end_paragraph()

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag in self._skipped:
                while self._skipped.pop() != tag:
                    pass
            return
        if tag in _BLOCKS:
            self._end_paragraph()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._line.append(data)

    def close(self) -> None:
        super().close()
        self._end_paragraph()

    @staticmethod
    def _is_furniture(tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        if tag not in {"div", "ul", "ol", "span", "section", "a", "p", "dl"}:
            return False
        return any(
            value
            and name in {"class", "role", "id"}
            and any(map(_FURNITURE.fullmatch, value.split()))
            for name, value in attrs
        )

    def _end_paragraph(self) -> None:
        text = _SPACE.sub(" ", "".join(self._line)).strip()
        self._line.clear()
        if text:
            self.paragraphs.append(text)


def from_html(page: str) -> str:
    """The running text of an HTML (or DocBook-like XML) page, an empty line between paragraphs."""
    parser = _Text()
    parser.feed(page)
    parser.close()
    return "\n\n".join(parser.paragraphs)


_ROFF_TEXT = re.compile(r"^\.(?:B|I|BR|RB|IR|RI|BI|IB|SM|SB)\s+(.*)")
_ROFF_BLOCK = re.compile(r"^\.(?:PP|P|LP|TP|IP|SH|SS|HP|RS|RE|br|sp|TQ)\b")
_ROFF_ESCAPES = [
    (re.compile(r'\\".*'), ""),
    (re.compile(r"\\f(?:\(..|\[[^\]]*\]|.)"), ""),
    (re.compile(r"\\\(aq|\\\(cq"), "'"),
    (re.compile(r"\\\(lq|\\\(rq|\\\(dq"), '"'),
    (re.compile(r"\\\((?:em|en)|\\-"), "-"),
    (re.compile(r"\\s[-+]?\d+|\\[&%/,|^c:]"), ""),
    (re.compile(r"\\e|\\\\"), r"\\"),
    (re.compile(r"\\ |\\~"), " "),
]
_ROFF_SKIP = re.compile(r"^\.(?:nf|EX|TS)\b.*?^\.(?:fi|EE|TE)\b[^\n]*$", re.MULTILINE | re.DOTALL)


def from_roff(source: str) -> str:
    """The running text of a manual page in man macros; examples and tables are left out."""
    paragraphs: list[str] = []
    line: list[str] = []
    for raw in _ROFF_SKIP.sub("", source).splitlines():
        text = raw
        for pattern, replacement in _ROFF_ESCAPES:
            text = pattern.sub(replacement, text)
        if _ROFF_BLOCK.match(text):
            paragraphs.append(" ".join(line))
            line = []
        elif macro := _ROFF_TEXT.match(text):
            words = re.findall(r'"[^"]*"|\S+', macro[1])
            roman = macro[0][1:3] in {"BR", "RB", "IR", "RI", "BI", "IB"}
            line.append(("" if roman else " ").join(word.strip('"') for word in words))
        elif not text.startswith((".", "'")):
            line.append(text.strip())
    paragraphs.append(" ".join(line))
    return "\n\n".join(_SPACE.sub(" ", p).strip() for p in paragraphs if p.strip())


def read_text(path: Path) -> str:
    """A file as text: UTF-8, else Latin-1; `.gz` and `.dz` are unpacked.

    Raises:
        InputError: it cannot be read, or is binary.
    """
    try:
        content = path.read_bytes()
        if path.suffix in {".gz", ".dz"}:
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise InputError(f"Cannot read {path}: {error}.") from error
    if b"\0" in content[:4096]:
        raise InputError(f"{path} is binary, not text.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def dictionary_entries(index: Path, data: Path) -> Iterator[str]:
    """The entries of a dictionary in DICT format, once each, in the order of the data file.

    The index holds, per line, a headword, an offset and a length, both in the base 64 of the format
    (RFC 2229's dictfmt); entries about the database itself begin with "00-database" or
    "00database".
    """
    content = gzip.decompress(data.read_bytes())
    places = set()
    for line in read_text(index).splitlines():
        word, offset, length = line.split("\t")[:3]
        if not word.lower().startswith(("00-database", "00database", "00-")):
            places.add((_base64(offset), _base64(length)))
    for start, size in sorted(places):
        yield content[start : start + size].decode("utf-8", errors="replace").strip()


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _base64(number: str) -> int:
    value = 0
    for digit in number:
        value = value * 64 + _DIGITS.index(digit)
    return value
