"""Pronounced words to utterances: spaces, marks, spans of words, and a limit on length.

Knows: how phonemes of a sentence are strung together, and where a long sentence may be cut.
Refuses to know: how words are pronounced, and markup.
"""

from dataclasses import dataclass

from voxhaus.models.text.normalise import Kind, Token
from voxhaus.models.text.phonemes import MAX_PHONEMES
from voxhaus.models.text.pronounce import Piece, valid
from voxhaus.models.text.utterance import SpokenWord

# The voices know these marks; others are said by the nearest of them (docs/decisions/0013).
_STRENGTH = {c: i for i, c in enumerate([",", "—", ":", ";", "...", ".", "!", "?"])}
_HEARD_AS = {"(": ",", ")": ",", "“": "", "”": "", "…": "..."}
_SOUNDLESS = frozenset(";:,.!?— ˈˌː")
# A cut is better after these, in this order; the figures are worth so many phonemes of length.
_CUT_WORTH = {".": 90, "!": 90, "?": 90, ";": 80, ":": 75, "—": 70, ",": 60, " ": 0}


@dataclass(frozen=True, slots=True)
class Strung:
    """Phonemes of a sentence or a part of it.

    Attributes:
        phonemes: within the alphabet; at most MAX_PHONEMES after `cut`.
        words: with spans into `phonemes`.
        start: offset of its first token in the text.
        end: offset after its last token.
    """

    phonemes: str
    words: tuple[SpokenWord, ...]
    start: int
    end: int

    @property
    def is_audible(self) -> bool:
        """Whether anything in it makes a sound."""
        return not set(self.phonemes) <= _SOUNDLESS


@dataclass(slots=True)
class _Line:
    """Phonemes as they grow."""

    text: str = ""

    def mark(self, sign: str, spaced: bool) -> None:
        """A mark; of several in a row the strongest stays, and none stands at the start."""
        heard = _HEARD_AS.get(sign, sign)
        bare = self.text.rstrip(" ")
        if not bare or not heard:
            return
        last = "..." if bare.endswith("...") else bare[-1]
        if last in _STRENGTH:
            if _STRENGTH[heard] > _STRENGTH[last]:
                self.text = bare.removesuffix(last).rstrip(" ") + heard
            return
        self.text = f"{bare} —" if heard == "—" and spaced else bare + heard

    def word(self, phonemes: str, joined: bool) -> tuple[int, int]:
        """Phonemes of a piece; its span."""
        if self.text and not joined:
            self.text += " "
        start = len(self.text)
        self.text += phonemes
        return start, len(self.text)


def string(tokens: list[Token], rows: list[list[Piece]]) -> Strung:
    """Phonemes of a whole sentence with its words."""
    line, words = _Line(), []
    after_dash = False
    for token, pieces in zip(tokens, rows, strict=True):
        spans = []
        for i, piece in enumerate(pieces):
            if piece.spoken.kind is Kind.MARK:
                line.mark(piece.phonemes, token.spaced and not i)
                after_dash = piece.phonemes == "—" and not token.spaced
            elif said := valid(piece.phonemes).strip():
                joined = piece.spoken.glued or (after_dash and not token.spaced and not i)
                spans.append(line.word(said, joined))
                after_dash = False
        if spans:
            words.append(
                SpokenWord(
                    text=token.text, start=spans[0][0], end=spans[-1][1], emphasis=token.emphasis
                )
            )
    end = tokens[-1].end if tokens else 0
    return Strung(line.text, tuple(words), tokens[0].start if tokens else 0, end)


def cut(whole: Strung, limit: int = MAX_PHONEMES) -> list[Strung]:
    """Parts of at most `limit` phonemes, cut at the best marks, else spaces, else anywhere."""
    parts, rest = [], whole
    while len(rest.phonemes) > limit:
        at = _best_cut(rest.phonemes, limit)
        parts.append(_part(rest, 0, at))
        rest = _part(rest, at, len(rest.phonemes))
    parts.append(rest)
    return [p for p in parts if p.is_audible]


def _best_cut(phonemes: str, limit: int) -> int:
    """Where to cut: near the limit or the middle, but rather after a strong mark."""
    aim = min(limit, max(limit // 2, len(phonemes) // 2 + 30))
    best, best_worth = limit, -1e9
    for at in range(limit // 4, limit):
        if phonemes[at] != " ":
            continue
        worth = _CUT_WORTH.get(phonemes[at - 1], 0) - 0.5 * abs(aim - at)
        if worth >= best_worth:
            best, best_worth = at, worth
    return best


def _part(whole: Strung, start: int, end: int) -> Strung:
    """The stretch from `start` to `end`, without spaces at its ends."""
    while start < end and whole.phonemes[start] == " ":
        start += 1
    while end > start and whole.phonemes[end - 1] == " ":
        end -= 1
    words = tuple(
        SpokenWord(
            text=w.text,
            start=max(w.start, start) - start,
            end=min(w.end, end) - start,
            emphasis=w.emphasis,
        )
        for w in whole.words
        if w.end > start and w.start < end
    )
    return Strung(whole.phonemes[start:end], words, whole.start, whole.end)
