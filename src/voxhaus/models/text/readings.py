"""Readings that somebody asked for: SSML's say-as.

Knows: which words a text has under each kind of reading.
Refuses to know: markup, and how the words are pronounced.
"""

import re

from voxhaus.models.text.normalise import Kind, Spoken, read
from voxhaus.models.text.normalise import numerals as n
from voxhaus.models.text.normalise.spoken import say


def read_as(text: str, reading: str, accent: str) -> list[Spoken]:
    """What is said for `text` under a reading of `ssml.READINGS`; by its looks where it fails."""
    said = _as(text.strip(), reading, accent)
    if said:
        return said
    usual = [s for t in read(text, accent) for s in t.spoken]
    return usual[:-1] if usual and usual[-1].text == "." else usual


def _as(text: str, reading: str, accent: str) -> list[Spoken]:
    number = text.replace(",", "").replace(" ", "")
    if reading in ("cardinal", "number") and re.fullmatch(r"-?\d+(\.\d+)?", number):
        sign = "minus " if number.startswith("-") else ""
        return say(sign + n.decimal(number.lstrip("-"), accent))
    if reading in ("cardinal", "number") and (value := n.roman(text.upper())):
        return say(n.cardinal(value, accent))
    if reading == "ordinal" and (m := re.fullmatch(r"(\d+)(?:st|nd|rd|th)?", number)):
        return say(n.ordinal(int(m[1][: n.MAX_DIGITS]), accent))
    if reading == "ordinal" and (value := n.roman(text.upper())):
        return say(n.ordinal(value, accent))
    if reading == "digits" and re.search(r"\d", text):
        return say(n.digits(text))
    if reading == "telephone" and re.search(r"\d", text):
        return say(" , ".join(n.digits(g) for g in re.findall(r"\d+", text)))
    if reading in ("characters", "spell-out", "verbatim"):
        return _characters(text)
    if reading == "fraction" and (m := re.fullmatch(r"(\d{1,3})/(\d{1,3})", number)):
        return say(f"{n.cardinal(int(m[1]))} over {n.cardinal(int(m[2]))}") if m[2] == "0" else []
    return []


def _characters(text: str) -> list[Spoken]:
    """Every character by its name."""
    said: list[Spoken] = []
    for c in text:
        if c.isascii() and c.isalpha():
            said.append(Spoken(c.upper(), Kind.LETTERS))
        elif c in "0123456789":
            said += say(n.digits(c))
        elif not c.isspace():
            said += say(_NAMES.get(c, "")) or [s for t in read(c, "us") for s in t.spoken
                                               if s.kind is not Kind.MARK]  # fmt: skip
    return said


_NAMES = {
    ".": "dot", ",": "comma", "-": "dash", "_": "underscore", "/": "slash", "@": "at", ":": "colon",
    "!": "exclamation mark", "?": "question mark", "'": "apostrophe", "(": "open parenthesis",
    ")": "close parenthesis", "*": "asterisk", "#": "hash", "+": "plus",
}  # fmt: skip
