"""Making text uniform: characters, spaces, line breaks.

Knows: what is only an accident of how a text was stored (control characters, non-breaking spaces,
hard line breaks at column 72, hyphenated line ends, runs of empty lines).
Refuses to know: what makes a text good. Wording, spelling and punctuation stay as they are.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

from voxhaus.training.data.documents import Document
from voxhaus.training.data.steps import Refusal

_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff]"
)
_LINE_BREAK = re.compile("\r\n?|\u2028|\u2029|\x85|\f")
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_PARAGRAPH = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_LIST_ITEM = re.compile(r"^\s*(?:[-*•o+]|\d{1,3}[.)]|\(\w{1,3}\))\s")
# Lines that fill the measure were broken by an editor, not by the author.
_MEASURE = 50


@dataclass(frozen=True, kw_only=True)
class Normalise:
    """Unicode NFC, one kind of space, paragraphs as single lines separated by an empty line.

    Refuses what is empty or mostly not text ("binary": more than one character in 50 was a control
    character or a replacement character).
    """

    name: str = "normalise"

    def __call__(self, document: Document) -> Document | Refusal:
        """The document with uniform text."""
        text = document.text
        damaged = len(_CONTROL.findall(text)) + text.count("\ufffd")
        if damaged * 50 > len(text) > 0:
            return Refusal(self.name, "binary")
        text = normalise(text)
        if not text:
            return Refusal(self.name, "empty")
        return replace(document, text=text)


def normalise(text: str) -> str:
    """Uniform text; doing it twice changes nothing more."""
    text = _LINE_BREAK.sub("\n", text)
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text)).replace("\u00ad", "")
    paragraphs = (_unwrap(part) for part in _PARAGRAPH.split(text.strip("\n")))
    return "\n\n".join(part for part in paragraphs if part)


def _unwrap(paragraph: str) -> str:
    """A paragraph with the lines joined that an editor broke; lists and verse keep theirs."""
    lines = [line.rstrip() for line in paragraph.split("\n")]
    joined: list[str] = []
    for line, before in zip(lines, ["", *lines], strict=False):
        text = _SPACES.sub(" ", line).strip()
        if not text:
            continue
        if joined and len(before.strip()) >= _MEASURE and not _LIST_ITEM.match(line):
            last = joined[-1]
            if last.endswith("-") and last[-2:-1].isalpha() and text[0].islower():
                joined[-1] = f"{last[:-1]}{text}"
            else:
                joined[-1] = f"{last} {text}"
        else:
            joined.append(text)
    return "\n".join(joined)
