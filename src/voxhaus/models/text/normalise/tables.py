"""The word lists that normalising reads: tab-separated files under `data/`.

Knows: how the files are laid out ("#" starts a comment, a tab ends a column).
Refuses to know: what the words are used for.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"


@lru_cache
def table(name: str) -> dict[str, tuple[str, ...]]:
    """First column -> the other columns of `data/NAME.tsv`."""
    rows: dict[str, tuple[str, ...]] = {}
    for line in (DATA / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            key, *rest = line.split("\t")
            rows[key] = tuple(rest)
    return rows


def one_of(words: Iterable[str]) -> str:
    """A pattern that matches any of the words, the longest first."""
    return "|".join(re.escape(w) for w in sorted(words, key=len, reverse=True))
