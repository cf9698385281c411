"""Words that are written alike and said differently.

Knows: which neighbours decide about a part of speech where a statistical tagger is weak ("to record
the show"), the past tense of "read", the two "live", and senses that no part of speech tells apart
("bass", "lead"; `data/heteronyms.tsv`).
Refuses to know: phonemes of the senses that the dictionary holds.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from voxhaus.models.text.normalise.tables import DATA

NEAR = 6  # words to either side in which a cue is looked for

_MODALS = frozenset(
    """will would can could shall should must may might do does did don't doesn't didn't
won't wouldn't can't cannot couldn't shan't shouldn't mustn't i'll you'll he'll she'll it'll
we'll they'll i'd you'd he'd she'd we'd they'd let's please gonna wanna helped help""".split()
)
_HAVE = frozenset("have has had having i've you've we've they've haven't hasn't hadn't".split())
_BE = frozenset(
    """be been being am is are was were i'm you're we're they're he's she's it's isn't aren't
wasn't weren't get gets got gotten""".split()
)
_BEFORE_NOUN = frozenset(
    "a an the my your his its our their no every each any some of this another".split()
)
_OBJECTS = frozenset(
    """a an the my your his her its our their this that these those me you him it us them
all some each every""".split()
)
_SUBJECTS = frozenset("i you we they who people".split())
_PAST = frozenset(
    """yesterday ago was were had did finally already earlier previously once when
before""".split()
)
_LAST = re.compile(
    r"\blast (?:night|week|month|year|summer|winter|spring|fall|autumn|time|\w+day)\b"
)
_SKIPPED = frozenset(
    """not never also always just often still already only even really never ever
then""".split()
)
_LIVE_AS_IT_HAPPENS = frozenset(
    """go goes going went gone streamed streaming broadcast broadcasts aired
airing shown watch watched performed performing play played recorded sing reporting reports joining
joins""".split()
)
_LIVE_NOUNS = frozenset(
    """music show shows broadcast broadcasts album albums audience audiences stream streams
streaming performance performances concert concerts coverage update updates event events band bands
wire ammunition ammo stock chat tv television report reports recording recordings action animals
animal birds blog feed footage video""".split()
)


@dataclass(frozen=True, slots=True)
class Sense:
    """A way of saying a word, and its cues."""

    us: str
    gb: str
    cues: frozenset[str]


@lru_cache(1)
def _senses() -> dict[str, list[Sense]]:
    found: dict[str, list[Sense]] = {}
    for line in (DATA / "heteronyms.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            word, us, gb, cues = line.split("\t")
            found.setdefault(word, []).append(Sense(us, gb, frozenset(cues.split())))
    return found


def sense(words: list[str], i: int, accent: str) -> str | None:
    """Phonemes of word `i` when its neighbours tell its sense, else None."""
    senses = _senses().get(words[i]) or _senses().get(words[i].lower(), [])
    if not senses or (words[i] not in _senses() and words[i][0].isupper() and i > 0):
        return None
    lower = [w.lower() for w in words[max(0, i - NEAR) : i + NEAR + 1]]
    before = f"<{words[i - 1].lower()}" if i else "<"
    after = f">{words[i + 1].lower()}" if i + 1 < len(words) else ">"
    around = {*lower, before, after, "*"}
    chosen = next((s for s in senses if s.cues & around), None)
    if chosen is None:
        return None
    return chosen.gb if accent == "gb" else chosen.us


def retag(words: list[str], tags: list[str], ambiguous: frozenset[int]) -> list[str]:
    """Tags, corrected for the words at the numbers in `ambiguous`.

    Args:
        words: of the sentence, marks included.
        tags: the tagger's.
        ambiguous: numbers of words that have several senses.
    """
    if not ambiguous:
        return tags
    lower, tags = [w.lower() for w in words], list(tags)
    for i in ambiguous:
        if lower[i] in ("read", "reread", "misread"):
            tags[i] = _read(lower, tags, i)
        elif lower[i] == "live":
            tags[i] = _live(lower, tags, i)
        else:
            tags[i] = _family(lower, tags, i)
    return tags


def _previous(lower: list[str], i: int) -> str:
    """The word before `i`, adverbs skipped; "" at the start of a clause."""
    k = i - 1
    while k > 0 and (lower[k] in _SKIPPED or (lower[k].endswith("ly") and len(lower[k]) > 4)):
        k -= 1
    return lower[k] if k >= 0 and lower[k][:1].isalpha() else ""


def _next(lower: list[str], i: int) -> str:
    return lower[i + 1] if i + 1 < len(lower) else ""


def _family(lower: list[str], tags: list[str], i: int) -> str:
    before, after, tag = _previous(lower, i), _next(lower, i), tags[i]
    close = lower[i - 1] if i else ""
    if before in _MODALS and close not in _BEFORE_NOUN:
        return "VB"
    if before == "to" and (tag.startswith("VB") or after in _OBJECTS or not after.isalpha()):
        return "VB"
    if close in _BEFORE_NOUN and (tag.startswith("VB") or _verb_follows(tag, tags, i)):
        return "JJ" if tags[i + 1 : i + 2] and tags[i + 1] in ("NN", "NNP") else "NN"
    if before in _SUBJECTS and not tag.startswith("VB") and after in _OBJECTS:
        return "VBP"
    if tag == "NN" and after in _OBJECTS and _plural_subject(lower, tags, i):
        return "VBP"
    if before in ("he", "she", "it") and not tag.startswith("VB") and after in _OBJECTS:
        return "VBD"
    if before in _HAVE | _BE and tag.startswith("VB") and lower[i] == "wound":
        return "VBN" if before in _HAVE or after == "up" else "NN"
    if i == 0 and after in _OBJECTS and not tag.startswith("VB"):
        return "VB"
    return tag


def _verb_follows(tag: str, tags: list[str], i: int) -> bool:
    """ "the convict escaped": what looks like an adjective is a noun when a verb follows it."""
    return tag == "JJ" and bool(tags[i + 1 :]) and tags[i + 1] in ("VBD", "VBZ", "MD")


def _read(lower: list[str], tags: list[str], i: int) -> str:
    before, close = _previous(lower, i), lower[i - 1] if i else ""
    if close in _BEFORE_NOUN or (i > 1 and lower[i - 2] in _BEFORE_NOUN and tags[i - 1] == "JJ"):
        return "NN"
    if before in _MODALS or before in ("to", "") or (before in ("and", "or") and _plan(lower, i)):
        return "VB"
    if before in _HAVE | _BE or close == "well":
        return "VBN"
    if before in ("he", "she", "it") or (tags[i - 1] == "NNP" and _next(lower, i) != "to"):
        return "VBD"
    others = [t for k, t in enumerate(tags) if k != i]
    past = "VBD" in others or bool(_PAST & set(lower)) or _LAST.search(" ".join(lower))
    if tags[i - 1] == "NN" and not lower[i - 1].endswith("s"):
        return "VBD"
    return "VBD" if past and before not in ("you",) else "VB"


def _plan(lower: list[str], i: int) -> bool:
    """Whether "and read" goes on with something to be done: "to sit and read"."""
    return any(w in _MODALS or w == "to" for w in lower[max(0, i - 5) : i])


def _live(lower: list[str], tags: list[str], i: int) -> str:
    before, after = _previous(lower, i), _next(lower, i)
    if before in _LIVE_AS_IT_HAPPENS or after in _LIVE_NOUNS or before in _BEFORE_NOUN:
        return "JJ"
    if before in _BE or (after in ("from", "on") and before not in _SUBJECTS | _MODALS | {"to"}):
        return "JJ" if not _plural_subject(lower, tags, i) else "VBP"
    if before in _SUBJECTS | _MODALS | {"to", "and", "that", "where"}:
        return "VB"
    return "VBP" if _plural_subject(lower, tags, i) or i == 0 else tags[i]


def _plural_subject(lower: list[str], tags: list[str], i: int) -> bool:
    return i > 0 and tags[i - 1] in ("NN", "NNP") and lower[i - 1].endswith("s") and tags[i] != "JJ"
