"""bfloat16 only where the processor multiplies it."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.training.loop import precision  # noqa: E402


@pytest.mark.parametrize(("there", "kind"), [((), "float32"), (("avx512_bf16",), "bfloat16")])
def test_products_are_in_what_the_processor_is_fast_at(monkeypatch, there, kind):
    monkeypatch.setattr(precision, "instructions", lambda: there)
    with precision.half_where_fast(torch.device("cpu")):
        made = torch.ones(2, 2) @ torch.ones(2, 2)
    assert made.dtype == getattr(torch, kind)
