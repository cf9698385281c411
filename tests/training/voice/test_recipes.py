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
