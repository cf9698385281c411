"""Small models that only serve to choose: trained by our own code, once, and paid for.

Knows: the prior (trained on the pool), the conditional (the prior, trained on with target text),
the target's own model, and proxies of mixtures; which of the target's chunks stay unseen by all.
Refuses to know: what is concluded from their losses.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from voxhaus.core.errors import InputError
from voxhaus.models.language.model import LanguageModel
from voxhaus.models.text.tokenizer import Tokenizer
from voxhaus.training.data.loader import Packed
from voxhaus.training.data.shards import Shards
from voxhaus.training.language import scaling
from voxhaus.training.language.pretraining import HeldOut, Pretraining, optimiser
from voxhaus.training.language.scaling import Plan
from voxhaus.training.language.selection.config import SelectionConfig
from voxhaus.training.language.selection.counts import (
    LEARNING_FLOPS,
    LOOKING_FLOPS,
    Counts,
)
from voxhaus.training.language.selection.nats import (
    Chunks,
    Header,
    Nats,
    model_digest,
    score,
    shards_digest,
)
from voxhaus.training.loop.ledger import Ledger
from voxhaus.training.loop.schedule import Schedule
from voxhaus.training.loop.trainer import LoopConfig, Trainer

Name = Literal["prior", "conditional", "target"]

_EPOCHS = 4  # of the target, at most (Muennighoff et al. 2023)
_RUN, _OF = 8, 10  # of the target, every tenth run of 8 neighbouring chunks stays unseen
_UNSEEN = 64  # chunks at most: 32,768 tokens of 512 tell mixtures apart
_ROW_BATCH = 8
_SAVE_EVERY = 250  # steps
_PART = 1024  # chunks that are counted at a time
# A prior that has gone on with the target, in counts: half and half.
_COUNTED: Mapping[Name, tuple[tuple[Name, float], ...]] = {
    "prior": (("prior", 1.0),),
    "target": (("target", 1.0),),
    "conditional": (("prior", 0.5), ("target", 0.5)),
}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A trained small model.

    Attributes:
        model: in evaluation mode.
        digest: of its sizes and weights.
        ledger: what its training cost, and its evaluation beside.
        figures: on the target's unseen chunks.
    """

    model: LanguageModel
    digest: str
    ledger: Ledger
    figures: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What is chosen from, and what for.

    Attributes:
        pool: shards of everything that may be learned from.
        target: shards of text like that which the model is for; nothing of the final evaluation.
        tokenizer: of both.
        length: T of their rows.
    """

    pool: Shards
    target: Shards
    tokenizer: Tokenizer
    length: int

    def __post_init__(self) -> None:
        """Refuse shards that were made with another tokenizer.

        Raises:
            InputError: naming the folder.
        """
        for shards in (self.pool, self.target):
            if shards.manifest["tokenizer"] != self.tokenizer.digest:
                raise InputError(f"{shards.folder} was made with another tokenizer.")

    @cached_property
    def bytes_V(self) -> np.ndarray:  # noqa: N802 - a shape
        """UTF-8 bytes of each token; 0 for those that stand for no text."""
        sizes = [len(self.tokenizer.token_bytes(i)) for i in range(self.tokenizer.size)]
        sizes[self.tokenizer.end_of_text] = 0
        return np.array(sizes)

    def split(self) -> tuple[Chunks, Chunks]:
        """The target's chunks to learn from, and those that stay unseen.

        Raises:
            InputError: the target is too short to be split.
        """
        count = (self.target.size - 1) // self.length
        chunks = np.arange(count)
        run = max(1, min(_RUN, count // (2 * _OF)))
        unseen = (chunks // run) % _OF == _OF - 1
        if not unseen.any():
            raise InputError(
                f"The target gives {count} rows of {self.length} tokens; at least {_OF} are needed."
            )
        return chunks[~unseen], chunks[unseen][:_UNSEEN]

    def unseen(self) -> HeldOut:
        """The target's unseen chunks as a held-out text."""
        rows = Packed(self.target, length=self.length, batch=1, shuffle=False)
        numbers = self.split()[1]
        # Batches as large as in training, as far as it goes: compiled code is made for a shape.
        starts = range(0, len(numbers), _ROW_BATCH)
        batches = tuple(rows.rows(numbers[i : i + _ROW_BATCH]) for i in starts)
        return HeldOut(batches=batches, bytes_V=self.bytes_V)


class References:
    """Trains, keeps and scores the small models, each once; their cost goes into the ledger.

    Args:
        folder: where models, proxies and losses are kept; what is there already is used again, and
            its cost entered again, since the run that uses it owes it.
        ledger: of the run that all this is for.
        compiled: by torch.compile.
    """

    def __init__(
        self,
        config: SelectionConfig,
        texts: Texts,
        folder: Path,
        ledger: Ledger,
        *,
        device: torch.device | None = None,
        compiled: bool = True,
        quiet: bool = True,
    ) -> None:
        self.config, self.texts, self.folder, self.ledger = config, texts, folder, ledger
        self.device, self.compiled, self.quiet = device or torch.device("cpu"), compiled, quiet
        self._models: dict[Name, Reference] = {}
        self._counted_models: dict[Name, Counts] = {}
        self._scored: dict[tuple[Name, int], Nats] = {}

    def model(self, name: Name) -> Reference:
        """One of the three; its training is entered under `reference` at the first call."""
        if name not in self._models:
            found = {"prior": self._prior, "conditional": self._conditional}.get(name, self._target)
            self._models[name] = found()
            self.ledger.include(self._models[name].ledger, "reference")
        return self._models[name]

    def nats(self, name: Name, chunks: Chunks, *, whole: bool = False) -> Nats:
        """What a model loses on chunks of the pool; scored once, and paid for once.

        Args:
            name: of the model.
            chunks: of the pool.
            whole: all tokens of each, not just a glance at the first; by the judge of tokens.
        """
        judge = self.config.token_judge if whole else self.config.judge
        if judge == "counts":
            return self._counted(name, chunks)
        length = self.texts.length
        glance = length if whole else min(self.config.glance, length)
        known = self._scored.get((name, glance)) or self._scored.get((name, length))
        if known and known.covers(chunks):
            return known
        reference = self.model(name)
        pool = shards_digest(self.texts.pool)
        key = _digest(reference.digest, pool, length, glance, chunks.tolist())
        self._scored[name, glance] = score(
            self.folder / f"{name}-{key}.nats",
            self.texts.pool,
            chunks,
            reference.model,
            self.ledger,
            length=length,
            glance=glance,
            device=self.device,
            compiled=self.compiled,
        )
        return self._scored[name, glance]

    def _counted(self, name: Name, chunks: Chunks) -> Nats:
        """The same from counted pairs; a chunk is looked at as a whole."""
        began, length = time.monotonic(), self.texts.length
        rows = Packed(self.texts.pool, length=length, batch=1, shuffle=False)
        values = np.full((rows.chunks, length), np.nan, np.float16)
        models = [(self._counts(n), share) for n, share in _COUNTED[name]]
        for part in np.array_split(chunks, max(1, len(chunks) // _PART)):
            tokens = rows.rows(part).tokens
            mixed = sum(share * model.probabilities(tokens) for model, share in models)
            values[part] = -np.log(mixed)
        spent = len(chunks) * length
        flops = float(spent * LOOKING_FLOPS * len(models))
        seconds = time.monotonic() - began
        self.ledger.add("scoring", flops, tokens=spent, seconds=seconds)
        header = Header(
            shards=shards_digest(self.texts.pool),
            model="counts",
            chunks=rows.chunks,
            length=length,
            glance=length,
            asked="",
            wanted=len(chunks),
            done=len(chunks),
            flops=flops,
            seconds=seconds,
        )
        return Nats(values=values, header=header)

    def _counts(self, name: Name) -> Counts:
        if name not in self._counted_models:
            began = time.monotonic()
            prior = name == "prior"
            shards = self.texts.pool if prior else self.texts.target
            rows = Packed(shards, length=self.texts.length, batch=1, shuffle=False)
            numbers = rows.used if prior else self.texts.split()[0]
            parts = np.array_split(numbers, max(1, len(numbers) // _PART))
            made = Counts((rows.rows(p).tokens for p in parts), self.texts.tokenizer.size)
            self._counted_models[name] = made
            flops, seconds = float(made.tokens * LEARNING_FLOPS), time.monotonic() - began
            self.ledger.add("reference", flops, tokens=made.tokens, seconds=seconds)
        return self._counted_models[name]

    def proxy(self, choice: Chunks, number: int) -> float:
        """Bits per byte on the target's unseen chunks after a short run on some of the pool.

        The run is entered under `reference`, its evaluation under `scoring`: it chooses too.
        """
        plan = self._plan(self.config.proxy_tokens)
        rows = self._rows(self.texts.pool, choice, plan)
        key = _digest("proxy", self._said(plan), shards_digest(self.texts.pool), choice.tolist())
        reference = self._trained(f"proxy-{number:03}-{key}", rows, plan)
        self.ledger.include(reference.ledger, "reference")
        spent = reference.ledger.entries["evaluation"]
        self.ledger.add("scoring", spent.flops, tokens=spent.tokens, seconds=spent.seconds)
        return reference.figures["target_bits_per_byte"]

    def _prior(self) -> Reference:
        plan = self._plan(self.config.prior_tokens)
        rows = self._rows(self.texts.pool, None, plan)
        key = _digest("prior", self._said(plan), shards_digest(self.texts.pool))
        return self._trained(f"prior-{key}", rows, plan)

    def _conditional(self) -> Reference:
        prior = self.model("prior")
        plan = self._fine(self._plan(self._target_tokens()))
        key = _digest("conditional", self._said(plan), prior.digest, self._target_key())
        return self._trained(f"conditional-{key}", self._target_rows(plan), plan, start=prior.model)

    def _target(self) -> Reference:
        plan = self._plan(self._target_tokens())
        key = _digest("target", self._said(plan), self._target_key())
        return self._trained(f"target-{key}", self._target_rows(plan), plan)

    def _target_tokens(self) -> int:
        seen = len(self.texts.split()[0]) * self.texts.length
        return min(self.config.target_tokens, _EPOCHS * seen)

    def _target_key(self) -> str:
        return shards_digest(self.texts.target)

    def _target_rows(self, plan: Plan) -> Packed:
        return self._rows(self.texts.target, self.texts.split()[0], plan)

    def _rows(self, shards: Shards, choice: Chunks | None, plan: Plan) -> Packed:
        available = (shards.size - 1) // plan.length if choice is None else len(choice)
        batch = max(1, min(_ROW_BATCH, available, plan.step_tokens // plan.length))
        return Packed(shards, length=plan.length, batch=batch, seed=self.config.seed, choice=choice)

    def _plan(self, tokens: int) -> Plan:
        c = self.config
        vocab, length = self.texts.tokenizer.size, self.texts.length
        plan = scaling.plan(size=c.size, vocab=vocab, length=length, tokens=tokens)
        if c.experts:
            return plan
        return replace(plan, model=scaling.dense(c.size, vocab=vocab, context=max(1024, length)))

    def _fine(self, plan: Plan) -> Plan:
        said, factor = plan.rates, self.config.fine_rate
        return replace(plan, rates=replace(said, **{k: v * factor for k, v in vars(said).items()}))

    def _said(self, plan: Plan) -> str:
        return repr((plan, self.config.seed))

    def _trained(
        self, name: str, rows: Packed, plan: Plan, *, start: LanguageModel | None = None
    ) -> Reference:
        folder = self.folder / name
        torch.manual_seed(self.config.seed)
        model = LanguageModel(plan.model)
        if start is not None:
            model.load_state_dict(start.state_dict())
        if not (folder / "done.json").exists():
            self._train(folder, model, rows, plan)
        state = torch.load(folder / "model.pt", map_location="cpu", weights_only=True)
        model.load_state_dict(state)
        done = json.loads((folder / "done.json").read_text("utf-8"))
        ledger = Ledger()
        ledger.load_state(done["ledger"])
        return Reference(
            model=model.to(self.device).eval(),
            digest=model_digest(model),
            ledger=ledger,
            figures=done["figures"],
        )

    def _train(self, folder: Path, model: LanguageModel, rows: Packed, plan: Plan) -> None:
        ledger = Ledger()
        task = Pretraining(
            model,
            plan,
            rows,
            {"target": self.texts.unseen()},
            ledger,
            device=self.device,
            compiled=self.compiled,
        )
        accumulate = max(1, plan.step_tokens // rows.tokens_per_step)
        loop = LoopConfig(
            folder=folder / "run",
            schedule=Schedule(
                peak=plan.rates.matrices, steps=plan.steps, warmup=plan.warmup, decay=plan.decay
            ),
            seed=self.config.seed,
            average=0.0,
            accumulate=accumulate,
            evaluate_every=plan.steps,
            save_every=_SAVE_EVERY,
            quiet=self.quiet,
        )
        trainer = Trainer(task, loop, optimiser=optimiser(model, plan), ledger=ledger)
        figures = trainer.run() or trainer.evaluate()
        torch.save(model.state_dict(), folder / "model.pt")
        done: dict[str, Any] = {"figures": figures, "ledger": ledger.state(), "plan": repr(plan)}
        partial = folder / "done.partial"
        partial.write_text(json.dumps(done, indent=1) + "\n", "utf-8")
        partial.replace(folder / "done.json")
        shutil.rmtree(folder / "run")


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]
