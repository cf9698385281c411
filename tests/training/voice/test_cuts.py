"""Pieces cover every reading once, keep its places, and judge only what is theirs."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.config import HOP, SAMPLE_RATE  # noqa: E402
from voxhaus.training.voice import cuts, dataset  # noqa: E402

SHAPE = cuts.Shape(count=2, units=40, tokens=30)
LONGEST = SHAPE.units - 2 * cuts.CONTEXT


def reading(units_per_token, quiet=0):
    durations = np.array(units_per_token, np.int16)
    frames = 2 * int(durations.sum())
    energy = np.full(frames, 5.0, np.float32)
    if quiet:
        energy[: 2 * quiet] = energy[-2 * quiet :] = -9.0
    return dataset.Example(
        voice="anna",
        text="x",
        tokens=np.arange(1, len(durations) + 1).astype(np.int16),
        durations=durations,
        exact_durations=durations.astype(np.float32),
        pitch=np.linspace(90, 110, frames).astype(np.float32),
        energy=energy,
        style=np.zeros(256, np.float32),
        samples=np.arange(1, frames * HOP + 1).astype(np.int32),
    )


def test_pieces_cover_the_heard_part_once():
    for tokens in (1, 5, 17, 60):
        e = reading([4] * tokens, quiet=1)
        pieces = cuts.cuts_of(e, LONGEST)
        covered = [u for c in pieces for u in range(c.start, c.stop)]
        assert covered == list(range(e.heard.start, e.heard.stop))
        assert all(c.stop - c.start <= LONGEST for c in pieces)


def test_a_batch_judges_each_unit_of_a_reading_once():
    e = reading([3] * 50)
    pieces = cuts.cuts_of(e, LONGEST)
    b = cuts.collate(pieces, SHAPE)
    assert b.judged_BU1.sum() == e.units
    judged = b.judged_BU1[..., 0].repeat_interleave(2 * HOP, 1) > 0
    heard = torch.cat([s[m] for s, m in zip(b.samples_BS, judged, strict=True)])
    assert torch.equal(heard, torch.from_numpy(e.samples).float() / 32768)


def test_a_piece_in_the_middle_sees_what_the_whole_reading_shows():
    e = reading([3] * 50)
    whole = dataset.collate([e])
    piece = cuts.cuts_of(e, LONGEST)[2]
    b = cuts.collate([piece], SHAPE)
    first = piece.start - cuts.CONTEXT
    width = int(b.unit_mask_BU1.sum())
    tokens = b.tokens_BL[0, b.unit_index_BU[0, :width]]
    there = slice(first, first + width)
    assert torch.equal(tokens, whole.tokens_BL[0, whole.unit_index_BU[0, there]])
    assert torch.equal(b.unit_offset_BU[0, :width], whole.unit_offset_BU[0, there])
    assert width == piece.stop - piece.start + 2 * cuts.CONTEXT
    before = e.pitch[: 2 * first].sum(dtype=np.float64) * HOP / SAMPLE_RATE
    assert b.turns_B.item() == pytest.approx(before)


def test_shapes_never_change_even_with_too_many_tokens():
    crowded, short = reading([1] * 90), reading([2, 2])
    for e in (crowded, short):
        for piece in cuts.cuts_of(e, LONGEST):
            b = cuts.collate([piece, piece], SHAPE)
            assert b.tokens_BL.shape == (2, 30)
            assert b.samples_BS.shape == (2, 40 * 2 * HOP)
            assert b.unit_index_BU.max() < b.token_mask_BL1[0].sum()


def test_epochs_repeat_by_number_and_hold_every_piece_once():
    examples = [reading([3] * n) for n in (4, 9, 20, 33)]
    batches = list(cuts.epochs(examples, SHAPE, seed=1, epoch=0))
    assert all(len(b) == SHAPE.count for b in batches)
    pieces = [(id(c.example), c.start) for b in batches for c in b]
    assert len(pieces) == len(set(pieces))
    total = sum(len(cuts.cuts_of(e, LONGEST)) for e in examples)
    assert total - SHAPE.count < len(pieces) <= total
    again = [
        (id(c.example), c.start) for b in cuts.epochs(examples, SHAPE, seed=1, epoch=0) for c in b
    ]
    other = [
        (id(c.example), c.start) for b in cuts.epochs(examples, SHAPE, seed=1, epoch=1) for c in b
    ]
    assert pieces == again != other
