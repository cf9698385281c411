"""Short forms: abbreviations, titles, initialisms, Roman numerals, letters with digits.

Knows: which short forms are said in full (`data/abbreviations.tsv`), which are spelled, and which
Roman numerals are ordinals.
Refuses to know: whether a spelled-out capital word is also a word in the dictionary; it leaves
those to `pronounce.py`, which has the dictionary.
"""

import re

from voxhaus.models.text.normalise import numerals as n
from voxhaus.models.text.normalise.spoken import Reading, Rule, Scene, say
from voxhaus.models.text.normalise.tables import one_of, table

_NAME_AHEAD = re.compile(r"[ \u2060]+(?:[(\"“‘']?)[A-Z\u00c0-\u00de][\w'’.-]*")
_NUMBER_AHEAD = re.compile(r"[ \u2060]*[\d#]")


def _abbreviation(m: re.Match[str], scene: Scene) -> Reading | None:
    said, condition = (*table("abbreviations")[m[0]], "")[:2]
    before = scene.before()
    fits = {
        "": True,
        "Name": bool(_NAME_AHEAD.match(scene.text, m.end())),
        "number": bool(_NUMBER_AHEAD.match(scene.text, m.end())),
        "after number": bool(re.match(r"\d|[a-z]+(?:st|nd|rd|th)$", before)),
        "after name": before[:1].isupper() or scene.text[: m.start()].rstrip().endswith(","),
    }[condition]
    return _suffixed(said) if fits else None


def _suffixed(said: str) -> Reading:
    """ "{PHD}s" is letters with a plural ending."""
    return say(re.sub(r"\{(\w+)\}s\b", r"{\1s}", said))


def _doctor(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "Dr." is a drive behind the name of a street and before no name, else a doctor."""
    street = scene.before()[:1].isupper() and scene.before() not in _STARTERS
    if street and not _NAME_AHEAD.match(scene.text, m.end()):
        return say("drive")
    return say("doctor")


_STARTERS = frozenset(
    "The And But With When If Is Was For By Ask As Then Thank See Call So Today".split()
)


def _saint(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "St." is a saint before a name unless a street's name stands before it."""
    before = scene.before()
    ahead = _NAME_AHEAD.match(scene.text, m.end())
    first = len(scene.tokens) == 1 and ahead
    named = before[:1].isupper() and before not in _STARTERS and not first
    named = named or bool(re.match(r"\d+(st|nd|rd|th)$", before))
    if named and before not in ("Mount", "Fort", "Lake", "Port", "Cathedral"):
        return say("street")
    return say("saint" if ahead else "street")


_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas",
    "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts",
    "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri", "MT": "Montana",
    "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota",
    "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah",
    "VT": "Vermont", "VA": "Virginia", "WA": "Washington", "WV": "West Virginia",
    "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip


def _state(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "Springfield, IL", with or without a postal code, which is read digit by digit."""
    code = f" {n.digits(m['zip'])}" if m["zip"] else ""
    return say(_STATES[m["state"]] + code)


_CARDINAL_BEFORE = frozenset(
    """chapter part act scene volume book section article title phase type level
stage class grade episode season appendix figure table tier mark world war bowl schedule unit lesson
round group division game apollo rocky rambo""".split()
)
_REGNAL = frozenset(
    """henry edward george charles james william richard john louis elizabeth mary anne
philip ferdinand alfonso juan carlos umberto victor emmanuel napoleon nicholas alexander peter ivan
catherine frederick wilhelm otto rudolf leopold albert maximilian karl gustav oscar christian haakon
harald benedict francis pius gregory leo clement innocent urban paul boniface celestine sixtus xiii
darius xerxes cyrus ptolemy ramesses rameses thutmose amenhotep cleopatra osman mehmed selim murad
suleiman hassan abdullah hussein mohammed mohammad baldwin david robert malcolm""".split()
)
_AFTER_I = frozenset(
    """of was is and had died ruled reigned in who became to from at
would did ordered came""".split()
)


def _roman(m: re.Match[str], scene: Scene) -> Reading | None:
    words = _numeral(m["roman"], scene.before(), scene.after(m.end()))
    return say(words) if words else None


def _roman_owner(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "Louis XIV's palace": the numeral, with the ending on its last word."""
    words = _numeral(m["roman"], scene.before(), "")
    return say(f"{words}'s") if words else None


def _numeral(text: str, before: str | None, follower: str | None) -> str | None:
    """Words for a Roman numeral between two words; None where it may be something else."""
    value = n.roman(text)
    if value is None or not before:
        return None
    word = before.lower().rstrip(".,")
    if word in _CARDINAL_BEFORE:
        return n.cardinal(value)
    if text == "I" and follower and follower not in _AFTER_I and follower[0].islower():
        return None  # "Then Charles I think of"
    if before[0].isupper() and word in _REGNAL and value < 30:
        return f"the {n.ordinal(value)}"
    if follower in ("century", "centuries", "Century"):
        return n.ordinal(value)
    plain = len(text) > 1 and set(text) <= set("IVX") and value < 50 and text not in ("XX", "XXX")
    named = before[0].isupper() and not before.isupper()
    return n.cardinal(value) if plain and (named or len(text) > 2) else None


def _long_roman(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "MMXXIV": only numerals of years are clear without context."""
    value = n.roman(m["roman"])
    return say(n.year(value)) if value and 1500 <= value < 2100 else None


def _dotted(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "U.S.", "J.R.R.": letters; the last point may also end the sentence (see scanner)."""
    return say(f"{{{m[0].replace('.', '')}}}")


def _dotted_owner(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(f"{{{m['letters'].replace('.', '')}s}}")


def _ampersand(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "AT&T", "Q&A", "R&D"."""
    left, right = m["left"], m["right"]
    said = " and ".join(f"{{{x}}}" if len(x) < 4 else x for x in (left, right))
    return say(said)


def _mixed(m: re.Match[str], scene: Scene) -> Reading | None:
    """Letters with digits: "A380", "H2O", "4K", "COVID19", "MP3s"."""
    text = m[0].rstrip("-")
    many = ""
    if re.search(r"\ds$", text):
        text, many = text[:-1], "s"
    pieces = re.findall(r"[A-Za-z]+|\d+", text)
    said = []
    for i, piece in enumerate(pieces):
        if piece.isdigit():
            said.append(_digits_in_name(piece, first=i == 0))
        elif piece.isupper() or len(piece) < 3:
            said.append(f"{{{piece.upper()}}}" if len(piece) < 4 else piece)
        else:
            said.append(piece)
    last = said[-1]
    if many:
        said[-1] = f"{{{last[1:-1]}s}}" if last.startswith("{") else n.plural_of(last)
    return say(" ".join(said))


def _digits_in_name(text: str, first: bool) -> str:
    if text.startswith("0") or len(text) > 4:
        return n.digits(text)
    if first and len(text) == 3:
        return n.house(text)
    return n.house(text)


_TWO_BETWEEN = re.compile(r"\b(?P<left>B|C|P|D|G|F|E)2(?P<right>B|C|P|D|G|F|E)\b")


def _two(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(f"{{{m['left']}}} to {{{m['right']}}}")


def _slash_pair(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(" or ".join(m[0].lower().split("/")))


_PRONOUNS = "he|she|they|him|her|them|his|hers|their|theirs|himself|herself"
_ROMAN = r"(?P<roman>[MDCLXVI]+)"

RULES: list[Rule] = [
    (re.compile(rf"\b(?:{_PRONOUNS})(?:/(?:{_PRONOUNS}))+(?![\w/])", re.I), _slash_pair),
    (re.compile(r"\bDr\."), _doctor),
    (re.compile(r"\bSt\.?(?![\w.])"), _saint),
    (re.compile(rf"(?<![\w.])(?:{one_of(table('abbreviations'))})(?!\w)"), _abbreviation),
    (
        re.compile(
            rf"(?<=, )(?P<state>{one_of(_STATES)})(?: (?P<zip>\d{{5}})(?:-\d{{4}})?)?(?=[\s,.;:)]|$)"
        ),
        _state,
    ),
    (re.compile(r"(?<![\w.])(?P<letters>(?:[A-Za-z]\.){2,})['’]s\b"), _dotted_owner),
    (re.compile(r"(?<![\w.])(?:[A-Za-z]\.){2,}(?:[A-Za-z](?![\w'’]))?"), _dotted),
    (re.compile(r"(?<![\w.])[A-Z]\.(?=\s?[A-Z])"), _dotted),
    (re.compile(r"\b(?P<left>[A-Z]{1,4})\s?&\s?(?P<right>[A-Z]{1,4})\b"), _ampersand),
    (re.compile(rf"\b{_ROMAN}['’]s\b"), _roman_owner),
    (re.compile(rf"\b{_ROMAN}\b(?![.'’]\w|\d|-\w)"), _roman),
    (re.compile(r"\b(?P<roman>M[MDCLXVI]{3,})\b"), _long_roman),
    (_TWO_BETWEEN, _two),
    (
        re.compile(
            r"(?<![\w.,])(?:[A-Za-z]+-?\d+|\d+[A-Za-z]+)(?:[A-Za-z]+|\d+|-(?=\d))*(?![\w.]\w|\w)"
        ),
        _mixed,
    ),
]
