"""Where sentences and paragraphs end.

Knows: which points end a sentence and which belong to an abbreviation, a number, initials or an
address; which line breaks end a thought.
Refuses to know: words and sounds.
"""

import re
from dataclasses import dataclass

from voxhaus.models.text.normalise import SILENT
from voxhaus.models.text.normalise.tables import table

_BLANK = rf"[ \t\r\f\v\u00a0{SILENT}]"
_PARAGRAPH = re.compile(rf"\n(?:{_BLANK}*\n)+|[\u2029\x0c]")
_CLOSERS = "\"'”’)]}»*_\u2060"
_END = re.compile(rf"(?:[.!?…]+|[。！？｡।؟])[{re.escape(_CLOSERS)}]*(?=\s|$|(?<=[。！？｡।؟]))")
_NEXT = re.compile(rf"[\s{SILENT}]*([\"“‘'(\[«—–-]*)(\S?)(\w*)")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•‣◦▪]|\(?\d{1,3}[.)]|\(?[a-z][.)]|#{1,6}|>)[ \t]+")
_INITIAL = re.compile(r"(?:^|[\s(\"“.-])([A-Za-z])\.$")
_DOTTED = re.compile(r"(?:^|[\s(\"“])((?:[A-Za-z]\.){2,})$")
_LAST_WORD = re.compile(r"(?:^|[\s(\"“‘'\[])([^\s(\"“‘\[]+\.)$")
MAX_SENTENCE = 1000  # characters; also keeps the work of reading one bounded
_SHORT_LINE = 60  # a line this short that is followed by a capital is a line of its own

# Abbreviations that stand before a name or number, hence never end a sentence, and those that may.
_NEVER = frozenset(
    """mr. mrs. ms. messrs. dr. prof. gen. sen. sens. rep. reps. gov. lt. col. capt. cmdr.
maj. sgt. cpl. pvt. adm. rev. hon. fr. pres. supt. det. insp. amb. atty. mme. mlle. st. mt. ft. vs. v.
e.g. eg. i.e. ie. viz. cf. ca. c. approx. fig. figs. vol. vols. pp. eq. al. tel.""".split()
)
_NUMBERED = frozenset("no. nos. p. ch. chap. sec. art. ed. est.".split())
_MAY_END = frozenset(k.lower() for k in table("abbreviations") if k.endswith(".")) - _NEVER
_MONTHS = frozenset(
    """jan. feb. mar. apr. jun. jul. aug. sep. sept. oct. nov. dec. mon. tue. tues. wed.
thu. thur. thurs. fri. sat. sun.""".split()
)
_PRONOUNS = frozenset("he she it they we i you this that there the".split())
# A capitalised word after "p.m." or "U.S." that begins a sentence rather than going on with a name.
_OPENERS = frozenset(
    """the a an he she it they we i you this that these those there here but and so or yet
his her its their our my your if when while after before as in on at by for from with without what who
where why how is are was were do does did have has had can could will would should may might must not no
yes now then today yesterday tomorrow meanwhile however although though because since once later some many
most all both each every another one two three several few let please""".split()
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Where a sentence lies in its text.

    Attributes:
        start: offset of its first character.
        end: offset after its last.
        ends_paragraph: whether a blank line, or a line that stands for itself, follows.
    """

    start: int
    end: int
    ends_paragraph: bool = False


def split(text: str) -> list[Sentence]:
    """All sentences of a text, in order; blank stretches are left out."""
    sentences: list[Sentence] = []
    for start, end in _paragraphs(text):
        found = list(_sentences(text, start, end))
        for i, (a, b) in enumerate(found):
            sentences.append(Sentence(a, b, ends_paragraph=i == len(found) - 1))
    return sentences


def _paragraphs(text: str) -> list[tuple[int, int]]:
    """Spans between blank lines, and lines that stand for themselves."""
    spans, start = [], 0
    for gap in _PARAGRAPH.finditer(text):
        spans += _lines(text, start, gap.start())
        start = gap.end()
    return spans + _lines(text, start, len(text))


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """One span for wrapped lines; more where list items or headings stand line by line."""
    spans = []
    at = text.find("\n", start, end)
    while at >= 0:
        if _line_ends(text[start:at], text[at + 1 : end]):
            spans.append((start, at))
            start = at + 1
        at = text.find("\n", at + 1, end)
    spans.append((start, end))
    return spans


def _line_ends(before: str, after: str) -> bool:
    last = before[before.rfind("\n") + 1 :]
    if after[:1] == SILENT or last[:1] == SILENT:  # Markdown was here: a heading, an item, a rule
        return True
    if _LIST_ITEM.match(after) or _LIST_ITEM.match(last):
        return True
    line, following = last.strip(), after.lstrip(f" \t{SILENT}")[:1]
    return 0 < len(line) < _SHORT_LINE and following.isupper() and line[-1] not in ",;:-—"


def _sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans = []
    for m in _END.finditer(text, start, end):
        if m.start() >= start and _is_end(text, start, m, end):
            spans.append((start, m.end()))
            start = m.end()
    spans.append((start, end))
    short = [piece for a, b in spans for piece in _short(text, a, b)]
    trimmed = [_trim(text, a, b) for a, b in short]
    return [(a, b) for a, b in trimmed if a < b]


def _short(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Pieces of at most MAX_SENTENCE characters, cut at a mark or space where there is one."""
    pieces = []
    while end - start > MAX_SENTENCE:
        half, limit = start + MAX_SENTENCE // 2, start + MAX_SENTENCE
        cuts = (text.rfind(sign, half, limit) for sign in ("; ", ": ", ", ", " "))
        at = next((c + 1 for c in cuts if c >= 0), limit)
        pieces.append((start, at))
        start = at
    return [*pieces, (start, end)]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    blank = f" \t\r\n\f\v\u00a0{SILENT}"
    while start < end and text[start] in blank:
        start += 1
    while end > start and text[end - 1] in blank:
        end -= 1
    return start, end


def _is_end(text: str, start: int, m: re.Match[str], end: int) -> bool:
    """Whether the sign matched by `m` ends a sentence."""
    following = _NEXT.match(text, m.end(), end)
    opening, first, rest = following.groups() if following else ("", "", "")
    if not first:
        return True
    if m[0][0] in "。！？｡।؟":
        return True
    begins = first.isupper() or first.isdigit() or (not first.isalpha() and not first.islower())
    if m[0][0] in "!?":
        # "Stop!" he said. goes on; so do Yahoo! and Jeopardy! within a sentence.
        return not first.islower() or (bool(opening) and opening[0] in '“"(')
    if m[0].startswith(("..", "…")):
        return first.isupper()
    return begins and _point_ends(
        text[max(start, m.start() - 40) : m.start() + 1], first + rest, opening
    )


def _point_ends(before: str, following: str, opening: str) -> bool:
    """Whether the point at the end of `before` ends a sentence that `following` comes after."""
    word = _LAST_WORD.search(before)
    last = word[1].lower() if word else ""
    opens = following.lower() in _OPENERS or bool(opening and opening[0] in '“"')
    if (
        re.fullmatch(rf"[\s{SILENT}]*\(?(?:\d{{1,3}}|[A-Za-z])\.", before)
        and len(before.strip(f" {SILENT}(")) < 4
    ):
        return False  # "1." or "a." at the start: an item's number
    if last in ("st.", "dr.", "mt.", "ft.", "jr.", "sr.") and following.lower() in _PRONOUNS:
        return True  # streets and drives end sentences, saints and doctors do not
    if last in _NEVER:
        return False
    if last in _NUMBERED:
        return not following[0].isdigit()
    if last in _MONTHS:
        return not following[0].isdigit() and opens
    if _DOTTED.search(before) or last in _MAY_END or re.search(r"\d[ap]\.m\.$", before):
        return opens
    if initial := _INITIAL.search(before):
        return (initial[1] not in "I" and opens and len(following) > 1) or initial[1] == "I"
    return True
