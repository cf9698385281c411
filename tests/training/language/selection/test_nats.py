"""Reference losses lie where their tokens are, belong to their shards and model, and resume."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.core.errors import InputError  # noqa: E402
from voxhaus.models.language.flops import forward_flops  # noqa: E402
from voxhaus.models.language.model import LanguageModel  # noqa: E402
from voxhaus.training.data.loader import Packed  # noqa: E402
from voxhaus.training.language import scaling  # noqa: E402
from voxhaus.training.language.selection import nats as nats_module  # noqa: E402
from voxhaus.training.language.selection.nats import open_nats, score  # noqa: E402
from voxhaus.training.language.selection.rows import Referenced  # noqa: E402
from voxhaus.training.loop.ledger import Ledger  # noqa: E402


def model(tokenizer, seed=1):
    torch.manual_seed(seed)
    made = LanguageModel(scaling.dense(1, vocab=tokenizer.size))
    torch.nn.init.normal_(made.lm_head.weight, std=0.1)  # else every token loses the same
    return made.eval()


CHUNKS = np.arange(3, 60)


def test_each_token_has_its_own_loss(tmp_path, shards, tokenizer, length):
    pool, _ = shards
    scored = score(
        tmp_path / "a.nats", pool, CHUNKS, model(tokenizer), Ledger(), length=length, batch=7
    )
    rows = Packed(pool, length=length, batch=4, seed=3, choice=CHUNKS)

    batch = Referenced(rows, scored).batch_at(5)

    tokens, document = torch.from_numpy(batch.tokens), torch.from_numpy(batch.document)
    with torch.no_grad():
        wanted, _ = model(tokenizer).losses(tokens[:, :-1], tokens[:, 1:], document[:, :-1])
    # The file holds 16-bit floats of a forward pass in bfloat16.
    assert np.allclose(batch.reference, wanted.numpy(), atol=0.06)
    assert batch.reference.std() > 0.2
    start = int(batch.chunks[0]) * length + 1
    stream = np.concatenate(pool.tokens)
    assert np.array_equal(batch.tokens[0, 1:], stream[start : start + length])


def test_chunks_that_were_not_scored_cannot_be_trained_on(tmp_path, shards, tokenizer, length):
    pool, _ = shards
    scored = score(tmp_path / "a.nats", pool, CHUNKS, model(tokenizer), Ledger(), length=length)

    assert scored.covers(CHUNKS)
    assert np.isnan(scored.means(np.array([0])))
    with pytest.raises(InputError, match="not scored"):
        Referenced(Packed(pool, length=length, batch=4), scored)


def test_scoring_goes_on_where_it_was_stopped(tmp_path, shards, tokenizer, length, monkeypatch):
    pool, _ = shards
    monkeypatch.setattr(nats_module, "_SAVE_EVERY", 8)
    whole = score(
        tmp_path / "whole.nats", pool, CHUNKS, model(tokenizer), Ledger(), length=length, batch=4
    )
    cut, seen = model(tokenizer), []
    losses = cut.losses

    def stops(*given):
        seen.append(len(given[0]))
        if len(seen) == 6:
            raise KeyboardInterrupt
        return losses(*given)

    cut.losses = stops
    path = tmp_path / "cut.nats"
    with pytest.raises(KeyboardInterrupt):
        score(path, pool, CHUNKS, cut, Ledger(), length=length, batch=4)
    with pytest.raises(InputError, match="16 of 57 chunks"):
        open_nats(path, pool, length=length)
    ledger = Ledger()
    seen.clear()
    cut.losses = lambda *given: seen.append(len(given[0])) or losses(*given)

    resumed = score(path, pool, CHUNKS, cut, ledger, length=length, batch=4)

    assert len(seen) == 11  # batches of 4 for the 41 that were left
    assert np.array_equal(resumed.values, whole.values, equal_nan=True)
    each = forward_flops(cut.config, length)
    assert ledger.entries["scoring"].flops == pytest.approx(57 * length * each)
    assert ledger.entries["scoring"].tokens == 57 * length


def test_a_finished_file_costs_its_user_the_same(tmp_path, shards, tokenizer, length):
    pool, _ = shards
    first, second = Ledger(), Ledger()
    path = tmp_path / "a.nats"
    score(path, pool, CHUNKS, model(tokenizer), first, length=length)
    idle = model(tokenizer)
    idle.losses = None  # nothing is computed

    score(path, pool, CHUNKS, idle, second, length=length)

    assert second.flops == first.flops > 0


def test_losses_of_other_shards_rows_or_models_are_refused(tmp_path, shards, tokenizer, length):
    pool, target = shards
    path, ledger = tmp_path / "a.nats", Ledger()
    score(path, pool, CHUNKS, model(tokenizer), ledger, length=length)

    with pytest.raises(InputError, match="other shards"):
        open_nats(path, target, length=length)
    with pytest.raises(InputError, match="rows of 32 tokens, not 16"):
        open_nats(path, pool, length=16)
    with pytest.raises(InputError, match="another model"):
        open_nats(path, pool, length=length, model="0" * 64)
    with pytest.raises(InputError, match="another model"):
        score(path, pool, CHUNKS, model(tokenizer, seed=2), ledger, length=length)
    with pytest.raises(InputError, match="other chunks"):
        score(path, pool, CHUNKS[1:], model(tokenizer), ledger, length=length)


def test_damaged_files_are_named(tmp_path, shards, tokenizer, length):
    pool, _ = shards
    path = tmp_path / "a.nats"
    with pytest.raises(InputError, match="no reference losses"):
        open_nats(path, pool, length=length)
    score(path, pool, CHUNKS, model(tokenizer), Ledger(), length=length)

    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match="as its header says"):
        open_nats(path, pool, length=length)
    header = tmp_path / "a.nats.json"
    header.write_text(json.dumps({**json.loads(header.read_text()), "format": 9}))
    with pytest.raises(InputError, match="format 9"):
        open_nats(path, pool, length=length)
    header.write_text("{")
    with pytest.raises(InputError, match="damaged"):
        open_nats(path, pool, length=length)


def test_a_glance_is_the_start_of_the_whole_and_costs_as_much_less(
    tmp_path, shards, tokenizer, length
):
    pool, _ = shards
    ledger = Ledger()
    whole = score(tmp_path / "a.nats", pool, CHUNKS, model(tokenizer), Ledger(), length=length)

    path = tmp_path / "b.nats"
    part = score(path, pool, CHUNKS, model(tokenizer), ledger, length=length, glance=8)

    assert np.allclose(part.rows(CHUNKS)[:, :8], whole.rows(CHUNKS)[:, :8], atol=0.06)
    assert np.isnan(part.rows(CHUNKS)[:, 8:]).all()
    assert np.allclose(part.means(CHUNKS), whole.rows(CHUNKS)[:, :8].mean(1), atol=0.03)
    assert ledger.entries["scoring"].tokens == 57 * 8
    with pytest.raises(InputError, match="not scored"):
        Referenced(Packed(pool, length=length, batch=4, choice=CHUNKS), part)
