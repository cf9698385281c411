"""The training loop.

Knows: steps, epochs, gradients, averages of weights, checkpoints, the book of FLOPs, live
curves and stopping on bad numbers.
Refuses to know: any modality; a Task brings the model, the batches and the loss.
"""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.training.loop import checkpoint, parallel
from voxhaus.training.loop.ledger import Ledger
from voxhaus.training.loop.metrics import Metrics, plot
from voxhaus.training.loop.processes import ALONE, Processes
from voxhaus.training.loop.schedule import Schedule


class Task(Protocol):
    """What is trained.

    Attributes:
        model: the module whose parameters are optimised.
    """

    model: nn.Module

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of one epoch; the same for the same number."""
        ...

    def loss(self, batch: Any) -> dict[str, Tensor]:  # noqa: ANN401 - a batch is the task's own type
        """Named terms; their sum is minimised."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Figures on held-out data with the model's present weights."""
        ...

    def state(self) -> dict[str, Any]:
        """What the task itself must remember between runs, beside the model; may be empty."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        ...


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How a run goes.

    Attributes:
        folder: where checkpoints and the log go.
        average: decay of the exponential moving average of weights that is evaluated and exported;
            0 keeps none, and the present weights are evaluated.
        accumulate: batches whose gradients make one step, those of all processes together.
        clip: largest norm of the gradient.
        log_every, evaluate_every, save_every: in steps.
    """

    folder: Path
    schedule: Schedule
    seed: int = 1
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    average: float = 0.999
    accumulate: int = 1
    clip: float = 1.0
    log_every: int = 50
    evaluate_every: int = 500
    save_every: int = 250
    quiet: bool = False


class Trainer:
    """Warm-up, decay, clipping, averaged weights; resumes to the same numbers.

    Args:
        optimiser: None makes AdamW of the config's settings. A group's key `scale`, if it has one,
            multiplies its learning rate.
        ledger: where seconds and the optimiser's FLOPs are entered; the task enters its own. The
            first process's is everybody's after each evaluation and checkpoint.
        processes: that share the batches of each step; the model is in shards (`parallel.shard`).
            A step has the same batches however many they are.
    """

    def __init__(
        self,
        task: Task,
        config: LoopConfig,
        *,
        optimiser: torch.optim.Optimizer | None = None,
        ledger: Ledger | None = None,
        processes: Processes = ALONE,
    ) -> None:
        if config.accumulate % processes.count:
            raise InputError(
                f"The {config.accumulate} batches of a step cannot be shared by {processes.count} "
                "processes evenly.",
                param="accumulate",
            )
        self.task, self.config, self.processes = task, config, processes
        self.ledger = ledger or Ledger()
        self.optimiser = optimiser or torch.optim.AdamW(
            task.model.parameters(),
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=True,
        )
        state = task.model.state_dict() if config.average else {}
        self.average = {k: v.detach().clone() for k, v in state.items()}
        self._started = False
        self.step, self.epoch, self.within = 0, 0, 0
        torch.manual_seed(config.seed + processes.rank)
        self._restore(checkpoint.newest_path(config.folder))

    def _restore(self, path: Path | None) -> None:
        if path is None:
            return
        state = checkpoint.rest(path)
        if path.is_file():  # an older checkpoint: everything is in it
            self.task.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            for name, value in self.average.items():
                value.copy_(state["average"][name])
        else:
            self._fill(path)
        self.task.load_state(state["task"])
        if "ledger" in state and self.processes.first:
            self.ledger.load_state(state["ledger"])
        self.step, self.epoch, self.within = state["step"], state["epoch"], state["within"]
        random = state["random"] if isinstance(state["random"], list) else [state["random"]]
        if len(random) == self.processes.count:
            torch.set_rng_state(random[self.processes.rank])
        else:  # more or fewer processes than before: other random numbers, but not the first ones
            torch.manual_seed(hash((self.config.seed, self.step, self.processes.rank)))

    def _fill(self, path: Path) -> None:
        """Take back the tensors of a checkpoint, each process its parts."""
        said, names = checkpoint.sizes(path), self._names()
        for place, (shape, dtype) in said.items():
            kind, _, rest = place.partition("/")
            name, _, key = rest.rpartition("/")
            if kind == "optimiser" and name in names:
                p = names[name]
                self.optimiser.state[p][key] = (
                    torch.zeros_like(p, dtype=dtype, requires_grad=False)
                    if shape == p.shape
                    else torch.zeros(shape, dtype=dtype, device=p.device)
                )
        if not self.average:  # this run keeps none
            said = {place: size for place, size in said.items() if place[:8] != "average/"}
        tensors = checkpoint.joint(self._tensors())
        checkpoint.compare(path, said, tensors)
        checkpoint.fill(path, tensors, processes=self.processes)

    def _names(self) -> dict[str, nn.Parameter]:
        """Parameters that the optimiser moves, by their names in the model."""
        known = {id(p): name for name, p in self.task.model.named_parameters()}
        moved = [p for group in self.optimiser.param_groups for p in group["params"]]
        return {known.get(id(p), f"{i}"): p for i, p in enumerate(moved)}

    def _tensors(self) -> dict[str, dict[str, Tensor]]:
        """All tensors that the next step depends on; in place."""
        moments = {
            f"{name}/{key}": value
            for name, p in self._names().items()
            for key, value in self.optimiser.state.get(p, {}).items()
            if isinstance(value, Tensor)
        }
        model = self.task.model.state_dict()
        return {"model": model, "optimiser": moments, "average": self.average}

    def save(self) -> Path:
        """Write a checkpoint of everything that the next step depends on.

        Raises:
            VoxhausError: it could not be written; those before are untouched.
        """
        self._settle()
        rest = {
            "task": self.task.state(),
            "ledger": self.ledger.state(),
            "step": self.step,
            "epoch": self.epoch,
            "within": self.within,
            "random": self.processes.gathered(torch.get_rng_state()),
        }
        return checkpoint.save(
            self.config.folder, self.step, self._tensors(), rest, processes=self.processes
        )

    def _settle(self) -> None:
        """Put the books of all processes into the first one's; seconds are its own."""
        if self.processes.alone:
            return
        for entry in self.ledger.entries.values():
            sums = self.processes.sums({"flops": entry.flops, "tokens": float(entry.tokens)})
            first = self.processes.first
            entry.flops = sums["flops"] if first else 0.0
            entry.tokens = int(sums["tokens"]) if first else 0

    def run(self) -> dict[str, float]:
        """Train up to the schedule's last step; return the last evaluation.

        Raises:
            VoxhausError: the loss stopped being a number (the last checkpoint is kept), or an epoch
                without a batch.
        """
        metrics = Metrics(
            self.config.folder, quiet=self.config.quiet, silent=not self.processes.first
        )
        result: dict[str, float] = {}
        while self.step < self.config.schedule.steps:
            resumed, before = self.within > 0, self.step
            for batches in self._groups():
                metrics.add(self._advance(batches))
                result = self._occasionally(metrics) or result
                if self.step >= self.config.schedule.steps:
                    break
            else:
                if self.step == before and not resumed:
                    raise VoxhausError("There is nothing to train on: an epoch has no batch.")
                self.epoch, self.within = self.epoch + 1, 0
        self.save()
        return result

    def _groups(self) -> Iterator[list[Any]]:
        """What is left of an epoch, in this process's batches of one step each.

        Several processes leave out an end of an epoch that they cannot share evenly.
        """
        rank, count = self.processes.rank, self.processes.count
        group: list[Any] = []
        for i, batch in enumerate(self.task.batches(self.epoch)):
            if i < self.within:
                continue
            group.append(batch)
            if len(group) == self.config.accumulate:
                self.within = i + 1
                yield group[rank::count]
                group = []
        if group and len(group) % count == 0:
            self.within += len(group)
            yield group[rank::count]

    def _advance(self, batches: list[Any]) -> dict[str, float]:
        began = time.perf_counter()
        rate = self.config.schedule.rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        values: dict[str, float] = {}
        for batch in batches:
            for name, value in self._learn(batch, 1 / len(batches)).items():
                values[name] = values.get(name, 0.0) + value / len(batches)
        parameters = list(self.task.model.parameters())
        parallel.reduce_gradients(parameters, self.processes)
        norm = parallel.clip(parameters, self.config.clip, self.processes).item()
        self._stop_unless_finite("gradient", norm)
        learned = time.perf_counter()
        self.optimiser.step()
        self.step += 1
        self._update_average()
        self._enter(learned - began, time.perf_counter() - learned)
        return {**self.processes.means(values), "gradient": norm}

    def _learn(self, batch: Any, share: float) -> dict[str, float]:  # noqa: ANN401 - see Task
        """Gradients of one batch; its terms and their sum as numbers."""
        terms = self.task.loss(batch)
        total = torch.stack(list(terms.values())).sum()
        self._stop_unless_finite("loss", self.processes.means({"": total.item()})[""])
        (total * share).backward()
        return {"loss": total.item(), **{k: v.item() for k, v in terms.items()}}

    def _stop_unless_finite(self, what: str, value: float) -> None:
        """All processes stop together, before weights take harm: what was saved is good."""
        if not math.isfinite(value):
            raise VoxhausError(
                f"The {what} is {value} at step {self.step}; training stopped. "
                f"The last good checkpoint is in {self.config.folder}."
            )

    def _enter(self, learning: float, moving: float) -> None:
        # The first step after a start also compiles; that is no training.
        if self._started:
            self.ledger.add("learned", 0.0, seconds=learning)
        self._started = True
        flops = getattr(self.optimiser, "flops", 0) / self.processes.count
        self.ledger.add("optimiser", flops, seconds=moving)

    def _update_average(self) -> None:
        if not self.average:
            return
        # A short memory at first, so that the start does not linger in the average.
        keep = min(self.config.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.task.model.state_dict().items():
                kept = parallel.local(self.average[name])
                kept.lerp_(parallel.local(value).to(kept.dtype), 1 - keep)

    def _occasionally(self, metrics: Metrics) -> dict[str, float] | None:
        c, last = self.config, self.step == self.config.schedule.steps
        if self.step % c.log_every == 0 or last:
            metrics.flush(self.step, c.schedule.steps, rate=c.schedule.rate(self.step - 1))
        if self.step % c.save_every == 0:
            self.save()
        if self.step % c.evaluate_every and not last:
            return None
        figures = self.evaluate()
        self._settle()
        if not self.processes.first:
            return figures
        row = {"step": self.step, "held_out": figures["loss"], **prefixed(figures)}
        if self.ledger.flops:
            row |= {"flops": self.ledger.flops, "seconds": self.ledger.seconds}
        metrics.write(row)
        with contextlib.suppress(ImportError):  # curves are for watching; a run goes on without
            plot(metrics.path, c.folder / "curves.svg")
        if not c.quiet:
            print("held out:", {k: round(v, 4) for k, v in figures.items()}, flush=True)
        return figures

    def evaluate(self) -> dict[str, float]:
        """The task's held-out figures, with averaged weights if there are any.

        Training goes on undisturbed.
        """
        model, random = self.task.model, torch.get_rng_state()
        present = {k: v.clone() for k, v in model.state_dict().items()} if self.average else {}
        if present:
            model.load_state_dict(self.average)
        model.eval()
        with torch.no_grad():
            figures = self.task.evaluate()
        model.train()
        if present:
            model.load_state_dict(present)
        torch.set_rng_state(random)
        return figures


def prefixed(figures: dict[str, float]) -> dict[str, float]:
    """The same figures under names that do not clash with the training ones."""
    return {f"held_out_{k}": v for k, v in figures.items()}
