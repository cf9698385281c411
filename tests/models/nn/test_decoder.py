"""Blocks of the decoder against plain formulas."""

import math

import pytest

torch = pytest.importorskip("torch", reason="text models need the extra 'language'")

from torch.nn import functional  # noqa: E402

from voxhaus.models.nn import decoder  # noqa: E402
from voxhaus.models.nn.decoder import Attention, RMSNorm, attend, packed_mask, rotate, rotations  # noqa: E402


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


DOCUMENTS = torch.tensor([[0, 0, 0, 1, 1, 2, 2, 2], [0, 0, 0, 0, 0, 0, 0, 0]])


def test_packed_mask_shows_earlier_tokens_of_the_same_document_only():
    mask = packed_mask(DOCUMENTS)
    for row, documents in enumerate(DOCUMENTS.tolist()):
        for query in range(8):
            for key in range(8):
                wanted = key <= query and documents[key] == documents[query]
                assert mask[row, 0, query, key].item() == wanted


def by_hand(q, k, v, mask):
    """Attention of one head at a time; head h of queries reads keys of head h // (H / G)."""
    shared = q.shape[1] // k.shape[1]
    heads = []
    for head in range(q.shape[1]):
        score = q[:, head] @ k[:, head // shared].transpose(1, 2) / math.sqrt(q.shape[-1])
        score = score.masked_fill(~mask[:, 0], float("-inf"))
        heads.append(score.softmax(-1) @ v[:, head // shared])
    return torch.stack(heads, 1)


@pytest.mark.parametrize("documents", [None, DOCUMENTS])
def test_attention_of_both_kinds_is_the_formula(documents):
    q, k, v = seeded(2, 6, 8, 4), seeded(2, 2, 8, 4, seed=1), seeded(2, 2, 8, 4, seed=2)
    mask = None if documents is None else packed_mask(documents)
    plain = by_hand(q, k, v, packed_mask(torch.zeros(2, 8)) if mask is None else mask)
    torch.testing.assert_close(attend(q, k, v, mask), plain)
    torch.testing.assert_close(decoder._attend_in_blocks(q, k, v, mask), plain)


@pytest.mark.parametrize("documents", [None, DOCUMENTS])
def test_compiled_attention_takes_blocks_and_has_the_same_gradients(documents, monkeypatch):
    calls = []
    blocks = decoder._attend_in_blocks

    def counted(*inputs):
        calls.append(inputs)
        return blocks(*inputs)

    monkeypatch.setattr(decoder, "_attend_in_blocks", counted)
    inputs = [seeded(2, 6, 8, 4), seeded(2, 2, 8, 4, seed=1), seeded(2, 2, 8, 4, seed=2)]
    mask = None if documents is None else packed_mask(documents)
    results = []
    torch._dynamo.reset()
    for run in (attend, torch.compile(attend, backend="aot_eager")):
        leaves = [t.clone().requires_grad_() for t in inputs]
        y = run(*leaves, mask)
        (y * seeded(2, 6, 8, 4, seed=3)).sum().backward()
        results.append([y.detach(), *(t.grad for t in leaves)])
    assert len(calls) == 1
    for eager, compiled in zip(*results, strict=True):
        torch.testing.assert_close(eager, compiled)


def test_rotated_products_depend_on_distance_only():
    turn = rotations(16, 8, 10_000.0)
    q, k = seeded(1, 1, 1, 8), seeded(1, 1, 1, 8, seed=1)
    q, k = (rotate(t.expand(1, 1, 16, 8), *turn)[0, 0] for t in (q, k))
    score = q @ k.T
    for distance in range(5):
        along = score.diagonal(-distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(score[:, 0], score[0, 0])


def test_rotation_is_a_complex_product_of_halves():
    cos, sin = rotations(6, 4, 100.0)
    x = seeded(1, 1, 6, 4)
    whole = torch.complex(x[..., :2], x[..., 2:])
    angle = torch.outer(torch.arange(6.0), torch.tensor([1.0, 0.1]))
    turned = whole * torch.polar(torch.ones_like(angle), angle)
    torch.testing.assert_close(rotate(x, cos, sin), torch.cat([turned.real, turned.imag], -1))


def test_norm_is_torchs_and_keeps_precision():
    norm = RMSNorm(8, 1e-6)
    norm.weight.data.copy_(seeded(8, seed=1))
    x = seeded(3, 8)
    torch.testing.assert_close(norm(x), functional.rms_norm(x, (8,), norm.weight, 1e-6))
    assert norm(x.bfloat16()).dtype == torch.bfloat16


def test_qk_norm_makes_the_scale_of_queries_and_keys_irrelevant():
    layer = Attention(8, 2, 1, 4, qk_norm=True, eps=0.0)
    x, turn = seeded(1, 5, 8), rotations(5, 4, 100.0)
    before = layer(x, turn, None)
    with torch.no_grad():
        layer.q_proj.weight.mul_(7)
        layer.k_proj.weight.mul_(0.1)
    torch.testing.assert_close(layer(x, turn, None), before)
