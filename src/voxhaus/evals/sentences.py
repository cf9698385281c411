"""The sentences that speech is judged on.

Knows: the committed list and the format of such lists. Refuses to know: engines and judges.
"""

from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from voxhaus.core.errors import InputError

TEN_WORDS = "The quiet river bends twice before it reaches the sea."


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence of a list and the category that it stands for."""

    category: str
    text: str


def parse(content: str, name: str) -> list[Sentence]:
    """Lines of `category<TAB>text`; blank lines and lines that begin with # are passed over.

    Raises:
        InputError: a line without a tab, or nothing at all; the message names file and line.
    """
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        category, tab, text = line.partition("\t")
        if not (tab and category.strip() and text.strip()):
            raise InputError(f"{name}, line {number}: expected category, a tab, and a sentence.")
        found.append(Sentence(category=category.strip(), text=text.strip()))
    if not found:
        raise InputError(f"{name} holds no sentences.")
    return found


def read(path: Path | None = None) -> list[Sentence]:
    """The sentences of a file, or the committed list.

    Raises:
        InputError: the file cannot be read or is not such a list.
    """
    if path is None:
        return parse(_packaged("sentences.tsv"), "the committed list")
    try:
        return parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text: {error}") from None


def spread(sentences: list[Sentence], limit: int | None) -> list[Sentence]:
    """At most `limit` sentences, dealt out over the categories in turn; the order stays the list's.

    A short list then stands for the long one. All of them if `limit` is None.
    """
    if limit is None or limit >= len(sentences):
        return sentences
    seen: Counter[str] = Counter()
    turns = []
    for place, sentence in enumerate(sentences):
        turns.append((seen[sentence.category], place))
        seen[sentence.category] += 1
    chosen = sorted(place for _, place in sorted(turns)[:limit])
    return [sentences[place] for place in chosen]


def paragraph() -> str:
    """The paragraph of about a minute that speed is measured on."""
    return " ".join(_packaged("paragraph.txt").split())


def _packaged(name: str) -> str:
    return (resources.files("voxhaus.evals") / "data" / name).read_text("utf-8")
