"""How well a text model predicts a text it has not seen: bits per byte.

Knows: windows over a text, how their log probabilities add up, and the committed prose.
Refuses to know: models; they are given as something that scores ids (`language_models`).

Bits per byte are comparable between models of different vocabularies, which losses per token are
not: minus the log probability of the whole text, in bits, over its length in UTF-8.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from voxhaus.core.errors import InputError

CONTEXT = 512  # tokens of a window where nothing else is asked for
_PROSE = "data/prose"


class Scorer(Protocol):
    """A model, as far as scoring needs it."""

    @property
    def context(self) -> int:
        """The most tokens that it can look at."""

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without any that the text does not say."""

    def log_probabilities(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Natural logarithms [n] of each id's probability given those before it.

        The first is given the start of a document. At most `context` - 1 ids.
        """


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """How well a text was predicted.

    Attributes:
        bits: the whole text takes.
        bytes: of the text in UTF-8.
        tokens: of the text in the model's vocabulary.
        context: tokens of a window.
    """

    bits: float
    bytes: int
    tokens: int
    context: int

    @property
    def bits_per_byte(self) -> float:
        """The less, the better; 8 is knowing nothing."""
        return self.bits / self.bytes

    def summary(self) -> dict[str, float | int]:
        """For a table or JSON."""
        return {
            "bits_per_byte": self.bits_per_byte,
            "perplexity": 2 ** (self.bits / self.tokens),
            "bytes": self.bytes,
            "tokens": self.tokens,
            "context": self.context,
        }


def windows(count: int, length: int, stride: int) -> Iterator[tuple[int, int, int]]:
    """Start, end, and the first place that counts, for windows that overlap by length - stride.

    Every place counts once, and after the first window has at least length - stride before it.
    """
    start = counted = 0
    while counted < count:
        end = min(start + length, count)
        yield start, end, counted
        counted = end
        start += stride


def predict(text: str, scorer: Scorer, *, context: int = CONTEXT) -> Predicted:
    """Score a text as one document.

    Args:
        text: any text.
        scorer: the model.
        context: tokens of a window, the start of the document among them; windows move by half.
            0: the model's own.

    Raises:
        InputError: the text is empty, or the model cannot look that far.
    """
    if not text:
        raise InputError("The text is empty.", param="text")
    wanted = context or scorer.context
    if wanted > scorer.context:
        raise InputError(
            f"The model looks at {scorer.context} tokens; --context {wanted} is more.",
            param="context",
        )
    ids = scorer.encode(text)
    length = wanted - 1
    nats = 0.0
    for start, end, counted in windows(len(ids), length, max(1, length // 2)):
        found = scorer.log_probabilities(ids[start:end])
        nats -= float(np.sum(found[counted - start :], dtype=np.float64))
    return Predicted(
        bits=nats / math.log(2), bytes=len(text.encode("utf-8")), tokens=len(ids), context=wanted
    )


def total(parts: Sequence[Predicted]) -> Predicted:
    """Several texts as one figure."""
    return Predicted(
        bits=sum(p.bits for p in parts),
        bytes=sum(p.bytes for p in parts),
        tokens=sum(p.tokens for p in parts),
        context=max(p.context for p in parts),
    )


def prose() -> dict[str, str]:
    """The committed texts by kind: written for this project in November 2026 and in no corpus."""
    folder = resources.files("voxhaus.evals") / _PROSE
    found = {Path(f.name).stem: f.read_text("utf-8") for f in folder.iterdir()}
    return dict(sorted(found.items()))


def read_text(path: Path) -> str:
    """A file as text.

    Raises:
        InputError: it is missing, empty, or not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.", param="text") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start} is in the way).", param="text"
        ) from error
    if not text.strip():
        raise InputError(f"{path} is empty.", param="text")
    return text
