"""Muon's updates are orthogonal, equal a plain reference, and resume; AdamW is torch's own."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.training.loop.optimisers import (  # noqa: E402
    Matrices,
    MuonAdamW,
    OptimiserConfig,
    Other,
    orthogonal,
    orthogonal_flops,
)


def optimiser(matrices=(), others=(), rate=0.1, **config):
    made = MuonAdamW(matrices, others, OptimiserConfig(**config))
    for group in made.param_groups:
        group["lr"] = rate * group["scale"]
    return made


@pytest.mark.parametrize("shape", [(32, 32), (16, 48), (96, 128), (64, 256)])
def test_singular_values_come_near_one(shape):
    """From a spread of 1 to 50; five steps leave them within a fifth of 1."""
    torch.manual_seed(1)
    u, s, v = torch.linalg.svd(torch.randn(3, *shape), full_matrices=False)
    spread = torch.linspace(1, 0.02, s.shape[-1])
    values = torch.linalg.svdvals(orthogonal((u * spread) @ v).float())
    assert values.min() > 0.8
    assert values.max() < 1.2


def test_directions_are_kept():
    """The polar factor U V^T, not just any orthogonal matrix."""
    torch.manual_seed(2)
    g = torch.randn(1, 16, 32)
    u, _, v = torch.linalg.svd(g, full_matrices=False)
    alike = torch.nn.functional.cosine_similarity(
        orthogonal(g).float().flatten(), (u @ v).flatten(), dim=0
    )
    assert alike > 0.98


def test_batches_give_what_single_matrices_give():
    torch.manual_seed(3)
    g = torch.randn(5, 12, 20)
    apart = torch.cat([orthogonal(m[None]) for m in g])
    torch.testing.assert_close(orthogonal(g).float(), apart.float(), atol=0.02, rtol=0.05)


def test_a_matrix_in_parts_moves_as_its_parts_do():
    torch.manual_seed(4)
    whole = torch.nn.Parameter(torch.randn(2, 6, 8))
    parts = [torch.nn.Parameter(p.clone()) for p in whole.detach().view(4, 3, 8)]
    gradient = torch.randn(2, 6, 8)
    whole.grad = gradient.clone()
    for p, g in zip(parts, gradient.view(4, 3, 8), strict=True):
        p.grad = g.clone()
    optimiser([Matrices(parameter=whole, parts=2)]).step()
    optimiser([Matrices(parameter=p) for p in parts]).step()
    torch.testing.assert_close(
        whole.detach().view(4, 3, 8), torch.stack([p.detach() for p in parts])
    )


def test_tall_matrices_move_as_their_transposes_do():
    torch.manual_seed(5)
    tall = torch.nn.Parameter(torch.randn(12, 5))
    wide = torch.nn.Parameter(tall.detach().T.clone())
    tall.grad = torch.randn(12, 5)
    wide.grad = tall.grad.T.clone()
    optimiser([Matrices(parameter=tall)]).step()
    optimiser([Matrices(parameter=wide)]).step()
    torch.testing.assert_close(tall.detach().T, wide.detach(), atol=0.01, rtol=0.01)


def test_an_update_has_the_size_of_adamws():
    """0.2 in root mean square, at a learning rate of 1 (Liu et al. 2025)."""
    torch.manual_seed(6)
    p = torch.nn.Parameter(torch.zeros(64, 192))
    p.grad = torch.randn(64, 192)
    optimiser([Matrices(parameter=p)], rate=1.0).step()
    assert p.detach().square().mean().sqrt().item() == pytest.approx(0.2, rel=0.05)


def test_others_move_as_by_adamw():
    torch.manual_seed(7)
    ours = torch.nn.Parameter(torch.randn(10))
    theirs = torch.nn.Parameter(ours.detach().clone())
    mine = optimiser((), [Other(parameter=ours, scale=0.5)])
    reference = torch.optim.AdamW([theirs], lr=0.05, betas=(0.9, 0.95), weight_decay=0, eps=1e-10)
    for _ in range(3):
        ours.grad = torch.randn(10)
        theirs.grad = ours.grad.clone()
        mine.step()
        reference.step()
    torch.testing.assert_close(ours.detach(), theirs.detach())


def test_without_muon_matrices_go_to_adamw_with_decay():
    p = torch.nn.Parameter(torch.ones(4, 4))
    p.grad = torch.zeros(4, 4)
    optimiser([Matrices(parameter=p)], muon=False, weight_decay=0.5).step()
    torch.testing.assert_close(p.detach(), torch.full((4, 4), 0.95))


def test_goes_on_from_its_state():
    torch.manual_seed(8)
    start, gradients = torch.randn(6, 9), torch.randn(4, 6, 9)

    def run(p, made, which):
        for i in which:
            p.grad = gradients[i].clone()
            made.step()

    whole = torch.nn.Parameter(start.clone())
    made = optimiser([Matrices(parameter=whole)])
    run(whole, made, range(4))
    first = torch.nn.Parameter(start.clone())
    made = optimiser([Matrices(parameter=first)])
    run(first, made, range(2))
    second = torch.nn.Parameter(first.detach().clone())
    resumed = optimiser([Matrices(parameter=second)])
    resumed.load_state_dict(made.state_dict())
    run(second, resumed, range(2, 4))
    assert torch.equal(whole, second)


def test_flops_are_those_of_the_products():
    assert orthogonal_flops(3, 4, 8) == 3 * 5 * (4 * 4 * 4 * 8 + 2 * 4**3)
    assert orthogonal_flops(3, 8, 4) == orthogonal_flops(3, 4, 8)
    p = torch.nn.Parameter(torch.ones(2, 8, 8))
    assert optimiser([Matrices(parameter=p, parts=2)]).flops == 12 * 128 + orthogonal_flops(4, 4, 8)


@pytest.mark.parametrize("kind", ["falling", "few equal", "heavy tail", "two"])
def test_no_matrix_explodes_whatever_its_singular_values(kind):
    """Without the safety factor in the polynomials, 3 of 100 did, by up to 200 times."""
    torch.manual_seed(0)
    count, rows, columns = 150, 32, 64
    place = torch.arange(rows)
    values = {
        "falling": torch.rand(count, 1) ** place,
        "few equal": (place < torch.randint(1, rows + 1, (count, 1))).float(),
        "heavy tail": torch.randn(count, rows).abs() ** 3,
        "two": torch.where(place < 2, torch.rand(count, rows), 0.0),
    }[kind]
    u = torch.linalg.qr(torch.randn(count, rows, rows))[0]
    v = torch.linalg.qr(torch.randn(count, columns, rows))[0].mT
    largest = torch.linalg.matrix_norm(orthogonal(u * values.unsqueeze(1) @ v).float(), 2)
    assert largest.max() < 1.3
