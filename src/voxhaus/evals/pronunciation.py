"""How well text is turned into phonemes.

Knows: which words of the dictionaries the network for unknown words never saw, its error rates on
them, and how far whole sentences agree with another phonemiser.
Refuses to know: how either of them works, and audio.
"""

import difflib
import importlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from voxhaus.core.errors import MissingExtraError
from voxhaus.evals.sentences import Sentence
from voxhaus.models.text.frontend import TextFrontend
from voxhaus.models.text.g2p import MAX_LETTERS, SYMBOLS, Network
from voxhaus.models.text.lexicon import ACCENTS, DATA
from voxhaus.models.text.packed import PackedTable

Phonemizer = Callable[[str, str], str]  # (text, accent) -> phonemes
HELD_OUT_SHARE = 40  # one lemma in 40
_SUFFIX = re.compile(
    r"(?:'s|s|es|ed|d|ing|er|ers|or|ors|ly|ness|less|able|ment|ments|y|e|'|al|ic)$"
)
_PLAIN = re.compile(r"[a-z']*[a-z][a-z']*")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A word and how it is said: phonemes by accent number."""

    word: str
    said: dict[int, str]


def lemma(word: str) -> str:
    """A crude stem, so that "cook", "cooks" and "cooking" fall on one side of the split."""
    shorter = _SUFFIX.sub("", word)
    while shorter != word and len(shorter) > 3:
        word, shorter = shorter, _SUFFIX.sub("", shorter)
    return word[:1] + word[1:].rstrip("e")


def held_out(word: str) -> bool:
    """Whether a word belongs to the part that is never trained on."""
    return zlib.crc32(lemma(word).encode()) % HELD_OUT_SHARE == 0


def _first_sense(value: str) -> str:
    value = value.removeprefix("~")
    return value.split("|")[0].removeprefix("DEFAULT=")


def _is_inflected(word: str, words: set[str]) -> bool:
    """Whether the front end would read it from its stem; such words teach the network little."""
    stems = [word[:-k] for suffix, k in (("'s", 2), ("s", 1), ("es", 2)) if word.endswith(suffix)]
    stems += [word[: -len(x)] for x in ("ed", "ing") if word.endswith(x)]
    stems += [word[:-1]] if word.endswith("ed") else []
    stems += [word[:-3] + "e"] if word.endswith("ing") else []
    return any(len(s) > 2 and s in words for s in stems)


def read_pairs() -> list[Pair]:
    """All usable words of the packed dictionaries, sorted."""
    said: dict[str, dict[int, str]] = {}
    for number, accent in enumerate(ACCENTS):
        for word, value in PackedTable(DATA / f"lexicon_{accent}.bin").items():
            phonemes = _first_sense(value)
            spelled = len(word) > 1 and word.isupper()
            if spelled or len(word) < 2 or len(word) > MAX_LETTERS or not phonemes:
                continue
            if _PLAIN.fullmatch(word.lower()) and set(phonemes) <= set(SYMBOLS):
                said.setdefault(word.lower(), {}).setdefault(number, phonemes)
    words = set(said)
    return [Pair(word=w, said=said[w]) for w in sorted(said) if not _is_inflected(w, words)]


def distance(a: str, b: str) -> int:
    """Edits that turn one string of phonemes into another."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def score_words(network: Network, pairs: list[Pair]) -> dict[str, float]:
    """Phoneme and word error rates by accent, with and without stress marks, as fractions."""
    figures: dict[str, float] = {}
    for number, accent in enumerate(ACCENTS):
        rows = [(p.said[number], network.say(p.word, accent)) for p in pairs if number in p.said]
        for name, marks in (("", ""), ("_unstressed", "ˈˌ")):
            clean = str.maketrans("", "", marks)
            want = [(a.translate(clean), b.translate(clean)) for a, b in rows]
            edits = sum(distance(a, b) for a, b in want)
            figures[f"{accent}_per{name}"] = edits / sum(len(a) for a, _ in want)
            figures[f"{accent}_wer{name}"] = sum(a != b for a, b in want) / len(want)
        figures[f"{accent}_words"] = len(rows)
    return figures


def unknown_words() -> dict[str, float]:
    """The shipped network's error rates on the words that it never saw; see `score_words`."""
    return score_words(
        Network.load(DATA / "g2p.npz"), [p for p in read_pairs() if held_out(p.word)]
    )


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far our front end reads sentences as a reference does.

    Attributes:
        accent: "us" or "gb".
        sentences, words: how many were compared; words are the reference's.
        same_sentences, same_words: shares, as fractions.
        differences: (reference, ours, sentence) where they part, in order.
    """

    accent: str
    sentences: int
    words: int
    same_sentences: float
    same_words: float
    differences: list[tuple[str, str, str]]


def reference_phonemizer() -> Phonemizer:
    """hibari-tts's port of misaki (Apache-2.0).

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        g2p = importlib.import_module("hibari.g2p")
    except ImportError:
        raise MissingExtraError("hibari-tts", "peers") from None
    readers = {"us": g2p.G2P(), "gb": g2p.G2P(british=True)}
    return lambda text, accent: str(readers[accent](text)).strip()


def agreement(sentences: list[Sentence], accent: str, reference: Phonemizer) -> Agreement:
    """Compare phonemes word by word, punctuation included."""
    front = TextFrontend(accent)
    differences = []
    words = wrong = 0
    for sentence in sentences:
        theirs = reference(sentence.text, accent).split()
        ours = " ".join(u.phonemes for u in front.utterances(sentence.text)).split()
        words += len(theirs)
        matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
        for kind, a, b, c, d in matcher.get_opcodes():
            if kind != "equal":
                wrong += max(b - a, d - c)
                pair = (" ".join(theirs[a:b]), " ".join(ours[c:d]))
                differences.append((*pair, sentence.text))
    return Agreement(
        accent=accent,
        sentences=len(sentences),
        words=words,
        same_sentences=1 - len({d[2] for d in differences}) / len(sentences),
        same_words=1 - wrong / max(1, words),
        differences=differences,
    )
