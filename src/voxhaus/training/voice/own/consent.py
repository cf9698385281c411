"""The consent of the person whose voice is learned.

Knows: that there is no voice without it, how it is asked for, and how it is told afterwards.
Refuses to know: recordings and models. It cannot know whether a statement is true.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from voxhaus.core.errors import InputError

FILE = "consent.txt"
SHORTEST = 40  # characters; "yes" says nothing of who agrees to what

STATEMENT = (
    "I, {name}, am the person heard in these recordings. I agree that a synthetic voice is made "
    "from them that can say any text in my voice, and that it is used by {holder}. Given on {date}."
)
NEEDED = (
    "A voice is only made with the consent of the person who recorded it: give their statement "
    "with --consent FILE."
)


@dataclass(frozen=True, kw_only=True)
class Consent:
    """A statement of the person who recorded."""

    text: str

    @property
    def sha256(self) -> str:
        """Of the statement, as it is stored."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def where(self, model: str) -> str:
        """What a spoken file says of it."""
        return f"{FILE} of {model}, sha256 {self.sha256[:16]}"


def given(path: Path | None, ask: Callable[[str], str] | None = None) -> Consent:
    """The consent from a file, or asked for where somebody can answer.

    Args:
        path: a text file with the statement, in the speaker's words.
        ask: puts a question and returns the answer; None where nobody is there.

    Raises:
        InputError: there is none, or it says too little.
    """
    if path is None and ask is None:
        raise InputError(NEEDED, param="consent")
    if path is None and ask is not None:
        return _asked(ask)
    if path is None or not path.is_file():
        raise InputError(f"{path} is no file. {NEEDED}", param="consent")
    text = path.read_text("utf-8").strip()
    if len(text) < SHORTEST:
        raise InputError(
            f"{path} says too little: write who agrees, and to what, in {SHORTEST} characters or "
            "more.",
            param="consent",
        )
    return Consent(text=text + "\n")


def _asked(ask: Callable[[str], str]) -> Consent:
    name = ask("Full name of the person who recorded").strip()
    holder = ask("Who may use the voice").strip()
    if not name or not holder:
        raise InputError(NEEDED, param="consent")
    text = STATEMENT.format(name=name, holder=holder, date=datetime.now(UTC).date())
    answer = ask(f"{text}\nThe speaker says so? Type yes").strip().lower()
    if answer != "yes":
        raise InputError(NEEDED, param="consent")
    return Consent(text=text + "\n")
