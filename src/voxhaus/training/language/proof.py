"""What each idea saves: the same text and FLOPs, one idea more at a time.

Knows: the arms of the comparison, budgets and seeds, and how FLOPs to a given loss are read off.
Refuses to know: how any of the ideas works, and where records go.

An arm is trained for several budgets, each a whole run with its own decay: a run that is cut short
is not what a smaller budget would have given. Between budgets the loss is interpolated over the
logarithm of FLOPs; nothing is extrapolated beyond the largest.
"""

import itertools
import json
import math
import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from voxhaus.core.files import write_whole
from voxhaus.training.language import scaling
from voxhaus.training.language.scaling import Plan


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One column of the comparison.

    Attributes:
        name: what stands in tables.
        adds: the idea over the arm before, in a few words.
        kind: the model's.
        text: name of the shards that it learns from.
        documents: chunks are chosen by what they teach.
        tokens: the loss is on chosen tokens only.
        rate: factor on the rule's learning rates; each kind of model was tuned (record
            `language_rates`).
    """

    name: str
    adds: str
    kind: str
    text: str = "pool"
    muon: bool = True
    documents: bool = False
    tokens: bool = False
    rate: float = 1.0


ARMS = (
    Arm(name="plain", adds="GPT, AdamW, all text", kind="plain", muon=False, rate=1 / 6),
    Arm(name="modern", adds="our layers, untied head, Muon", kind="dense"),
    Arm(name="experts", adds="16 experts, 4 to a token", kind="mixture"),
    Arm(name="filtered", adds="filters, no duplicates", kind="mixture", text="train"),
    Arm(name="documents", adds="chunks chosen", kind="mixture", text="train", documents=True),
    Arm(
        name="tokens",
        adds="tokens chosen",
        kind="mixture",
        text="train",
        documents=True,
        tokens=True,
    ),
)
# What choosing cannot beat while the pool holds the target's own sources; no step of the staircase.
TARGET = Arm(name="target", adds="the target's own text alone", kind="mixture", text="target")
MODELS = {"plain": scaling.plain_gpt, "dense": scaling.dense, "mixture": scaling.mixture}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run came to.

    Attributes:
        flops: all that it cost, choosing included.
        bits: held-out bits per byte of each text, by name.
    """

    arm: str
    seed: int
    budget: float
    flops: float
    seconds: float
    tokens: int
    bits: Mapping[str, float]


def plan_of(arm: Arm, size: int, budget: float, *, vocab: int, spent: float = 0.0) -> Plan:
    """The run of an arm that costs `budget` FLOPs, of which `spent` went into choosing data.

    Optimiser FLOPs count: steps are as many as the rest pays with them.
    """
    model = MODELS[arm.kind](size, vocab=vocab)
    rates = scaling.rates(model.hidden_size)
    if arm.kind == "plain":
        # One rate for all, as in GPT-2 and nanoGPT; a tied embedding begins small.
        rates = replace(rates, embedding=rates.matrices, head=rates.matrices)
    rates = scaling.Rates(**{k: v * arm.rate for k, v in asdict(rates).items()})
    plan = Plan(model=model, rates=rates, plain=arm.kind == "plain", muon=arm.muon)
    plan = replace(plan, step_tokens=scaling.step_size(int(budget / plan.flops_per_token), 512))
    each = plan.step_tokens * plan.flops_per_token + _moving(plan)
    steps = max(10, int((budget - spent) / each))
    return replace(plan, steps=steps, warmup=max(5, min(100, steps // 20)))


def _moving(plan: Plan) -> float:
    """FLOPs of an optimiser's step."""
    from voxhaus.models.language.model import LanguageModel
    from voxhaus.training.language.pretraining import optimiser

    return float(optimiser(LanguageModel(plan.model, plain=plan.plain), plan).flops)


def compare(
    arms: Sequence[Arm],
    budgets: Sequence[float],
    seeds: Sequence[int],
    train: Callable[[Arm, float, int], Run],
    folder: Path,
) -> list[Run]:
    """Train all that is not in `folder` yet; return every run that is done.

    Several processes may work on one folder; each takes what no other has.

    Args:
        arms: the columns.
        budgets: FLOPs, smallest first.
        seeds: of start values and order.
        train: trains one arm for a budget with a seed.
        folder: gets a JSON file a run; a comparison that is interrupted goes on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for budget in budgets:
            for arm in arms:
                path = folder / f"{arm.name}-{budget:.3g}-{seed}.json"
                if not path.exists() and _claimed(path.with_suffix(".claim")):
                    run = train(arm, budget, seed)
                    write_whole(path, (json.dumps(asdict(run), indent=2) + "\n").encode())
                    path.with_suffix(".claim").unlink()
    return [Run(**json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.json"))]


def _claimed(path: Path) -> bool:
    """Take a run, unless another process that is still there has it."""
    try:
        with path.open("x") as claim:
            claim.write(str(os.getpid()))
        return True
    except FileExistsError:
        try:
            os.kill(int(path.read_text() or 0), 0)
        except (OSError, ValueError):
            path.write_text(str(os.getpid()))
            return True
    return False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An arm at the largest budget.

    Attributes:
        bits: median of held-out bits per byte.
        spread: between the lowest and the highest seed.
        flops_to_baseline: that it needs for the first arm's median loss; None where even its
            smallest budget is better (then `at_most` is that budget) or its largest is worse.
        saving: baseline's FLOPs over these.
    """

    arm: str
    bits: float
    spread: float
    seconds: float
    flops_to_baseline: float | None
    saving: float | None
    at_least: bool = False


def standings(runs: Iterable[Run], arms: Sequence[Arm], text: str) -> list[Standing]:
    """Each arm beside the first one, by one held-out text."""
    by_arm: dict[str, dict[float, list[Run]]] = {}
    for run in runs:
        by_arm.setdefault(run.arm, {}).setdefault(run.budget, []).append(run)
    largest = max(by_arm[arms[0].name])
    bar = _median(by_arm[arms[0].name][largest], text)
    found = []
    for arm in arms:
        budgets = by_arm[arm.name]
        curve = [(_flops(budgets[b]), _median(budgets[b], text)) for b in sorted(budgets)]
        needed, at_least = crossing(curve, bar)
        cost = _flops(by_arm[arms[0].name][largest])
        bits = [r.bits[text] for r in budgets[largest]]
        found.append(
            Standing(
                arm=arm.name,
                bits=statistics.median(bits),
                spread=max(bits) - min(bits),
                seconds=statistics.median(r.seconds for r in budgets[largest]),
                flops_to_baseline=needed,
                saving=None if needed is None else cost / needed,
                at_least=at_least,
            )
        )
    return found


def crossing(curve: Sequence[tuple[float, float]], bar: float) -> tuple[float | None, bool]:
    """FLOPs at which a curve of (FLOPs, loss) falls to `bar`, linear over the logarithm of FLOPs.

    Returns:
        The FLOPs, and whether they are only a bound from above, because the first point is below
        the bar already; None where the curve never falls so far.
    """
    if curve[0][1] <= bar:
        return curve[0][0], curve[0][1] < bar
    for (f0, l0), (f1, l1) in itertools.pairwise(curve):
        if l1 <= bar:
            share = (l0 - bar) / (l0 - l1)
            return math.exp(math.log(f0) + share * (math.log(f1) - math.log(f0))), False
    return None, False


def _median(runs: Sequence[Run], text: str) -> float:
    return statistics.median(r.bits[text] for r in runs)


def _flops(runs: Sequence[Run]) -> float:
    return statistics.median(r.flops for r in runs)
