"""International phonetic alphabet to ours.

Knows: which IPA symbols and pairs our alphabet writes as one sign (diphthongs, affricates).
Refuses to know: words.
"""

_PAIRS = {
    "eɪ": "A", "aɪ": "I", "aʊ": "W", "ɔɪ": "Y", "oʊ": "O", "əʊ": "Q", "tʃ": "ʧ", "dʒ": "ʤ",
    "t͡ʃ": "ʧ", "d͡ʒ": "ʤ", "t͜ʃ": "ʧ", "d͜ʒ": "ʤ", "ɚ": "əɹ", "ɝ": "ɜɹ", "g": "ɡ", "r": "ɹ",
    "ɫ": "l", "ɾ": "T", "ʍ": "w", "'": "ˈ", ":": "ː", ".": "", "‿": "", "͡": "", "͜": "", "ɱ": "m",
    "l̩": "ᵊl", "n̩": "ᵊn", "m̩": "ᵊm", "ɨ": "ᵻ", "ɘ": "ə", "ɵ": "ə", "ʲ": "", "ʰ": "", "̃": "",
    "̩": "", "̯": "", "e": "ɛ", "ɐ": "ə", "y": "i", "ø": "ɜ", "œ": "ɜ", "χ": "h", "ç": "h", "β": "v",
    "ʁ": "ɹ", "ʀ": "ɹ", "ɲ": "nj", "ʎ": "lj", "ɣ": "ɡ", "c": "k", "q": "k", "ɬ": "l", "x": "k",
}  # fmt: skip
_SIZES = (3, 2, 1)


def from_ipa(text: str) -> str:
    """IPA in our alphabet: "təˈmeɪtoʊ" -> "təmˈATO". Symbols that we lack stay as they are.

    IPA puts stress before the syllable, ours before the vowel; marks are moved.
    """
    said, at = "", 0
    while at < len(text):
        size = next((s for s in _SIZES if text[at : at + s] in _PAIRS), 0)
        said += _PAIRS[text[at : at + size]] if size else text[at]
        at += size or 1
    return _before_vowels(said)


def _before_vowels(said: str) -> str:
    vowels = frozenset("AIOQWYaeiouæɑɒɔəɛɜɪʊʌᵻᵊ")
    moved, waiting = "", ""
    for c in said:
        if c in "ˈˌ":
            waiting = c
        elif waiting and c in vowels:
            moved += waiting + c
            waiting = ""
        else:
            moved += c
    return moved
