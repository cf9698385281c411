"""Signs that are no letters: punctuation, symbols, emoji; and letters of other scripts.

Knows: which signs are breaks in speech (marks), which have names (`data/symbols.tsv`, emoji), which
are silent, and how other scripts are written in Latin letters.
Refuses to know: words.
"""

import re
import unicodedata
from functools import lru_cache

from voxhaus.models.text.normalise.spoken import MARKS, SILENT, Kind, Reading, Scene, Spoken, say
from voxhaus.models.text.normalise.tables import DATA, table
from voxhaus.models.text.packed import PackedTable

_SAME = {
    "\u3002": ".", "\uff0e": ".", "\uff0c": ",", "\u3001": ",", "\uff1f": "?", "\uff01": "!",
    "\uff1b": ";", "\uff1a": ":", "\u061f": "?", "\u060c": ",", "\u061b": ";", "\u0964": ".",
    "\u2013": "—", "\u2012": "—", "\u2015": "—", "\u2e3a": "—", "\u203d": "?", "\u2047": "?",
    "\u2048": "?", "\u2049": "!", "\u22ef": "…", "[": "(", "]": ")", "\uff08": "(", "\uff09": ")",
    "«": "“", "»": "”", "„": "“", "‟": "“", "〈": "“", "〉": "”", "《": "“", "》": "”",
    "「": "“", "」": "”", "『": "“", "』": "”", "【": "(", "】": ")", "\u05f3": "", "\u05be": "—",
    "\u037e": "?", "\u0387": ";", "\u1362": ".", "\u1363": ",",
}  # fmt: skip
_LONGEST_EMOJI = 12
_SKIN = {chr(c) for c in range(0x1F3FB, 0x1F400)}
_DROPPED = {"\ufe0f", "\ufe0e", "\u20e3", *_SKIN}


def mark_of(sign: str) -> str:
    """The mark that a punctuation sign stands for, or ""."""
    return sign if sign in MARKS else _SAME.get(sign, "")


def quote(scene: Scene, at: int) -> str:
    """Whether a straight double quote opens or closes."""
    before = scene.text[at - 1 : at]
    after = scene.text[at + 1 : at + 2]
    opens = not before or before.isspace() or before in f"([{{—–-{SILENT}"
    return "“" if opens and after and not after.isspace() else "”"


@lru_cache(1)
def _emoji() -> PackedTable:
    return PackedTable(DATA / "emoji.bin")


def emoji_at(text: str, at: int) -> tuple[int, str] | None:
    """(offset after it, name) of the longest emoji at `at`; skin tones are passed over."""
    keycap = re.match(r"[0-9#*]\ufe0f?\u20e3", text[at : at + 3])
    if ord(text[at]) < 0x2190 and not keycap:
        return None
    best = None
    seen = ""
    for end in range(at + 1, min(len(text), at + 2 * _LONGEST_EMOJI) + 1):
        if text[end - 1] not in _DROPPED or text[end - 1] == "\u20e3":
            seen += text[end - 1]
        if len(seen) > _LONGEST_EMOJI:
            break
        name = _emoji().get(seen)
        if name is not None:
            best = (end, name)
    return best


def emoji(scene: Scene, at: int) -> tuple[int, Reading] | None:
    """Name of the emoji at `at`, said once for a row of equal ones, set off by a pause."""
    found = emoji_at(scene.text, at)
    if not found:
        return None
    end, name = found
    while end < len(scene.text) and (again := emoji_at(scene.text, end)) and again[1] == name:
        end = again[0]
    reading = say(" ".join(re.findall(r"[\w'’.]+", name.replace("’", "'"))))
    spoken_before = scene.tokens and not scene.tokens[-1].is_mark
    return end, [*([Spoken(",", Kind.MARK)] if spoken_before else []), *reading]


def sign(scene: Scene, at: int, sizes: tuple[int, ...] = (1,)) -> tuple[int, Reading] | None:
    """The longest sign of `symbols.tsv` at `at`, of the given numbers of characters."""
    text, signs = scene.text, table("symbols")
    for size in sizes:
        key = text[at : at + size]
        if len(key) < size or key not in signs:
            continue
        end = at + size
        if size > 1 and text[end : end + 1].isalnum():
            continue
        said, condition = (*signs[key], "")[:2]
        between = text[:at].strip() and text[end:].strip()
        return end, say(said) if not condition or between else []
    return None


def folded(text: str) -> str:
    """Digits of all scripts, wide and mathematical letters as plain ones, one for one."""
    return text if text.isascii() else "".join(map(_fold, text))


@lru_cache(4096)
def _fold(c: str) -> str:
    if c.isascii() or unicodedata.category(c) in ("No", "Lo", "Lm"):
        return c
    plain = unicodedata.normalize("NFKC", c)
    if c.isdecimal():
        return str(unicodedata.decimal(c))
    return plain if len(plain) == 1 and plain.isascii() and plain.isalnum() else c


def is_latin(word: str) -> bool:
    """Whether all letters are Latin, with or without accents."""
    return all(c.isascii() or unicodedata.name(c, "").startswith("LATIN") for c in word)


def latin(text: str) -> str:
    """Other letters in Latin ones: "Müller" -> "Muller", "Москва" -> "Moskva"."""
    if text.isascii():
        return text
    from anyascii import anyascii

    plain: str = anyascii(unicodedata.normalize("NFC", text))
    return plain


def named(sign: str) -> Reading:
    """A character without any other reading by its Unicode name, unless it is a control or mark."""
    category = unicodedata.category(sign)
    if category[0] in "CZMP" or category == "Sk":
        return []
    # Python knows no names of scripts that are named by formula, such as Tangut.
    name = unicodedata.name(sign, "character").lower()
    return say(" ".join(re.findall(r"[a-z]+", name)[:6]))
