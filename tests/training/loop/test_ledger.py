"""The book adds up, leaves evaluation out, and goes on after a restart."""

import json

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.training.loop.ledger import Ledger, measured_peak  # noqa: E402


def filled():
    ledger = Ledger(peak=100.0)
    ledger.add("learned", 600.0, tokens=6, seconds=8.0)
    ledger.add("masked", 200.0, tokens=2)
    ledger.add("optimiser", 100.0, seconds=2.0)
    ledger.add("evaluation", 1000.0, seconds=50.0)
    return ledger


def test_evaluation_is_no_part_of_the_cost():
    ledger = filled()
    assert ledger.flops == 900.0
    assert ledger.seconds == 10.0
    assert ledger.utilisation() == pytest.approx(0.9)


def test_no_peak_no_utilisation():
    assert Ledger().utilisation() is None


def test_another_runs_cost_is_included_whole():
    ledger = Ledger()
    ledger.include(filled(), "reference")
    assert ledger.entries["reference"].flops == 900.0
    assert ledger.entries["reference"].tokens == 8


def test_goes_on_from_a_checkpoint(tmp_path):
    ledger = filled()
    ledger.probe(0.75)
    other = Ledger(peak=100.0)
    other.load_state(ledger.state())
    other.probe(0.25)
    other.save(tmp_path / "ledger.json")
    report = json.loads((tmp_path / "ledger.json").read_text())
    assert report["flops"] == 900.0
    assert report["share_of_probed_tokens_whose_loss_fell"] == 0.5
    assert report["kinds"]["masked"]["tokens"] == 2


def test_a_peak_can_be_measured():
    assert measured_peak(torch.device("cpu"), torch.float32, size=64) > 1e6
