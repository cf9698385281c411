"""A conversation to learn from, and which ones are kept apart for scoring.

Knows: the record and its JSON, the split by item, and what no record may hold.
Refuses to know: where the material comes from and what the tasks are.
"""

import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

# With a vocabulary of 8,192, English has about 3.7 characters a token: this fits 512 tokens.
MAX_CHARACTERS = 1400
HELD_OUT_SHARE = 0.08

_SALT = "voxhaus tuning 1"
_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.\w"  # addresses
    r"|(?<![\w.])\+?\(?\d{2,4}\)?[ -]\d{3,4}[ -]\d{3,4}(?![\w,])"  # telephones
    r"|\b\d{3}-\d{2}-\d{4}\b"  # numbers of persons
    r"|\b(?:\d[ -]?){13,19}\b"  # cards
)
_SLUR = re.compile(r"\b(?:\w*fuck\w*|cunts?|nigg\w+|faggots?|whores?\w*|sluts?|twats?)\b", re.I)


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """What was said, and where it comes from.

    Attributes:
        messages: role and content, oldest first; the last is the assistant's.
        task: "definition", "short_answer", ...
        kind: which form of the task.
        source: name of the material.
        licence: of the material; "Apache-2.0" for what was written here.
        item: what is asked about. A held-out item is held out in every task and phrasing.
        also: further items that the text gives away.
        references: answers that count as right, for scoring; the last message if there are none.
        baselines: answers of simple methods, by name, for scoring.
    """

    messages: tuple[tuple[str, str], ...]
    task: str
    kind: str
    source: str
    licence: str
    item: str
    also: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    baselines: Mapping[str, str] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """The last thing the assistant says."""
        return self.messages[-1][1]

    @property
    def characters(self) -> int:
        """Length of all contents."""
        return sum(len(content) for _, content in self.messages)

    def line(self) -> str:
        """One JSON object; `also` is not needed any more."""
        record = asdict(self)
        del record["also"]
        record["messages"] = [{"role": r, "content": c} for r, c in self.messages]
        return json.dumps(
            {k: v for k, v in record.items() if v or k == "messages"}, ensure_ascii=False
        )


def dice(*names: str) -> random.Random:
    """Chance that depends on names only, so that one item's never changes with the others."""
    return random.Random("\n".join(names))


def is_held_out(item: str, share: float = HELD_OUT_SHARE) -> bool:
    """Whether an item is kept for scoring: by its hash, so in every task and every build."""
    digest = hashlib.sha256(f"{_SALT}\n{item.casefold()}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def refusal(conversation: Conversation) -> str | None:
    """Why a conversation is not used; None if it is."""
    text = "\n".join(content for _, content in conversation.messages)
    if conversation.characters > MAX_CHARACTERS:
        return "too long"
    if not all(content.strip() for _, content in conversation.messages):
        return "empty turn"
    if _PERSONAL.search(text):
        return "personal data"
    if _SLUR.search(text):
        return "slur"
    if len({is_held_out(i) for i in (conversation.item, *conversation.also)}) > 1:
        return "mixes training and held-out items"
    return None


def write_lines(path: Path, conversations: Iterable[Conversation]) -> int:
    """Write JSON lines, all or none; how many."""
    count = 0
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for conversation in conversations:
            file.write(conversation.line() + "\n")
            count += 1
    part.replace(path)
    return count


def distinct(conversations: Iterable[Conversation]) -> Iterator[Conversation]:
    """Without those whose words were there before, whatever their case and spaces."""
    seen: set[bytes] = set()
    for conversation in conversations:
        text = "\n".join(" ".join(c.casefold().split()) for _, c in conversation.messages)
        digest = hashlib.sha256(text.encode()).digest()
        if digest not in seen:
            seen.add(digest)
            yield conversation
