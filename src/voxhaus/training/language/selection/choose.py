"""From texts and settings to what the run learns from.

Knows: the order of the four methods, how many chunks each may keep, and what training is handed.
Refuses to know: how small models are trained and scored (`references.py`), and what each method
computes.

The order: candidates are drawn, documents filtered, CoLoR-Filter takes its share of the rest, the
mixture sets how often the chunks of each source appear, and what remains gets reference losses
for the choice of tokens. Each small model is trained once and scores a chunk once, however many
methods use it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from voxhaus.core.errors import InputError
from voxhaus.training.data.loader import Packed, chunk_sources
from voxhaus.training.language.selection import mixture
from voxhaus.training.language.selection.chunks import best, fall_scores, perplexity_scores
from voxhaus.training.language.selection.config import SelectionConfig
from voxhaus.training.language.selection.nats import Chunks, Nats
from voxhaus.training.language.selection.references import Name, References, Texts
from voxhaus.training.language.selection.report import Ranking, Report, SourceShare
from voxhaus.training.language.selection.rows import Referenced
from voxhaus.training.language.selection.tokens import TokenChoice

Array = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]

_SAMPLED = 64  # chunks of a source: its mean fall is then known to a tenth of its deviation


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the run learns from.

    Attributes:
        texts: that it was chosen from.
        chunks: numbers of the pool's chunks, some perhaps several times; None: all.
        weights: of sources by name, as they are in `chunks`.
        nats: a reference's losses, where tokens are chosen.
        share, soft, positive, warmup: of the choice of tokens; see `TokenChoice`.
        report: what was kept and why.
    """

    texts: Texts
    chunks: Chunks | None
    weights: dict[str, float]
    nats: Nats | None
    config: SelectionConfig
    report: Report

    def rows(
        self, *, batch: int, seed: int = 0, rank: int = 0, world: int = 1
    ) -> Packed | Referenced:
        """Batches of what was chosen, for `Pretraining`.

        Raises:
            InputError: what was chosen is shorter than one batch.
        """
        packed = Packed(
            self.texts.pool,
            length=self.texts.length,
            batch=batch,
            seed=seed,
            choice=self.chunks,
            rank=rank,
            world=world,
        )
        return packed if self.nats is None else Referenced(packed, self.nats)

    def token_choice(self, batches: int) -> TokenChoice | None:
        """The choice of tokens in a run of so many batches, if it is on."""
        c = self.config
        if self.nats is None:
            return None
        return TokenChoice(
            share=c.share, soft=c.soft, positive=c.positive, warmup=round(c.warmup * batches)
        )


def choose(config: SelectionConfig, references: References, *, budget: int) -> Chosen:
    """Choose from the pool what teaches most about the target.

    Everything costly is kept in the references' folder under a digest of its inputs, so a run that
    was killed goes on, and another with the same inputs only reads; the ledger gets the whole cost
    either way.

    Args:
        config: what is on.
        references: small models, and the ledger that pays for them; made with the same config.
        budget: tokens that the run will learn from.

    Raises:
        InputError: the texts are too short for what is asked.
    """
    return _Selection(config, references, budget).run()


class _Selection:
    def __init__(self, config: SelectionConfig, references: References, budget: int) -> None:
        self.config, self.references = config, references
        self.texts = references.texts
        self.budget = max(1, budget // self.texts.length)
        pool = self.texts.pool
        self.source_C = chunk_sources(pool, self.texts.length)
        if not len(self.source_C):
            raise InputError(
                f"The pool has {pool.size} tokens, less than a row of {self.texts.length}."
            )
        self.names = [s.name for s in pool.sources]
        genres = [s.genre or s.name for s in pool.sources]
        self.genre_S = np.array([genres.index(g) for g in genres])
        self.rankings: list[Ranking] = []
        self.notes: list[str] = []

    def run(self) -> Chosen:
        c = self.config
        candidates = kept = self._candidates()
        if c.documents != "off":
            kept = self._documents(kept)
        if c.color:
            kept = self._color(kept)
        chunks = kept
        if c.mixture != "off":
            chunks = self._mixture(kept)
        nats = None
        if c.tokens:
            nats = self.references.nats(self._reference, np.unique(chunks), whole=True)
        everything = len(chunks) == len(self.source_C) and c.mixture == "off"
        report = Report(
            sources=self._shares(candidates, kept, chunks),
            rankings=tuple(self.rankings),
            notes=tuple(self.notes),
            ledger=self.references.ledger.report(),
        )
        return Chosen(
            texts=self.texts,
            chunks=None if everything else chunks,
            weights={s.name: s.weight for s in report.sources},
            nats=nats,
            config=c,
            report=report,
        )

    @property
    def _reference(self) -> Name:
        return "conditional" if self.config.reference == "conditional" else "target"

    @property
    def _least(self) -> int:
        """Chunks that the budget needs, if each is seen as often as is allowed."""
        return int(np.ceil(self.budget / self.config.epochs))

    def _candidates(self) -> Chunks:
        """As many random chunks as the budget needs after all filters; all, if none is scored."""
        c, everything = self.config, np.arange(len(self.source_C), dtype=np.int64)
        if c.documents == "off" and not c.color and (c.mixture != "off" or not c.tokens):
            return everything
        factor = (1 / c.keep if c.documents != "off" else 1.0) * (c.tau if c.color else 1.0)
        wanted = int(np.ceil(self.budget * factor))
        if wanted >= len(everything):
            return everything
        random = np.random.default_rng(c.seed)
        return np.sort(random.choice(everything, wanted, replace=False))

    def _documents(self, chunks: Chunks) -> Chunks:
        nats = self.references.nats(self._reference, chunks)
        reference, seen = nats.means(chunks), nats.header.glance
        if self.config.documents == "perplexity":
            scores = perplexity_scores(reference, seen, self._bytes(chunks, seen))
        else:
            scores = fall_scores(self.references.nats("prior", chunks).means(chunks), reference)
        return self._keep(self.config.documents, chunks, scores, self.config.keep)

    def _color(self, chunks: Chunks) -> Chunks:
        prior = self.references.nats("prior", chunks).means(chunks)
        conditional = self.references.nats("conditional", chunks).means(chunks)
        return self._keep("color", chunks, fall_scores(prior, conditional), 1 / self.config.tau)

    def _keep(self, name: str, chunks: Chunks, scores: Array, share: float) -> Chunks:
        count = max(1, round(share * len(chunks)))
        least = min(self._least, len(chunks))
        if count < least:
            self.notes.append(
                f"{name}: {least} chunks are kept in place of {count}, so that none is seen more "
                f"than {self.config.epochs:g} times"
            )
            count = least
        self.rankings.append(Ranking.of(name, chunks, scores, count, self.source_C[chunks]))
        return best(chunks, scores, count)

    def _bytes(self, chunks: Chunks, seen: int) -> Array:
        rows = Packed(self.texts.pool, length=self.texts.length, batch=1, shuffle=False)
        sizes = [
            self.texts.bytes_V[rows.rows(chunks[i : i + 1024]).tokens[:, 1 : seen + 1]].sum(1)
            for i in range(0, len(chunks), 1024)
        ]
        return np.concatenate(sizes).astype(np.float64)

    def _mixture(self, kept: Chunks) -> Chunks:
        proxies = self.config.mixture == "proxies"
        group_n = (self.genre_S if proxies else np.arange(len(self.names)))[self.source_C[kept]]
        present = np.unique(group_n).tolist()
        counts_S = np.array([(group_n == s).sum() for s in present], np.float64)
        natural_S = counts_S / counts_S.sum()
        limit_S = mixture.limits(counts_S, self.budget, self.config.epochs)
        if proxies:
            wanted_S = self._by_proxies(kept, group_n, natural_S, limit_S)
        else:
            wanted_S = mixture.tilted(natural_S, self._falls(kept, group_n), limit_S)
        return mixture.chunks_of(wanted_S, present, group_n, kept, self.budget, self.config.seed)

    def _falls(self, kept: Chunks, group_n: Groups) -> Array:
        """How far each group's loss falls from prior to conditional, by a sample of its chunks."""
        random = np.random.default_rng(self.config.seed)
        groups = [kept[group_n == s] for s in np.unique(group_n)]
        samples = [random.choice(g, min(len(g), _SAMPLED), replace=False) for g in groups]
        looked = np.unique(np.concatenate(samples))
        prior, conditional = (
            self.references.nats(name, looked) for name in ("prior", "conditional")
        )
        falls = [fall_scores(prior.means(s), conditional.means(s)).mean() for s in samples]
        return np.array(falls)

    def _by_proxies(self, kept: Chunks, group_n: Groups, natural_S: Array, limit_S: Array) -> Array:
        c, present = self.config, np.unique(group_n).tolist()
        count = max(1, c.proxy_tokens // self.texts.length)
        mixtures_NS = mixture.random_mixtures(natural_S, c.proxies, c.seed)
        losses = []
        for number, mixture_S in enumerate(mixtures_NS):
            chunks = mixture.chunks_of(mixture_S, present, group_n, kept, count, c.seed + number)
            losses.append(self.references.proxy(chunks, number))
        regression = mixture.fit(mixtures_NS, np.array(losses))
        self.notes.append(
            f"proxies: bits per byte of the target from {min(losses):.4f} to {max(losses):.4f}, "
            f"natural mixture {losses[0]:.4f}; the regression explains "
            f"{max(0.0, regression.explained):.0%} of left-out runs"
            + ("" if regression.explained > 0 else ", so the natural mixture stays")
        )
        return mixture.best_mixture(regression, natural_S, limit_S, seed=c.seed)

    def _shares(self, candidates: Chunks, kept: Chunks, chunks: Chunks) -> tuple[SourceShare, ...]:
        def counted(numbers: Chunks) -> list[int]:
            return np.bincount(self.source_C[numbers], minlength=len(self.names)).tolist()

        everything = np.arange(len(self.source_C), dtype=np.int64)
        columns = zip(
            self.names,
            *(counted(part) for part in (everything, candidates, kept, chunks)),
            strict=True,
        )
        return tuple(
            SourceShare(
                name=name, pool=pool, candidates=c, kept=k, placed=p, weight=p / len(chunks)
            )
            for name, pool, c, k, p in columns
        )


def save_report(chosen: Chosen, folder: Path) -> None:
    """Write `selection.json` and `selection.md`, with the first words of best and worst chunks."""
    rows = Packed(chosen.texts.pool, length=chosen.texts.length, batch=1, shuffle=False)

    def text(chunk: int) -> str:
        ids = rows.rows([chunk]).tokens[0, 1:].tolist()
        return chosen.texts.tokenizer.decode(ids)

    chosen.report.save(folder, text)
