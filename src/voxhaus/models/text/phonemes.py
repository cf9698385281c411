"""The phoneme alphabet that text is turned into and voices are trained on.

Knows: the symbols and their ids. It is misaki's alphabet for American and British English, with the
ids of Kokoro's vocabulary, so that teacher and student read the same sequences.
Refuses to know: words, spelling, audio.
"""

IDS: dict[str, int] = {
    **{";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13},
    **{"“": 14, "”": 15, " ": 16, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "A": 24, "I": 25, "O": 31},
    **{"Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42, "a": 43, "b": 44, "d": 46, "e": 47},
    **{"f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58},
    **{"r": 60, "s": 61, "t": 62, "u": 63, "v": 64, "w": 65, "x": 66, "y": 67, "z": 68, "ɑ": 69},
    **{"ɐ": 70, "ɒ": 71, "æ": 72, "ɔ": 76, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86, "ɜ": 87},
    **{"ɡ": 92, "ɪ": 102, "ŋ": 112, "θ": 119, "ɹ": 123, "ɾ": 125, "ʃ": 131, "ʧ": 133, "ʊ": 135},
    **{"ʌ": 138, "ʒ": 147, "ʔ": 148, "ˈ": 156, "ˌ": 157, "ː": 158, "ᵻ": 177},
}

BORDER = 0  # the id at both ends of every utterance
VOCABULARY_SIZE = 178
MAX_PHONEMES = 400  # longer utterances are split by the front end

SYMBOLS = frozenset(IDS)


def encode(phonemes: str) -> list[int]:
    """Ids of an utterance with a border at both ends.

    Raises:
        ValueError: a symbol outside the alphabet; the message names it.
    """
    unknown = sorted(set(phonemes) - SYMBOLS)
    if unknown:
        raise ValueError(f"not in the phoneme alphabet: {' '.join(unknown)}")
    return [BORDER, *(IDS[c] for c in phonemes), BORDER]
