"""From what publishers write into feeds to what a newsreader would say.

Knows: bylines, datelines, credits, labels, and the sentences that ask for clicks.
Refuses to know: which story is worth telling.
"""

import re
from urllib.parse import urlsplit

from voxhaus.models.text import sentences
from voxhaus.products.briefing.html_text import line, paragraphs

MAX_NAME = 60
MAX_TITLE = 240

_NAME = r"[A-Z][\w.'’-]+(?: (?:[A-Z][\w.'’-]*|de|van|von|der|la|bin|al)){1,4}"
_AGENCY = r"(?:AP|PA|[A-Za-z][\w ]{2,28})"
_PLACE = r"[A-Z][\w.’'-]*(?:[ ,/]+[A-Z][\w.’'-]*){0,5}"

# At the beginning of a text.
_DATELINES = (
    # LONDON, Nov 23 (Reuters) - / WASHINGTON (AP) — / London (CNN)
    re.compile(
        rf"^{_PLACE}(?:,? (?:[A-Z][a-z]+\.? \d{{1,2}}|\d{{1,2}} [A-Z][a-z]+))?,? ?"
        rf"(?:\({_AGENCY}\)\s*(?:[-–—]+|:)|\((?:CNN|AP|AFP|Reuters)[\w ]{{0,12}}\))\s*"
    ),
    re.compile(rf"^\({_AGENCY}\)\s*[-–—:]+\s*"),
    # PARIS, France — / NEW YORK –
    re.compile(r"^[A-Z][A-Z.’' -]{2,30}(?:, [A-Z][\w. ]{1,20})?\s+[-–—]{1,2}\s+(?=[A-Z“\"])"),
)
_BYLINES = (
    re.compile(
        rf"^(?:Words |Written |Reporting |Story |Posted )?[Bb]y:? {_NAME}"
        rf"(?:(?:,| and| &) {_NAME})*(?:, [^.]{{0,50}})?$"
    ),
    re.compile(rf"^By {_NAME}(?:(?:,| and) {_NAME})*(?:, [\w ]{{3,40}})?\s*[-–—|•·]\s*"),
)
_LABEL = re.compile(
    r"^(?:(?:LIVE|VIDEO|WATCH|LISTEN|BREAKING(?: NEWS)?|UPDATE(?:D| \d+)?|EXCLUSIVE|OPINION|"
    r"ANALYSIS|PHOTOS?|PODCAST|IN PICTURES|EXPLAINER|FACTBOX|CORRECTED|Live|Video|Watch|"
    r"Breaking|Updated?|Exclusive|Podcast|In pictures)(?:\s*[:|–—]\s*|\s+-\s+))+"
)

_ASKS_OR_CREDITS = (
    r"(?:please )?(?:read|see|watch|listen|view|find out|learn|get|discover) "
    r"(?:more|also|next|now|on|the full|full|this|it|all|here|our)\b",
    r"(?:continue|keep) reading",
    r"read:|more:|also read|click|tap here|sign up|subscribe (?:to|now|today|here)",
    r"join (?:us|our)|follow (?:us|@)|like us|share (?:this|on)",
    r"related(?: (?:stories|articles|content|links|topics)|:)",
    r"more (?:on|from|stories|news)\b|most (?:read|popular)",
    r"advertisement$|sponsored (?:by|content|post)",
    r"photo(?:graph|s)?\b ?(?:by|:|credit)|image (?:source|credit|caption|copyright|via)",
    r"(?:picture|video|illustration|credit|caption)s?:|getty images",
    r"copyright (?:©|\(c\)|\d{4}|by)|\(c\)|©|all rights reserved",
    r"the post\b.{1,300} (?:appeared first|first appeared) on",
    r"this (?:article|story|post|report|piece) (?:was |has been )?(?:originally |first |last )?"
    r"(?:appeared|published|updated|produced|written)",
    r"originally published|a version of this",
    r"(?:article|comments) url:|points: \d|# comments|comments?(?: \(\d+\))?$|\d+ comments?$",
    r"submitted by\b|\[link\]|filed under|tags?:|categor(?:y|ies):|posted (?:in|on|by)",
    r"(?:last |first )?(?:updated|modified|published)(?::| (?:on |at )?\d| on )",
    r"\d+ min(?:ute)?s? read|support (?:our|us|independent)|donate (?:now|to)|buy now",
    r"download (?:the|our)|use of this|terms of|we use cookies|your browser",
    r"editor[’']s note|(?:additional )?reporting by|correction:|have a (?:tip|story)",
    r"contact (?:us|the author)|email (?:us|me) ",
)
# A paragraph that begins like this is no news; a long one may be a report all the same.
_BOILERPLATE = re.compile(rf"^(?:{'|'.join(_ASKS_OR_CREDITS)})", re.IGNORECASE)
_BOILERPLATE_LENGTH = 280
_TAILS = re.compile(
    r"\s*(?:\((?:Additional )?[Rr]eporting by [^)]*\)|The post .{1,300} (?:appeared first|first "
    r"appeared) on .{1,80}$|(?:Continue|Keep) [Rr]eading\W*$|\(more…?\.{0,3}\)|\[link\]|"
    r"(?:Read|See) (?:[Mm]ore|on|the full (?:story|article))\b[^.!?]{0,60}\W*$|\[comments\]|"
    r"(?:>>|»|→)\s*[\w ]{0,30}$)"
)
_PLACEHOLDER = re.compile(r"\W*(?:no title|untitled(?: document| post)?)\W*", re.IGNORECASE)
_LAST_PART = re.compile(r"(.*\S)\s+[-–—|·•]\s+(\S.{2,59})")
_CUT = re.compile(r"\s*(?:\[\s*(?:…|\.{3}|&hellip;)\s*\]|…|(?<!\.)\.{3,})\s*$")
_SEPARATOR = re.compile(r"\s+(?:\||-|–|—|>|»|::|·|•|/)\s+|:\s+")
_GENERIC = frozenset(
    (
        "top stories story news world latest headlines headline home rss feed feeds business sport "
        "sports technology science politics health all articles posts uk us international national "
        "front page content main public breaking the and blog site website updates today daily "
        "culture"
    ).split()
)


def publisher(name: str) -> str:
    """A publisher's name from its feed's title: "World news | The Courier" -> "The Courier"."""
    whole = line(name)
    parts = [p for p in _SEPARATOR.split(whole) if p]
    telling = [p for p in parts if set(re.findall(r"\w+", p.lower())) - _GENERIC]
    chosen = re.sub(r"\s+(?:RSS|[Ff]eed|RSS [Ff]eed)$", "", (telling or parts or [""])[0])
    return _shortened(chosen, MAX_NAME)


def headline(html: str, *publishers: str, address: str = "") -> str:
    """A headline without labels, its publisher's name and a final point; "" for a placeholder.

    Args:
        html: as the feed gives it.
        publishers: names that may hang at its end ("... - The Courier").
        address: of the story; a name at the end that spells its host is a publisher's, too.
    """
    text = _LABEL.sub("", line(html))
    if _PLACEHOLDER.fullmatch(text):
        return ""
    for name in filter(None, publishers):
        text = re.sub(rf"\s+[-–—|·:]\s+{re.escape(name)}$", "", text, flags=re.IGNORECASE)
    while (found := _LAST_PART.fullmatch(text)) and _spells_host(found[2], address):
        text = found[1]
    text = _CUT.sub("", text).rstrip(" .,;:-–—|")
    if text.isupper() and text.count(" ") > 1:  # a shout would be spelled out letter by letter
        text = text.capitalize()
    return _shortened(text, MAX_TITLE)


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _spells_host(name: str, address: str) -> bool:
    """Whether "Daily Echo" is the publisher of an address at www.dailyecho.co.uk."""
    letters = _letters(name)
    try:
        return len(letters) > 3 and letters in _letters(urlsplit(address).hostname or "")
    except ValueError:
        return False


def _repeats(paragraph: str, title: str, address: str) -> bool:
    """Whether a paragraph is only the headline again, perhaps with the publisher's name."""
    said, known = _letters(paragraph), _letters(title)
    if not known or not said.startswith(known):
        return False
    return said == known or _spells_host(said[len(known) :], address)


def _shortened(text: str, length: int) -> str:
    """At most `length` characters, cut between words."""
    return text if len(text) <= length else text[:length].rpartition(" ")[0] or text[:length]


def body(html: str, title: str, address: str = "") -> str:
    """The text of a story: paragraphs separated by blank lines, without what is not the story.

    Args:
        html: the longest version that the feed gives.
        title: its headline; a paragraph that only repeats it is left out.
        address: of the story, whose host tells a publisher's name.
    """
    kept: list[str] = []
    for paragraph in paragraphs(html):
        text = _paragraph(paragraph, first=not kept)
        if text and not _repeats(text, title, address):
            kept.append(text)
    return "\n\n".join(kept)


def _paragraph(text: str, *, first: bool) -> str:
    """A paragraph without its boilerplate; "" if nothing is left."""
    if len(text) < _BOILERPLATE_LENGTH and _BOILERPLATE.match(text):
        return ""
    for byline in _BYLINES:
        text = byline.sub("", text, count=1)
    if first:
        for dateline in _DATELINES:
            text = dateline.sub("", text, count=1)
    text = _TAILS.sub("", text).strip(" |•·")
    if _CUT.search(text):
        text = _without_last_sentence(_CUT.sub("", text))
    return text if re.search(r"\w", text) else ""


def _without_last_sentence(text: str) -> str:
    """A text that was cut off somewhere, up to its last whole sentence."""
    found = sentences.split(text)
    last = found[-1] if found else None
    if last is None or re.search(r"[.!?][\"”’)]*$", text[: last.end]):
        return text
    return text[: last.start].rstrip()
