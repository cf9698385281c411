"""What normalising makes of a text: tokens, each with the words that are said for it.

Knows: the records, and the small notation in which rules write what is said.
Refuses to know: rules, dictionaries and phonemes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

MARKS = frozenset(";:,.!?—…“”()")


class Kind(Enum):
    """What a spoken piece is."""

    WORD = "word"
    LETTERS = "letters"
    PHONEMES = "phonemes"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Spoken:
    """One piece of what is said.

    Attributes:
        text: a word in ordinary spelling, letters to be spelled out, phonemes, or a mark.
        kind: which of them.
        glued: whether it follows without a space, as in compounds: "well" and "known".
    """

    text: str
    kind: Kind = Kind.WORD
    glued: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the written text and what is said for it.

    Attributes:
        text: as written.
        start: offset of its first character.
        end: offset after its last character.
        spoken: what is said; empty for silent things.
        spaced: whether a space stands before it.
        emphasis: whether markup stresses it.
    """

    text: str
    start: int
    end: int
    spoken: tuple[Spoken, ...]
    spaced: bool
    emphasis: bool = False

    @property
    def is_mark(self) -> bool:
        """Whether it is punctuation only."""
        return all(s.kind is Kind.MARK for s in self.spoken)


@dataclass(slots=True)
class Scene:
    """What a rule may look at besides its match.

    Attributes:
        text: the sentence, with silenced characters replaced by SILENT.
        accent: "us" or "gb".
        tokens: what was read so far.
    """

    text: str
    accent: str
    tokens: list[Token] = field(default_factory=list)

    def before(self, back: int = 1) -> str:
        """The written word that is `back` words before, or ""; punctuation ends the search."""
        for token in reversed(self.tokens):
            if token.is_mark:
                return ""
            back -= 1
            if not back:
                return token.text
        return ""

    def after(self, end: int) -> str:
        """The word that follows offset `end` after spaces, or ""."""
        found = _NEXT_WORD.match(self.text, end)
        return found[1] if found else ""


SILENT = "\u2060"  # stands for characters that markup or Markdown silenced; as wide as one of them
_NEXT_WORD = re.compile(r"[ \u2060]*([^\W\d_]+(?:['’][^\W\d_]+)*)")

Reading = list[Spoken]
Rule = tuple[re.Pattern[str], Callable[[re.Match[str], Scene], Reading | None]]


def say(text: str) -> Reading:
    """Read the notation of rules: words, "{FBI}" for letters, "-" before glued words, and marks.

    "three {PM}" is a word and two letters; "well -known" a compound; "one , two" has a pause.
    """
    pieces = []
    for piece in text.split():
        if piece in MARKS:
            pieces.append(Spoken(piece, Kind.MARK))
        elif piece.startswith("{"):
            pieces.append(Spoken(piece.strip("{}"), Kind.LETTERS))
        elif piece.startswith("-") and len(piece) > 1:
            pieces.append(Spoken(piece[1:], glued=True))
        else:
            pieces.append(Spoken(piece))
    return pieces
