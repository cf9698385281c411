"""Quality rules of three published data sets, with their figures as defaults.

Knows: Gopher's rules of quality and repetition, C4's, FineWeb's, and where each figure comes from.
Refuses to know: models; scores that need one are selection (`selection`).

Sources:
    Gopher: Rae et al., 2021, arXiv:2112.11446, appendix A.1.1 (quality; repetition in table A1).
    C4: Raffel et al., 2020, arXiv:1910.10683, section 2.2, and the public code (`c4_utils.py`).
    FineWeb: Penedo et al., 2024, arXiv:2406.17557, section 3. As there, C4's rule of terminal
        punctuation is off by default, because it alone takes about 30 % of the tokens.
The order of rules and the edge cases follow datatrove (`pipeline/filters`), with which the tests
compare verdicts where it is installed. Words are found by one regular expression here, in place of
its tokenizer (spaCy), so figures per word may differ by a few per cent. One rule departs from it on
purpose: punctuation is no word without letters here, as in Gopher's paper; counted as one it takes
out plays and dictionaries.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from voxhaus.training.data.documents import Document
from voxhaus.training.data.steps import Refusal

_WORD = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]+")
_LETTER = re.compile(r"[^\W\d_]")
_LETTER_OR_DIGIT = re.compile(r"\w")
_PARAGRAPHS = re.compile(r"\n{2,}")
_LINES = re.compile(r"\n+")
_SENTENCE_END = re.compile(r"[.!?]+[\"'”’)]*(?=\s|$)")


@lru_cache(maxsize=4)
def words_of(text: str) -> tuple[str, ...]:
    """Words and runs of punctuation; the last few texts are remembered, as several rules ask."""
    return tuple(_WORD.findall(text))


@dataclass(frozen=True, kw_only=True)
class GopherQuality:
    """Length, word length, symbols, bullets, ellipses, letters and stop words."""

    fewest_words: int = 50
    most_words: int = 100_000
    shortest_mean_word: float = 3
    longest_mean_word: float = 10
    most_symbols_per_word: float = 0.1
    most_bullet_lines: float = 0.9
    most_ellipsis_lines: float = 0.3
    fewest_alphabetic_words: float = 0.8
    fewest_stop_words: int = 2
    stop_words: tuple[str, ...] = tuple("the be to of and that have with".split())
    name: str = "gopher quality"

    def __call__(self, document: Document) -> Document | Refusal:
        """The document as it is, or the rule that it breaks."""
        reason = self.broken_rule(document.text)
        return Refusal(self.name, reason) if reason else document

    def broken_rule(self, text: str) -> str | None:
        """Name of the first rule that a text breaks."""
        words = words_of(text)
        proper = [w for w in words if _LETTER_OR_DIGIT.search(w)]
        if len(proper) < self.fewest_words:
            return "too few words"
        if len(proper) > self.most_words:
            return "too many words"
        mean = sum(map(len, proper)) / len(proper)
        if mean < self.shortest_mean_word:
            return "words too short"
        if mean > self.longest_mean_word:
            return "words too long"
        if text.count("#") > self.most_symbols_per_word * len(words):
            return "too many hashes"
        if text.count("...") + text.count("…") > self.most_symbols_per_word * len(words):
            return "too many ellipses"
        lines = text.splitlines()
        if _share(lines, lambda s: s.lstrip().startswith(("•", "-"))) > self.most_bullet_lines:
            return "too many bullets"
        if _share(lines, lambda s: s.rstrip().endswith(("...", "…"))) > self.most_ellipsis_lines:
            return "too many lines end in an ellipsis"
        if _share(proper, _LETTER.search) < self.fewest_alphabetic_words:
            return "too few words with letters"
        if len(set(self.stop_words).intersection(words)) < self.fewest_stop_words:
            return "too few stop words"
        return None


def _share(items: Sequence[str], test: Callable[[str], object]) -> float:
    return sum(1 for item in items if test(item)) / max(1, len(items))


@dataclass(frozen=True, kw_only=True)
class GopherRepetition:
    """Repeated lines, paragraphs and n-grams: table A1, as shares of elements or of characters."""

    duplicate_lines: float = 0.30
    duplicate_paragraphs: float = 0.30
    duplicate_line_characters: float = 0.20
    duplicate_paragraph_characters: float = 0.20
    top_ngrams: tuple[tuple[int, float], ...] = ((2, 0.20), (3, 0.18), (4, 0.16))
    duplicate_ngrams: tuple[tuple[int, float], ...] = (
        (5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10),
    )  # fmt: skip
    name: str = "gopher repetition"

    def __call__(self, document: Document) -> Document | Refusal:
        """The document as it is, or the rule that it breaks."""
        reason = self.broken_rule(document.text)
        return Refusal(self.name, reason) if reason else document

    def broken_rule(self, text: str) -> str | None:
        """Name of the first rule that a text breaks."""
        if not text:
            return "empty"
        paragraphs = _PARAGRAPHS.split(text.strip())
        count, characters = duplicates(paragraphs)
        if count / len(paragraphs) > self.duplicate_paragraphs:
            return "duplicate paragraphs"
        if characters / len(text) > self.duplicate_paragraph_characters:
            return "characters in duplicate paragraphs"
        lines = _LINES.split(text)
        count, characters = duplicates(lines)
        if count / len(lines) > self.duplicate_lines:
            return "duplicate lines"
        if characters / len(text) > self.duplicate_line_characters:
            return "characters in duplicate lines"
        grams = _Grams(words_of(text))
        for n, most in self.top_ngrams:
            if grams.top_characters(n) > most * len(text):
                return f"one {n}-gram too often"
        for n, most in self.duplicate_ngrams:
            if grams.repeats_more_than(n, most * len(text)):
                return f"duplicate {n}-grams"
        return None


def duplicates(items: list[str]) -> tuple[int, int]:
    """How many items were there before, and the characters in them."""
    counts = Counter(items)
    again = [(len(item), count - 1) for item, count in counts.items() if count > 1]
    return sum(count for _, count in again), sum(length * count for length, count in again)


class _Grams:
    """Counts over the n-grams of one text's words, by hashes of their numbers."""

    def __init__(self, words: tuple[str, ...]) -> None:
        numbers: dict[str, int] = {}
        each = [numbers.setdefault(word, len(numbers)) for word in words]
        self._numbers = np.array(each, np.uint64)
        self._lengths = np.fromiter(map(len, words), np.int64, len(words))

    def _hashes(self, n: int) -> npt.NDArray[np.uint64]:
        count = len(self._numbers) - n + 1
        found = np.zeros(max(0, count), np.uint64)
        for k in range(n if count > 0 else 0):  # overflow is meant
            found = (found ^ (found >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
            found += self._numbers[k : k + count] + np.uint64(1)
        return found

    def top_characters(self, n: int) -> int:
        """Characters in the most frequent n-gram, spaces between its words too, times its count."""
        hashes = self._hashes(n)
        if not len(hashes):
            return 0
        _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
        most = counts == counts.max()
        place = int(first[most].min())  # of several the first in the text
        return (int(self._lengths[place : place + n].sum()) + n - 1) * int(counts.max())

    def repeats_more_than(self, n: int, most: float) -> bool:
        """Whether n-grams that were there before, each word counted once, have more characters.

        An upper bound (all words within any repeated n-gram) settles nearly every text.
        """
        hashes = self._hashes(n)
        _, first = np.unique(hashes, return_index=True)
        again = np.ones(len(hashes), bool)
        again[first] = False
        if not again.any():
            return False
        covered = np.convolve(again, np.ones(n)) > 0
        if float(self._lengths[covered].sum()) <= most:
            return False
        return self._repeated_characters(hashes.tolist(), n) > most

    def _repeated_characters(self, hashes: list[int], n: int) -> int:
        seen: set[int] = set()
        repeated = place = 0
        while place < len(hashes):
            if hashes[place] in seen:
                repeated += int(self._lengths[place : place + n].sum())
                place += n
            else:
                seen.add(hashes[place])
                place += 1
        return repeated


_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_POLICIES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
    "use cookies",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class C4Quality:
    """Takes out lines that are no sentences, and documents with few sentences or with code."""

    fewest_sentences: int = 5
    fewest_words_per_line: int = 3
    longest_word: int = 1000
    terminal_punctuation: bool = False
    name: str = "c4"

    def __call__(self, document: Document) -> Document | Refusal:
        """The document without the lines that C4 takes out, or the rule that it breaks."""
        kept, sentences = [], 0
        for raw in document.text.split("\n"):
            line = _CITATION.sub("", raw.strip())
            lower = line.lower()
            if "lorem ipsum" in lower:
                return Refusal(self.name, "lorem ipsum")
            if not raw.strip():
                kept.append("")
            elif self._is_kept(line, lower):
                if "{" in line:
                    return Refusal(self.name, "curly bracket")
                sentences += max(1, len(_SENTENCE_END.findall(line)))
                kept.append(line)
        if sentences < self.fewest_sentences:
            return Refusal(self.name, "too few sentences")
        return replace(document, text=re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip())

    def _is_kept(self, line: str, lower: str) -> bool:
        words = line.split()
        if max(map(len, words), default=0) > self.longest_word:
            return False
        ends = line.endswith((".", "?", "!", '"', "'")) and not line.endswith("...")
        if self.terminal_punctuation and not ends:
            return False
        if len(words) < self.fewest_words_per_line:
            return False
        return "javascript" not in lower and not any(policy in lower for policy in _POLICIES)


TERMINAL = tuple(".?!\"'”’…。！？:;)")  # FineWeb counts any terminal mark of the world's scripts


@dataclass(frozen=True, kw_only=True)
class FineWebQuality:
    """Lines that end in punctuation, short lines, duplicate characters, and lists."""

    fewest_lines_end_in_punctuation: float = 0.12
    most_short_lines: float = 0.67
    short_line: int = 30
    most_duplicate_line_characters: float = 0.01
    most_line_breaks_per_word: float = 0.3
    name: str = "fineweb"

    def __call__(self, document: Document) -> Document | Refusal:
        """The document as it is, or the rule that it breaks."""
        reason = self.broken_rule(document.text)
        return Refusal(self.name, reason) if reason else document

    def broken_rule(self, text: str) -> str | None:
        """Name of the first rule that a text breaks. Empty lines do not count."""
        lines = [line for line in text.split("\n") if line.strip()]
        if not lines:
            return "empty"
        if _share(lines, lambda s: s.endswith(TERMINAL)) < self.fewest_lines_end_in_punctuation:
            return "few lines end in punctuation"
        if _share(lines, lambda s: len(s) <= self.short_line) > self.most_short_lines:
            return "short lines"
        characters = duplicates(lines)[1] / max(1, len(text) - text.count("\n"))
        if characters > self.most_duplicate_line_characters:
            return "duplicate line characters"
        if (len(lines) - 1) / max(1, len(words_of(text))) > self.most_line_breaks_per_word:
            return "list"
        return None
