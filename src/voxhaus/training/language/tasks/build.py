"""All conversations, without duplicates, split into training and held-out ones.

Knows: the list of tasks, how many held-out items each keeps, and the files.
Refuses to know: what any task asks.

    python -m voxhaus.training.language.tasks.build
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from voxhaus.core.files import write_whole
from voxhaus.training.language.tasks import (
    definitions,
    facts,
    identity,
    instructions,
    material,
    reading,
    small_talk,
    spoken,
    summaries,
    unknown,
)
from voxhaus.training.language.tasks.conversation import (
    Conversation,
    dice,
    distinct,
    is_held_out,
    refusal,
    write_lines,
)

KEPT = 400  # held-out conversations of a task; more are dropped
TRAIN, HELD_OUT, REPORT = "train.jsonl", "held_out.jsonl", "report.json"


def everything() -> Iterator[Conversation]:
    """The conversations of all tasks, before any is refused."""
    parts = (definitions, facts, summaries, spoken, reading, unknown, identity, small_talk)
    others = [c for part in parts for c in part.conversations()]
    yield from others
    yield from instructions.ruled(others)
    yield from instructions.chained(others)


def build(
    folder: Path | None = None, conversations: Iterable[Conversation] | None = None
) -> dict[str, Any]:
    """Write train.jsonl, held_out.jsonl and report.json; return the report.

    Args:
        folder: where they are written; `$VOXHAUS_CACHE/language/tuning` if None.
        conversations: of what; all tasks if None.

    Raises:
        VoxhausError: a package cannot be fetched.
    """
    folder = folder or material.folder()
    folder.mkdir(parents=True, exist_ok=True)
    refused: Counter[str] = Counter()
    train: list[Conversation] = []
    held_out: dict[str, list[Conversation]] = defaultdict(list)
    for conversation in distinct(everything() if conversations is None else conversations):
        if reason := refusal(conversation):
            refused[f"{conversation.task}: {reason}"] += 1
        elif is_held_out(conversation.item):
            held_out[conversation.task].append(conversation)
        else:
            train.append(conversation)
    dice("order").shuffle(train)
    kept = [c for task in sorted(held_out) for c in _some(held_out[task], task)]
    write_lines(folder / TRAIN, train)
    write_lines(folder / HELD_OUT, kept)
    report = {
        "train": dict(sorted(Counter(c.task for c in train).items())),
        "held_out": dict(sorted(Counter(c.task for c in kept).items())),
        "kinds": dict(sorted(Counter(f"{c.task}: {c.kind}" for c in train).items())),
        "sources": {
            s: {"licence": material.LICENCES[s], "conversations": n}
            for s, n in sorted(Counter(c.source for c in train).items())
        },
        "characters": sum(c.characters for c in train),
        "refused": dict(sorted(refused.items())),
    }
    write_whole(folder / REPORT, (json.dumps(report, indent=1) + "\n").encode())
    return report


def _some(conversations: list[Conversation], task: str) -> list[Conversation]:
    """At most KEPT, evenly from its kinds as far as they go."""
    by_kind: dict[str, list[Conversation]] = defaultdict(list)
    for c in conversations:
        by_kind[c.kind].append(c)
    for kind, several in by_kind.items():
        dice("held out", task, kind).shuffle(several)
    chosen: list[Conversation] = []
    while len(chosen) < KEPT and any(by_kind.values()):
        for kind in sorted(by_kind):
            if by_kind[kind] and len(chosen) < KEPT:
                chosen.append(by_kind[kind].pop())
    return chosen


if __name__ == "__main__":
    print(json.dumps(build(), indent=1))
