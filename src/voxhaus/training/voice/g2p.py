"""Trains the small network that guesses how unknown words are said.

Knows: the network, its loss and the file that `models/text/g2p.py` reads.
Refuses to know: sentences, audio, and which words are held out and how they are scored
(`evals/pronunciation.py`).

The network is a convolutional transformer over letters with CTC: every letter gets SLOTS output
slots, each a phoneme or nothing. It is not autoregressive, so a word costs one pass of a few
matrix products, which NumPy does in about a millisecond. An accent embedding makes one network
serve both accents. Recipe, from the root of a clone (about half an hour on one busy CPU core):

    python -m voxhaus.training.voice.g2p --out src/voxhaus/models/text/data/g2p.npz

Shapes: B words, L letters, D width, H heads, S slots (L * SLOTS), V phonemes with blank.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from voxhaus.evals.pronunciation import Pair, held_out, read_pairs, score_words
from voxhaus.models.text.g2p import LETTERS, MAX_LETTERS, SLOTS, SYMBOLS, Network
from voxhaus.models.text.lexicon import ACCENTS, DATA
from voxhaus.training.loop.precision import half_where_fast


@dataclass(frozen=True, kw_only=True)
class G2pConfig:
    """Size of the network and length of its training."""

    width: int = 128
    heads: int = 4
    blocks: int = 4
    inner: int = 384
    kernel: int = 5
    dropout: float = 0.05
    epochs: int = 14
    batch: int = 256
    peak: float = 2e-3
    seed: int = 1


class Block(nn.Module):
    """Convolution, attention and a feed-forward layer, each on a residual path."""

    def __init__(self, c: G2pConfig) -> None:
        super().__init__()
        self.heads = c.heads
        self.norm_conv, self.norm_attend, self.norm_feed = (nn.LayerNorm(c.width) for _ in range(3))
        self.conv = nn.Conv1d(c.width, c.width, c.kernel, padding=c.kernel // 2, groups=c.width)
        self.mix = nn.Linear(c.width, c.width)
        self.qkv = nn.Linear(c.width, 3 * c.width)
        self.out = nn.Linear(c.width, c.width)
        self.up, self.down = nn.Linear(c.width, c.inner), nn.Linear(c.inner, c.width)
        self.drop = nn.Dropout(c.dropout)

    def forward(self, x_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """One block; `mask_BL` is true at letters."""
        B, L, D = x_BLD.shape
        y = self.norm_conv(x_BLD) * mask_BL[:, :, None]
        y = self.mix(nnf.relu(self.conv(y.transpose(1, 2)).transpose(1, 2)))
        x_BLD = x_BLD + y
        qkv = self.qkv(self.norm_attend(x_BLD)).view(B, L, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each [B, H, L, D / H]
        # Written out: for words of ten letters it is twice as fast on a CPU as the fused kernel.
        scores = (q @ k.transpose(2, 3)).float() / q.shape[-1] ** 0.5
        y = scores.masked_fill(~mask_BL[:, None, None], -1e4).softmax(-1).to(v.dtype) @ v
        x_BLD = x_BLD + self.out(y.transpose(1, 2).reshape(B, L, D))
        y = self.down(nnf.relu(self.up(self.norm_feed(x_BLD))))
        return x_BLD + self.drop(y)


class G2pNetwork(nn.Module):
    """Letters and accent to scores of phonemes in slots."""

    def __init__(self, c: G2pConfig) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(LETTERS) + 1, c.width, padding_idx=0)
        self.accent = nn.Embedding(len(ACCENTS), c.width)
        self.place = nn.Embedding(MAX_LETTERS, c.width)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.blocks))
        self.norm = nn.LayerNorm(c.width)
        self.head = nn.Linear(c.width, SLOTS * (len(SYMBOLS) + 1))

    def forward(self, letters_BL: Tensor, accent_B: Tensor) -> Tensor:
        """Log-probabilities [B, L * SLOTS, V]."""
        B, L = letters_BL.shape
        mask_BL = letters_BL > 0
        x = self.letters(letters_BL) + self.accent(accent_B)[:, None] + self.place.weight[:L]
        for block in self.blocks:
            x = block(x, mask_BL)
        scores = self.head(self.norm(x)).float().view(B, L * SLOTS, -1)
        return scores.log_softmax(-1)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Padded training pairs."""

    letters_BL: Tensor
    accent_B: Tensor
    targets: Tensor
    target_sizes: Tensor


def _batch(rows: list[tuple[str, int, str]]) -> Batch:
    longest = max(len(word) for word, _, _ in rows)
    letters = torch.zeros(len(rows), longest, dtype=torch.long)
    for i, (word, _, _) in enumerate(rows):
        letters[i, : len(word)] = torch.tensor([LETTERS.index(c) + 1 for c in word])
    numbers = [[SYMBOLS.index(s) + 1 for s in said] for _, _, said in rows]
    return Batch(
        letters_BL=letters,
        accent_B=torch.tensor([accent for _, accent, _ in rows]),
        targets=torch.tensor([n for said in numbers for n in said]),
        target_sizes=torch.tensor([len(said) for said in numbers]),
    )


def batches(pairs: list[Pair], size: int, chance: random.Random) -> Iterator[Batch]:
    """One epoch: every word once, in one of its accents; words of like length together."""
    rows = [(p.word, a, p.said[a]) for p in pairs for a in [chance.choice(sorted(p.said))]]
    rows.sort(key=lambda r: len(r[0]) + chance.random() * 2)
    groups = [rows[i : i + size] for i in range(0, len(rows), size)]
    chance.shuffle(groups)
    yield from map(_batch, groups)


def loss_of(model: G2pNetwork, batch: Batch) -> Tensor:
    """CTC loss per phoneme."""
    with half_where_fast(batch.letters_BL.device):
        scores_BSV = model(batch.letters_BL, batch.accent_B)
    sizes = (batch.letters_BL > 0).sum(1) * SLOTS
    total: Tensor = nnf.ctc_loss(
        scores_BSV.transpose(0, 1), batch.targets, sizes, batch.target_sizes,
        reduction="sum", zero_infinity=True,
    )  # fmt: skip
    return total / batch.target_sizes.sum()


def export(model: G2pNetwork) -> dict[str, np.ndarray]:
    """Weights as float16 arrays under the names of the state dict."""
    return {k: v.detach().to(torch.float16).numpy() for k, v in model.state_dict().items()}


def _start_from(model: G2pNetwork, path: Path) -> None:
    """Weights of an earlier run."""
    with np.load(path) as file:
        model.load_state_dict({k: torch.from_numpy(file[k]).float() for k in file.files})


def train(config: G2pConfig, out: Path, minutes: float, start: Path | None = None) -> None:
    """Train, write the weights after every epoch, and print one JSON line an epoch.

    The schedule follows the clock as well as the epochs, so that a run ends in `minutes` on a
    machine of any speed; the printed lines say how many epochs it had.
    """
    torch.manual_seed(config.seed)
    chance = random.Random(config.seed)
    pairs = read_pairs()
    held = [p for p in pairs if held_out(p.word)]
    known = [p for p in pairs if not held_out(p.word)]
    model = G2pNetwork(config)
    if start:
        _start_from(model, start)
    size = sum(p.numel() for p in model.parameters())
    facts = {
        "config": asdict(config),
        "start": start and start.name,
        "train": len(known),
        "held_out": len(held),
        "params": size,
    }
    print(json.dumps(facts), flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.peak, weight_decay=0.01)
    began, done, epoch = time.monotonic(), 0.0, 0
    steps = config.epochs * -(-len(known) // config.batch)
    step = 0
    while done < 1:
        epoch, total, count, noted = epoch + 1, 0.0, 0, time.monotonic()
        model.train()
        for batch in batches(known, config.batch, chance):
            step += 1
            done = max(step / steps, (time.monotonic() - began) / 60 / minutes)
            rate = config.peak * min(1.0, step / 300) * max(0.01, min(1.0, (1 - done) / 0.7))
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = loss_of(model, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total, count = total + loss.item(), count + 1
            if count % 100 == 0:
                print(json.dumps({"step": step, "loss": round(total / count, 4)}), flush=True)
            if done >= 1:
                break
        np.savez_compressed(out, allow_pickle=False, **export(model))
        figures = score_words(Network.load(out), held[:: 1 if done >= 1 else 8])
        line = {"epoch": epoch, "loss": total / max(count, 1), "s": time.monotonic() - noted}
        rounded = {k: round(v, 4) for k, v in (line | figures).items()}
        print(json.dumps(rounded), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train the network for unknown words.")
    parser.add_argument("--out", type=Path, default=DATA / "g2p.npz")
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--epochs", type=int, default=G2pConfig.epochs)
    parser.add_argument("--peak", type=float, default=G2pConfig.peak, help="learning rate")
    parser.add_argument("--seed", type=int, default=G2pConfig.seed)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = G2pConfig(epochs=options.epochs, peak=options.peak, seed=options.seed)
    train(config, options.out, options.minutes, options.start)


if __name__ == "__main__":
    main()
