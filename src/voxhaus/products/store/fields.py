"""What may stand in a field that people fill in.

Knows: lengths, and the characters that databases refuse or that disguise a text.
Refuses to know: what the field is for; its name comes with it.
"""

import math
import unicodedata
from collections.abc import Iterable

from voxhaus.core.errors import InputError

# Control characters, lone surrogates, and marks that turn the direction of what follows: a name
# must not be able to rewrite the line it is shown in.
REFUSED = {"Cc", "Cs"}
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
MAX_LIST, MAX_NAME = 100, 200


def line(text: str, field: str, limit: int = MAX_NAME) -> str:
    """One line of text, trimmed.

    Raises:
        InputError: empty, too long, or with characters that are no text.
    """
    return _checked(text.strip(), field, limit)


def paragraph(text: str, field: str, limit: int, *, required: bool = True) -> str:
    """A text that may have lines. Raises InputError as `line` does."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not kept and not required:
        return ""
    _checked(kept.replace("\n", " ").replace("\t", " "), field, limit)
    return kept


def names(values: Iterable[str], field: str) -> list[str]:
    """A list of names, each once, in order. Raises InputError as `line` does."""
    kept = list(dict.fromkeys(line(v, field) for v in values))
    if len(kept) > MAX_LIST:
        raise InputError(f"'{field}' may have {MAX_LIST} entries at most.", param=field)
    return kept


def email(text: str, field: str = "email") -> str:
    """An address that could be one; whether somebody reads it only a letter tells."""
    kept = line(text, field, 254)
    local, at, host = kept.rpartition("@")
    if not (local and at and host) or any(c.isspace() for c in kept) or "@" in local:
        raise InputError(f"'{field}' must be an e-mail address.", param=field)
    return kept


def limit(value: float | None, field: str, most: float = 2**53) -> None:
    """Check a limit; None is no limit.

    Raises:
        InputError: not a number from 0 to `most`.
    """
    if value is not None and not (math.isfinite(value) and 0 <= value <= most):
        raise InputError(f"'{field}' must be a number from 0 to {most:.0f}.", param=field)


def storable(text: str, limit: int = MAX_NAME) -> str:
    """Any text made fit for a column: for what is recorded rather than asked."""
    fit = "".join("\ufffd" if unicodedata.category(c) in REFUSED else c for c in text[:limit])
    return fit or "-"


def _checked(text: str, field: str, limit: int) -> str:
    if not text:
        raise InputError(f"'{field}' must not be empty.", param=field)
    if len(text) > limit:
        raise InputError(f"'{field}' may have {limit} characters at most.", param=field)
    if any(unicodedata.category(c) in REFUSED or c in TURNING for c in text):
        raise InputError(f"'{field}' has characters that are not text.", param=field)
    return text
