"""What `test_parallel.py` starts in several processes: small runs of a small mixture of experts.

As a program it takes a folder and runs every case that needs company; imported, it gives the same
runs to one process.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from voxhaus.core.errors import VoxhausError
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.model import LanguageModel
from voxhaus.training.loop import optimisers, parallel
from voxhaus.training.loop.ledger import Ledger
from voxhaus.training.loop.optimisers import Matrices, MuonAdamW, OptimiserConfig, Other
from voxhaus.training.loop.processes import ALONE, joined
from voxhaus.training.loop.schedule import Schedule
from voxhaus.training.loop.trainer import LoopConfig, Trainer

CONFIG = LanguageConfig(
    vocab_size=37,  # rows that two processes cannot share evenly
    hidden_size=24,
    layers=2,
    heads=3,
    kv_heads=1,
    head_dim=10,
    experts=4,
    experts_per_token=2,
    expert_size=16,
    context=16,
    tied=False,
)
STEPS = 6
# bfloat16 would turn sums in another order into other matrices, and those into other choices of
# experts; what is compared here is whether the same is computed.
optimisers.PRECISION = torch.float64


class Words:
    """Next-token prediction on random rows, with the routers' losses."""

    def __init__(self, model, ledger, poison_at=None):
        self.model, self.ledger, self.poison_at = model, ledger, poison_at

    def batches(self, epoch):
        yield from range(100)

    def loss(self, batch):
        self.ledger.add("learned", 10.0, tokens=32)
        return self._terms(batch)

    def _terms(self, batch):
        rows = np.random.default_rng(batch).integers(0, 12, (2, 17))
        tokens = torch.from_numpy(rows) ** 2 % 37
        nats, routers = self.model.losses(tokens[:, :-1], tokens[:, 1:])
        poison = float("nan") if batch == self.poison_at else 1.0
        return {"nats": nats.mean() * poison, "balance": routers.balance * 0.01}

    def evaluate(self):
        return {"loss": float(self._terms(1000)["nats"])}

    def state(self):
        return {}

    def load_state(self, state):
        pass


def optimiser(model):
    matrices, others = [], []
    for name, p in model.named_parameters():
        if "proj" in name:
            matrices.append(Matrices(parameter=p, parts=2 if "gate_up" in name else 1))
        else:
            others.append(Other(parameter=p))
    return MuonAdamW(matrices, others, OptimiserConfig())


def trainer(folder, processes=ALONE, *, spread=1, until=STEPS, poison_at=None, average=0.9):
    torch.manual_seed(1)
    model = LanguageModel(CONFIG)
    with torch.no_grad():  # branches that begin at zero would hide differences in the first steps
        for p in model.parameters():
            if not p.any():
                p.normal_(std=0.1)
    parallel.shard(model, model.model.layers, processes, spread=spread, methods=["losses"])
    ledger = Ledger()
    config = LoopConfig(
        folder=folder,
        schedule=Schedule(peak=0.02, steps=until, warmup=2, decay=0.0),
        average=average,
        accumulate=4,
        log_every=1,
        evaluate_every=3,
        save_every=3,
        quiet=True,
    )
    task = Words(model, ledger, poison_at)
    return Trainer(task, config, optimiser=optimiser(model), ledger=ledger, processes=processes)


def main(folder):
    with joined() as processes:
        for name, spread in (("sharded", 1), ("spread", processes.count)):
            made = trainer(folder / name, processes, spread=spread)
            made.run()
            state = parallel.whole_state(made.task.model)
            if processes.first:
                torch.save(state, folder / f"{name}.pt")
        trainer(folder / "cut", processes, until=3).run()  # another number goes on, elsewhere
        trainer(folder / "resumed", processes, until=3).run()
        trainer(folder / "resumed", processes).run()
        if (folder / "from_one").exists():
            trainer(folder / "from_one", processes, spread=processes.count).run()
        said = ""
        try:
            trainer(folder / "poisoned", processes, poison_at=4 * 4 + 1).run()
        except VoxhausError as error:
            said = str(error)
        everybody = processes.gathered(said)
        if processes.first:
            (folder / "said.json").write_text(json.dumps(everybody))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
