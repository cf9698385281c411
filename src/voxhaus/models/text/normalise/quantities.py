"""Numbers and what they count: money, units, percentages, fractions, ranges, plain numbers.

Knows: patterns of written quantities and the words that are said for them.
Refuses to know: dates, times and telephone numbers (`moments.py`, `web.py` come first).
"""

import re
import unicodedata

from voxhaus.models.text.normalise import numerals as n
from voxhaus.models.text.normalise.spoken import Reading, Rule, Scene, say
from voxhaus.models.text.normalise.tables import one_of, table

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_END = r"(?![\w²³])"
_START = r"(?<![\w.,])"
_SIGN = r"(?P<sign>[-−–+±~≈<>≤≥]?)"
_SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million",
    "mm": "million", "MM": "million", "mln": "million", "bn": "billion", "b": "billion",
    "B": "billion", "bln": "billion", "tn": "trillion", "t": "trillion", "T": "trillion",
    "trn": "trillion", "hundred": "hundred", "thousand": "thousand", "million": "million",
    "billion": "billion", "trillion": "trillion",
}  # fmt: skip
_SCALE_WORDS = "hundred|thousand|million|billion|trillion"
_SCALE = (
    rf"(?:[ -]?(?P<scale>{_SCALE_WORDS})\b|(?P<short>[kKmMbBtT]|[mb]ln|[mbt]n|trn|mm|MM)(?!\w))"
)
_CODES = one_of(k for k in table("currencies") if k.isalpha() and k != "Rs")
_SYMBOLS = one_of(k for k in table("currencies") if not k.isalpha() or k == "Rs")
_SIGNS = {
    "": "", "-": "minus", "−": "minus", "–": "minus", "+": "plus", "±": "plus or minus",
    "~": "about", "≈": "about", "<": "less than", ">": "more than", "≤": "at most",
    "≥": "at least",
}  # fmt: skip
_ARTICLES = frozenset("a an the this that each every one first second another per".split())
_DENOMINATORS = {2: "half", 4: "quarter"}
# Lower-case plurals behind "1.5m" that show millions are meant, not metres.
_COUNTED = re.compile(
    r"\s+(?:people|(?!(?:is|was|has|as|this|its|across|ranges|races|runs|dashes|sprints|relays)\b)"
    r"[a-z]{3,}s)\b"
)


def number(text: str, accent: str) -> str:
    """Words of NUMBER as written."""
    return n.decimal(text, accent)


def _is_one(text: str) -> bool:
    return float(text.replace(",", "")) == 1


def _adjectival(m: re.Match[str], scene: Scene) -> bool:
    """Whether the quantity stands before a noun: "a $100 bill", "a 5 km run"."""
    before = scene.before().lower()
    following = scene.after(m.end())
    hyphen = scene.text[m.end() : m.end() + 1] == "-"
    return hyphen or (before in _ARTICLES and bool(following) and following[0].islower()
                      and following not in _CLOSERS)  # fmt: skip


_CLOSERS = frozenset(
    "in on at of for to from per and or but a an each every is was are were".split()
)


def _scaled(m: re.Match[str]) -> str:
    groups = m.groupdict()
    return _SCALES[groups["scale"] or groups["short"]] if groups.get("scale") or groups.get(
        "short"
    ) else ""  # fmt: skip


def _coins(amount: str, words: tuple[str, ...], accent: str) -> str:
    """ "3.50" -> "three dollars and fifty cents", or "three pounds fifty" in Britain."""
    whole, _, part = amount.replace(",", "").partition(".")
    big, small = int(whole or 0), int(part)
    large = f"{n.cardinal(big, accent)} {words[0] if big == 1 else words[1]}"
    if not small:
        return large
    coins = f"{n.cardinal(small, accent)} {words[2] if small == 1 else words[3]}"
    if not big:
        return coins
    if accent == "gb" and words[0] == "pound":
        return f"{large} {n.cardinal(small)}" if small > 9 else f"{large} and {coins}"
    return f"{large} and {coins}"


def _money_words(m: re.Match[str], unit: str, scene: Scene) -> str:
    words = table("currencies")[unit]
    amount, scale = m["number"], _scaled(m)
    single = _adjectival(m, scene)
    if scale:
        return f"{number(amount, scene.accent)} {scale} {words[0] if single else words[1]}"
    if re.search(r"\.\d\d$", amount):
        return _coins(amount, words, scene.accent)
    one = single or _is_one(amount)
    return f"{number(amount, scene.accent)} {words[0] if one else words[1]}"


def _money(m: re.Match[str], scene: Scene) -> Reading | None:
    words = _money_words(m, m["unit"], scene)
    return say(f"{_SIGNS[m['sign']]} {words}")


def _money_range(m: re.Match[str], scene: Scene) -> Reading | None:
    words = table("currencies")[m["unit"]]
    scale = f"{_scaled(m)} " if _scaled(m) else ""
    low, high = number(m["low"], scene.accent), number(m["number"], scene.accent)
    return say(f"{low} to {high} {scale}{words[1]}")


def _unit_forms(unit: str) -> tuple[str, ...]:
    return table("units")[unit] if unit in table("units") else table("units")[unit.lower()]


def _measure(m: re.Match[str], scene: Scene) -> Reading | None:
    unit, amount = m["unit"], m["number"]
    glued = scene.text[m.end("number")] == unit[0]
    if unit == "m" and glued and _COUNTED.match(scene.text, m.end()):
        return say(f"{_SIGNS[m['sign']]} {number(amount, scene.accent)} million")
    if unit in _RISKY and not glued:
        return None
    if unit == "s" and glued and re.fullmatch(r"\d*0", amount):
        return None  # a decade or "100s"
    if unit == "K" and not scene.text[: m.start()].rstrip().endswith(("at", "to", "of")):
        return say(f"{number(amount, scene.accent)} {{K}}")
    one, many = _unit_forms(unit)[:2]
    single = _is_one(amount) or (_adjectival(m, scene) and unit not in "%×x")
    return say(f"{_SIGNS[m['sign']]} {number(amount, scene.accent)} {one if single else many}")


_RISKY = frozenset("A B J K L N V W x h s pp".split())  # too often letters when they stand apart


def _measure_range(m: re.Match[str], scene: Scene) -> Reading | None:
    unit = m["unit"]
    if unit in _RISKY and scene.text[m.end("number")] != unit[0]:
        return None
    low, high = number(m["low"], scene.accent), number(m["number"], scene.accent)
    return say(f"{_SIGNS[m['sign']]} {low} to {high} {_unit_forms(unit)[1]}")


def _magnitude(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "1.5bn", "3 million", "10k"."""
    short = m.groupdict().get("short")
    if short in ("b", "B", "t", "T", "M", "mm", "MM"):
        return None
    if short == "K" or (short == "k" and not _COUNTED.match(scene.text, m.end())):
        return say(f"{number(m['number'], scene.accent)} {{K}}")
    if short == "m":
        return None  # metres or millions: the unit rule knows
    sign = _SIGNS[m["sign"]]
    return say(f"{sign} {number(m['number'], scene.accent)} {_scaled(m)}")


def _feet_inches(m: re.Match[str], scene: Scene) -> Reading | None:
    feet, inches = int(m["feet"]), int(m["inches"])
    one = feet == 1 or _adjectival(m, scene)
    return say(f"{n.cardinal(feet)} {'foot' if one else 'feet'} {n.cardinal(inches)}")


def _inches(m: re.Match[str], scene: Scene) -> Reading | None:
    if scene.text.count('"', 0, m.start()) % 2:
        return None  # the quote closes one that was opened before
    one = _is_one(m["number"]) or _adjectival(m, scene)
    return say(f"{number(m['number'], scene.accent)} {'inch' if one else 'inches'}")


def fraction(above: int, below: int, accent: str) -> str:
    """ "three quarters"; "five over twelve hundred" when the parts are large."""
    if below > 100 or below < 2:
        return f"{n.cardinal(above, accent)} over {n.cardinal(below, accent)}"
    part = _DENOMINATORS.get(below) or n.ordinal(below, accent)
    many = part if above == 1 else n.plural_of(part)
    return f"{n.cardinal(above, accent)} {many}"


def _fraction(m: re.Match[str], scene: Scene) -> Reading | None:
    above, below = int(m["above"]), int(m["below"])
    whole = m["whole"]
    named = {(24, 7): "twenty four seven", (50, 50): "fifty fifty", (9, 11): "nine eleven",
             (7, 11): "seven eleven", (20, 20): "twenty twenty"}  # fmt: skip
    if not whole and (above, below) in named:
        return say(named[above, below])
    if not whole and (above >= below or below in (0, 1)):
        if above >= below > 1 and below in (2, 3, 4, 8, 16):
            return say(fraction(above, below, scene.accent))
        over = "out of" if below == 10 else "over"
        return say(f"{n.cardinal(above)} {over} {n.cardinal(below)}")
    words = fraction(above, below, scene.accent)
    if not whole:
        return say(words)
    if above == 1:
        words = words.replace("one ", "an " if below == 8 else "a ", 1)
    return say(f"{n.cardinal(int(whole), scene.accent)} and {words}")


def _vulgar(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "½" and "2½"."""
    parts = re.fullmatch(r"(\d+)\u2044(\d+)", unicodedata.normalize("NFKC", m["sign_"]))
    if not parts:
        return None
    words = fraction(int(parts[1]), int(parts[2]), scene.accent)
    if not m["whole"]:
        return say(words)
    if int(parts[1]) == 1:
        words = words.replace("one ", "an " if parts[2] == "8" else "a ", 1)
    return say(f"{number(m['whole'], scene.accent)} and {words}")


def _ordinal(m: re.Match[str], scene: Scene) -> Reading | None:
    value = m["value"].replace(",", "")
    if len(value) > n.MAX_DIGITS:
        return None
    words = n.ordinal(int(value), scene.accent)
    return say(n.plural_of(words) if m["many"] else words)


def _range(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "10-20", "1990–95", "pp. 12–15" and scores."""
    low, high = m["low"], m["high"]
    if len(low) == 4 and 1100 <= int(low) <= 2099 and len(high) in (2, 4):
        tail = n.year(int(high)) if len(high) == 4 else n.cardinal(int(high))
        if len(high) == 2 and high[0] == "0":
            tail = f"oh {n.cardinal(int(high))}"
        return say(f"{n.year(int(low))} to {tail}")
    if "," not in low + high and (low[0] == "0" and len(low) > 1):
        return None
    return say(f"{number(low, scene.accent)} to {number(high, scene.accent)}")


def _multiples(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "100s", "1,000s"."""
    words = number(m["number"], scene.accent).removeprefix("one ")
    return say(n.plural_of(words))


def _dimensions(m: re.Match[str], scene: Scene) -> Reading | None:
    parts = re.split(r"\s*[x×]\s*", m[0])
    return say(" by ".join(number(p, scene.accent) for p in parts))


def _numbered(m: re.Match[str], scene: Scene) -> Reading | None:
    plural = "s" if m["word"].lower().startswith("nos") else ""
    return say(f"number{plural} {n.decimal(m['number'], scene.accent)}")


def _power(m: re.Match[str], scene: Scene) -> Reading | None:
    base = number(m["number"], scene.accent)
    exponent = unicodedata.normalize("NFKC", m["power"].lstrip("^")).replace("−", "-")
    if exponent in ("2", "3"):
        return say(f"{base} {'squared' if exponent == '2' else 'cubed'}")
    return say(f"{base} to the power of {n.cardinal(int(exponent), scene.accent)}")


_HOUSES = frozenset(
    """boeing airbus flight route highway room interstate bus gate train line apartment
apt suite channel section""".split()
)
_NO_YEAR_BEFORE = frozenset("$ £ €".split())
_NOT_PLURAL = frozenset(
    """was is has as this its his us was's does always perhaps yes across less
unless plus thus versus series besides""".split()
)
_ROUND = frozenset(
    "about nearly almost over under approximately roughly around some than only".split()
)


def _plain(m: re.Match[str], scene: Scene) -> Reading | None:
    text = m["number"]
    sign = _SIGNS[m["sign"]] if m["sign"] in "±≈≤≥−" or _signed(m, scene) else ""
    return say(f"{sign} {_plain_words(text, m.end(), scene)}")


def _signed(m: re.Match[str], scene: Scene) -> bool:
    before = scene.text[m.start() - 1 : m.start()]
    return not before or before.isspace() or before in "(\u2060[“\"'"


def _plain_words(text: str, end: int, scene: Scene) -> str:
    before = scene.before().lower().rstrip(".")
    if before in _HOUSES and text.isdigit() and len(text) in (3, 4):
        return n.house(text)
    if before in ("call", "dial", "dialled", "dialed", "called") and text in _EMERGENCY:
        return n.digits(text)
    if len(text) == 4 and text.isdigit() and _reads_as_year(text, end, before, scene):
        return n.year(int(text), scene.accent)
    return number(text, scene.accent)


_EMERGENCY = frozenset("911 999 112 101 111 311 411 988".split())


def _reads_as_year(text: str, end: int, before: str, scene: Scene) -> bool:
    following = scene.after(end)
    plural = following.islower() and following.endswith("s") and following not in _NOT_PLURAL
    counted = plural or following in ("people", "men", "women", "children", "million")
    if not 1100 <= int(text) <= 2099:
        return False
    return not counted and (before not in _ROUND or (text[2:] == "00" and text[1] != "0"))


_DASH = r"\s?[-–—]\s?"
_UNITS = one_of(table("units"))
_FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
_UNIT_GAP = r"[ \u00a0\u202f-]?"

RULES: list[Rule] = [
    (
        re.compile(
            rf"(?P<unit>{_SYMBOLS})\s?(?P<low>{NUMBER}){_DASH}(?:{_SYMBOLS})?"
            rf"(?P<number>{NUMBER})(?:{_SCALE})?{_END}"
        ),
        _money_range,
    ),
    (
        re.compile(
            rf"(?P<sign>[-−+~<>≤≥]?)(?P<unit>{_SYMBOLS})\s?(?P<number>{NUMBER})(?:{_SCALE})?{_END}"
        ),
        _money,
    ),
    (
        re.compile(rf"(?P<sign>)\b(?P<unit>{_CODES})\s?(?P<number>{NUMBER})(?:{_SCALE})?{_END}"),
        _money,
    ),
    (
        re.compile(
            rf"{_START}{_SIGN}(?P<number>{NUMBER})(?:{_SCALE})?\s?(?P<unit>{_CODES}|[€£₹₽])(?!\w)"
        ),
        _money,
    ),
    (re.compile(r"(?P<feet>\d{1,2})['′]\s?(?P<inches>\d{1,2})(?:\"|″|'')?(?!\w)"), _feet_inches),
    (
        re.compile(
            rf"{_START}{_SIGN}(?P<low>{NUMBER})(?:{_DASH}|\sto\s)(?P<number>{NUMBER}){_UNIT_GAP}"
            rf"(?P<unit>{_UNITS}){_END}"
        ),
        _measure_range,
    ),
    (re.compile(rf"{_START}(?P<whole>)(?P<above>\d{{1,3}})/(?P<below>\d{{1,3}})(?:rds?|ths?)?(?![\w/])"),
     _fraction),
    (re.compile(rf"{_START}(?P<whole>\d{{1,3}})[ -](?P<above>\d{{1,2}})/(?P<below>\d{{1,2}})(?![\w/])"),
     _fraction),
    (re.compile(rf"(?P<whole>(?:\d+)?) ?(?P<sign_>[{_FRACTIONS}])"), _vulgar),
    (
        re.compile(rf"{_START}(?P<value>\d[\d,]*)(?:st|nd|rd|th|ST|ND|RD|TH)(?P<many>s?)(?!\w)"),
        _ordinal,
    ),
    (re.compile(rf"(?P<number>{NUMBER})(?P<power>\^-?\d{{1,3}}|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)(?!\w)"), _power),
    (re.compile(rf"{_START}(?:{NUMBER})(?:\s?[x×]\s?(?:{NUMBER}))+(?!\w)"), _dimensions),
    (re.compile(rf"{_START}{_SIGN}(?P<number>{NUMBER}){_SCALE}"), _magnitude),
    (re.compile(rf"{_START}{_SIGN}(?P<number>{NUMBER}){_UNIT_GAP}(?P<unit>{_UNITS}){_END}"), _measure),
    (re.compile(rf"{_START}(?P<number>\d+(?:\.\d+)?)\"(?!\w)"), _inches),
    (re.compile(rf"{_START}(?P<number>10+|1?\d{{0,2}}(?:,000)+)s(?!\w)"), _multiples),
    (re.compile(rf"(?P<word>#|№|[Nn]os?\. ?(?=\d))(?P<number>{NUMBER}){_END}"), _numbered),
    (
        re.compile(rf"{_START}(?P<low>{NUMBER}){_DASH}(?P<high>\d[\d,]*(?:\.\d+)?)(?![\w-]|\.\d)"),
        _range,
    ),
    (re.compile(rf"{_SIGN}(?P<number>{NUMBER})(?![A-Za-z])"), _plain),
    (re.compile(rf"{_SIGN}(?P<number>{NUMBER})"), _plain),
]  # fmt: skip
