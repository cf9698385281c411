"""Scores on the tasks that the text model is tuned for, on items that it was not tuned on.

Knows: the file of held-out conversations, which scores belong to which task, and the baselines.
Refuses to know: how the file was made (`training/language/tasks`) and how models answer.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from voxhaus.core.errors import InputError
from voxhaus.core.paths import cache_root
from voxhaus.evals import text_scores as scores
from voxhaus.evals.language_models import Model

LIMIT = 50  # items of a task where nothing else is asked for
_TOKENS = {"spoken": 160, "definition": 64, "extraction": 64}
_OTHER_TOKENS = 48
# Tasks whose questions can be answered; a refusal there is a false one.
_ANSWERABLE = ("definition", "extraction", "short_answer", "yes_no")

Figures = dict[str, float]
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Item:
    """A held-out conversation.

    Attributes:
        messages: up to where the assistant is to answer.
        answer: what stands there in the file.
        references: what counts as right.
        baselines: answers of simple methods.
    """

    task: str
    kind: str
    messages: tuple[Mapping[str, str], ...]
    answer: str
    references: tuple[str, ...]
    baselines: Mapping[str, str] = field(default_factory=dict)


def default_file() -> Path:
    """Where the tuning data's build puts the held-out conversations."""
    return cache_root() / "language" / "tuning" / "held_out.jsonl"


def read(path: Path | None = None, limit: int = LIMIT) -> dict[str, list[Item]]:
    """Held-out items by task, the first `limit` of each; the file has its kinds in turns.

    Raises:
        InputError: the file is missing or not such a file; the message says how it is made.
    """
    path = path or default_file()
    if not path.is_file():
        raise InputError(
            f"There are no held-out conversations at {path}. Make them with: "
            "python -m voxhaus.training.language.tasks.build",
            param="held_out",
        )
    found: dict[str, list[Item]] = defaultdict(list)
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            item = _item(json.loads(line))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise InputError(
                f"{path}, line {number} is no conversation.", param="held_out"
            ) from error
        if len(found[item.task]) < limit:
            found[item.task].append(item)
    return dict(found)


def _item(row: Mapping[str, Any]) -> Item:
    *before, last = row["messages"]
    return Item(
        task=row["task"], kind=row.get("kind", ""), messages=tuple(before), answer=last["content"],
        references=tuple(row.get("references") or (last["content"],)),
        baselines=row.get("baselines", {}),
    )  # fmt: skip


def evaluate(
    model: Model, items: Mapping[str, Sequence[Item]], progress: Progress | None = None
) -> dict[str, Any]:
    """Ask a model everything.

    Returns:
        `tasks` (task -> figures) and `answers` (what it said, with the item).
    """
    tasks: dict[str, Figures] = {}
    log: list[dict[str, Any]] = []
    said: dict[str, list[str]] = {}
    for task, several in items.items():
        if progress:
            progress(f"{model.name}: {task}")
        tokens = _TOKENS.get(task, _OTHER_TOKENS)
        said[task], too_long = _answers(model, several, tokens)
        tasks[task] = figures(task, several, said[task])
        if too_long:
            tasks[task]["too_long"] = too_long
        if task == "small_talk":
            bits = reply_bits_per_byte(model, several)
            tasks[task].update({} if math.isnan(bits) else {"bits_per_byte": bits})
        log += [
            {"model": model.name, "task": task, "kind": i.kind, "asked": i.messages[-1]["content"],
             "references": i.references, "answer": a}
            for i, a in zip(several, said[task], strict=True)
        ]  # fmt: skip
    if "unknown" in tasks:
        share = _false_refusals(items, said)
        tasks["unknown"].update({} if math.isnan(share) else {"false_refusals": share})
    return {"tasks": tasks, "answers": log}


def _answers(model: Model, items: Sequence[Item], tokens: int) -> tuple[list[str], int]:
    """Answers to items, and how many do not fit the model's context; those get none."""
    fitting = [
        n for n, i in enumerate(items) if len(model.prompt(i.messages)) + tokens <= model.context
    ]
    said = [""] * len(items)
    asked = [items[n].messages for n in fitting]
    for n, answer in zip(fitting, model.answers(asked, tokens) if asked else (), strict=True):
        said[n] = answer
    return said, len(items) - len(fitting)


def _false_refusals(items: Mapping[str, Sequence[Item]], said: Mapping[str, list[str]]) -> float:
    """Share of refusals among answers to questions that can be answered."""
    answers = [
        a
        for task in _ANSWERABLE
        for i, a in zip(items.get(task, ()), said.get(task, ()), strict=True)
        if i.kind != "absent"
    ]
    return _mean(scores.refuses(a) for a in answers)


def baselines(items: Mapping[str, Sequence[Item]]) -> dict[str, dict[str, Figures]]:
    """Task -> name -> figures of the simple methods, where the items have answers of them."""
    found: dict[str, dict[str, Figures]] = {}
    for task, several in items.items():
        names = sorted({n for i in several for n in i.baselines})
        found[task] = {
            name: figures(task, with_it, [i.baselines[name] for i in with_it])
            for name in names
            if (with_it := [i for i in several if name in i.baselines])
        }
    return found


def figures(task: str, items: Sequence[Item], answers: Sequence[str]) -> Figures:
    """The scores of a task, all between 0 and 1, and `n` items; none for what nothing asks."""
    pairs = list(zip(items, answers, strict=True))
    found = _SCORES.get(task, _overlap)(pairs)
    return {"n": len(pairs), **{k: v for k, v in found.items() if not math.isnan(v)}}


Pairs = list[tuple[Item, str]]


def _mean(values: Iterable[float]) -> float:
    several = list(values)
    return math.fsum(several) / len(several) if several else math.nan


def _overlap(pairs: Pairs) -> Figures:
    return {"rouge_l": _mean(scores.rouge_l(a, i.references) for i, a in pairs)}


def _definition(pairs: Pairs) -> Figures:
    """The gloss against the answer without its opening ("An oar is ...")."""
    glossed = [(i, a) for i, a in pairs if i.kind != "usage"]
    return {
        "rouge_l": _mean(
            max(scores.rouge_l(a, i.references), scores.rouge_l(_without_opening(a), i.references))
            for i, a in glossed
        )
    }


def _without_opening(answer: str) -> str:
    for verb in (" means: ", " means ", " is to ", " is ", " are ", ": "):
        before, found, after = answer.partition(verb)
        if found and len(before.split()) <= 6:
            return after
    return answer


def _short(pairs: Pairs) -> Figures:
    asked = [(i, a) for i, a in pairs if i.kind != "absent"]
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for item, answer in asked:
        by_kind[item.kind].append(scores.holds(answer, item.references))
    absent = [scores.refuses(a) for i, a in pairs if i.kind == "absent"]
    return {
        "exact": _mean(scores.is_exactly(a, i.references) for i, a in asked),
        "contains": _mean(scores.holds(a, i.references) for i, a in asked),
        **{f"contains: {kind}": _mean(hits) for kind, hits in sorted(by_kind.items())},
        **({"absent: refused": _mean(absent)} if absent else {}),
    }


def _spoken(pairs: Pairs) -> Figures:
    return {
        "exact": _mean(" ".join(a.split()) in i.references for i, a in pairs),
        "character_error_rate": _mean(
            min(scores.character_error_rate(a, r) for r in i.references) for i, a in pairs
        ),
    }


def _talk(pairs: Pairs) -> Figures:
    return {
        "claims_to_be_human": _mean(scores.claims_to_be_human(a) for _, a in pairs),
        "empty": _mean(not a.strip() for _, a in pairs),
    }


def _identity(pairs: Pairs) -> Figures:
    return {
        "rouge_l": _overlap(pairs)["rouge_l"],
        "claims_to_be_human": _mean(scores.claims_to_be_human(a) for _, a in pairs),
    }


def _unknown(pairs: Pairs) -> Figures:
    return {"refused": _mean(scores.refuses(a) for _, a in pairs)}


def _yes_no(pairs: Pairs) -> Figures:
    """Balanced accuracy: the mean of the shares right among yes and among no."""
    hits: dict[str, list[bool]] = {"yes": [], "no": []}
    for item, answer in pairs:
        said = scores.words(answer)[:1]
        hits[item.kind].append(said == [item.kind])
    return {"balanced_accuracy": _mean(_mean(h) for h in hits.values() if h)}


def _kept_alike(pairs: Pairs) -> Figures:
    """Whether the system message's rule was kept, whatever the answer says."""
    ruled = [(i, a) for i, a in pairs if i.kind in _RULES]
    return {"rule_kept": _mean(bool(a) and _RULES[i.kind](a) for i, a in ruled)}


# The rules of `training/language/tasks/instructions.py`, as checks.
_RULES: Mapping[str, Callable[[str], bool]] = {
    "capitals": lambda a: a == a.upper(),
    "lower case": lambda a: a == a.lower(),
    "over": lambda a: a.rstrip().endswith("Over."),
    "well": lambda a: a.startswith("Well,"),
    "one sentence": lambda a: len([s for s in a.replace("!", ".").split(". ") if s.strip()]) == 1,
    "no full stop": lambda a: not a.rstrip().endswith("."),
    "brackets": lambda a: a.startswith("(") and a.rstrip().endswith(")"),
    "dear listener": lambda a: "dear listener" in a.lower(),
}

_SCORES: Mapping[str, Callable[[Pairs], Figures]] = {
    "definition": _definition,
    "short_answer": _short,
    "extraction": _short,
    "spoken": _spoken,
    "small_talk": _talk,
    "identity": _identity,
    "unknown": _unknown,
    "yes_no": _yes_no,
    "system": _kept_alike,
}


def reply_bits_per_byte(model: Model, items: Sequence[Item]) -> float:
    """How well a model foresees the replies that people gave: bits over bytes of all replies."""
    bits = size = 0.0
    for item in items:
        before = model.prompt(item.messages)
        reply = model.encode(item.answer)
        if len(before) + len(reply) >= model.context:
            continue
        found = model.log_probabilities([*before, *reply])[len(before) :]
        bits -= float(np.sum(found, dtype=np.float64)) / math.log(2)
        size += len(item.answer.encode("utf-8"))
    return bits / size if size else math.nan
