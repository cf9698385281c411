"""Runs resume to the same numbers, stop at bad ones, and keep whole checkpoints."""

import json

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.core.errors import VoxhausError  # noqa: E402
from voxhaus.training.loop import checkpoint, metrics  # noqa: E402
from voxhaus.training.loop.schedule import Schedule  # noqa: E402
from voxhaus.training.loop.trainer import LoopConfig, Trainer  # noqa: E402


class Line:
    """Fit a line, with noise drawn in every step, so that the generator's state matters."""

    def __init__(self, poison_at=None):
        torch.manual_seed(3)
        self.model = torch.nn.Linear(1, 1)
        self.seen = 0
        self.poison_at = poison_at

    def batches(self, epoch):
        for i in range(5):
            yield torch.full((8, 1), float(epoch + i))

    def loss(self, batch):
        self.seen += 1
        noise = 0.1 * torch.randn_like(batch)
        off = (self.model(batch) - 2 * batch - 1 - noise).square().mean()
        return {"fit": off * float("nan") if self.seen == self.poison_at else off}

    def state(self):
        return {"seen": self.seen}

    def load_state(self, state):
        self.seen = state["seen"]

    def evaluate(self):
        return {"loss": float(self.loss(torch.ones(8, 1))["fit"])}


def config(folder, steps, **kw):
    schedule = Schedule(peak=0.05, steps=12, warmup=2)
    every = {"log_every": 1, "evaluate_every": 4, "save_every": 1, "quiet": True}
    return LoopConfig(folder=folder, schedule=schedule, **{**every, **kw})


def losses(folder):
    rows = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    return {r["step"]: r["loss"] for r in rows if "loss" in r}


def test_resumed_run_gives_the_same_numbers(tmp_path):
    Trainer(Line(), config(tmp_path / "whole", 12)).run()

    cut = Trainer(Line(poison_at=8), config(tmp_path / "cut", 12))
    with pytest.raises(VoxhausError, match="last good checkpoint"):
        cut.run()
    resumed = Trainer(Line(), config(tmp_path / "cut", 12))
    assert 0 < resumed.step < 12
    resumed.run()

    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    whole, again = (checkpoint.newest(tmp_path / f) for f in ("whole", "cut"))
    for name, value in whole["average"].items():
        assert torch.equal(value, again["average"][name])


def test_bad_loss_stops_with_the_step(tmp_path):
    with pytest.raises(VoxhausError, match="nan at step 0"):
        Trainer(Line(poison_at=1), config(tmp_path, 12)).run()


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    Trainer(Line(), config(tmp_path, 12)).run()
    assert [p.name for p in sorted(tmp_path.glob("step-*"))] == ["step-00000011", "step-00000012"]


def test_schedule_rises_holds_and_falls():
    s = Schedule(peak=1.0, steps=100, warmup=10, decay=0.2, floor=0.1)
    rates = [s.rate(i) for i in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:80] == [1.0] * 70
    assert rates[90] == pytest.approx(0.55)
    assert rates[100] == pytest.approx(0.1)


def test_log_keeps_the_later_row_of_a_step(tmp_path):
    log = metrics.Metrics(tmp_path, quiet=True)
    log.write({"step": 1, "loss": 5.0})
    log.write({"step": 1, "loss": 4.0})
    log.write({"step": 1, "held_out": 3.0})
    assert metrics.read(log.path) == [{"step": 1, "loss": 4.0}, {"step": 1, "held_out": 3.0}]


def test_curves_are_drawn_while_it_runs(tmp_path):
    pytest.importorskip("matplotlib", reason="curves need the extra 'train'")
    Trainer(Line(), config(tmp_path, 12)).run()
    assert "<svg" in (tmp_path / "curves.svg").read_text("utf-8")


def test_nothing_to_train_on_is_said_and_not_waited_for(tmp_path):
    empty = Line()
    empty.batches = lambda epoch: iter(())
    with pytest.raises(VoxhausError, match="nothing to train on"):
        Trainer(empty, config(tmp_path, 12)).run()


def test_a_run_goes_on_from_a_checkpoint_of_the_older_kind(tmp_path):
    Trainer(Line(), config(tmp_path / "whole", 12)).run()
    cut = Trainer(Line(poison_at=8), config(tmp_path / "cut", 12))
    with pytest.raises(VoxhausError, match="last good checkpoint"):
        cut.run()
    cut = Trainer(Line(), config(tmp_path / "cut", 12))  # as it was after its last step
    state = {
        "model": cut.task.model.state_dict(),
        "optimiser": cut.optimiser.state_dict(),
        "average": cut.average,
        "task": cut.task.state(),
        "step": cut.step,
        "epoch": cut.epoch,
        "within": cut.within,
        "random": torch.get_rng_state(),
    }
    (tmp_path / "old").mkdir()
    torch.save(state, tmp_path / f"old/step-{cut.step:08d}.pt")
    Trainer(Line(), config(tmp_path / "old", 12)).run()
    whole = losses(tmp_path / "whole")
    assert losses(tmp_path / "old") == {k: v for k, v in whole.items() if k > cut.step}


def test_a_gradient_that_is_no_number_stops_before_weights_take_harm(tmp_path):
    class Root(Line):
        def loss(self, batch):
            self.seen += 1
            off = self.model(batch) * (0.0 if self.seen == 3 else 1.0)
            return {"root": off.square().sum().sqrt()}  # whose slope at 0 is 0 / 0

    made = Trainer(Root(), config(tmp_path, 12))
    with pytest.raises(VoxhausError, match="The gradient is nan at step 2; training stopped"):
        made.run()
    kept = checkpoint.newest(tmp_path)
    assert kept["step"] == 2 and all(v.isfinite().all() for v in kept["model"].values())
