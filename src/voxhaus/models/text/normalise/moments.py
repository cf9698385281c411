"""Dates, times, years and decades.

Knows: written dates in several orders and how each accent says them: in numbers only, American
dates put the month first, British ones the day.
Refuses to know: calendars (the 31st of February is read as it stands).
"""

import re

from voxhaus.models.text.normalise import numerals as n
from voxhaus.models.text.normalise.spoken import Reading, Rule, Scene, say

MONTHS = """January February March April May June July August September October November
December""".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTH_OF = {name[:3].lower(): name for name in MONTHS}
_WEEKDAY_OF = {name[:3].lower(): name for name in WEEKDAYS}
_MONTH = (
    rf"(?P<month>{'|'.join(MONTHS)}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)(?:\.|(?!\w)))"
)
_WEEKDAY = (
    rf"(?:(?P<weekday>{'|'.join(WEEKDAYS)}|(?:Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun)\.?),?\s)?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_HALF = r"(?:\s?(?P<half>[AaPp]\.[Mm]\.?|[AaPp][Mm]))(?![A-Za-z])"
_GAP = r"\s?[-–—]\s?|\sto\s"


def _month(text: str) -> str:
    return _MONTH_OF[text[:3].lower()]


def _spoken_year(text: str, accent: str) -> str:
    return n.year(int(text), accent)


def _weekday(m: re.Match[str]) -> str:
    found = m.groupdict().get("weekday")
    return f"{_WEEKDAY_OF[found[:3].lower()]} , " if found else ""


def _day_month(day: int, month: str, accent: str) -> str:
    return f"the {n.ordinal(day)} of {month}"


def _month_day(day: int, month: str, accent: str) -> str:
    return f"{month} {'the ' if accent == 'gb' else ''}{n.ordinal(day)}"


def _valid(day: int, month: int) -> bool:
    return 1 <= day <= 31 and 1 <= month <= 12


def _iso(m: re.Match[str], scene: Scene) -> Reading | None:
    day, month = int(m["day"]), int(m["month"])
    if not _valid(day, month):
        return None
    return say(_full(day, month, m["year"], scene.accent))


def _full(day: int, month: int, year: str, accent: str) -> str:
    order = _day_month if accent == "gb" else _month_day
    said = order(day, MONTHS[month - 1], accent)
    if len(year) == 2:
        year = f"{'19' if int(year) > 50 else '20'}{year}"
    return f"{said} , {_spoken_year(year, accent)}" if year else said


def _slashed(m: re.Match[str], scene: Scene) -> Reading | None:
    """3/4/2024: the accent decides which is the day, unless only one reading is a date."""
    first, second = int(m["first"]), int(m["second"])
    day_first = scene.accent == "gb" or m["gap"] == "."
    day, month = (first, second) if day_first else (second, first)
    if not _valid(day, month):
        day, month = month, day
    return say(_full(day, month, m["year"], scene.accent)) if _valid(day, month) else None


def _written_month_first(m: re.Match[str], scene: Scene) -> Reading | None:
    day, last = int(m["day"]), m.groupdict().get("last")
    if not 1 <= day <= 31:
        return None
    said = f"{_weekday(m)}{_month_day(day, _month(m['month']), scene.accent)}"
    if last:
        said += f" to {n.ordinal(int(last))}"
    year = f" , {_spoken_year(m['year'], scene.accent)}" if m["year"] else ""
    return say(said + year)


def _written_day_first(m: re.Match[str], scene: Scene) -> Reading | None:
    day, first = int(m["day"]), m.groupdict().get("first")
    if not 1 <= day <= 31:
        return None
    said = _day_month(day, _month(m["month"]), scene.accent)
    if first:
        said = f"the {n.ordinal(int(first))} to {said}"
    if m["the"] or scene.before().lower() in ("the", "this", "every", "each", "next", "last"):
        said = said.removeprefix("the ")
        said = f"the {said}" if m["the"] else said
    year = f" {_spoken_year(m['year'], scene.accent)}" if m["year"] else ""
    return say(f"{_weekday(m)}{said}{year}")


def _month_year(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(f"{_month(m['month'])} {_spoken_year(m['year'], scene.accent)}")


def _short_month(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "Jan." and the like alone; "Mar", "Jun" and "Dec" need their point, they may be names."""
    return say(_month(m[0]))


def _short_weekday(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(_WEEKDAY_OF[m[0][:3].lower()])


def _clock(hour: int, minute: str, half: str) -> str:
    spoken = n.cardinal(hour)
    if minute == "00":
        return spoken if half else (f"{spoken} o'clock" if 0 < hour < 13 else f"{spoken} hundred")
    return f"{spoken} {'oh ' if minute[0] == '0' else ''}{n.cardinal(int(minute))}"


def _half_of(text: str | None) -> str:
    return f" {{{text.replace('.', '').upper()}}}" if text else ""


def _time(m: re.Match[str], scene: Scene) -> Reading | None:
    hour, minute, second = int(m["hour"]), m["minute"], m["second"]
    if hour > 24 or int(minute) > 59:
        return None
    half = _half_of(m["half"])
    if second:
        seconds = f"{n.cardinal(int(second))} second{'' if int(second) == 1 else 's'}"
        return say(f"{_clock(hour, minute, 'x')} and {seconds}{half}")
    verse = re.search(r"(?:[A-Z][a-z]+|Psalms?)$", scene.before()) and not half
    if verse and scene.before() in _BOOKS:
        return say(f"{n.cardinal(hour)} {n.cardinal(int(minute))}")
    return say(f"{_clock(hour, minute, half)}{half}")


_BOOKS = frozenset(
    """Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth Samuel Kings Job
Psalm Psalms Proverbs Ecclesiastes Isaiah Jeremiah Ezekiel Daniel Hosea Amos Micah Matthew Mark Luke
John Acts Romans Corinthians Galatians Ephesians Philippians Colossians Timothy Titus Hebrews James
Peter Jude Revelation""".split()
)


def _time_range(m: re.Match[str], scene: Scene) -> Reading | None:
    parts = []
    for hour, minute, half in (
        (m["hour"], m["minute"], m["half"]),
        (m["hour2"], m["minute2"], m["half2"]),
    ):
        if int(hour) > 24 or (minute and int(minute) > 59):
            return None
        spoken = _clock(int(hour), minute or "00", half or "x")
        parts.append(f"{spoken}{_half_of(half)}")
    return say(" to ".join(parts))


def _hour(m: re.Match[str], scene: Scene) -> Reading | None:
    hour = int(m["hour"])
    return say(f"{n.cardinal(hour)}{_half_of(m['half'])}") if hour < 25 else None


def _oclock(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(f"{n.cardinal(int(m['hour']))} o'clock")


def _decade(m: re.Match[str], scene: Scene) -> Reading | None:
    value = int(m["value"])
    if len(m["value"]) == 2 and not (m["mark"] or scene.before().lower() in _DECADE_WORDS):
        return None
    return say(n.decade(value))


_DECADE_WORDS = frozenset("the early mid late his her their my our your swinging roaring".split())


def _decade_pair(m: re.Match[str], scene: Scene) -> Reading | None:
    return say(f"{n.decade(int(m['value']))} and {n.decade(int(m['other']))}")


def _short_year(m: re.Match[str], scene: Scene) -> Reading | None:
    """ "'99", and "class of '05"."""
    value = m["value"]
    return say(f"oh {n.cardinal(int(value))}" if value[0] == "0" else n.cardinal(int(value)))


def _era(m: re.Match[str], scene: Scene) -> Reading | None:
    era = re.sub(r"[.\s]", "", m["era"])
    if m["first"]:
        return say(f"{{{era}}} {_spoken_year(m['number'], scene.accent)}")
    return say(f"{_spoken_year(m['number'], scene.accent)} {{{era}}}")


_START = r"(?<![\w.,:/-])"

RULES: list[Rule] = [
    (
        re.compile(rf"{_START}(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)(?=T?\b)(?![-\d])T?"),
        _iso,
    ),
    (
        re.compile(
            rf"{_START}(?P<first>\d{{1,2}})(?P<gap>[/.-])(?P<second>\d{{1,2}})(?P=gap)"
            r"(?P<year>\d{4}|\d{2})(?![\w/]|[.-]\d)"
        ),
        _slashed,
    ),
    (
        re.compile(
            rf"{_WEEKDAY}\b{_MONTH}\s(?P<day>\d{{1,2}})\s?[-–]\s?(?P<last>\d{{1,2}})"
            rf"(?:,?\s{_YEAR})?(?![\w%:/-]|[.,]\d)"
        ),
        _written_month_first,
    ),
    (
        re.compile(rf"{_WEEKDAY}\b{_MONTH}\s(?:the\s)?{_DAY}(?:(?:,\s|\s){_YEAR})?(?![\w%:/]|[.,-]\d)"),
        _written_month_first,
    ),
    (
        re.compile(
            rf"{_WEEKDAY}(?P<the>(?:the\s)?)\b(?P<first>\d{{1,2}})(?:st|nd|rd|th)?\s?[-–]\s?{_DAY}\s"
            rf"(?:of\s)?{_MONTH}(?:,?\s{_YEAR})?(?![\w:/]|[.,]\d)"
        ),
        _written_day_first,
    ),
    (
        re.compile(
            rf"{_WEEKDAY}(?P<the>(?:the\s)?)(?<![\w.,])\b{_DAY}[\s-](?:of\s)?{_MONTH}"
            rf"(?:(?:,?\s|-){_YEAR})?(?![\w:/]|[.,]\d)"
        ),
        _written_day_first,
    ),
    (re.compile(rf"\b{_MONTH},?\s{_YEAR}(?![\w%:/-]|[.,]\d)"), _month_year),
    (re.compile(r"\b(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.(?!\w)|\bSept(?!\w)"),
     _short_month),
    (re.compile(r"\b(?:Mon|Tues?|Wed|Thurs?|Fri|Sat|Sun)\.(?!\w)|\b(?:Tues|Thurs|Thur)(?!\w)"),
     _short_weekday),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?=\s?[-–/]\s?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)"
                r"|(?<=[-–/])(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"), _short_weekday),
    (
        re.compile(
            rf"{_START}(?P<hour>\d{{1,2}})(?::(?P<minute>\d\d))?(?:\s?(?P<half>[AaPp]\.?[Mm]\.?)"
            rf"(?![A-Za-z]))?(?:{_GAP})(?P<hour2>\d{{1,2}})(?:[:.](?P<minute2>\d\d))?\s?"
            r"(?P<half2>[AaPp]\.[Mm]\.?|[AaPp][Mm])(?![A-Za-z])"
        ),
        _time_range,
    ),
    (
        re.compile(
            rf"{_START}(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?P<half>)(?:{_GAP})(?P<hour2>\d{{1,2}}):"
            r"(?P<minute2>\d\d)(?P<half2>)(?![\w:])"
        ),
        _time_range,
    ),
    (
        re.compile(
            rf"(?<![\w.,/-])(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:{_HALF})?"
            r"(?=Z?\b|\W|$)(?![:\d])Z?"
        ),
        _time,
    ),
    (
        re.compile(
            rf"{_START}(?P<hour>\d{{1,2}})\.(?P<minute>\d\d)(?P<second>){_HALF}"
        ),
        _time,
    ),
    (re.compile(rf"{_START}(?P<hour>\d{{1,2}}){_HALF}"), _hour),
    (re.compile(rf"{_START}(?P<hour>\d{{1,2}}) o['’]clock\b"), _oclock),
    (
        re.compile(r"(?<![\w.,$£€])(?P<value>\d{3}0|\d0)s and ['’]?(?P<other>\d{3}0|\d0)s(?!\w)"),
        _decade_pair,
    ),
    (
        re.compile(r"(?<![\w.,$£€])(?P<mark>['’‘]?)(?P<value>\d{3}0|\d0)['’]?s(?!\w)"),
        _decade,
    ),
    (re.compile(r"(?<!\w)['’‘](?P<value>\d\d)(?![\w'’])"), _short_year),
    (
        re.compile(
            r"(?P<first>)(?<![\w.,])(?P<number>\d{1,4})\s(?P<era>B\.?C\.?E?\.?|A\.D\.|AD|C\.?E\.)"
            r"(?!\w)"
        ),
        _era,
    ),
    (re.compile(r"\b(?P<first>(?P<era>A\.D\.|AD))\s(?P<number>\d{1,4})(?!\w)"), _era),
]  # fmt: skip
