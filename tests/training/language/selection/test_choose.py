"""Each method prefers the good part of a pool whose parts are known, and pays for what it took."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.core.errors import InputError  # noqa: E402
from voxhaus.models.language.flops import training_flops  # noqa: E402
from voxhaus.models.language.model import LanguageModel  # noqa: E402
from voxhaus.training.language import scaling  # noqa: E402
from voxhaus.training.language.pretraining import Pretraining, optimiser  # noqa: E402
from voxhaus.training.language.selection import references as references_module  # noqa: E402
from voxhaus.training.language.selection.choose import choose, save_report  # noqa: E402
from voxhaus.training.language.selection.config import SelectionConfig  # noqa: E402
from voxhaus.training.language.selection.references import References, Texts  # noqa: E402
from voxhaus.training.loop.ledger import Ledger  # noqa: E402
from voxhaus.training.loop.schedule import Schedule  # noqa: E402
from voxhaus.training.loop.trainer import LoopConfig, Trainer  # noqa: E402

SMALL = SelectionConfig(
    judge="models",
    prior_tokens=60_000,
    target_tokens=80_000,
    proxy_tokens=8_192,
    proxies=6,
    epochs=16,
)
BUDGET = 20_000
GOOD = 1  # number of the source


@pytest.fixture(scope="module")
def texts(shards, tokenizer, length):
    pool, target = shards
    return Texts(pool=pool, target=target, tokenizer=tokenizer, length=length)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Shared, so that the small models are trained once for all tests."""
    return tmp_path_factory.mktemp("references")


def chosen(texts, folder, ledger=None, **settings):
    config = replace(SMALL, **settings)
    references = References(config, texts, folder, ledger or Ledger(), compiled=False)
    return choose(config, references, budget=BUDGET)


def good_share(selected):
    return selected.weights["good"]


def pool_share(selected):
    good = selected.report.sources[GOOD]
    return good.pool / sum(s.pool for s in selected.report.sources)


def test_nothing_on_is_the_whole_pool_for_nothing(texts, folder):
    ledger = Ledger()

    selected = chosen(texts, folder, ledger)

    assert selected.chunks is None
    assert selected.token_choice(100) is None
    assert 0.35 < pool_share(selected) < 0.65
    assert good_share(selected) == pytest.approx(pool_share(selected))
    assert ledger.flops == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"documents": "perplexity", "keep": 0.4},
        {"documents": "perplexity", "keep": 0.4, "reference": "target"},
        {"documents": "excess", "keep": 0.4, "reference": "target"},
        {"color": True, "tau": 2.5},
    ],
    ids=["perplexity", "target's own", "excess", "color"],
)
def test_filters_keep_the_good_part(texts, folder, settings):
    selected = chosen(texts, folder, **settings)

    assert good_share(selected) > 0.9
    scored = selected.report.rankings[0]
    assert scored.source_means[GOOD] > scored.source_means[1 - GOOD]
    assert len(selected.chunks) == round(0.4 * sum(s.candidates for s in selected.report.sources))


@pytest.mark.parametrize(
    "settings",
    [
        {"documents": "perplexity", "keep": 0.4},
        {"documents": "excess", "keep": 0.4, "reference": "target"},
        {"color": True, "tau": 2.5},
    ],
    ids=["perplexity", "excess", "color"],
)
def test_counts_keep_the_good_part_for_next_to_nothing(texts, folder, settings):
    counted, trained = Ledger(), Ledger()

    selected = chosen(texts, folder, counted, judge="counts", **settings)
    chosen(texts, folder, trained, **settings)

    assert good_share(selected) > 0.95
    assert 0 < counted.flops < trained.flops / 100


@pytest.mark.parametrize("judge", ["models", "counts"])
def test_the_fall_in_loss_weighs_sources(texts, folder, judge):
    selected = chosen(texts, folder, mixture="drop", judge=judge)

    assert good_share(selected) > 0.75
    assert len(selected.chunks) == BUDGET // texts.length


def test_proxies_weigh_sources(texts, folder):
    ledger = Ledger()

    selected = chosen(texts, folder, ledger, mixture="proxies")

    assert good_share(selected) > 0.75
    assert "explains" in selected.report.notes[0]
    tokens = 6 * 2 * 4096
    assert ledger.entries["reference"].tokens == tokens
    assert ledger.entries["scoring"].flops > 0  # measuring a proxy is part of choosing


def test_a_large_pool_is_scored_in_part(texts, folder):
    ledger = Ledger()
    config = replace(SMALL, color=True, tau=2.0)
    references = References(config, texts, folder, ledger, compiled=False)

    selected = choose(config, references, budget=3_200)

    assert sum(s.candidates for s in selected.report.sources) == 200
    assert len(selected.chunks) == 100
    assert ledger.entries["scoring"].tokens == 2 * 200 * texts.length


def test_no_chunk_is_seen_more_often_than_allowed(texts, folder):
    selected = chosen(texts, folder, color=True, tau=50.0, epochs=2)

    assert len(selected.chunks) == int(np.ceil(BUDGET // texts.length / 2))
    assert "in place of" in selected.report.notes[0]


def test_models_are_trained_once_and_paid_for_by_each_run(texts, folder, monkeypatch):
    first, second = Ledger(), Ledger()
    before = chosen(texts, folder, first, color=True, documents="excess")
    monkeypatch.setattr(references_module, "Trainer", None)  # nothing may be trained again

    after = chosen(texts, folder, second, color=True, documents="excess")

    assert np.array_equal(before.chunks, after.chunks)
    assert first.flops == second.flops > 0
    plan = scaling.plan(size=1, vocab=texts.tokenizer.size, length=texts.length, tokens=60_000)
    prior = plan.tokens * training_flops(scaling.dense(1, vocab=texts.tokenizer.size), texts.length)
    # Prior and conditional, forward and backward, and their optimisers' steps.
    assert prior < first.entries["reference"].flops < 3.5 * prior
    # Both methods together score with both models once.
    candidates = sum(s.candidates for s in before.report.sources)
    assert first.entries["scoring"].tokens == 2 * candidates * texts.length


def test_a_killed_training_of_a_reference_goes_on(texts, tmp_path, monkeypatch):
    config = replace(SMALL, color=True, prior_tokens=33_000)
    whole = References(config, texts, tmp_path / "whole", Ledger(), compiled=False)
    wanted = whole.model("prior")
    monkeypatch.setattr(references_module, "_SAVE_EVERY", 2)
    advance, seen = Trainer._advance, []

    def stops(self, batches):
        seen.append(1)
        if len(seen) == 6:
            raise KeyboardInterrupt
        return advance(self, batches)

    cut = References(config, texts, tmp_path / "cut", Ledger(), compiled=False)
    monkeypatch.setattr(Trainer, "_advance", stops)
    with pytest.raises(KeyboardInterrupt):
        cut.model("prior")
    seen.clear()
    monkeypatch.setattr(Trainer, "_advance", lambda self, b: seen.append(1) or advance(self, b))

    resumed = cut.model("prior")

    assert len(seen) == 33_000 // 4096 - 4
    assert resumed.digest == wanted.digest
    assert resumed.ledger.flops == pytest.approx(wanted.ledger.flops)


def test_the_run_learns_from_chosen_tokens_and_owes_for_all(texts, folder, tmp_path):
    ledger = Ledger()
    selected = chosen(texts, folder, ledger, tokens=True, share=0.5, warmup=0.25)
    spent = ledger.flops
    plan = replace(
        scaling.plan(size=1, vocab=texts.tokenizer.size, length=texts.length, tokens=8 * 4096),
        model=scaling.dense(1, vocab=texts.tokenizer.size),
    )
    model = LanguageModel(plan.model)
    task = Pretraining(
        model,
        plan,
        selected.rows(batch=128, seed=1),
        {"target": texts.unseen()},
        ledger,
        compiled=False,
        choice=selected.token_choice(plan.steps),
    )
    loop = LoopConfig(
        folder=tmp_path,
        schedule=Schedule(peak=plan.rates.matrices, steps=plan.steps, warmup=2),
        average=0.0,
        quiet=True,
    )

    Trainer(task, loop, optimiser=optimiser(model, plan), ledger=ledger).run()

    each = plan.flops_per_token
    assert ledger.entries["learned"].tokens == 2 * 4096 + 6 * 2048
    assert ledger.entries["masked"].tokens == 6 * 2048
    assert ledger.entries["masked"].flops == pytest.approx(6 * 2048 * each)
    moved = ledger.entries["optimiser"].flops
    assert ledger.flops == pytest.approx(spent + 8 * 4096 * each + moved)
    assert spent == pytest.approx(
        ledger.entries["reference"].flops + ledger.entries["scoring"].flops
    )


@pytest.mark.parametrize("judge", ["models", "counts"])
def test_chosen_tokens_are_mostly_good_ones(texts, folder, judge):
    """In a pool of two parts, a model that knows nothing has its excess where the target is."""
    selected = chosen(texts, folder, tokens=True, token_judge=judge, share=0.4, warmup=0.0)
    rows = selected.rows(batch=64)
    batch = rows.batch_at(0)
    nats = torch.full(batch.reference.shape, float(np.log(texts.tokenizer.size)))

    weight = selected.token_choice(10).weigh(nats, torch.from_numpy(batch.reference), 0)

    good = choose_source(texts)[batch.chunks] == GOOD
    assert weight[torch.from_numpy(good)].sum() > 0.75 * weight.sum()


def choose_source(texts):
    from voxhaus.training.data.loader import chunk_sources

    return chunk_sources(texts.pool, texts.length)


def test_the_report_can_be_read(texts, folder, tmp_path):
    selected = chosen(texts, folder, color=True, documents="perplexity")

    save_report(selected, tmp_path)

    said = json.loads((tmp_path / "selection.json").read_text())
    assert [s["name"] for s in said["sources"]] == ["noise", "good"]
    page = (tmp_path / "selection.md").read_text()
    assert "## perplexity" in page
    assert "## color" in page
    best = said["rankings"][0]["best"][0][0]
    assert "boat" in said["examples"][str(best)] or "sea" in said["examples"][str(best)]
    assert f"{said['ledger']['kinds']['scoring']['tokens']:,} tokens" in page


@pytest.mark.parametrize(
    ("name", "value"),
    [("keep", 0.0), ("tau", 0.5), ("share", 1.2), ("warmup", 1.0), ("proxies", 3), ("epochs", 0)],
)
def test_settings_without_meaning_are_refused(name, value):
    with pytest.raises(InputError) as refused:
        SelectionConfig(**{name: value})
    assert refused.value.param == name


def test_texts_of_another_tokenizer_are_refused(shards, length):
    from voxhaus.training.data.vocabulary import learn_vocabulary

    pool, target = shards
    other = learn_vocabulary(["entirely other words " * 50], size=280)

    with pytest.raises(InputError, match="another tokenizer"):
        Texts(pool=pool, target=target, tokenizer=other, length=length)


def test_a_target_that_is_too_short_is_refused(shards, tokenizer):
    pool, target = shards
    texts = Texts(pool=pool, target=target, tokenizer=tokenizer, length=target.size // 5)

    with pytest.raises(InputError, match="at least 10"):
        texts.split()
