"""Conversations made of the other tasks' ones: under a system message, and one after another.

Knows: rules whose keeping a program can check and how an answer looks that keeps one; which
conversations can follow each other.
Refuses to know: the other tasks' material; it takes their conversations as they are.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from voxhaus.training.language.tasks.conversation import Conversation, dice

RULED, CHAINED = 7_000, 8_000
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def _one_sentence(answer: str) -> str:
    return _END.split(answer)[0]


def _lower(answer: str) -> str:
    return answer if re.match(r"I\b|[A-Z][A-Z]", answer) else answer[0].lower() + answer[1:]


# Name of the rule, ways to say it, and what it makes of an answer. `evals/task_scores.py` checks them.
RULES: Mapping[str, tuple[tuple[str, ...], Callable[[str], str]]] = {
    "capitals": (("Answer in capital letters.", "Write everything in capitals.",
                  "USE CAPITAL LETTERS ONLY."), str.upper),
    "lower case": (("Write in lower case only.", "Do not use capital letters."), str.lower),
    "over": (('End every answer with the word "Over."', 'Say "Over." at the end of each answer.'),
             lambda a: f"{a} Over."),
    "well": (('Begin every answer with "Well,".', 'Start each answer with "Well,".'),
             lambda a: f"Well, {_lower(a)}"),
    "one sentence": (("Answer in one sentence.", "Never use more than one sentence."), _one_sentence),
    "no full stop": (("Do not end answers with a full stop.", "Leave out the last full stop."),
                     lambda a: a.rstrip(".")),
    "brackets": (("Put your answer in brackets.", "Write your answer between ( and )."),
                 lambda a: f"({a})"),
    "dear listener": (('Address the user as "dear listener".',
                       'Begin with "Dear listener," each time.'), lambda a: f"Dear listener, {a}"),
    "none": (("You are a helpful assistant.", "You are voxhaus-1-preview, a small text model.",
              "Be brief and honest.", "You are the voice of a small radio station.",
              "If you do not know something, say so."), lambda a: a),
}  # fmt: skip


def chained(others: Iterable[Conversation]) -> Iterator[Conversation]:
    """Two short conversations as one: what was said before does not change an answer."""
    usable = [c for c in others if c.characters < 450 and c.kind != "chat"]
    chance = dice("chained")
    for _ in range(CHAINED):
        first, second = chance.sample(usable, 2)
        yield replace(
            second,
            messages=first.messages + second.messages,
            also=(*second.also, *first.also, first.item),
        )


def ruled(others: Iterable[Conversation]) -> Iterator[Conversation]:
    """Other tasks' conversations with a rule before them, and answers that keep it."""
    usable = [
        c for c in others
        if len(c.messages) == 2 and len(c.answer) < 200 and c.characters < 700 and c.answer[0].isalpha()
    ]  # fmt: skip
    chosen = dice("instructions").sample(usable, min(RULED, len(usable)))
    for other in chosen:
        chance = dice("rule", *(c for _, c in other.messages))
        name = chance.choice(sorted(RULES))
        said, keep = RULES[name]
        if name == "one sentence" and other.task == "summary":
            continue
        yield replace(
            other,
            messages=(
                ("system", chance.choice(said)), other.messages[0], ("assistant", keep(other.answer))
            ),
            task="system", kind=name, references=(keep(other.answer),), baselines={},
        )  # fmt: skip
