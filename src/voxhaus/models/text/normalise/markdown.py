"""Takes Markdown and HTML notation out of a text without moving a character.

Knows: which characters are notation. Each is replaced by SILENT, so that offsets into the original
text stay true.
Refuses to know: what is said for the rest.
"""

import re

from voxhaus.models.text.normalise.spoken import SILENT

_FENCE = re.compile(r"^[ \t]*(```|~~~)[^\n]*$", re.M)
_RULE = re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$", re.M)
_TABLE_RULE = re.compile(r"^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+[ \t]*(?::?-{2,}:?)?[ \t]*$", re.M)
_UNDERLINE = re.compile(r"(?<=\n)[ \t]*(?:=|-){3,}[ \t]*$", re.M)
_LINE_START = re.compile(
    r"^[ \t]*(?:>[ \t]?)*(?:#{1,6}[ \t]+|[-*+•‣◦▪][ \t]+(?:\[[ xX]\][ \t]+)?)?", re.M
)
_HEADING_END = re.compile(r"(?<=\S)[ \t]+#+[ \t]*$", re.M)
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_TAG = re.compile(
    r"</?[A-Za-z][A-Za-z0-9]*(?:\s+[\w:-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?)*\s*/?>"
)
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.S | re.I)
_IMAGE_OR_LINK = re.compile(
    r"(!?\[)([^\[\]\n]*)(\]\((?!/)[^()\s]*(?:\([^()\s]*\))?(?:\s+\"[^\"\n]*\")?\))"
)
_REFERENCE = re.compile(r"(\[)([^\[\]\n]+)(\]\[[^\[\]\n]*\])")
_DEFINITION = re.compile(r"^[ \t]*\[[^\]\n]+\]:[ \t]+\S+.*$", re.M)
_AUTOLINK = re.compile(r"(<)((?:https?://|mailto:)[^\s<>]+|[\w.+-]+@[\w.-]+)(>)")
_FOOTNOTE = re.compile(r"\[\^?\d{1,3}\]|\[\^[\w-]+\]")
_PAIRS = re.compile(r"(\*\*\*|\*\*|__|~~|``|`|(?<!\w)_)(?=\S)(.{1,300}?)(?<=\S)(\1)(?!\w)", re.S)
_BETWEEN_CELLS = re.compile(r"\|")
_ESCAPE = re.compile(r"\\(?=[\\`*_{}\[\]()#+.!|~<>-])")
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,6}|#x[0-9a-fA-F]{1,6});")


def _blank(m: re.Match[str]) -> str:
    return "".join("\n" if c == "\n" else SILENT for c in m[0])


def _blank_outer(m: re.Match[str]) -> str:
    return SILENT * len(m[1]) + m[2] + SILENT * len(m[3])


def _entity(m: re.Match[str]) -> str:
    """ "&amp;" -> "&", padded to the same length."""
    from html import unescape

    sign = unescape(m[0])
    return sign + SILENT * (len(m[0]) - 1) if len(sign) == 1 else m[0]


def silence(text: str) -> str:
    """The text, as long as before, with notation replaced by SILENT."""
    if "|" in text and _TABLE_RULE.search(text):
        text = _TABLE_RULE.sub(_blank, text)
        text = _BETWEEN_CELLS.sub(",", text)
    if "<" in text:
        for pattern in (_COMMENT, _HIDDEN):
            text = pattern.sub(_blank, text)
        text = _AUTOLINK.sub(_blank_outer, text)
        text = _TAG.sub(_blank, text)
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
    if "\n" in text:
        for pattern in (_FENCE, _UNDERLINE):
            text = pattern.sub(_blank, text)
    text = _RULE.sub(_blank, text)
    text = _LINE_START.sub(_blank, text)
    text = _HEADING_END.sub(_blank, text)
    if "[" in text:
        text = _DEFINITION.sub(_blank, text)
        for pattern in (_IMAGE_OR_LINK, _REFERENCE):
            text = pattern.sub(_blank_outer, text)
        text = _FOOTNOTE.sub(_blank, text)
    for _ in range(3):  # bold in italics in strikethrough
        plain = _PAIRS.sub(_blank_outer, text)
        if plain == text:
            break
        text = plain
    return _ESCAPE.sub(SILENT, text) if "\\" in text else text
