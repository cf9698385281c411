"""What a recipe needs and does not find is said in one sentence."""

import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("onnx", reason="training needs the extra 'train'")

from voxhaus.core.errors import InputError


@pytest.fixture
def recipes():
    # Not at the top: another test checks what happens when the recipes cannot be imported.
    from voxhaus.training.voice import recipes

    return recipes


@pytest.mark.parametrize("name", ["prosody", "acoustic"])
def test_no_corpus(name, recipes, tmp_path):
    options = recipes.Options(corpus=tmp_path / "none", runs=tmp_path, out=tmp_path)
    with pytest.raises(InputError, match="make it with: voxhaus train voice corpus"):
        recipes.RECIPES[name](options)


@pytest.mark.parametrize("name", ["prosody", "acoustic", "adversarial"])
def test_no_weights_to_start_from(name, recipes, tmp_path):
    options = recipes.Options(corpus=tmp_path, runs=tmp_path, out=tmp_path, start=tmp_path)
    with pytest.raises(InputError, match=r"\.pt is missing; --start wants a model's folder"):
        recipes.RECIPES[name](options)


def test_a_run_remembers_what_it_began_from(recipes, tmp_path):
    import torch

    start, runs = tmp_path / "training", tmp_path / "runs"
    start.mkdir()
    options = recipes.Options(corpus=tmp_path, runs=runs, out=tmp_path, start=start)
    torch.save({"w": torch.ones(2).half()}, start / "acoustic.pt")
    assert recipes._given(options, "adversarial", "acoustic")["w"].tolist() == [1.0, 1.0]
    (runs / "adversarial" / "step-00000001.pt").touch()
    torch.save({"w": torch.zeros(2).half()}, start / "acoustic.pt")  # packaged over
    kept = recipes._given(options, "adversarial", "acoustic")
    assert kept["w"].tolist() == [1.0, 1.0]
    assert kept["w"].dtype == torch.float32
    assert recipes.begun_from(runs / "prosody") is None


def test_a_new_run_forgets_the_start_of_one_that_never_began(recipes, tmp_path):
    import torch

    (tmp_path / "acoustic").mkdir()
    torch.save({"w": torch.ones(1)}, tmp_path / "acoustic" / recipes.START)
    options = recipes.Options(corpus=tmp_path, runs=tmp_path, out=tmp_path)
    assert recipes._given(options, "acoustic", "acoustic") is None
    assert recipes.begun_from(tmp_path / "acoustic") is None
