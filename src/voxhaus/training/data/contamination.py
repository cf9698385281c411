"""Keeping evaluation text out of training text.

Knows: an index of the word n-grams of held-out and evaluation texts, and when a document has too
much of them.
Refuses to know: which evaluations there are; the caller gives their texts.

GPT-3 (Brown et al., 2020, appendix C) took out what shares a 13-gram with an evaluation set. One
shared 13-gram is also what two texts with the same legal notice have, so beside that rule
(`least_share` 0, for small evaluation sets) there is a share, for a held-out set cut from the same
sources.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voxhaus.training.data.documents import Document
from voxhaus.training.data.duplicates import bare_words, ngram_hashes
from voxhaus.training.data.steps import Refusal


@dataclass(frozen=True, kw_only=True)
class NotIn:
    """Refuses documents that repeat given texts.

    Attributes:
        known: sorted hashes of the n-grams of the given texts, uint64 [n].
        ngram: words per n-gram.
        least_share: refuse when more than this share of the document's n-grams is known.
        reason: what the refusal is called.
        name: name of the step.
    """

    known: npt.NDArray[np.uint64]
    ngram: int = 13
    least_share: float = 0.0
    reason: str = "in an evaluation set"
    name: str = "decontaminate"

    @classmethod
    def texts(
        cls, texts: Iterable[str], *, ngram: int = 13, least_share: float = 0.0,
        reason: str = "in an evaluation set",
    ) -> "NotIn":  # fmt: skip
        """Index texts. Those shorter than an n-gram are not indexed: they may occur by chance."""
        found = [np.zeros(0, np.uint64)]
        for text in texts:
            words = bare_words(text)
            if len(words) >= ngram:
                found.append(np.unique(ngram_hashes(words, ngram)))
        return cls(
            known=np.unique(np.concatenate(found)),
            ngram=ngram,
            least_share=least_share,
            reason=reason,
        )

    def share(self, text: str) -> float:
        """Which part of a text's n-grams is known, 0 to 1."""
        words = bare_words(text)
        if len(words) < self.ngram or not len(self.known):
            return 0.0
        grams = ngram_hashes(words, self.ngram)
        places = np.searchsorted(self.known, grams).clip(max=len(self.known) - 1)
        return float(np.mean(self.known[places] == grams))

    def __call__(self, document: Document) -> Document | Refusal:
        """The document as it is, or a refusal."""
        if self.share(document.text) > self.least_share:
            return Refusal(self.name, self.reason)
        return document
