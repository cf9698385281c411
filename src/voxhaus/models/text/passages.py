"""Flattens a tree of markup into passages that one voice reads in one manner.

Knows: where markup forces a break (another voice, style, rate, pitch or volume, a
pause, a paragraph) and where it
only marks words within a sentence (emphasis, phonemes, say-as, sub).
Refuses to know: sentences, words and sounds.
"""

from dataclasses import dataclass, field, replace

from voxhaus.models.text.markup import (
    MAX_RATE,
    MAX_VOLUME,
    MIN_RATE,
    MIN_VOLUME,
    Node,
    Pause,
    Span,
    Text,
)

PARAGRAPH_PAUSE = 0.3  # seconds of extra silence between paragraphs


@dataclass(frozen=True, slots=True)
class Mark:
    """What markup says about some words of a passage.

    Attributes:
        start: offset of the first character in the passage.
        end: offset after the last.
        kind: "emphasis", "phonemes", "sub" or "say-as".
        value: as in `markup.Span`.
    """

    start: int
    end: int
    kind: str
    value: str


@dataclass(slots=True)
class Passage:
    """Text in one manner.

    Attributes:
        text: what is read.
        marks: in order, not overlapping except for emphasis.
        voice: asked for, or None.
        style: asked for, or None.
        rate: product of all rates around it, kept within the allowed range.
        pitch: sum of all changes of pitch around it, in semitones.
        volume: sum of all changes of volume around it, in decibels, kept within the allowed range.
        pause_before: seconds of silence asked for before it.
        pause_after: and after it.
    """

    voice: str | None
    style: str | None
    rate: float
    text: str = ""
    marks: list[Mark] = field(default_factory=list)
    pause_before: float = 0.0
    pause_after: float = 0.0
    pitch: float = 0.0
    volume: float = 0.0


def flatten(tree: Span) -> list[Passage]:
    """Passages in order; the first may be empty and only hold a pause."""
    walk = _Walk()
    walk.visit(tree, _Manner())
    return [p for p in walk.passages if p.text or p.pause_before or p.pause_after]


@dataclass(frozen=True, slots=True)
class _Manner:
    voice: str | None = None
    style: str | None = None
    rate: float = 1.0
    pitch: float = 0.0
    volume: float = 0.0

    def within(self, kind: str, value: str | float) -> "_Manner":
        """The manner inside a span."""
        if kind == "rate":
            return replace(self, rate=self.rate * float(value))
        if kind == "pitch":
            return replace(self, pitch=self.pitch + float(value))
        if kind == "volume":
            return replace(self, volume=self.volume + float(value))
        if kind == "voice":
            return replace(self, voice=str(value))
        return replace(self, style=str(value)) if kind == "style" else self

    def passage(self) -> Passage:
        rate = min(MAX_RATE, max(MIN_RATE, self.rate))
        volume = min(MAX_VOLUME, max(MIN_VOLUME, self.volume))
        return Passage(self.voice, self.style, rate, pitch=self.pitch, volume=volume)


class _Walk:
    """Collects passages while it walks the tree."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []
        self._manner: _Manner | None = None
        self._waiting = 0.0  # silence that the next passage begins with
        self._gap = 0.0  # silence between paragraphs, if another one follows
        self._broken = True

    def visit(self, node: Node, manner: _Manner) -> None:
        if isinstance(node, Text):
            self._at(manner).text += node.text
        elif isinstance(node, Pause):
            self._pause(node.seconds)
        else:
            self._span(node, manner)

    def _span(self, span: Span, manner: _Manner) -> None:
        value = span.value
        if span.kind in ("emphasis", "phonemes", "sub", "say-as"):
            passage = self._at(manner)
            start = len(passage.text)
            for child in span.children:
                self.visit(child, manner)
            # A break within an emphasised span starts a new passage; the rest is marked there.
            now = self._at(manner)
            begins = start if now is passage else 0
            now.marks.append(Mark(begins, len(now.text), span.kind, str(value)))
            return
        manner = manner.within(span.kind, value)
        is_block = span.kind in ("paragraph", "sentence")
        self._broken = self._broken or is_block
        for child in span.children:
            self.visit(child, manner)
        if is_block:
            self._broken = True
            if span.kind == "paragraph":
                self._gap = PARAGRAPH_PAUSE

    def _at(self, manner: _Manner) -> Passage:
        """The passage to write to, a new one if the manner changed."""
        if self._broken or manner != self._manner:
            passage = manner.passage()
            passage.pause_before = self._waiting + self._gap
            self._waiting = self._gap = 0.0
            self.passages.append(passage)
            self._manner, self._broken = manner, False
        return self.passages[-1]

    def _pause(self, seconds: float) -> None:
        if self.passages and self.passages[-1].text.strip() and not self._waiting:
            self.passages[-1].pause_after += seconds
        else:
            self._waiting += seconds
        self._broken = True
