r"""The markup of spoken text, read once into one tree.

Knows: the bracket tags, emphasis and phonemes of our own syntax, and what a tree may hold; SSML is
read into the same tree by `ssml.py`.
Refuses to know: which voices and styles exist, and how anything is spoken.

Tags: `[pause 0.5s]`, `[style excited]...[/style]`, `[voice anna]...[/voice]`,
`[rate 1.2]...[/rate]`, `[pitch +2]...[/pitch]`, `[volume +6dB]...[/volume]`,
`[word](/phonemes/)`, `*emphasis*`; a backslash takes the meaning from a sign (`\[sic]`). Brackets
that hold a remark of three words or more, a number, or a link are text.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voxhaus.core.errors import InputError
from voxhaus.models.text.phonemes import SYMBOLS

MAX_PAUSE = 10.0  # seconds
MIN_RATE, MAX_RATE = 0.5, 2.0
MAX_PITCH = 12.0  # semitones up or down
MIN_VOLUME, MAX_VOLUME = -40.0, 10.0  # decibels; louder, and the peaks would be cut off
MAX_DEPTH = 20  # spans within spans


@dataclass(frozen=True, slots=True)
class Text:
    """Words to be spoken.

    Attributes:
        text: as written.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Span:
    """Something that holds for all its children.

    Attributes:
        kind: "speak" (the root), "paragraph", "sentence", "rate", "pitch", "volume", "voice",
            "style", "emphasis", "phonemes" (said instead of the children's text), "sub" (another
            text said instead) or "say-as" (how the children's text is to be read).
        value: a factor for "rate", semitones for "pitch", decibels for "volume", else a name,
            phonemes, a text or a kind of reading.
        children: in order.
    """

    kind: str
    value: str | float
    children: tuple["Node", ...]


Node = Text | Pause | Span

_VALUED = ("rate", "pitch", "volume", "voice", "style")
_NAMES = ("pause", *_VALUED)
_TOKEN = re.compile(
    r"\\(?P<escaped>[\[\]*\\])"
    r"|\[(?P<word>[^\[\]\n]{1,200})\]\(/(?P<phonemes>[^()\n]*?)/\)"
    r"|\[(?P<close>/[A-Za-z][\w-]*)\s*\]"
    r"|\[(?P<tag>[A-Za-z][^\[\]\n]{0,80})\](?![(:])"
    r"|(?<![\w*\\])(?P<star>\*{1,3})(?=[^\s*])(?P<bold>[^*\n]{1,300}?)(?<=[^\s\\])(?P=star)(?![\w*])"
)
# A tag of ours whose bracket is still open at the end of the line: "[pause 0.5s", "[/rate".
_CUT_SHORT = re.compile(rf"(?<!\\)\[/?(?:{'|'.join(_NAMES)})(?: [^\[\]\n]{{0,40}})?$", re.M)
# Remarks of an editor begin like this: "[the president]", "[his] office", "[sic]".
_REMARKS = frozenset(
    """the a an his her its their our my your he she it they we i you who which this
that these those is are was were has have had will would sic of in on at to for
from and or not""".split()
)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(s|ms)?")
_SEMITONES = re.compile(r"([+-]?(?:\d+(?:\.\d+)?|\.\d+))\s*(?:st)?")
_PER_CENT = re.compile(r"([+-](?:\d+(?:\.\d+)?|\.\d+))\s*%")
_DECIBELS = re.compile(r"([+-]?(?:\d+(?:\.\d+)?|\.\d+))\s*dB", re.I)
_NAME = re.compile(r"[\w.:-]{1,64}")
# The names of SSML 1.1; it leaves the amounts to the voice, and these are ours.
PITCHES = {
    "x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0,
}  # fmt: skip
VOLUMES = {
    "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 5.0, "x-loud": 10.0,
}  # fmt: skip


def is_ssml(text: str) -> bool:
    """Whether a text is a whole SSML document (`<speak>...</speak>`)."""
    return (
        re.match(r"\s*<(?:\?xml\b|!DOCTYPE\b|!--|speak\b)", text) is not None and "<speak" in text
    )


def parse(text: str) -> Span:
    """The tree of a text in our markup; SSML is read by `ssml.parse`.

    Raises:
        InputError: an unknown or unclosed tag or a value out of range; the message names it.
    """
    if stray := re.search(r"<(/?(?:speak|break|prosody|say-as|phoneme|emphasis)\b)", text):
        raise InputError(
            f"<{stray[1]}> is SSML; put the whole text between <speak> and </speak>.", param="text"
        )
    return _Parser(text).tree()


def plain(text: str) -> Span:
    """A tree of text without any markup: brackets and stars are ordinary signs."""
    return Span("speak", "", (Text(text),))


def escape(text: str) -> str:
    """A text that `parse` reads as it stands."""
    return re.sub(r"([\[\]*\\])", r"\\\1", text)


class _Parser:
    """One pass over the text with a stack of open spans."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[tuple[str, str | float, list[Node]]] = [("speak", "", [])]

    def tree(self) -> Span:
        at = 0
        for m in _TOKEN.finditer(self._text):
            before = self._text[at : m.start()]
            if self._take(m, before):
                at = m.end()
        self._write(self._text[at:])
        if cut := _CUT_SHORT.search(self._text[at:]):
            raise InputError(f"{cut[0].strip()} has no closing bracket; add ].", param="text")
        if len(self._open) > 1:
            kind = self._open[-1][0]
            raise InputError(f"[{kind}] is never closed; add [/{kind}].", param="text")
        return Span("speak", "", tuple(self._open[0][2]))

    def _write(self, text: str) -> None:
        children = self._open[-1][2]
        if not text:
            return
        if children and isinstance(last := children[-1], Text):
            children[-1] = Text(last.text + text)
        else:
            children.append(Text(text))

    def _add(self, node: Node) -> None:
        self._open[-1][2].append(node)

    def _take(self, m: re.Match[str], before: str) -> bool:
        """Handle one token after the text `before` it; false when it is ordinary text."""
        if m["tag"] and not _is_tag(m["tag"], self._text[m.end() : m.end() + 1]):
            return False
        self._write(before)
        if m["escaped"]:
            self._write(m["escaped"])
        elif m["word"]:
            said = spelled_phonemes(m["phonemes"])
            self._add(Span("phonemes", said, (Text(m["word"]),)))
        elif m["bold"]:
            self._add(Span("emphasis", "strong", (Text(m["bold"]),)))
        elif m["close"]:
            self._close(m["close"][1:].lower())
        else:
            self._tag(m["tag"])
        return True

    def _close(self, name: str) -> None:
        kind, value, children = self._open[-1]
        if name not in _VALUED:
            raise InputError(unknown_tag(f"[/{name}]"), param="text")
        if kind != name:
            problem = f"[{kind}] is still open" if kind != "speak" else "no such tag is open"
            raise InputError(f"[/{name}] closes nothing: {problem}.", param="text")
        self._open.pop()
        self._add(Span(kind, value, tuple(children)))

    def _tag(self, content: str) -> None:
        name, _, value = content.strip().partition(" ")
        name, value = name.lower(), value.strip()
        if name not in _NAMES:
            raise InputError(unknown_tag(f"[{content.strip()}]"), param="text")
        if name == "pause":
            self._add(Pause(seconds(value, f"[{content}]")))
            return
        if len(self._open) > MAX_DEPTH:
            raise InputError(f"Tags are nested more than {MAX_DEPTH} deep.", param="text")
        checked = _CHECKS.get(name, named)(value, f"[{content}]")
        self._open.append((name, checked, []))


def _is_tag(content: str, following: str) -> bool:
    """Whether brackets hold a tag, known or mistaken, rather than a remark or "[text][link]"."""
    words = content.split()
    first = words[0].lower()
    remark = len(words) > 2 or first in _REMARKS or following == "["
    return first in _NAMES or not remark


def unknown_tag(tag: str) -> str:
    """The message for a tag that we do not have."""
    return (
        f"{tag} is not a tag: there are [pause 0.5s], [rate 1.2], [pitch +2], [volume +6dB], "
        "[voice NAME], [style NAME], [word](/phonemes/) and *emphasis*; write \\[ for a "
        "bracket that is meant to be text."
    )


def seconds(text: str, tag: str) -> float:
    """ "0.5s", "500ms" or "0.5" in seconds.

    Raises:
        InputError: no length, or longer than MAX_PAUSE.
    """
    m = _SECONDS.fullmatch(text)
    if not m:
        raise InputError(f"{tag} needs a length, such as 0.5s or 500ms.", param="text")
    length = float(m[1]) / (1000 if m[2] == "ms" else 1)
    if length > MAX_PAUSE:
        raise InputError(f"{tag} is longer than the {MAX_PAUSE:g} seconds allowed.", param="text")
    return length


def rate(text: str, tag: str) -> float:
    """A speed factor: "1.2", "120%".

    Raises:
        InputError: no number, or outside MIN_RATE to MAX_RATE.
    """
    m = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)(%|x)?", text)
    factor = float(m[1]) / (100 if m[2] == "%" else 1) if m else 0.0
    if not MIN_RATE <= factor <= MAX_RATE:
        raise InputError(
            f"{tag} needs a factor from {MIN_RATE:g} to {MAX_RATE:g}, such as 1.2.", param="text"
        )
    return factor


def pitch(text: str, tag: str) -> float:
    """A change of pitch in semitones: "+2", "-1.5st", "+10%", "high".

    Raises:
        InputError: no such change, or more than MAX_PITCH.
    """
    if text in PITCHES:
        return PITCHES[text]
    if m := _SEMITONES.fullmatch(text):
        change = float(m[1])
    elif (m := _PER_CENT.fullmatch(text)) and float(m[1]) > -100:
        change = 12 * math.log2(1 + float(m[1]) / 100)
    else:
        change = math.inf
    if abs(change) > MAX_PITCH:
        raise InputError(
            f"{tag} needs semitones from -{MAX_PITCH:g} to {MAX_PITCH:g}, such as +2st, per cent, "
            f"such as -10%, or one of {', '.join(PITCHES)}.",
            param="text",
        )
    return change


def volume(text: str, tag: str) -> float:
    """A change of loudness in decibels: "+6dB", "loud".

    Raises:
        InputError: no such change, or outside MIN_VOLUME to MAX_VOLUME.
    """
    m = _DECIBELS.fullmatch(text)
    change = float(m[1]) if m else VOLUMES.get(text, math.inf)
    if not MIN_VOLUME <= change <= MAX_VOLUME:
        raise InputError(
            f"{tag} needs decibels from {MIN_VOLUME:g} to {MAX_VOLUME:g}, such as +6dB, or one of "
            f"{', '.join(VOLUMES)}.",
            param="text",
        )
    return change


def named(text: str, tag: str) -> str:
    """A name of a voice or style.

    Raises:
        InputError: none, or one with signs that no name has.
    """
    if not _NAME.fullmatch(text):
        raise InputError(f"{tag} needs one name, without spaces.", param="text")
    return text


_CHECKS: dict[str, Callable[[str, str], str | float]] = {
    "rate": rate,
    "pitch": pitch,
    "volume": volume,
}


def spelled_phonemes(text: str) -> str:
    """Phonemes as somebody wrote them, in the alphabet of the voices.

    Raises:
        InputError: none, or symbols outside the alphabet; the message names them.
    """
    unknown = sorted(set(text) - SYMBOLS)
    if unknown:
        listed = " ".join(unknown)
        raise InputError(f"/{text}/ has symbols that are no phonemes: {listed}", param="text")
    if not text.strip(" ˈˌː"):
        raise InputError("(//) holds no phonemes.", param="text")
    return text


def to_json(node: Node) -> str:
    """The tree as JSON, to be stored or compared."""
    return json.dumps(_record(node), ensure_ascii=False)


def _record(node: Node) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, Text):
        return node.text
    if isinstance(node, Pause):
        return {"pause": node.seconds}
    return {node.kind: node.value, "children": [_record(c) for c in node.children]}


def from_json(text: str) -> Span:
    """The tree that `to_json` wrote.

    Raises:
        ValueError: not such a tree.
    """
    node = _node(json.loads(text))
    if not isinstance(node, Span):
        raise ValueError("the root of a tree is a span")
    return node


def _node(record: Any) -> Node:  # noqa: ANN401 - JSON
    if isinstance(record, str):
        return Text(record)
    if isinstance(record, dict) and set(record) == {"pause"}:
        return Pause(float(record["pause"]))
    if isinstance(record, dict) and len(record) == 2 and "children" in record:
        kind = next(k for k in record if k != "children")
        return Span(kind, record[kind], tuple(_node(c) for c in record["children"]))
    raise ValueError(f"not a node of markup: {record!r}")


def outline(node: Node, depth: int = 0) -> str:
    """The tree in lines, indented by depth, for people and golden files."""
    indent = "  " * depth
    if isinstance(node, Text):
        return f"{indent}{node.text!r}"
    if isinstance(node, Pause):
        return f"{indent}pause {node.seconds:g}s"
    value = f" {node.value:g}" if isinstance(node.value, float) else f" {node.value}"
    head = f"{indent}{node.kind}{value if node.value != '' else ''}"
    return "\n".join([head, *(outline(c, depth + 1) for c in node.children)])
