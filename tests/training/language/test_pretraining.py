"""Pre-training learns what can be learned, counts what it costs, and resumes to the same numbers."""

import itertools
import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.core.errors import VoxhausError  # noqa: E402
from voxhaus.models.language.config import LanguageConfig  # noqa: E402
from voxhaus.models.language.model import LanguageModel  # noqa: E402
from voxhaus.training.language.pretraining import HeldOut, Pretraining, optimiser  # noqa: E402
from voxhaus.training.language.scaling import Plan, Rates  # noqa: E402
from voxhaus.training.loop.ledger import Ledger  # noqa: E402
from voxhaus.training.loop.schedule import Schedule  # noqa: E402
from voxhaus.training.loop.trainer import LoopConfig, Trainer  # noqa: E402

LENGTH, WORDS = 32, 24


@dataclass(frozen=True)
class Batch:
    tokens: np.ndarray
    document: np.ndarray
    weight: np.ndarray | None = None


class Counting:
    """Rows that count up from anywhere, modulo the vocabulary: learnable from one token."""

    def __init__(self, weight=None, poison_at=None):
        self.weight, self.poison_at = weight, poison_at

    def batch_at(self, step):
        start = np.random.default_rng(step).integers(0, WORDS, (4, 1))
        tokens = ((start + np.arange(LENGTH + 1)) % WORDS).astype(np.uint16)
        weight = self.weight
        if step == self.poison_at:
            weight = np.full((4, LENGTH), np.nan, np.float32)
        return Batch(tokens, np.zeros((4, LENGTH + 1), np.int32), weight)


def small(experts=4):
    return LanguageConfig(
        vocab_size=WORDS,
        hidden_size=32,
        layers=2,
        heads=2,
        kv_heads=1,
        head_dim=16,
        intermediate_size=64,
        experts=experts,
        experts_per_token=2 if experts else 0,
        expert_size=32 if experts else 0,
        context=LENGTH,
        tied=False,
    )


def plan(**changes):
    rates = Rates(matrices=0.03, embedding=0.3, head=0.03, router=0.03, norms=0.03)
    return replace(Plan(model=small(), rates=rates, length=LENGTH, step_tokens=128), **changes)


def trainer(folder, rows=None, steps=40, accumulate=1, **changes):
    torch.manual_seed(5)
    p = plan(**changes)
    model, ledger = LanguageModel(p.model, plain=p.plain), Ledger()
    held_out = HeldOut(batches=(Counting().batch_at(10_000),), bytes_V=np.full(WORDS, 2))
    task = Pretraining(model, p, rows or Counting(), {"text": held_out}, ledger, compiled=False)
    config = LoopConfig(
        folder=folder,
        schedule=Schedule(peak=p.rates.matrices, steps=40, warmup=4),
        average=0,
        accumulate=accumulate,
        log_every=1,
        evaluate_every=10,
        save_every=1,
        quiet=True,
    )
    config = replace(config, schedule=replace(config.schedule, steps=steps))
    return Trainer(task, config, optimiser=optimiser(model, p), ledger=ledger)


def losses(folder):
    rows = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    return {r["step"]: r["loss"] for r in rows if "loss" in r}


@pytest.mark.parametrize(
    "changes", [{}, {"model": small(experts=0)}, {"model": small(0), "plain": True, "muon": False}]
)
def test_counting_is_learned(tmp_path, changes):
    figures = trainer(tmp_path, **changes).run()
    assert figures["loss"] < 0.25 * math.log(WORDS)
    assert figures["text_bits_per_byte"] == pytest.approx(
        figures["loss"] / math.log(2) / 2, rel=1e-4
    )


def test_a_resumed_run_is_bit_equal(tmp_path):
    trainer(tmp_path / "whole", steps=12).run()
    with pytest.raises(VoxhausError, match="last good checkpoint"):
        trainer(tmp_path / "cut", Counting(poison_at=7), steps=12).run()
    resumed = trainer(tmp_path / "cut", steps=12)
    assert resumed.step == 7
    resumed.run()
    whole, cut = losses(tmp_path / "whole"), losses(tmp_path / "cut")
    assert {k: whole[k] for k in cut} == cut
    assert set(cut) == set(range(1, 13))


def test_two_small_batches_make_the_gradient_of_a_big_one(tmp_path):
    made = trainer(tmp_path, accumulate=2)
    model = made.task.model
    torch.nn.init.normal_(model.lm_head.weight)
    for batch in range(2):
        made._learn(batch, 0.5)
    summed = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    rows = [Counting().batch_at(i) for i in range(2)]
    total = 0.0
    for batch in rows:
        tokens = torch.from_numpy(batch.tokens.astype(np.int64))
        nats, routers = model.losses(tokens[:, :-1], tokens[:, 1:])
        total = total + nats.mean() + 0.01 * routers.balance + 0.001 * routers.z
    (total / 2).backward()
    head = model.lm_head.weight.grad
    torch.testing.assert_close(summed["lm_head.weight"], head, atol=2e-3, rtol=0.05)
    assert made.ledger.entries["learned"].tokens == 256


def test_masked_tokens_cost_and_do_not_teach(tmp_path):
    weight = np.zeros((4, LENGTH), np.float32)
    weight[:, ::4] = 1.0
    made = trainer(tmp_path, Counting(weight), steps=3)
    made.run()
    entries = made.ledger.entries
    assert entries["learned"].tokens == 3 * 32
    assert entries["masked"].tokens == 3 * 96
    assert entries["masked"].flops == pytest.approx(3 * entries["learned"].flops)


def test_held_out_tokens_without_weight_are_not_measured(tmp_path):
    """Of conversations only the assistant's words count, in training and in figures."""
    made = trainer(tmp_path)
    made.run()
    batch = Counting().batch_at(20_000)
    broken = batch.tokens.copy()
    broken[:, 1 : LENGTH // 2] = 0  # nobody could foretell these
    weight = np.ones((4, LENGTH), np.float32)
    weight[:, : LENGTH // 2] = 0
    for name, rows in (
        ("all", Batch(broken, batch.document)),
        ("some", Batch(broken, batch.document, weight)),
    ):
        held_out = HeldOut(batches=(rows,), bytes_V=np.full(WORDS, 2))
        made.task.held_out = {name: held_out}
        figures = made.evaluate()
        assert (figures["loss"] < 0.25 * math.log(WORDS)) == (name == "some")


def test_no_token_that_counts_is_no_nan(tmp_path):
    made = trainer(tmp_path, Counting(np.zeros((4, LENGTH), np.float32)), steps=2)
    assert math.isfinite(made.run()["loss"])


def test_probes_tell_whose_loss_fell(tmp_path):
    made = trainer(tmp_path)
    made.run()
    assert len(made.ledger.probes) == 3
    assert made.ledger.probes[0] > 0.9


def test_embedding_head_routers_and_norms_are_not_muons():
    model = LanguageModel(plan().model)
    made = optimiser(model, plan())
    names = {id(p): n for n, p in model.named_parameters()}
    muon = {names[id(p)] for g in made.param_groups if g["kind"] == "muon" for p in g["params"]}
    assert all("proj" in n for n in muon)
    moved = list(itertools.chain.from_iterable(g["params"] for g in made.param_groups))
    assert len(moved) == len(names)
    scales = {
        names[id(p)].split(".")[-2]: g["scale"] for g in made.param_groups for p in g["params"]
    }
    assert scales["embed_tokens"] == pytest.approx(10.0)
    assert scales["lm_head"] == scales["q_proj"] == 1.0
