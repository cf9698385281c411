"""FLOPs to a loss are read off curves, never guessed beyond them; comparisons resume."""

import pytest

pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.training.language import proof
from voxhaus.training.language.proof import ARMS, Arm, Run, compare, crossing, standings


def test_a_crossing_lies_between_budgets_on_a_logarithmic_scale():
    assert crossing([(1.0, 4.0), (100.0, 2.0)], 3.0) == (pytest.approx(10.0), False)


def test_a_curve_that_is_always_better_gives_a_bound():
    assert crossing([(5.0, 1.0), (10.0, 0.5)], 2.0) == (5.0, True)


def test_a_curve_that_never_gets_there_gives_none():
    assert crossing([(5.0, 4.0), (10.0, 3.0)], 2.0) == (None, False)


def test_the_bar_itself_is_reached_where_it_stands():
    assert crossing([(1.0, 4.0), (8.0, 3.0)], 3.0) == (pytest.approx(8.0), False)


def fake(arm, budget, seed):
    better = {"first": 0.0, "second": 0.5}[arm.name]
    bits = 5 - better - 0.25 * (budget / 100 - 1) + 0.01 * seed
    return Run(
        arm=arm.name,
        seed=seed,
        budget=budget,
        flops=budget,
        seconds=1.0,
        tokens=10,
        bits={"text": bits},
    )


def test_comparisons_resume_and_rank(tmp_path):
    arms = (Arm(name="first", adds="", kind="dense"), Arm(name="second", adds="", kind="dense"))
    done = []

    def train(arm, budget, seed):
        done.append((arm.name, budget, seed))
        return fake(arm, budget, seed)

    runs = compare(arms, (100.0, 200.0, 400.0), (1, 2, 3), train, tmp_path)
    assert len(done) == len(runs) == 18
    again = compare(arms, (100.0, 200.0, 400.0), (1, 2, 3), train, tmp_path)
    assert len(done) == 18
    assert again == runs
    first, second = standings(runs, arms, "text")
    assert first.saving == pytest.approx(1.0)
    assert second.bits < first.bits
    assert second.saving == pytest.approx(400 / 200, rel=0.01)
    assert first.spread == pytest.approx(0.02)


def test_every_arm_costs_the_budget():
    for arm in ARMS:
        plan = proof.plan_of(arm, 2, 1e13, vocab=8192)
        spent = plan.steps * (plan.step_tokens * plan.flops_per_token + proof._moving(plan))
        assert spent == pytest.approx(1e13, rel=0.05)


def test_what_choosing_cost_is_not_there_to_train_with():
    whole = proof.plan_of(ARMS[-1], 2, 1e13, vocab=8192)
    rest = proof.plan_of(ARMS[-1], 2, 1e13, vocab=8192, spent=5e12)
    assert rest.steps == pytest.approx(whole.steps / 2, abs=1)
