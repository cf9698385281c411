"""The runs behind the proof, and the table and plot of what came back.

Knows: how an arm of `proof.py` becomes a run on the corpus, and what a record shows.
Refuses to know: how any of the ideas works.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from voxhaus.models.language.model import LanguageModel
from voxhaus.models.text.tokenizer import Tokenizer
from voxhaus.training.data.loader import Packed
from voxhaus.training.data.shards import open_shards
from voxhaus.training.language.pretraining import Choice, HeldOut, Pretraining, Rows, optimiser
from voxhaus.training.language.proof import Arm, Run, Standing, plan_of, standings
from voxhaus.training.language.scaling import Plan
from voxhaus.training.language.selection.choose import choose, save_report
from voxhaus.training.language.selection.config import SelectionConfig
from voxhaus.training.language.selection.references import References, Texts
from voxhaus.training.loop.ledger import Ledger
from voxhaus.training.loop.precision import best_device
from voxhaus.training.loop.schedule import Schedule
from voxhaus.training.loop.trainer import LoopConfig, Trainer

ROWS = 8
# Of the arms that choose (decision 0071).
SELECTION = SelectionConfig(color=True, tau=4.0, tokens=True, judge="counts", token_judge="counts")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all arms share.

    Attributes:
        data: folder of the corpus.
        folder: of the comparison's runs.
        held_out: texts that are measured on, by name.
        size: the dial.
        selection: the settings of arms that choose; what is off in an arm is switched off.
        peak: FLOP/s of this machine.
    """

    data: Path
    folder: Path
    tokenizer: Tokenizer
    held_out: dict[str, HeldOut]
    size: int
    selection: SelectionConfig
    peak: float
    compiled: bool = True

    def train(self, arm: Arm, budget: float, seed: int) -> Run:
        """One arm, for a budget, from a seed; choosing is paid out of the budget."""
        began = time.perf_counter()
        ledger = Ledger(self.peak)
        name = f"{arm.name}-{budget:.3g}-{seed}"
        plan = plan_of(arm, self.size, budget, vocab=self.tokenizer.size)
        rows, choice, plan = self._rows(arm, budget, seed, plan, ledger, name)
        # Compiled code is kept for eight models of a process; the ninth would run uncompiled.
        torch.compiler.reset()
        torch.manual_seed(seed)
        model = LanguageModel(plan.model, plain=plan.plain)
        task = Pretraining(
            model,
            plan,
            rows,
            self.held_out,
            ledger,
            device=best_device(),
            compiled=self.compiled,
            choice=choice,
        )
        folder = self.folder / "runs" / name
        shutil.rmtree(folder, ignore_errors=True)
        figures = Trainer(
            task,
            loop(plan, folder, seed),
            optimiser=optimiser(model, plan),
            ledger=ledger,
        ).run()
        ledger.save(folder / "ledger.json")
        for checkpoint in folder.glob("step-*"):
            shutil.rmtree(checkpoint) if checkpoint.is_dir() else checkpoint.unlink()
        bits = {n: figures[f"{n}_bits_per_byte"] for n in self.held_out}
        run = Run(
            arm=arm.name,
            seed=seed,
            budget=budget,
            flops=ledger.flops,
            seconds=ledger.seconds,
            tokens=plan.tokens,
            bits=bits,
        )
        print(
            f"{name}: {plan.tokens / 1e6:.2f} M tokens, {ledger.flops:.2e} FLOPs, "
            f"{ {k: round(v, 4) for k, v in bits.items()} }, "
            f"{time.perf_counter() - began:.0f} s",
            flush=True,
        )
        return run

    def _rows(
        self, arm: Arm, budget: float, seed: int, plan: Plan, ledger: Ledger, name: str
    ) -> tuple[Rows, Choice | None, Plan]:
        pool = open_shards(self.data / "shards" / arm.text, self.tokenizer)
        batch = max(1, min(ROWS, plan.step_tokens // plan.length))
        if not (arm.documents or arm.tokens):
            return Packed(pool, length=plan.length, batch=batch, seed=seed), None, plan
        config = replace(
            self.selection,
            documents=self.selection.documents if arm.documents else "off",
            color=self.selection.color and arm.documents,
            mixture=self.selection.mixture if arm.documents else "off",
            tokens=arm.tokens,
            seed=seed,
        )
        texts = Texts(
            pool=pool,
            target=open_shards(self.data / "shards" / "target", self.tokenizer),
            tokenizer=self.tokenizer,
            length=plan.length,
        )
        references = References(
            config, texts, self.folder / "references", ledger, compiled=self.compiled
        )
        chosen = choose(config, references, budget=plan.tokens)
        save_report(chosen, self.folder / "selection" / name)
        plan = plan_of(arm, self.size, budget, vocab=self.tokenizer.size, spent=ledger.flops)
        accumulate = max(1, plan.step_tokens // (batch * plan.length))
        return (
            chosen.rows(batch=batch, seed=seed),
            chosen.token_choice(plan.steps * accumulate),
            plan,
        )


def loop(plan: Plan, folder: Path, seed: int) -> LoopConfig:
    """A run without checkpoints or figures before its end."""
    batch = max(1, min(ROWS, plan.step_tokens // plan.length))
    never = plan.steps + 1
    return LoopConfig(
        folder=folder,
        schedule=Schedule(
            peak=plan.rates.matrices,
            steps=plan.steps,
            warmup=plan.warmup,
            decay=plan.decay,
            floor=0.0,
        ),
        seed=seed,
        average=0,
        accumulate=max(1, plan.step_tokens // (batch * plan.length)),
        log_every=max(1, plan.steps // 20),
        evaluate_every=never,
        save_every=never,
        quiet=True,
    )


def table(found: Sequence[Standing], arms: Sequence[Arm], text: str) -> str:
    """Markdown: an arm a line."""
    lines = [
        f"| arm | adds | bits per byte ({text}) | seeds apart | seconds | FLOPs to the first's "
        "loss | saving |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for standing, arm in zip(found, arms, strict=True):
        bound = "at most " if standing.at_least else ""
        needed = standing.flops_to_baseline
        cost = "not reached" if needed is None else f"{bound}{needed:.2e}"
        more = "at least " if standing.at_least else ""
        saving = "" if standing.saving is None else f"{more}{standing.saving:.2f} x"
        lines.append(
            f"| {arm.name} | {arm.adds} | {standing.bits:.4f} | {standing.spread:.4f} | "
            f"{standing.seconds:.0f} | {cost} | {saving} |"
        )
    return "\n".join(lines) + "\n"


def record(runs: Sequence[Run], arms: Sequence[Arm], folder: Path, texts: Sequence[str]) -> str:
    """Write tables, all runs and a plot; return the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    arms = [arm for arm in arms if any(r.arm == arm.name for r in runs)]
    tables = "\n".join(table(standings(runs, arms, t), arms, t) for t in texts)
    (folder / "table.md").write_text(tables, "utf-8")
    rows = [asdict(r) for r in runs]
    (folder / "runs.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    _plot(runs, arms, folder / "proof.svg", texts[0])
    return tables


def _plot(runs: Sequence[Run], arms: Sequence[Arm], path: Path, text: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for number, arm in enumerate(arms):
        mine = sorted((r for r in runs if r.arm == arm.name), key=lambda r: r.flops)
        axes.scatter(
            [r.flops for r in mine], [r.bits[text] for r in mine], s=14, color=f"C{number}"
        )
        budgets = sorted({r.budget for r in mine})
        middle = [sorted(r.bits[text] for r in mine if r.budget == b) for b in budgets]
        spent = [sorted(r.flops for r in mine if r.budget == b) for b in budgets]
        axes.plot(
            [s[len(s) // 2] for s in spent],
            [m[len(m) // 2] for m in middle],
            color=f"C{number}",
            label=f"{arm.name}: {arm.adds}",
        )
    axes.set_xscale("log")
    axes.set_xlabel("FLOPs, choosing included")
    axes.set_ylabel(f"held-out bits per byte ({text})")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
