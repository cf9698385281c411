"""From the bytes of a feed to its text.

Knows: byte order marks, what servers and XML declarations claim, and that both are often wrong.
Refuses to know: what the text says.
"""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins like this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BARE = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"))
_HTTP = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)[\"']")
# Python has codecs that are no charsets, or that run code paths nobody needs for news.
_REFUSED = re.compile(r"escape|punycode|idna|utf.?7|undefined|rot|base|hex|zip|zlib|bz2|uu|quo")
# What pages declare as Latin-1 is nearly always Windows-1252 (WHATWG Encoding Standard).
_LATIN = {"iso8859-1": "cp1252", "ascii": "cp1252"}


def decode(data: bytes, content_type: str = "") -> str:
    """The text of a feed.

    A byte order mark wins, then UTF-8 if the bytes are valid UTF-8 (other charsets hardly ever are
    by accident), then what the server and the XML declaration say, then Windows-1252.

    Args:
        data: the whole feed.
        content_type: header of the answer, or "".
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, "replace").lstrip("\ufeff")
    for start, name in _BARE:
        if data.startswith(start):
            return data.decode(name, "replace")
    claimed = _claims(data, content_type)
    # ISO-2022 and HZ are made of ASCII bytes, hence valid UTF-8 too.
    if not any(name.startswith(("iso2022", "hz")) for name in claimed):
        claimed = ["utf-8", *claimed]
    for name in claimed:
        try:
            return data.decode(name)
        except ValueError:
            continue
    return data.decode(claimed[1] if len(claimed) > 1 else "cp1252", "replace")


def _claims(data: bytes, content_type: str) -> list[str]:
    found = []
    if m := _HTTP.search(content_type):
        found.append(m[1])
    if declared := _DECLARED.match(data[:400]):
        found.append(declared[1].decode("ascii", "replace"))
    return [known for name in found if (known := _known(name))]


def _known(name: str) -> str | None:
    """Python's name of a charset, or None for anything else."""
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if _REFUSED.search(info.name):
        return None
    return _LATIN.get(info.name, info.name)
