"""How numbers are said in English words.

Knows: cardinals, ordinals, years, decades, decimals, digit strings and Roman numerals; British
speakers say "and" after hundreds, American speakers do not.
Refuses to know: where in a text a number stands and what it counts.
"""

import re

ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen""".split()
TENS = ["", "", *"twenty thirty forty fifty sixty seventy eighty ninety".split()]
SCALES = [
    "",
    *"""thousand million billion trillion quadrillion quintillion sextillion septillion
octillion nonillion decillion""".split(),
]
MAX_DIGITS = 3 * len(SCALES)  # longer numbers are read digit by digit

_IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_ROMAN = re.compile(r"(?=[MDCLXVI])M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def _below_hundred(n: int) -> str:
    if n < 20:
        return ONES[n]
    return TENS[n // 10] + (f" {ONES[n % 10]}" if n % 10 else "")


def _below_thousand(n: int, joint: str) -> str:
    if n < 100:
        return _below_hundred(n)
    rest = f"{joint}{_below_hundred(n % 100)}" if n % 100 else ""
    return f"{ONES[n // 100]} hundred{rest}"


def cardinal(n: int, accent: str = "us") -> str:
    """107 -> "one hundred seven" (us) or "one hundred and seven" (gb)."""
    if n < 0:
        return f"minus {cardinal(-n, accent)}"
    if len(str(n)) > MAX_DIGITS:
        return digits(str(n))
    joint = " and " if accent == "gb" else " "
    groups = [int(g) for g in f"{n:,}".split(",")]
    parts = []
    for place, group in enumerate(groups):
        scale = SCALES[len(groups) - 1 - place]
        if group:
            parts.append(f"{_below_thousand(group, joint)} {scale}".strip())
    if joint == " and " and len(parts) > 1 and 0 < groups[-1] < 100:
        parts[-1] = f"and {parts[-1]}"
    return " ".join(parts) or "zero"


def ordinal_of(words: str) -> str:
    """ "twenty one" -> "twenty first"."""
    head, _, last = words.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    else:
        last = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return f"{head} {last}".strip()


def ordinal(n: int, accent: str = "us") -> str:
    """101 -> "one hundred first" (us) or "one hundred and first" (gb)."""
    return ordinal_of(cardinal(n, accent))


def plural_of(words: str) -> str:
    """ "third" -> "thirds", "fifty" -> "fifties", "half" -> "halves", "six" -> "sixes"."""
    head, _, last = words.rpartition(" ")
    if last == "half":
        last = "halves"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = f"{last[:-1]}ies"
    else:
        last += "es" if last.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{head} {last}".strip()


def year(n: int, accent: str = "us") -> str:
    """1905 -> "nineteen oh five", 2005 -> "two thousand five", 2024 -> "twenty twenty four"."""
    high, low = divmod(n, 100)
    if not 10 <= high <= 99 or (high % 10 == 0 and low < 10):
        return cardinal(n, accent)
    if low == 0:
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {'oh ' if low < 10 else ''}{cardinal(low)}"


def decade(n: int) -> str:
    """1990 -> "nineteen nineties", 90 -> "nineties", 1900 -> "nineteen hundreds"."""
    return plural_of(year(n) if n >= 1000 else cardinal(n))


def digits(text: str, zero: str = "zero") -> str:
    """ "407" -> "four zero seven"; characters that are no digits are passed over."""
    return " ".join(zero if c == "0" else ONES[int(c)] for c in text if c in "0123456789")


def decimal(text: str, accent: str = "us") -> str:
    """ "3.14" -> "three point one four", "1,234" -> "one thousand two hundred thirty four"."""
    whole, point, part = text.replace(",", "").partition(".")
    if len(whole) > 1 and whole.startswith("0") and not point:
        return digits(whole)
    words = cardinal(int(whole), accent) if whole.isdecimal() and len(whole) <= MAX_DIGITS else ""
    if not words and whole:
        words = digits(whole)
    return f"{words} point {digits(part)}".strip() if part else words or "zero"


def house(text: str) -> str:
    """A number as a name, as in routes, flights and rooms: "747" -> "seven forty seven"."""
    if len(text) == 3 and text[0] != "0" and not text.endswith("00"):
        tail = f"oh {ONES[int(text[2])]}" if text[1] == "0" else cardinal(int(text[1:]))
        return f"{ONES[int(text[0])]} {tail}"
    if len(text) == 4 and text[0] != "0":
        return year(int(text))
    return cardinal(int(text)) if len(text) < 3 and text[0] != "0" else digits(text)


def roman(text: str) -> int | None:
    """ "XIV" -> 14; None when it is no well-formed Roman numeral."""
    if not text or not _ROMAN.fullmatch(text):
        return None
    values = [_ROMAN_VALUES[c] for c in text]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))
