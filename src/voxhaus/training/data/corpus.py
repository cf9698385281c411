"""From raw text to shards: the whole pipeline as one list of stages.

Knows: the order of the stages, what each leaves on disk, and how a run that was killed goes on.
Refuses to know: the rules of each step, and what is trained on the result.

    raw -> extracted -> pool -> filtered -> clean -> tokenizer and shards

extracted: documents as the sources give them.
pool: normalised and scrubbed of personal data, with all duplicates and noise.
filtered: the pool's documents that pass the language and quality rules.
clean: of these, one of each set of duplicates, within and across sources.
shards: `train` (clean), `pool`, `target` (clean, target sources only), `held_out` and
    `held_out_target` (clean, never in the others). A document is held out by the hash of its text,
    and nothing that repeats a held-out or evaluation text is left in the others.

Each file is written beside its place and renamed when whole, and each stage notes the settings that
made
it: a second run does only what is missing, and everything behind a setting that changed.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.paths import cache_root
from voxhaus.models.text.tokenizer import FILE_NAME, Tokenizer
from voxhaus.training.data.catalogue import CATALOGUE
from voxhaus.training.data.contamination import NotIn
from voxhaus.training.data.documents import (
    Document,
    fingerprint,
    read_documents,
    whole_file,
    write_documents,
)
from voxhaus.training.data.duplicates import Duplicates, MinHash
from voxhaus.training.data.language_check import LanguageIs
from voxhaus.training.data.normalise import Normalise
from voxhaus.training.data.personal import ScrubPersonal
from voxhaus.training.data.quality import C4Quality, FineWebQuality, GopherQuality, GopherRepetition
from voxhaus.training.data.report import Report, StageCounts
from voxhaus.training.data.shards import MANIFEST, Shards, open_shards, write_shards
from voxhaus.training.data.steps import Refusal, Step, Tally, run_steps
from voxhaus.training.data.vocabulary import DEFAULT_SIZE, learn_vocabulary

# What makes the pool: uniform text, nothing refused but what is no text.
PREPARATION: tuple[Step, ...] = (Normalise(), ScrubPersonal())
# What makes the difference between a pool and a corpus, in FineWeb's order.
RULES: tuple[Step, ...] = (
    LanguageIs(),
    GopherRepetition(),
    GopherQuality(),
    C4Quality(),
    FineWebQuality(),
)


class Source(Protocol):
    """Where documents come from; `catalogue.py` and `own_sources.py` have such."""

    @property
    def name(self) -> str:
        """Short name: the files are called so."""

    @property
    def target(self) -> bool:
        """Whether this is the kind of text that the model is to write."""

    @property
    def pool(self) -> bool:
        """Whether it takes part in pre-training."""

    def documents(self, root: Path) -> Iterator[Document]:
        """The documents; `root` is a folder for what has to be fetched."""


@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """What is made of what.

    Attributes:
        sources: in the order of preference: of duplicates the first stays.
        folder: where everything is put; default `language` in the cache.
        preparation: steps that make the pool.
        rules: steps that make the corpus.
        duplicates: settings of near-duplicate removal, or None to keep near and exact duplicates.
        vocabulary: tokens to learn.
        tokenizer: a folder or file with a tokenizer to use in place of learning one.
        held_out: share of the clean documents that is held out.
        held_out_target: the same for target sources, of which there is less.
        evaluations: texts that no training document may repeat, a 13-gram being enough.
        required: fail when a source cannot be had; else it is left out and the report says so.
        vocabulary_characters: learn the vocabulary from at most so many characters, spread evenly.
    """

    sources: tuple[Source, ...] = CATALOGUE
    folder: Path | None = None
    preparation: tuple[Step, ...] = PREPARATION
    rules: tuple[Step, ...] = RULES
    duplicates: MinHash | None = field(default_factory=MinHash)
    vocabulary: int = DEFAULT_SIZE
    tokenizer: Path | None = None
    held_out: float = 0.01
    held_out_target: float = 0.02
    evaluations: tuple[str, ...] = ()
    required: bool = False
    vocabulary_characters: int = 100_000_000


SHARDS = ("train", "pool", "target", "held_out", "held_out_target")


def corpus(options: CorpusOptions, *, say: Callable[[str], None] = lambda _: None) -> Report:
    """Make what is missing of a corpus; return what was kept and why.

    Args:
        options: what to make.
        say: told one line per source and stage as it ends.

    Raises:
        InputError: no sources, unreadable documents, or no text is left.
        VoxhausError: a required source could not be had, or the disk is full.
    """
    run = _Run(options, say)
    run.extract()
    run.prepare()
    run.filter()
    run.remove_duplicates()
    return run.shard()


class _Run:
    """One run: the stages share folders and counts."""

    def __init__(self, options: CorpusOptions, say: Callable[[str], None]) -> None:
        if not options.sources:
            raise InputError("A corpus needs at least one source.")
        names = [source.name for source in options.sources]
        if len(set(names)) < len(names):
            raise InputError("Two sources of a corpus have the same name.")
        if not (0 < options.held_out < 1 and 0 < options.held_out_target < 1):
            raise InputError("The held-out share lies between 0 and 1.", param="held_out")
        self.options, self.say = options, say
        self.root = options.folder or cache_root() / "language"
        self.left_out: dict[str, str] = {}
        self.counts: list[StageCounts] = []
        self._settings = ""

    def _stage(self, name: str, settings: str) -> Path:
        """The folder of a stage, emptied if it was made with other settings."""
        self._settings += f"\n{name}: {settings}"
        folder = self.root / "documents" / name
        note = folder / "settings.txt"
        known = note.read_text("utf-8") if note.is_file() else None
        if known is not None and known != self._settings:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(note) as file:
            file.write(self._settings.encode())
        return folder

    def extract(self) -> None:
        """Fetch and read every source that is not there yet."""
        self.extracted = self._stage("extracted", "1")
        for source in self.options.sources:
            path = _file(self.extracted, source)
            if path.exists():
                continue
            try:
                count = write_documents(path, source.documents(self.root / "raw"))
            except VoxhausError as error:
                if self.options.required:
                    raise
                self.left_out[source.name] = str(error)
                self.say(f"{source.name}: left out. {error}")
            else:
                self.say(f"{source.name}: {count:,} documents extracted.")
        self.present = [s for s in self.options.sources if _file(self.extracted, s).exists()]
        if not self.present:
            raise InputError(
                "None of the sources could be had: " + " ".join(self.left_out.values())
            )

    def prepare(self) -> None:
        """Make the pool."""
        steps = self.options.preparation
        self.pool = self._stage("pool", repr(steps))
        for source in self.present:
            self._run_steps("pool", source, self.extracted, self.pool, steps)

    def filter(self) -> None:
        """Apply the rules."""
        self.filtered = self._stage("filtered", repr(self.options.rules))
        for source in self._pooled():
            self._run_steps("filtered", source, self.pool, self.filtered, self.options.rules)

    def _pooled(self) -> list[Source]:
        return [source for source in self.present if source.pool]

    def _run_steps(
        self, stage: str, source: Source, there: Path, here: Path, steps: Sequence[Step]
    ) -> None:
        path = _file(here, source)
        if not path.exists():
            tally = Tally()
            write_documents(path, run_steps(read_documents(_file(there, source)), steps, tally))
            self._note(stage, source, here, tally)
            self.say(f"{source.name}: {tally.kept[0]:,} of {tally.seen[0]:,} documents {stage}.")
        self._recall(stage, source, here)

    def remove_duplicates(self) -> None:
        """Keep the first of all duplicates, in the order of the sources."""
        sources = self._pooled()
        order = " ".join(source.name for source in sources)
        self.clean = self._stage("clean", f"{self.options.duplicates} {order}")
        if all(_file(self.clean, source).exists() for source in sources):
            for source in sources:
                self._recall("clean", source, self.clean)
            return
        known = Duplicates(self.options.duplicates) if self.options.duplicates else None
        for source in sources:  # what is there already is read again: later sources depend on it
            tally = Tally()
            documents = read_documents(_file(self.filtered, source))
            write_documents(_file(self.clean, source), _first(documents, known, tally))
            self._note("clean", source, self.clean, tally)
            self._recall("clean", source, self.clean)
            self.say(f"{source.name}: {tally.kept[0]:,} of {tally.seen[0]:,} documents clean.")

    def shard(self) -> Report:
        """Split, decontaminate, learn the tokenizer, and write shards."""
        shares = f"{self.options.held_out} {self.options.held_out_target}"
        settings = f"{shares} {self.options.vocabulary} {self.options.tokenizer} "
        self._settings += f"\nshards: {settings}{hash_of(self.options.evaluations)}"
        shards = self.root / "shards"
        note = shards / "settings.txt"
        made = note.is_file() and note.read_text("utf-8") == self._settings
        if not made:
            shutil.rmtree(shards, ignore_errors=True)
        shards.mkdir(parents=True, exist_ok=True)
        with whole_file(note) as file:
            file.write(self._settings.encode())
        tokenizer = self._tokenizer(made)
        found: dict[str, Shards] = {}
        for name in SHARDS:
            found_shards = self._shards(shards / name, name, tokenizer)
            if found_shards is not None:
                found[name] = found_shards
        report = Report(
            stages=tuple(self.counts),
            left_out=dict(self.left_out),
            shards={
                name: (made.manifest["documents"], made.size, made.bytes)
                for name, made in found.items()
            },
            vocabulary=tokenizer.size,
        )
        report.save(self.root)
        return report

    def _shards(self, folder: Path, name: str, tokenizer: Tokenizer) -> Shards | None:
        if not (folder / MANIFEST).is_file():
            target = "target" in name
            if target and not any(source.target for source in self._pooled()):
                return None
            if "held_out" in name:
                documents = self._held_out(target=target)
            else:
                documents = self._allowed(self.pool if name == "pool" else self.clean, target, name)
            made = write_shards(folder, self._some(documents, name), tokenizer)
            self.say(f"{name}: {made.size:,} tokens, {made.bytes:,} bytes.")
        return open_shards(folder, tokenizer)

    def _some(self, documents: Iterator[Document], name: str) -> Iterator[Document]:
        """The documents; none at all is an error that says what to do."""
        found = False
        for document in documents:
            found = True
            yield document
        if not found and "held_out" in name:
            raise InputError(
                f"So little text is left that none is held out for {name}; give more text, or a "
                "larger held-out share."
            )
        if not found:
            raise InputError(
                f"No text is left for {name}: every document was refused or repeats held-out text. "
                f"The reasons stand in {self.root / 'documents'}."
            )

    def _tokenizer(self, made: bool) -> Tokenizer:
        folder = self.root / "tokenizer"
        if self.options.tokenizer is not None:
            tokenizer = Tokenizer.load(self.options.tokenizer)
        elif made and (folder / FILE_NAME).is_file():
            return Tokenizer.load(folder)
        else:
            texts = (document.text for document in self._allowed(self.clean, False, ""))
            tokenizer = learn_vocabulary(self._spread(texts), size=self.options.vocabulary)
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / FILE_NAME) as file:
            file.write(tokenizer.content)
        self.say(f"tokenizer: {tokenizer.size:,} tokens.")
        return tokenizer

    def _spread(self, texts: Iterable[str]) -> Iterator[str]:
        """Every n-th text, so that all sources take part within the limit."""
        total = sum(count.kept[1] for count in self.counts if count.stage == "clean")
        every = max(1, -(-total // self.options.vocabulary_characters))
        for number, text in enumerate(texts):
            if number % every == 0:
                yield text

    def _held_out(self, *, target: bool) -> Iterator[Document]:
        for document, share in self._read(self.clean, target):
            if is_held_out(document.text, share):
                yield document

    def _allowed(self, folder: Path, target: bool, count_as: str) -> Iterator[Document]:
        """Documents that repeat neither a held-out nor an evaluation text."""
        if not hasattr(self, "_forbidden"):
            held = NotIn.texts(
                (document.text for document in self._held_out(target=False)),
                least_share=0.1,
                reason="in the held-out set",
            )
            self._forbidden: tuple[Step, ...] = (held, NotIn.texts(self.options.evaluations))
        tally = Tally()

        def others() -> Iterator[Document]:
            for document, share in self._read(folder, target):
                if is_held_out(document.text, share):
                    tally.came(document.text)
                    tally.left(Refusal("split", "held out"), document.text)
                else:
                    yield document

        yield from run_steps(others(), self._forbidden, tally)
        if count_as:
            self.counts.append(StageCounts.of(f"shards {count_as}", "all", tally))

    def _read(self, folder: Path, target: bool) -> Iterator[tuple[Document, float]]:
        """Documents, each with the share of its source that is held out."""
        for source in self._pooled():
            share = self.options.held_out_target if source.target else self.options.held_out
            if source.target or not target:
                for document in read_documents(_file(folder, source)):
                    yield document, share

    def _note(self, stage: str, source: Source, folder: Path, tally: Tally) -> None:
        counts = StageCounts.of(stage, source.name, tally)
        with whole_file(folder / f"{source.name}.json") as file:
            file.write(json.dumps(counts.to_json()).encode())

    def _recall(self, stage: str, source: Source, folder: Path) -> None:
        path = folder / f"{source.name}.json"
        if path.is_file():
            self.counts.append(StageCounts.from_json(json.loads(path.read_text("utf-8"))))


def hash_of(texts: Sequence[str]) -> int:
    """A number for a set of texts in their order."""
    return fingerprint("\0".join(texts))


def is_held_out(text: str, share: float) -> bool:
    """Whether a text is on the held-out side: its hash decides, the same in every run."""
    return fingerprint(text) % 10_000 < round(share * 10_000)


def _file(folder: Path, source: Source) -> Path:
    return folder / f"{source.name}-000.jsonl.gz"


def _first(
    documents: Iterable[Document], known: Duplicates | None, tally: Tally
) -> Iterator[Document]:
    for document in documents:
        tally.came(document.text)
        reason = known.reason(document.text) if known else None
        if reason:
            tally.left(Refusal("duplicates", reason), document.text)
        else:
            tally.stayed(document.text)
            yield document
