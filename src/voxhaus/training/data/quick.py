"""A corpus that is on every machine: for quick runs, tests and guides without a network.

Knows: the language reference that every Python brings along as plain text (`pydoc_data`, about 0.7
MB), and the pages of this repository where it is a clone.
Refuses to know: quality; the same rules apply as to any corpus, with figures for a small one.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voxhaus.training.data.corpus import CorpusOptions, Source
from voxhaus.training.data.documents import Document
from voxhaus.training.data.own_sources import OwnText
from voxhaus.training.data.packaged_text import cut
from voxhaus.training.data.quality import FineWebQuality, GopherQuality
from voxhaus.training.data.steps import Step

# Reference text repeats its terms and shows code, which the rules against a crawl's noise would
# refuse.
QUICK_RULES: tuple[Step, ...] = (
    GopherQuality(fewest_words=30),
    FineWebQuality(most_duplicate_line_characters=0.2),
)


@dataclass(frozen=True, kw_only=True)
class PythonTopics:
    """The Python language reference, a topic at a time, from the interpreter's own library."""

    name: str = "python-topics"
    target: bool = False
    pool: bool = True

    def documents(self, root: Path) -> Iterator[Document]:
        """Read the topics, sorted by name."""
        del root
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
        for topic in sorted(topics):
            for key, text in cut(topic, topics[topic], 4000):
                yield Document(
                    id=f"{self.name}/{key}",
                    text=text,
                    source=self.name,
                    licence="PSF-2.0",
                    metadata={"genre": "documentation"},
                )


def quick_sources() -> tuple[Source, ...]:
    """This repository's pages as the target where there are any, and Python's topics."""
    pages = Path(__file__).resolve().parents[4] / "docs"
    if not pages.is_dir():
        return (PythonTopics(target=True),)
    own = OwnText(name="voxhaus-docs", place=str(pages), kind="folder", licence="Apache-2.0")
    return (own, PythonTopics())


def quick_options(folder: Path) -> CorpusOptions:
    """Options for a corpus of about 200,000 tokens in a minute or less, without a network."""
    return CorpusOptions(
        sources=quick_sources(),
        folder=folder,
        rules=QUICK_RULES,
        vocabulary=2048,
        held_out=0.05,
        held_out_target=0.1,
        required=True,
    )
