"""The weights in the repository are those of their manifests, and each has a card."""

import pytest

from voxhaus.core.paths import weights_root
from voxhaus.runtime import weights

SHIPPED = weights.available(weights_root())


def test_a_voice_is_shipped():
    assert "voxhaus-voice-1" in {model for model, _ in SHIPPED}


@pytest.mark.parametrize(("model", "version"), SHIPPED)
def test_files_match_their_checksums(model, version):
    assert weights.damaged(weights_root() / model / version) == []


@pytest.mark.parametrize(("model", "version"), SHIPPED)
def test_model_has_a_card(model, version):
    assert "# " in (weights_root() / model / version / "card.md").read_text("utf-8")
