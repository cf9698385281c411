"""What a step of the pipeline is: it gives a document on, or refuses it with a reason.

Knows: the shape of a step and of a refusal, and how a list of steps is applied and counted.
Refuses to know: any rule.

Steps look at one document alone and keep no state, so that a list of them runs the same in one
process, in many, or as a Ray Data job (`ray_job.py`). What needs the whole corpus stands in
`duplicates.py` and `contamination.py`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from voxhaus.training.data.documents import Document


@dataclass(frozen=True)
class Refusal:
    """Why a document is left out.

    Attributes:
        step: name of the step, such as "gopher quality".
        reason: name of the rule, such as "too few words".
    """

    step: str
    reason: str


@runtime_checkable
class Step(Protocol):
    """One step: `name` appears in reports, the call decides."""

    @property
    def name(self) -> str:
        """Short name, shown in reports."""

    def __call__(self, document: Document) -> Document | Refusal:
        """The document, perhaps changed, or why it is left out."""


@dataclass(kw_only=True)
class Tally:
    """What became of the documents and characters of one source.

    Attributes:
        seen: documents and characters that came in.
        kept: those that went on.
        refused: by (step, reason): documents and characters.
    """

    seen: list[int] = field(default_factory=lambda: [0, 0])
    kept: list[int] = field(default_factory=lambda: [0, 0])
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused_characters: Counter[tuple[str, str]] = field(default_factory=Counter)

    def came(self, text: str) -> None:
        """Count a document that came in."""
        self.seen[0] += 1
        self.seen[1] += len(text)

    def stayed(self, text: str) -> None:
        """Count a document that went on."""
        self.kept[0] += 1
        self.kept[1] += len(text)

    def left(self, refusal: Refusal, text: str) -> None:
        """Count a refusal."""
        self.refused[refusal.step, refusal.reason] += 1
        self.refused_characters[refusal.step, refusal.reason] += len(text)


def apply_steps(document: Document, steps: Sequence[Step]) -> Document | Refusal:
    """Send one document through steps until one refuses it."""
    for step in steps:
        result = step(document)
        if isinstance(result, Refusal):
            return result
        document = result
    return document


def run_steps(
    documents: Iterable[Document], steps: Sequence[Step], tally: Tally
) -> Iterator[Document]:
    """The documents that pass all steps; what happens is counted in `tally`."""
    for document in documents:
        tally.came(document.text)
        result = apply_steps(document, steps)
        if isinstance(result, Refusal):
            tally.left(result, document.text)
        else:
            tally.stayed(result.text)
            yield result
