"""SSML, read into the tree of `markup.py`.

Knows: the subset of SSML 1.1 that voices can follow: speak, p, s, break, prosody (rate, pitch,
volume), emphasis, phoneme, voice, say-as, sub, and Azure's mstts:express-as. Everything else is
refused by name.
Refuses to know: external entities and document types; a text that declares any is refused.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

from voxhaus.core.errors import InputError
from voxhaus.models.text import markup
from voxhaus.models.text.ipa import from_ipa
from voxhaus.models.text.markup import Node, Pause, Span, Text

_RATES = {"x-slow": 0.5, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.2, "x-fast": 1.6}
_BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.75, "x-strong": 1.0}
_LEVELS = ("strong", "moderate", "reduced", "none")
READINGS = (
    "cardinal", "number", "ordinal", "digits", "telephone", "characters", "spell-out", "verbatim",
    "date", "time", "fraction", "unit", "currency", "address", "name",
)  # fmt: skip
_ALPHABETS = ("ipa", "x-voxhaus", "x-misaki")


def parse(text: str) -> Span:
    """The tree of an SSML document.

    Raises:
        InputError: not well-formed, an unknown element, or something that voices cannot do.
    """
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.I):
        raise InputError("SSML with a document type or entities is not accepted.", param="text")
    if re.search(r"<mstts:", text) and "xmlns:mstts" not in text:
        text = re.sub(r"<speak\b", '<speak xmlns:mstts="mstts"', text, count=1)
    try:
        root = ET.fromstring(text.strip())
    except ET.ParseError as error:
        line, column = error.position
        reason = str(error).split(":")[0]
        raise InputError(
            f"The SSML is broken at line {line}, column {column + 1}: {reason}.", param="text"
        ) from None
    return Span("speak", "", tuple(_children(root, 0)))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _children(element: ET.Element, depth: int) -> list[Node]:
    if depth > markup.MAX_DEPTH:
        raise InputError(f"SSML is nested more than {markup.MAX_DEPTH} deep.", param="text")
    nodes: list[Node] = [Text(element.text)] if element.text else []
    for child in element:
        nodes += _element(child, depth + 1)
        if child.tail:
            nodes.append(Text(child.tail))
    return nodes


def _element(e: ET.Element, depth: int) -> list[Node]:
    name = _local(e.tag)
    reader = _READERS.get(name)
    if not reader:
        known = ", ".join(f"<{n}>" for n in sorted(_READERS))
        raise InputError(f"<{name}> is not supported in SSML; there are {known}.", param="text")
    return reader(e, _children(e, depth))


def _attribute(e: ET.Element, name: str) -> str:
    value = e.get(name)
    if not value:
        raise InputError(f'<{_local(e.tag)}> needs {name}="...".', param="text")
    return value


def _break(e: ET.Element, children: list[Node]) -> list[Node]:
    if time := e.get("time"):
        return [Pause(markup.seconds(time, f'<break time="{time}">'))]
    strength = e.get("strength", "medium")
    if strength not in _BREAKS:
        raise InputError(f'<break strength="{strength}"> is not one of {", ".join(_BREAKS)}.',
                         param="text")  # fmt: skip
    return [Pause(_BREAKS[strength])]


def _prosody(e: ET.Element, children: list[Node]) -> list[Node]:
    others = [a for a in e.attrib if _local(a) not in _CHANGES]
    if others:
        raise InputError(
            f"<prosody {others[0]}> is not supported: voices can change their {_LISTED} only.",
            param="text",
        )
    if not e.attrib:
        raise InputError(f'<prosody> needs one of {_LISTED}, such as rate="slow".', param="text")
    for name, read in _CHANGES.items():
        if name in e.attrib:
            value = _attribute(e, name)
            change = read(value, f'<prosody {name}="{value}">')
            children = [Span(name, change, tuple(children))]
    return children


def _rate(value: str, tag: str) -> float:
    if value in _RATES:
        return _RATES[value]
    if m := re.fullmatch(r"([+-]\d+(?:\.\d+)?)%", value):
        return markup.rate(f"{max(0.0, 100 + float(m[1])):g}%", tag)
    return markup.rate(value, tag)


_CHANGES: dict[str, Callable[[str, str], float]] = {
    "rate": _rate,
    "pitch": markup.pitch,
    "volume": markup.volume,
}
_LISTED = "rate, pitch and volume"


def _emphasis(e: ET.Element, children: list[Node]) -> list[Node]:
    level = e.get("level", "moderate")
    if level not in _LEVELS:
        raise InputError(f'<emphasis level="{level}"> is not one of {", ".join(_LEVELS)}.',
                         param="text")  # fmt: skip
    return [Span("emphasis", level, tuple(children))] if level in _LEVELS[:2] else children


def _phoneme(e: ET.Element, children: list[Node]) -> list[Node]:
    alphabet, said = e.get("alphabet", "ipa"), _attribute(e, "ph")
    if alphabet not in _ALPHABETS:
        raise InputError(
            f'<phoneme alphabet="{alphabet}"> is not one of {", ".join(_ALPHABETS)}.', param="text"
        )
    said = from_ipa(said) if alphabet == "ipa" else said
    return [Span("phonemes", markup.spelled_phonemes(said), (Text(_text(e)),))]


def _voice(e: ET.Element, children: list[Node]) -> list[Node]:
    name = _attribute(e, "name")
    return [Span("voice", markup.named(name, f'<voice name="{name}">'), tuple(children))]


def _style(e: ET.Element, children: list[Node]) -> list[Node]:
    name = _attribute(e, "style")
    return [Span("style", markup.named(name, f'<express-as style="{name}">'), tuple(children))]


def _say_as(e: ET.Element, children: list[Node]) -> list[Node]:
    reading = _attribute(e, "interpret-as")
    if reading not in READINGS:
        raise InputError(
            f'<say-as interpret-as="{reading}"> is not one of {", ".join(READINGS)}.', param="text"
        )
    return [Span("say-as", reading, (Text(_text(e)),))]


def _sub(e: ET.Element, children: list[Node]) -> list[Node]:
    return [Span("sub", _attribute(e, "alias"), (Text(_text(e)),))]


def _text(e: ET.Element) -> str:
    """The text inside an element that may hold no other."""
    if len(e):
        raise InputError(f"<{_local(e.tag)}> may hold text only.", param="text")
    return e.text or ""


def _span(kind: str) -> Callable[[ET.Element, list[Node]], list[Node]]:
    return lambda e, children: [Span(kind, "", tuple(children))]


_READERS: dict[str, Callable[[ET.Element, list[Node]], list[Node]]] = {
    "p": _span("paragraph"),
    "s": _span("sentence"),
    "break": _break,
    "prosody": _prosody,
    "emphasis": _emphasis,
    "phoneme": _phoneme,
    "voice": _voice,
    "express-as": _style,
    "say-as": _say_as,
    "sub": _sub,
}
