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

from voxhaus.core.errors import VoxhausError
from voxhaus.training.loop import checkpoint
from voxhaus.training.loop.ledger import Ledger
from voxhaus.training.loop.metrics import Metrics, plot
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
        accumulate: batches whose gradients make one step.
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
        ledger: where seconds and the optimiser's FLOPs are entered; the task enters its own.
    """

    def __init__(
        self,
        task: Task,
        config: LoopConfig,
        *,
        optimiser: torch.optim.Optimizer | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.task, self.config = task, config
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
        torch.manual_seed(config.seed)
        self._restore(checkpoint.newest(config.folder))

    def _restore(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        self.task.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.task.load_state(state["task"])
        if "ledger" in state:
            self.ledger.load_state(state["ledger"])
        device = next(self.task.model.parameters()).device
        self.average = {k: v.to(device) for k, v in state["average"].items()}
        self.step, self.epoch, self.within = state["step"], state["epoch"], state["within"]
        torch.set_rng_state(state["random"])

    def save(self) -> Path:
        """Write a checkpoint of everything that the next step depends on."""
        state = {
            "model": self.task.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "task": self.task.state(),
            "ledger": self.ledger.state(),
            "step": self.step,
            "epoch": self.epoch,
            "within": self.within,
            "random": torch.get_rng_state(),
        }
        return checkpoint.save(self.config.folder, self.step, state)

    def run(self) -> dict[str, float]:
        """Train up to the schedule's last step; return the last evaluation.

        Raises:
            VoxhausError: the loss stopped being a number (the last checkpoint is kept), or an epoch
                without a batch.
        """
        metrics = Metrics(self.config.folder, quiet=self.config.quiet)
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
        """What is left of an epoch, in the batches of one step each."""
        group: list[Any] = []
        for i, batch in enumerate(self.task.batches(self.epoch)):
            if i < self.within:
                continue
            group.append(batch)
            if len(group) == self.config.accumulate:
                self.within = i + 1
                yield group
                group = []
        if group:
            self.within += len(group)
            yield group

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
        norm = nn.utils.clip_grad_norm_(self.task.model.parameters(), self.config.clip)
        learned = time.perf_counter()
        self.optimiser.step()
        self.step += 1
        self._update_average()
        self._enter(learned - began, time.perf_counter() - learned)
        return {**values, "gradient": norm.item()}

    def _learn(self, batch: Any, share: float) -> dict[str, float]:  # noqa: ANN401 - see Task
        """Gradients of one batch; its terms and their sum as numbers."""
        terms = self.task.loss(batch)
        total = torch.stack(list(terms.values())).sum()
        if not math.isfinite(total.item()):
            raise VoxhausError(
                f"The loss is {total.item()} at step {self.step}; training stopped. "
                f"The last good checkpoint is in {self.config.folder}."
            )
        (total * share).backward()
        return {"loss": total.item(), **{k: v.item() for k, v in terms.items()}}

    def _enter(self, learning: float, moving: float) -> None:
        # The first step after a start also compiles; that is no training.
        if self._started:
            self.ledger.add("learned", 0.0, seconds=learning)
        self._started = True
        self.ledger.add("optimiser", getattr(self.optimiser, "flops", 0), seconds=moving)

    def _update_average(self) -> None:
        if not self.average:
            return
        # A short memory at first, so that the start does not linger in the average.
        keep = min(self.config.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.task.model.state_dict().items():
                self.average[name].lerp_(value.to(self.average[name].dtype), 1 - keep)

    def _occasionally(self, metrics: Metrics) -> dict[str, float] | None:
        c, last = self.config, self.step == self.config.schedule.steps
        if self.step % c.log_every == 0 or last:
            metrics.flush(self.step, c.schedule.steps, rate=c.schedule.rate(self.step - 1))
        if self.step % c.save_every == 0:
            self.save()
        if self.step % c.evaluate_every and not last:
            return None
        figures = self.evaluate()
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
