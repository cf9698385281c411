"""Routing and experts against a naive loop, in values and in gradients."""

import itertools

import pytest

torch = pytest.importorskip("torch", reason="text models need the extra 'language'")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch.nn import functional  # noqa: E402

from voxhaus.models.nn import experts as module  # noqa: E402
from voxhaus.models.nn.experts import (  # noqa: E402
    Experts,
    grouped,
    grouped_outer,
    grouped_product,
    ranks,
    route,
)

COUNTS = [[3, 0, 5, 1], [0, 0, 9, 0], [9, 0, 0, 0], [0, 2, 3, 4]]


def seeded(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def by_einsum(x_RD, w_EOD, counts):
    """The plain reference: each row with its own copy of its group's matrix."""
    group_R = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return torch.einsum("rd,rod->ro", x_RD, w_EOD[group_R])


@pytest.mark.parametrize("counts", COUNTS)
def test_grouped_product_is_einsum_with_gradients(counts):
    inputs = [seeded(9, 6), seeded(4, 5, 6, seed=1)]
    mine = [t.clone().requires_grad_() for t in inputs]
    plain = [t.clone().requires_grad_() for t in inputs]
    seed = seeded(9, 5, seed=2)
    y = grouped_product(*mine, torch.tensor(counts))
    z = by_einsum(*plain, counts)
    torch.testing.assert_close(y, z)
    (y * seed).sum().backward()
    (z * seed).sum().backward()
    for a, b in zip(mine, plain, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize("counts", COUNTS)
def test_grouped_outer_is_einsum(counts):
    y, x = seeded(9, 5), seeded(9, 6, seed=1)
    group = torch.repeat_interleave(torch.arange(4), torch.tensor(counts))
    hot = functional.one_hot(group, 4).double()
    plain = torch.einsum("re,ro,rd->eod", hot, y, x)
    torch.testing.assert_close(grouped_outer(y, x, torch.tensor(counts)), plain)


@pytest.mark.parametrize("counts", COUNTS[:2])
def test_operators_keep_torchs_rules(counts):
    count = torch.tensor(counts)
    x, w = seeded(9, 6).requires_grad_(), seeded(4, 5, 6, seed=1).requires_grad_()
    torch.library.opcheck(grouped_product, (x, w, count))
    turned = seeded(4, 6, 5, seed=1).transpose(1, 2)  # as the backward pass has them
    torch.library.opcheck(grouped_product, (seeded(9, 6), turned, count))
    torch.library.opcheck(grouped_outer, (seeded(9, 5), seeded(9, 6), count))


def test_on_a_cpu_every_precision_takes_the_loop():
    count = torch.tensor(COUNTS[0])
    x, w = seeded(9, 6), seeded(4, 5, 6, seed=1)
    half = grouped(x.bfloat16(), w, count)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.double(), grouped_product(x, w, count), rtol=0.05, atol=0.05)


def naive(x_ND, layer):
    """Token by token, expert by expert, as a textbook has it."""
    out = []
    _, down = layer.gate_up_proj, layer.down_proj
    for x_D in x_ND:
        share_E = (layer.gate.weight.float() @ x_D.float()).softmax(-1)
        weight_K, expert_K = share_E.topk(layer.choices)
        if layer.normalise:
            weight_K = weight_K / weight_K.sum()
        y_D = torch.zeros_like(x_D)
        for weight, expert in zip(weight_K, expert_K.tolist(), strict=True):
            gate, up = (layer.gate_up_proj[expert] @ x_D).chunk(2)
            y_D = y_D + weight.to(x_D.dtype) * (down[expert] @ (functional.silu(gate) * up))
        out.append(y_D)
    return torch.stack(out)


def filled(width=8, inner=6, experts=5, choices=2, *, normalise=True, dtype=torch.float64):
    layer = Experts(width, inner, experts, choices, normalise=normalise).to(dtype)
    with torch.no_grad():
        for i, parameter in enumerate(layer.parameters()):
            parameter.copy_(seeded(*parameter.shape, seed=10 + i, dtype=dtype))
    return layer


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("choices", [1, 2, 5])
def test_experts_are_the_naive_loop_with_gradients(choices, normalise):
    layer = filled(choices=choices, normalise=normalise)
    x = seeded(23, 8, seed=3)
    results = []
    for run in (lambda v: layer(v)[0], lambda v: naive(v, layer)):
        v = x.clone().requires_grad_()
        layer.zero_grad()
        y = run(v)
        (y * seeded(23, 8, seed=4)).sum().backward()
        results.append([y.detach(), v.grad, *(p.grad.clone() for p in layer.parameters())])
    for mine, plain in zip(*results, strict=True):
        # Shares of experts are in float32, by design.
        torch.testing.assert_close(mine, plain, rtol=1e-5, atol=1e-5)


def test_an_expert_that_no_token_wants_has_a_gradient_of_zeros():
    layer = filled()
    with torch.no_grad():
        layer.gate.weight[3] = 0.0
        layer.gate.weight[:3] = layer.gate.weight[4] = 1.0
    x = torch.rand(7, 8, dtype=torch.float64) + 0.1
    y, routing = layer(x)
    y.sum().backward()
    assert routing.count_E[3] == 0 and routing.count_E.sum() == 14
    assert torch.equal(layer.down_proj.grad[3], torch.zeros(8, 6, dtype=torch.float64))


def test_no_token_is_dropped_when_all_want_the_same_expert():
    layer = filled(choices=1)
    with torch.no_grad():
        layer.gate.weight.zero_()
        layer.gate.weight[2] = 5.0
    x = torch.rand(50, 8, dtype=torch.float64)
    y, routing = layer(x)
    assert routing.count_E.tolist() == [0, 0, 50, 0, 0]
    torch.testing.assert_close(y, naive(x, layer), rtol=1e-5, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_ranks_sort_tokens_by_expert_without_loss(data):
    experts = data.draw(st.integers(1, 9))
    choices = data.draw(st.integers(1, experts))
    tokens = data.draw(st.integers(1, 12))
    sets = list(itertools.permutations(range(experts), choices)) if experts < 6 else None
    draw = st.sampled_from(sets) if sets else st.permutations(range(experts))
    expert_NK = torch.tensor([data.draw(draw)[:choices] for _ in range(tokens)])
    row_NK, token_R = ranks(expert_NK, experts)
    assert sorted(row_NK.flatten().tolist()) == list(range(tokens * choices))
    for token in range(tokens):
        assert token_R[row_NK[token]].tolist() == [token] * choices
    by_row = torch.empty(tokens * choices, dtype=torch.long)
    by_row[row_NK.flatten()] = expert_NK.flatten()
    assert by_row.tolist() == sorted(by_row.tolist())


def test_router_losses_are_the_papers_formulas():
    logits = seeded(40, 6, dtype=torch.float32)
    made = route(logits, 2)
    share = torch.softmax(logits, -1)
    # Fedus et al. 2021, eq. 4 to 6: N * sum of f_i P_i, with f over all K choices of all tokens.
    chosen = torch.zeros(6)
    for row in logits:
        for expert in row.topk(2).indices:
            chosen[expert] += 1 / 80
    assert made.balance.item() == pytest.approx(float(6 * (chosen * share.mean(0)).sum()), rel=1e-5)
    # Zoph et al. 2022, eq. 5.
    z = sum(float(torch.log(torch.exp(row).sum()) ** 2) for row in logits) / 40
    assert made.z.item() == pytest.approx(z, rel=1e-5)
    assert made.count_E.tolist() == [round(float(c) * 80) for c in chosen]


def test_balance_is_one_when_even_and_more_when_not():
    even = route(torch.eye(6).repeat(4, 1) * 3, 1)
    assert even.balance.item() == pytest.approx(1.0)
    crowd = route(torch.eye(6)[:1].repeat(24, 1) * 3, 1)
    assert crowd.balance.item() > 2


def test_the_whole_layer_compiles_to_the_same_values_and_gradients():
    layer = filled(dtype=torch.float32)
    x = seeded(32, 8, seed=3, dtype=torch.float32)
    results = []
    for run in (layer, torch.compile(layer, fullgraph=True, backend="aot_eager")):
        layer.zero_grad()
        y, routing = run(x)
        (y.square().mean() + routing.balance + routing.z).backward()
        results.append([y.detach(), *(p.grad.clone() for p in layer.parameters())])
    for eager, compiled in zip(*results, strict=True):
        torch.testing.assert_close(eager, compiled, rtol=1e-5, atol=1e-6)


def test_grouped_mm_on_a_gpu_is_asked_as_it_wants(monkeypatch):
    """No GPU here: the arguments are checked against torch's own reference on a CPU."""
    called = {}
    if not hasattr(functional, "grouped_mm"):
        pytest.skip("this torch has no grouped_mm")
    library = functional.grouped_mm

    def seen(x, w, *, offs):
        called.update(x=x, w=w, offs=offs)
        return library(x, w, offs=offs)

    monkeypatch.setattr(module, "_has_grouped_gemm", lambda x_RD, w_EOD: True)
    monkeypatch.setattr(functional, "grouped_mm", seen)
    count = torch.tensor([3, 0, 5, 1])
    x = seeded(9, 16).bfloat16().requires_grad_()
    w = seeded(4, 24, 16, seed=1).bfloat16().requires_grad_()
    y = module.grouped(x, w, count)
    y.float().square().sum().backward()
    theirs = [x.grad, w.grad]
    x.grad = w.grad = None
    grouped_product(x, w, count).float().square().sum().backward()
    torch.testing.assert_close(theirs, [x.grad, w.grad], rtol=0.05, atol=0.5)
    assert called["offs"].dtype == torch.int32 and called["offs"].tolist() == [3, 3, 8, 9]
    torch.testing.assert_close(y, grouped_product(x, w, count), rtol=0.02, atol=0.02)
