"""Summaries that people wrote: the one-line synopsis of a Debian package's description.

Knows: which descriptions make sense by themselves, and how a summary is asked for.
Refuses to know: how descriptions are stored. Headlines of news would belong here; no packaged news
with a licence was found.
"""

import re
from collections.abc import Iterator

from voxhaus.training.language.tasks import material
from voxhaus.training.language.tasks.conversation import Conversation, dice
from voxhaus.training.language.tasks.material import LICENCES, Package

COUNT = 13_000
_ASK = (
    "Summarise this in one line:\n\n{t}", "Summarize this text in a few words.\n\n{t}",
    "{t}\n\nSum this up in one line.", "What is this about, in a few words?\n\n{t}",
    "Give this text a short title:\n\n{t}", "{t}\n\nSummary?", "Shorten this to one line: {t}",
    "Write a headline for this text.\n\n{t}", "{t}\n\nWhat is that, in short?",
    "Put this into as few words as you can:\n\n{t}", "TL;DR\n\n{t}",
)  # fmt: skip
_NOT_PROSE = re.compile(r"[|{}\\]|https?:|^\s*[-*#]", re.M)
_SERIAL = re.compile(
    r"transitional|dummy|metapackage|development files|debug|header|\(.*(data|doc|lib|plugin|common)"
    r"|shared librar|documentation|^lib|python3? (module|bindings)|runtime",
    re.I,
)
# Modules of programming languages: a third of all packages, and much alike.
_MODULE = re.compile(r"::|^(?:lib\S+-(?:perl|java)|golang-|node-|r-|ruby-|python3-|php-|librust-)")
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def first_paragraphs(package: Package, limit: int = 750) -> str:
    """The opening of a description as prose, or "" if it is none."""
    text = ""
    for paragraph in package.paragraphs:
        if _NOT_PROSE.search(paragraph):
            break
        more = f"{text} {' '.join(paragraph.split())}".strip()
        if len(more) > limit:
            break
        text = more
    return text if len(text) >= 150 and text.endswith(".") else ""


def lead_sentence(text: str) -> str:
    """The first sentence of a text."""
    return _END.split(text)[0]


def is_summary(synopsis: str, text: str) -> bool:
    """Whether a synopsis says something by itself and is not the text's own beginning."""
    return (
        3 <= len(synopsis.split()) <= 14
        and not _SERIAL.search(synopsis)
        and synopsis.casefold() not in text.casefold()
    )


def conversations() -> Iterator[Conversation]:
    """Texts and their summaries."""
    made: list[tuple[Package, str]] = []
    modules: list[tuple[Package, str]] = []
    for package in material.packages():
        text = first_paragraphs(package)
        if text and is_summary(package.synopsis, text):
            (modules if _MODULE.search(f"{package.name} {text}") else made).append((package, text))
    chance = dice("summaries")
    some = chance.sample(modules, min(COUNT // 4, len(modules)))
    chosen = chance.sample(made, min(COUNT - len(some), len(made))) + some
    for package, text in chosen:
        synopsis = package.synopsis.rstrip(".")
        form = dice("summary", package.name).choice(_ASK)
        yield Conversation(
            messages=(
                ("user", form.format(t=text)),
                ("assistant", f"{synopsis[0].upper()}{synopsis[1:]}."),
            ),
            task="summary", kind="synopsis", source="debian-descriptions",
            licence=LICENCES["debian-descriptions"], item=f"package:{text.casefold()[:60]}",
            references=(synopsis,), baselines={"lead sentence": lead_sentence(text)},
        )  # fmt: skip
