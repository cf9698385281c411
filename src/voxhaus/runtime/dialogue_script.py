"""Dialogues as people write them.

Knows: how a plain text names speakers, casts them to voices, and directs each turn.
Refuses to know: how turns are spoken, and which styles a voice has.

    @Host = anna
    @Guest = ben, style cheerful

    Host: Hello there.
    Guest (excited): You won't believe it!
        This line goes on with the turn before.
    Host (overlap 0.3s): I will!

One turn a line. Lines that are indented or name no speaker go on with the turn before; a blank line
before a turn begins a scene, after a longer pause. Speakers that are not cast are voices by name.
Directions: a style, `overlap SECONDS` (it begins before the last one ends) or `gap SECONDS`. Names
may be bold, as in Markdown: `**Host:** Hello.`
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from textwrap import dedent

from voxhaus.core.errors import InputError
from voxhaus.models.text.markup import named, seconds
from voxhaus.runtime.turns import Turn

SCENE_GAP = 1.2  # seconds between scenes

_DIRECTIONS = ("style", "overlap", "gap")

_NAME = r"[^\W\d_][\w .'’&-]{0,39}"
_TURN = re.compile(
    rf"(?P<bold>\*\*)?(?P<name>{_NAME}?)\s*(?:\((?P<directions>[^()]*)\))?\s*"
    r"(?(bold)(?::\*\*|\*\*:)|:)(?P<text>.*)"
)
_CAST = re.compile(rf"@\s*(?P<name>{_NAME}?)\s*=\s*(?P<voice>[^,]*?)\s*(?:,(?P<directions>.*))?")
_CASTING = re.compile(r"@\s*[^\s=][^=]{0,40}=")


@dataclass(frozen=True, kw_only=True)
class _Role:
    """A speaker and how they speak unless directed otherwise."""

    name: str
    voice: str
    style: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Directions:
    style: str | None = None
    overlap: float | None = None
    gap: float | None = None


@dataclass
class _Draft:
    """A turn whose text may still go on."""

    turn: Turn
    lines: list[str] = field(default_factory=list)


def parse_script(text: str, voices: Sequence[str]) -> tuple[Turn, ...]:
    """The turns of a script.

    Args:
        text: the script, in the format that this module describes.
        voices: ids of the voices there are.

    Raises:
        InputError: the message names the line, what is wrong there, and what may stand there.
    """
    script = _Script(voices)
    text = dedent(re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff")))
    for number, line in enumerate(text.split("\n"), 1):
        try:
            script.read(line, number)
        except InputError as error:
            raise InputError(f"Line {number}: {error}", param="script") from error
    return script.turns()


class _Script:
    """A script that is read line by line."""

    def __init__(self, voices: Sequence[str]) -> None:
        self._voices = {v.casefold(): v for v in voices}
        self._roles: dict[str, _Role] = {}
        self._drafts: list[_Draft] = []
        self._blank = False  # whether the line before was empty

    def read(self, line: str, number: int) -> None:
        """Take in one line."""
        stripped = line.strip()
        if not stripped:
            self._blank = True
            return
        indented = line[0].isspace()
        turn = None if indented else _TURN.fullmatch(stripped)
        if _CASTING.match(stripped) and not (indented and self._drafts):
            self._cast(stripped)
        elif turn and self._is_turn(turn):
            self._begin(turn, number)
        else:
            self._go_on(stripped)
        self._blank = False

    def turns(self) -> tuple[Turn, ...]:
        """What was read.

        Raises:
            InputError: no turns, or one without words.
        """
        if not self._drafts:
            raise InputError(
                "The script has no turns; a turn is a line such as 'Anna: Hello.'", param="script"
            )
        turns = []
        for draft in self._drafts:
            text = "\n".join(draft.lines).strip()
            if not text:
                raise InputError(
                    f"Line {draft.turn.line}: {draft.turn.speaker} says nothing.", param="script"
                )
            turns.append(replace(draft.turn, text=text))
        return tuple(turns)

    def _cast(self, line: str) -> None:
        if self._drafts:
            raise InputError("speakers are cast at the top, before the first turn.")
        m = _CAST.fullmatch(line)
        if m is None:
            raise InputError(f"'{line}' casts nobody; write it like '@Host = anna, style calm'.")
        name = _tidy(m["name"])
        if name.casefold() in self._roles:
            raise InputError(f"{name} is cast already.")
        voice = m["voice"]
        # Whether a blend such as anna:0.6+ben:0.4 can be spoken is for the voice to say.
        known = voice if set(voice) & set("+:") else self._voices.get(voice.casefold())
        if known is None:
            raise InputError(f"there is no voice '{voice}' for {name}; voices: {self._listed()}.")
        directed = _directions(m["directions"] or "", ("style",))
        self._roles[name.casefold()] = _Role(name=name, voice=known, style=directed.style)

    def _is_turn(self, m: re.Match[str]) -> bool:
        """Whether what stands before a colon is meant as a name, not as in "https://..."."""
        key = _tidy(m["name"]).casefold()
        spaced = not m["text"] or m["text"][0].isspace()
        return spaced or key in self._roles or key in self._voices

    def _begin(self, m: re.Match[str], number: int) -> None:
        role = self._role(_tidy(m["name"]))
        directed = _directions(m["directions"] or "", _DIRECTIONS)
        gap = directed.gap
        if self._blank and self._drafts and gap is None and directed.overlap is None:
            gap = SCENE_GAP
        turn = Turn(
            role.name,
            "",
            voice=role.voice,
            style=directed.style or role.style,
            overlap=directed.overlap,
            gap=gap,
            line=number,
        )
        self._drafts.append(_Draft(turn, [m["text"].strip()]))

    def _go_on(self, line: str) -> None:
        if not self._drafts:
            raise InputError(
                "nobody says this; begin the line with who does, such as 'Anna: Hello.'"
            )
        # A blank line within a turn is a paragraph, which the text front end pauses at.
        self._drafts[-1].lines += ["", line] if self._blank else [line]

    def _role(self, name: str) -> _Role:
        key = name.casefold()
        if key not in self._roles:
            if key not in self._voices:
                raise InputError(
                    f"there is no speaker '{name}'; the voices are {self._listed()}, others are "
                    f"cast at the top ('@{name} = {next(iter(self._voices.values()))}'), and a "
                    "line that goes on with the turn before is indented."
                )
            self._roles[key] = _Role(name=name, voice=self._voices[key])
        return self._roles[key]

    def _listed(self) -> str:
        return ", ".join(self._voices.values())


def _directions(text: str, allowed: Sequence[str]) -> _Directions:
    """What stands in brackets behind a name, or behind a voice in the cast."""
    found: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        kind, value = _direction(part)
        if kind not in allowed or not value:
            others = ", 'overlap 0.3s' and 'gap 1s'" if "gap" in allowed else ""
            raise InputError(f"'{part}' is no direction; there is a style, 'cheerful'{others}.")
        if kind in found:
            raise InputError(f"there is more than one {kind}.")
        found[kind] = value
    lengths = {k: seconds(v, f"'{k} {v}'") for k, v in found.items() if k != "style"}
    style = named(found["style"], f"'style {found['style']}'") if "style" in found else None
    return _Directions(style=style, overlap=lengths.get("overlap"), gap=lengths.get("gap"))


def _direction(part: str) -> tuple[str, str]:
    """Kind and value: "gap 1s" is ("gap", "1s"), "cheerful" is ("style", "cheerful")."""
    kind, _, value = part.lower().partition(" ")
    if not value and kind not in _DIRECTIONS:
        return "style", kind
    return kind, value.strip()


def _tidy(name: str) -> str:
    return " ".join(name.split())
