"""The pronouncing dictionary: words to phonemes, with endings that are added by rule.

Knows: the packed dictionary of an accent (misaki's, Apache-2.0; built by
`training/voice/lexicon_build.py`), additions of our own (`data/words.tsv`), which sense of a word
goes with which part of speech, and how -s, -ed and -ing are said.
Refuses to know: neighbouring words, numbers, and words it has no entry for.

A packed value is phonemes ("~" before machine-made ones), or senses "DEFAULT=...|NOUN=...", where a
sense without phonemes means: spell the letters.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from voxhaus.models.text import stress
from voxhaus.models.text.packed import PackedTable

ACCENTS = ("us", "gb")
DATA = Path(__file__).parent / "data"
BEFORE_PAUSE = "None"  # misaki's name of the sense that stands before a pause
_FLAPPING = frozenset("AIOWYiuæɑəɛɪɹʊʌ")  # sounds after which American t becomes a flap
_DOUBLED = re.compile(r"([bcdgklmnprstvxz])\1ing$|cking$")
_MIN_STEM = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """What the dictionary says about a spelling.

    Attributes:
        senses: phonemes by part of speech; always has "DEFAULT".
        checked: whether people checked it (misaki's "gold").
    """

    senses: dict[str, str]
    checked: bool

    def said(self, tag: str, before_pause: bool) -> str:
        """Phonemes of the sense for a part of speech (Penn tag)."""
        if before_pause and BEFORE_PAUSE in self.senses:
            return self.senses[BEFORE_PAUSE]
        return self.senses.get(tag, self.senses.get(_family(tag), self.senses["DEFAULT"]))


def _family(tag: str) -> str:
    for start, family in (("VB", "VERB"), ("NN", "NOUN"), ("RB", "ADV"), ("JJ", "ADJ")):
        if tag.startswith(start):
            return family
    return tag


def _parsed(value: str) -> Entry:
    checked = not value.startswith("~")
    value = value.removeprefix("~")
    if "=" not in value:
        return Entry({"DEFAULT": value}, checked)
    return Entry(dict(sense.split("=", 1) for sense in value.split("|")), checked)


@lru_cache(1)
def _own_words() -> dict[str, tuple[str, str]]:
    """Additions and corrections: spelling -> (us, gb)."""
    rows = {}
    for line in (DATA / "words.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word, us, gb = line.split("\t")[:3]
            rows[word] = (us, gb)
    return rows


class Lexicon:
    """Dictionary of one accent."""

    def __init__(self, accent: str) -> None:
        """Open the dictionary of "us" or "gb"."""
        self.accent = accent
        self._british = accent == "gb"
        self._table = PackedTable(DATA / f"lexicon_{accent}.bin")
        self._find = lru_cache(20_000)(self._entry)

    def find(self, word: str) -> Entry | None:
        """The entry of a spelling; "Hello" also finds "hello", and "london" finds "London"."""
        return self._find(word)

    def _entry(self, word: str) -> Entry | None:
        own = _own_words().get(word)
        if own is None and not (word.isupper() and len(word) > 1):
            own = _own_words().get(word.lower())
        if own:
            return _parsed(own[self._british])
        spellings = [word]
        if len(word) > 1 and word == word.lower():
            spellings.append(word.capitalize())
        elif len(word) > 1 and word == word.capitalize():
            spellings.append(word.lower())
        found = [_parsed(v) for s in spellings if (v := self._table.get(s)) is not None]
        return next((e for e in found if e.checked), found[0] if found else None)

    def look_up(self, word: str, tag: str, before_pause: bool = False) -> str | None:
        """Phonemes of a word as it stands or with its ending taken off; None when unknown."""
        entry = self.find(word)
        if entry:
            return entry.said(tag, before_pause) or self.spell(word)
        return self._inflected(word, tag)

    def _inflected(self, word: str, tag: str) -> str | None:
        """ "blogs", "blogged", "blogging", "bosses'"."""
        if word.endswith("s'"):
            return self.look_up(f"{word[:-2]}'s", tag) or self.look_up(word[:-1], tag)
        if word.endswith("'"):
            return self.look_up(word[:-1], tag)
        for stems, ending in (
            (_stems_s(word), self.with_s),
            (_stems_ed(word), self.with_ed),
            (_stems_ing(word), self._with_ing),
        ):
            for stem in stems:
                entry = self.find(stem)
                said = entry.said(tag, False) if entry else ""
                whole = ending(said) if said else None
                if whole:
                    return whole
        return None

    def with_s(self, stem: str) -> str:
        """Plural, third person or possessive of phonemes."""
        if stem[-1:] in tuple("ptkfθT"):
            return stem + "s"
        if stem[-1:] in tuple("szʃʒʧʤ"):
            return f"{stem}{'ɪ' if self._british else 'ᵻ'}z"
        return stem + "z"

    def with_ed(self, stem: str) -> str:
        """Past tense of phonemes."""
        last, weak = stem[-1:], "ɪ" if self._british else "ᵻ"
        if last and last in "pkfθʃsʧ":
            return stem + "t"
        if last == "d":
            return f"{stem}{weak}d"
        if last != "t":
            return stem + "d"
        if not self._british and stem[-2:-1] in _FLAPPING:
            return f"{stem[:-1]}T{weak}d"
        return f"{stem}{weak}d"

    def _with_ing(self, stem: str) -> str | None:
        if self._british:
            # British stems that end in a vowel sound may need a linking r; the network knows when.
            return None if stem[-1] in "əː" else f"{stem}ɪŋ"
        if stem[-1] == "t" and stem[-2:-1] in _FLAPPING:
            return f"{stem[:-1]}Tɪŋ"
        return f"{stem}ɪŋ"

    def spell(self, letters: str) -> str:
        """Names of letters in one breath, the last one stressed: "FBI" -> "ˌɛfbˌiˈI"."""
        names = [self._find(c) for c in letters.upper() if c.isalpha()]
        said = "".join(stress.restress(e.senses["DEFAULT"], 0) for e in names if e)
        head, _, last = said.rpartition(stress.SECONDARY)
        return f"{head}{stress.PRIMARY}{last}"


def _stems_s(word: str) -> list[str]:
    if len(word) < 3 or not word.endswith("s"):
        return []
    stems = [] if word.endswith("ss") else [word[:-1]]
    if word.endswith("'s") or (len(word) > 4 and word.endswith("es") and not word.endswith("ies")):
        stems.append(word[:-2])
    if len(word) > 4 and word.endswith("ies"):
        stems.append(f"{word[:-3]}y")
    return [s for s in stems if len(s) >= _MIN_STEM]


def _stems_ed(word: str) -> list[str]:
    if len(word) < 4 or not word.endswith("d"):
        return []
    stems = []
    if word.endswith("ed") or word.endswith("'d"):
        stems.append(word[:-1] if word.endswith("ed") else word[:-2])
        if len(word) > 4 and not word.endswith("eed"):
            stems.append(word[:-2])
            if len(word) > 5 and word[-3] == word[-4]:
                stems.append(word[:-3])
            if word.endswith("ied"):
                stems.append(f"{word[:-3]}y")
    return [s for s in stems if len(s) > _MIN_STEM]


def _stems_ing(word: str) -> list[str]:
    if len(word) < 5 or not word.endswith("ing"):
        return []
    stems = [word[:-3]] if len(word) > 5 else []
    stems.append(f"{word[:-3]}e")
    if len(word) > 5 and _DOUBLED.search(word):
        stems.append(word[:-4])
    return stems
