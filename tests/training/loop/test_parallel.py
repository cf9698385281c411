"""Two processes learn what one learns, step by step, and go on from each other's checkpoints."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'language'")
if not torch.distributed.is_available():
    pytest.skip("this torch has no torch.distributed", allow_module_level=True)

from voxhaus.core.errors import InputError, VoxhausError  # noqa: E402
from voxhaus.training.loop import checkpoint, metrics, parallel  # noqa: E402
from voxhaus.training.loop.processes import Processes  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import distributed_run  # noqa: E402

sys.path.pop(0)


def losses(folder):
    return [r["loss"] for r in metrics.read(folder / "metrics.jsonl") if "loss" in r]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One process here, then two through torchrun, in one start."""
    folder = tmp_path_factory.mktemp("runs")
    one = distributed_run.trainer(folder / "one")
    one.run()
    torch.save(parallel.whole_state(one.task.model), folder / "one.pt")
    distributed_run.trainer(folder / "from_one", until=3).run()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, distributed_run.__file__, str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", ["sharded", "spread"])
def test_two_processes_have_the_losses_and_weights_of_one(runs, name):
    one, two = losses(runs / "one"), losses(runs / name)
    assert len(one) == distributed_run.STEPS and one[0] - one[-1] > 0.3
    assert two == pytest.approx(one, rel=1e-6)
    mine, theirs = (torch.load(runs / f"{n}.pt") for n in ("one", name))
    for key, value in mine.items():
        torch.testing.assert_close(theirs[key], value, rtol=1e-4, atol=1e-5, msg=key)


def test_books_of_all_processes_are_added_up(runs):
    entries = [checkpoint.newest(runs / n)["ledger"]["entries"] for n in ("one", "sharded")]
    for kind in ("learned", "optimiser"):
        assert entries[0][kind]["flops"] > 0
        assert entries[1][kind]["flops"] == pytest.approx(entries[0][kind]["flops"])
    assert entries[1]["learned"]["tokens"] == entries[0]["learned"]["tokens"]


def test_a_resumed_run_of_two_is_bit_equal(runs):
    assert losses(runs / "resumed") == losses(runs / "sharded")
    once, twice = (checkpoint.newest(runs / n) for n in ("sharded", "resumed"))
    for kind in ("model", "optimiser", "average"):
        assert once[kind].keys() == twice[kind].keys() and once[kind]
        for key, value in once[kind].items():
            assert torch.equal(twice[kind][key], value), f"{kind} {key}"


def test_one_process_goes_on_where_two_were_cut(runs):
    distributed_run.trainer(runs / "cut").run()
    assert losses(runs / "cut") == pytest.approx(losses(runs / "one"), rel=1e-6)


def test_two_with_experts_apart_go_on_where_one_was_cut(runs):
    assert losses(runs / "from_one") == pytest.approx(losses(runs / "one"), rel=1e-6)


def test_bad_loss_in_one_process_stops_both_with_the_checkpoint_kept(runs):
    said = json.loads((runs / "said.json").read_text())
    assert len(said) == 2 and all("nan at step 4" in s for s in said)
    kept = checkpoint.newest(runs / "poisoned")
    assert kept["step"] == 3 and all(v.isfinite().all() for v in kept["model"].values())


def test_batches_that_cannot_be_shared_are_refused(tmp_path):
    with pytest.raises(InputError, match="4 batches of a step cannot be shared by 3 processes"):
        distributed_run.Trainer(
            distributed_run.Words(torch.nn.Linear(1, 1), None),
            distributed_run.LoopConfig(folder=tmp_path, schedule=None, accumulate=4),
            processes=Processes(count=3),
        )


def test_experts_that_cannot_be_spread_are_refused():
    with pytest.raises(InputError, match="6 processes cannot be parted into groups of 4"):
        parallel.shard(torch.nn.Linear(1, 1), [], Processes(count=6), spread=4)


def test_a_checkpoint_of_another_model_is_refused(tmp_path, monkeypatch):
    distributed_run.trainer(tmp_path, until=1).run()
    smaller = dataclasses.replace(distributed_run.CONFIG, vocab_size=36 + 2)
    monkeypatch.setattr(distributed_run, "CONFIG", smaller)
    said = r"of another model .*lm_head.weight, it has it as \[37, 24\], and .* as \[38, 24\]"
    with pytest.raises(VoxhausError, match=said):
        distributed_run.trainer(tmp_path)
