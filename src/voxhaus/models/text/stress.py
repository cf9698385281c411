"""Stress marks in phonemes: where they stand, and how to raise, lower or remove them.

Knows: the marks of primary and secondary stress, and that a mark stands just before its vowel.
Refuses to know: words. The scale of levels is misaki's (Apache-2.0, `en.py`), whose phonemes the
voices are trained on.
"""

PRIMARY, SECONDARY = "ˈ", "ˌ"
VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ")
CONSONANTS = frozenset("bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθT")
_LONG = frozenset("AIOQWYʤʧ")

NONE, LOWERED, AT_LEAST_SECONDARY, PRIMARY_IF_STRESSED, ALWAYS_PRIMARY = -2.0, -1.0, 0.5, 1.0, 2.0


def weight(phonemes: str) -> int:
    """How heavy a part of a compound is: diphthongs and affricates count twice."""
    return sum(2 if c in _LONG else 1 for c in phonemes)


def is_stressed(phonemes: str) -> bool:
    """Whether any stress mark stands in it."""
    return PRIMARY in phonemes or SECONDARY in phonemes


def _marked(phonemes: str, mark: str) -> str:
    """A mark before the first vowel; unchanged when there is no vowel."""
    at = next((i for i, c in enumerate(phonemes) if c in VOWELS), None)
    return phonemes if at is None else phonemes[:at] + mark + phonemes[at:]


def restress(phonemes: str, level: float | None) -> str:
    """Phonemes with stress changed to a level.

    Args:
        phonemes: of one word.
        level: NONE removes all, LOWERED makes primary secondary, -0.5 and 0 do so only where a
            primary stands, AT_LEAST_SECONDARY marks an unstressed word, PRIMARY_IF_STRESSED raises
            a word that has no primary but a secondary, ALWAYS_PRIMARY also an unstressed one. None
            changes nothing.
    """
    if level is None or not phonemes:
        return phonemes
    if level <= NONE:
        return phonemes.replace(PRIMARY, "").replace(SECONDARY, "")
    if level == LOWERED or (level in (0, -0.5) and PRIMARY in phonemes):
        return phonemes.replace(SECONDARY, "").replace(PRIMARY, SECONDARY)
    if not is_stressed(phonemes):
        if level in (0, AT_LEAST_SECONDARY, PRIMARY_IF_STRESSED):
            return _marked(phonemes, SECONDARY)
        return _marked(phonemes, PRIMARY) if level > 1 else phonemes
    if level >= 1 and PRIMARY not in phonemes:
        return phonemes.replace(SECONDARY, PRIMARY)
    return phonemes


def compound(parts: list[str]) -> list[str]:
    """Parts of a compound, the lighter half lowered so that one main stress stands out."""
    filled = [i for i, p in enumerate(parts) if p]
    primaries = sum(PRIMARY in parts[i] for i in filled)
    if len(filled) < 2 or primaries <= (len(filled) + 1) // 2:
        return parts
    order = sorted(filled, key=lambda i: (PRIMARY in parts[i], weight(parts[i]), i))
    lowered = set(order[: len(filled) // 2])
    return [restress(p, -0.5) if i in lowered else p for i, p in enumerate(parts)]
