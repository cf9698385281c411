"""Texts that end an answer, found in a stream of pieces.

Knows: pieces of text and what must not be shown yet. Refuses to know: tokens.
"""

from collections.abc import Sequence


class Stops:
    """Lets text through up to the first of some texts.

    What might be the beginning of one is held back until it is known.

    Attributes:
        found: one of the texts came; nothing after it is let through.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(texts)
        self._held = ""
        self.found = False

    def push(self, piece: str) -> str:
        """Take a piece; return what can be shown."""
        if self.found or not piece:
            return ""
        text = self._held + piece
        places = [at for at in (text.find(t) for t in self._texts) if at >= 0]
        if places:
            self.found, self._held = True, ""
            return text[: min(places)]
        keep = max((_overlap(text, t) for t in self._texts), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """What was held back, now that nothing follows."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of a text begin another."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
