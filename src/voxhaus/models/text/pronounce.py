"""Words of a sentence to phonemes, with regard to their neighbours.

Knows: parts of speech choose between senses, "the" and "to" listen to the next sound, function
words are weak, compounds have one main stress, capitals are spelled or shouted.
Refuses to know: numbers and abbreviations (normalised away before), and sentence ends.

The rules for weak forms follow misaki's `en.py` (Apache-2.0), whose phonemes the voices were
trained on.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from voxhaus.models.text import g2p, heteronyms, stress, tagger
from voxhaus.models.text.lexicon import BEFORE_PAUSE, Lexicon
from voxhaus.models.text.normalise import Kind, Spoken, Token
from voxhaus.models.text.normalise.symbols import latin
from voxhaus.models.text.phonemes import SYMBOLS

_PAUSES = frozenset(";:,.!?—…")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_IRISH = re.compile(r"O['’]([A-Z][a-z]+)(['’]s)?")  # O'Sullivan: stress is on the name's own first
MAX_CAMEL = 6  # parts of a word like "ClimateChange"; more is no word but a code
_STRETCHED = re.compile(r"([A-Za-z])\1{2,}")
SHOUTED_SHARE = 0.7  # of words in capitals that make a sentence a shouted one
_SPELLABLE = 5  # capitals up to this length that no dictionary has are spelled
_EMPHATIC = {"a": "ˈA", "the": "ðˈi", "to": "tˈu", "an": "ˈæn", "of": "ˈʌv", "and": "ˈænd"}
_EMPHATIC_GB = {"to": "tˈuː", "an": "ˈan", "of": "ˈɒv", "and": "ˈand"}


@dataclass(slots=True)
class Piece:
    """A spoken piece on its way to phonemes."""

    spoken: Spoken
    emphasis: bool
    tag: str = "NN"
    sense: str | None = None
    phonemes: str = ""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What follows a word.

    Attributes:
        vowel: whether the next sound is a vowel; None before a pause.
        to: whether the next word is "to".
    """

    vowel: bool | None = None
    to: bool = False


class Pronouncer:
    """One accent's way of saying words."""

    def __init__(self, accent: str) -> None:
        """Open the dictionary; the network waits until an unknown word comes."""
        self.accent = accent
        self.lexicon = Lexicon(accent)
        self._guess = lru_cache(5000)(self._guessed)

    def say(self, tokens: list[Token]) -> list[list[Piece]]:
        """Pieces with phonemes, for every token."""
        rows = [[Piece(s, t.emphasis) for s in t.spoken] for t in tokens]
        pieces = [p for row in rows for p in row]
        self._calm(pieces)
        self._tag(pieces)
        ahead = Ahead()
        for group in reversed(_groups(pieces)):
            self._say_group(group, ahead, pieces)
            ahead = _ahead(group, ahead)
        return rows

    def _calm(self, pieces: list[Piece]) -> None:
        """A sentence all in capitals is no list of initialisms: known words become lower case."""
        words = [p for p in pieces if p.spoken.kind is Kind.WORD and len(p.spoken.text) > 1]
        capitals = [p for p in words if p.spoken.text.isupper()]
        if len(words) < 3 or len(capitals) < SHOUTED_SHARE * len(words):
            return
        for piece in capitals:
            lower = piece.spoken.text.lower()
            if self.lexicon.look_up(lower, "NN") is not None:
                piece.spoken = replace(piece.spoken, text=lower)

    def _tag(self, pieces: list[Piece]) -> None:
        words = [p.spoken.text for p in pieces]
        spelled = [p.spoken.kind is Kind.LETTERS for p in pieces]
        several = frozenset(i for i, w in enumerate(words) if not spelled[i] and self._ambiguous(w))
        tags = heteronyms.retag(words, tagger.tag(words), several)
        for i, piece in enumerate(pieces):
            piece.tag = "NNP" if spelled[i] else tags[i]
            if piece.spoken.kind is Kind.WORD:
                piece.sense = heteronyms.sense(words, i, self.accent)

    def _ambiguous(self, word: str) -> bool:
        entry = self.lexicon.find(word) if word[:1].isalpha() else None
        return bool(entry and len(entry.senses) > 1 and BEFORE_PAUSE not in entry.senses)

    def _say_group(self, group: list[Piece], ahead: Ahead, pieces: list[Piece]) -> None:
        if len(group) == 1:
            group[0].phonemes = self._piece(group[0], ahead)
            return
        whole = "-".join(p.spoken.text for p in group)
        entry = self.lexicon.find(whole) or self.lexicon.find(whole.lower())
        if entry and entry.checked:
            group[0].phonemes = entry.said(group[-1].tag, ahead.vowel is None)
            return
        following = ahead
        for piece in reversed(group):
            piece.phonemes = self._piece(piece, following)
            following = _ahead([piece], following)
        for piece, said in zip(group, stress.compound([p.phonemes for p in group]), strict=True):
            piece.phonemes = said

    def _piece(self, piece: Piece, ahead: Ahead) -> str:
        text, kind = piece.spoken.text, piece.spoken.kind
        if kind in (Kind.MARK, Kind.PHONEMES):
            return text
        if kind is Kind.LETTERS:
            said = self.letters(text)
        else:
            said = piece.sense or self.word(text, piece.tag, ahead)
        if piece.emphasis:
            bold = (_EMPHATIC | _EMPHATIC_GB) if self.accent == "gb" else _EMPHATIC
            said = bold.get(text.lower()) or stress.restress(said, stress.ALWAYS_PRIMARY)
        return said

    def letters(self, text: str) -> str:
        """ "FBI", and "CEOs" with a plural or possessive ending in lower case."""
        if len(text) > 1 and text.endswith("s") and text[:-1].isupper():
            return self.lexicon.with_s(self.lexicon.spell(text[:-1]))
        return self.lexicon.spell(text)

    def word(self, word: str, tag: str, ahead: Ahead) -> str:
        """Phonemes of one word; never empty for a word with a letter in it."""
        known = self._function_word(word, tag, ahead) or self._known(word, tag, ahead.vowel is None)
        return known if known is not None else self._guess(word)

    def _function_word(self, word: str, tag: str, ahead: Ahead) -> str | None:
        lower = word.lower()
        if word.isupper() and len(word) > 1:
            return None
        if lower == "a":
            return "ɐ" if tag == "DT" or word == "a" else None
        if lower == "an":
            return "ɐn"
        if word == "I":
            return "ˌI"
        if lower == "am" and ahead.vowel is not None and word == "am":
            return "ɐm"
        if lower == "the":
            return "ði" if ahead.vowel else "ðə"
        if lower == "to" and ahead.vowel is not None:
            return "tʊ" if ahead.vowel else "tə"
        if lower == "in":
            return "ɪn" if tag == "IN" and ahead.vowel is not None else "ˈɪn"
        if lower == "by" and tag.startswith("RB"):
            return "bˈI"
        if lower == "used":
            return self._used(tag, ahead)
        return None

    def _used(self, tag: str, ahead: Ahead) -> str | None:
        entry = self.lexicon.find("used")
        if entry is None:
            return None
        habit = ahead.to and tag in ("VBD", "JJ")
        return entry.senses.get("VBD") if habit else entry.senses["DEFAULT"]

    def _known(self, word: str, tag: str, before_pause: bool) -> str | None:
        if word.isupper() and len(word) > 1:
            return self._capitals(word, tag, before_pause)
        if len(word) > 2 and word.endswith("s") and word[:-1].isupper():
            return self.lexicon.with_s(
                self._capitals(word[:-1], tag, False) or self.letters(word[:-1])
            )
        level = None if word == word.lower() else stress.AT_LEAST_SECONDARY
        forms = dict.fromkeys((word, word.lower(), latin(word), latin(word).lower()))
        for form in forms:
            said = self.lexicon.look_up(form, tag, before_pause)
            if said is not None:
                return stress.restress(said, level)
        squeezed = [_STRETCHED.sub(r"\1\1", word), _STRETCHED.sub(r"\1", word)]
        if squeezed[1] != word:
            known = (self.lexicon.look_up(s.lower(), tag, before_pause) for s in squeezed)
            return next((k for k in known if k is not None), None)
        return None

    def _capitals(self, word: str, tag: str, before_pause: bool) -> str | None:
        """ "NASA" is a word, "FBI" is letters, "STOP" is loud."""
        if word.endswith("'S"):
            stem = self._capitals(word[:-2], tag, False) if len(word) > 3 else None
            return self.lexicon.with_s(stem or self.letters(word[:-2]))
        entry = self.lexicon.find(word)
        lower = self.lexicon.find(word.lower())
        if entry and entry.senses["DEFAULT"]:
            as_name = tag.startswith("NN") and entry.senses.get("NOUN") == ""
            return self.lexicon.spell(word) if as_name else entry.said(tag, before_pause)
        if (
            lower is None
            or (tag == "NNP" and len(word) < 4)
            or (not lower.checked and len(word) < 4)
        ):
            inflected = self.lexicon.look_up(word.lower(), tag) if len(word) > 3 else None
            if inflected:
                return stress.restress(inflected, stress.ALWAYS_PRIMARY)
            return self.lexicon.spell(word) if word.isalpha() and _spelled(word) else None
        return stress.restress(lower.said(tag, before_pause), stress.ALWAYS_PRIMARY)

    def _guessed(self, word: str) -> str:
        """An unknown word, by its parts or by the network."""
        if irish := _IRISH.fullmatch(word):
            name = stress.restress(self.word(irish[1], "NNP", Ahead()), stress.ALWAYS_PRIMARY)
            whole = ("ˌQ" if self.accent == "gb" else "ˌO") + name
            return self.lexicon.with_s(whole) if irish[2] else whole
        parts = _CAMEL.findall(word)
        if len(parts) > 1 and len(parts) <= MAX_CAMEL and "".join(parts) == word:
            each = [self.word(p, "NN", Ahead()) if len(p) > 1 else self.letters(p) for p in parts]
            return " ".join(each) if max(map(len, parts)) > 3 else "".join(each)
        plain = _STRETCHED.sub(r"\1\1", latin(word)).lower()
        plain = re.sub(r"[^a-z']", "", plain).strip("'")
        if not plain:
            return ""
        if len(plain) == 1:
            return self.lexicon.spell(plain)
        if not re.search(r"[aeiouy]", plain):
            return self.lexicon.spell(plain)
        said = g2p.network().say(plain, self.accent)
        if not stress.VOWELS & set(said):
            return self.lexicon.spell(plain)
        return said if stress.PRIMARY in said else stress.restress(said, stress.ALWAYS_PRIMARY)


def _spelled(word: str) -> bool:
    """Whether unknown capitals look like an initialism rather than a shouted or coined word."""
    return len(word) <= _SPELLABLE or not re.search(r"[AEIOUY]", word)


def _groups(pieces: list[Piece]) -> list[list[Piece]]:
    """Pieces, with glued ones joined to what they are glued to."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        if piece.spoken.glued and groups and groups[-1][-1].spoken.kind is not Kind.MARK:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _ahead(group: list[Piece], after: Ahead) -> Ahead:
    """What the word before `group` has ahead of it."""
    sound = "".join(p.phonemes for p in group)
    vowel = after.vowel
    for c in sound:
        if c in _PAUSES:
            vowel = None
            break
        if c in stress.VOWELS or c == "ɐ" or c in stress.CONSONANTS:
            vowel = c not in stress.CONSONANTS
            break
    return Ahead(vowel=vowel, to=group[0].spoken.text.lower() == "to")


def valid(phonemes: str) -> str:
    """The phonemes without any symbol outside the alphabet."""
    return phonemes if set(phonemes) <= SYMBOLS else "".join(c for c in phonemes if c in SYMBOLS)
