"""The sentences that the teacher is asked to read.

Knows: how written sentences are made (templates) or taken from packaged text, filtered and dealt
out to voices, reproducibly from one seed.
Refuses to know: phonemes, audio and models.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from voxhaus.training.data import sources

MIN_CHARS, MAX_CHARS = 2, 230

# Shares of each kind, by number of sentences. Speeches carry long sentences with clauses, chats
# questions and short turns, dictionary examples rare words, templates numbers, names and lists.
MIX = {"speech": 0.34, "chat": 0.20, "example": 0.20, "template": 0.26}

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'])")
_PLAIN = re.compile(r"^[A-Za-z0-9 ,.!?;:'\"$%&()\-\u2013\u2014\u2018\u2019\u201c\u201d]+$")
_WORD = re.compile(r"[A-Za-z']+")
_ABBREVIATION_TAIL = re.compile(r"\b(Mr|Mrs|Ms|Dr|St|Gen|Sen|Rep|No|U\.S|[A-Z])\.$")


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence to be read: its kind ("speech", "chat", ...), source name and text."""

    kind: str
    source: str
    text: str


def split_plain(paragraph: str) -> Iterator[str]:
    """Split at sentence ends, keeping abbreviations together; meant for clean prose only."""
    held = ""
    for piece in _SENTENCE_END.split(" ".join(paragraph.split())):
        held = f"{held} {piece}".strip()
        if not _ABBREVIATION_TAIL.search(held):
            yield held
            held = ""
    if held:
        yield held


def usable(text: str) -> bool:
    """Whether a sentence is plain English of a length that a voice can be taught on."""
    if not MIN_CHARS <= len(text) <= MAX_CHARS or not _PLAIN.match(text):
        return False
    if text.count('"') % 2 or text.count("(") != text.count(")"):
        return False
    words = _WORD.findall(text)
    letters = sum(map(len, words))
    return bool(words) and letters >= 0.6 * len(text.replace(" ", ""))


_FIRST = """Amelia Oliver Sophia Marcus Priya Diego Fatima Kenji Ingrid Samuel Chloe Rashid Elena Thomas
Aisha Patrick Yuki Gabriel Hannah Victor Naomi Stefan Leila Dominic Rosa Arthur Mei Jonathan Zara
Frederick Olga Benjamin Carmen Isaac Greta Winston Nadia Hugo Beatrice Malcolm""".split()
_LAST = """Thompson Garcia Nakamura O'Brien Schneider Okafor Petrov Hughes Fernandez Kowalski Singh Laurent
Andersson Moreau Castillo Whitfield Banerjee Rossi Callahan Yamamoto Fitzgerald Novak Abernathy Chen
Delgado Griffiths Haddad Jimenez Larsson McAllister Ivanova Pemberton Quinn Sinclair""".split()
_PLACE = """London Chicago Nairobi Edinburgh Toronto Sydney Berlin Seattle Manchester Boston Lagos Dublin
Singapore Vancouver Philadelphia Liverpool Houston Mumbai Auckland Phoenix Birmingham Denver Geneva
Brussels Istanbul Melbourne Oxford Pittsburgh Glasgow Minneapolis Cairo Warsaw""".split()
_WEEKDAY = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTH = """January February March April May June July August September October November
December""".split()
_ORG = """the city council|the central bank|the health ministry|the university|the airline|the
committee|the weather service|the police department|the hospital|the energy company|the museum|the
railway operator|the school board|the space agency|the football club|the technology giant|the regional
government|the workers' union|the environment agency|the court""".replace("\n", " ").split("|")
_DID = """approved a new budget|announced plans to close three offices|warned of heavy rain|reported a
sharp rise in profits|opened an inquiry into the accident|called for urgent talks|published its annual
review|postponed the final decision|rejected the proposal|signed an agreement with its neighbours|agreed
to raise wages|launched a search for survivors|cut interest rates|confirmed the first cases of the
disease|unveiled a design for the bridge|cancelled hundreds of flights|welcomed the ruling|denied any
wrongdoing|promised to plant a million trees|halted work on the tunnel""".replace("\n", " ").split(
    "|"
)
_BECAUSE = """after weeks of negotiation|despite criticism from residents|following a record
summer|because of rising costs|in an effort to calm the markets|according to officials|as storms moved
north|amid growing concern about safety|days before the deadline|for the first time in a
decade""".replace("\n", " ").split("|")
_THING = """apples bread coffee oranges batteries candles envelopes garlic honey ink jam keys lemons
mushrooms napkins onions pepper rice scissors tea umbrellas vinegar walnuts yoghurt blankets boots
cheese flour ginger soap""".split()
_TOPIC = """the meeting|your sister|this recipe|the last train|our holiday|the new neighbour|that
noise|the broken window|my passport|the birthday cake|the garden|her interview|the weather|that old
film|the dentist|the puppy|your essay|the concert|dinner|the car""".replace("\n", " ").split("|")
_FEELING = "wonderful terrible amazing exhausting hilarious strange beautiful awful brilliant scary".split()
_ASK = """What happened to|Who told you about|When did you hear about|Why are you so worried about|Have
you thought about|How do you feel about|Where did you read about|Can we talk about|Did anyone ask
about|Would you mind checking on""".replace("\n", " ").split("|")
_SHORT = """Hello!|Thank you.|Good morning.|Good night.|Yes.|No.|Maybe.|Of course.|Sorry?|Really?|Well
done!|Never mind.|See you tomorrow.|Not yet.|Excuse me.|Watch out!|I agree.|Come in.|Wait a
minute.|You're welcome.|Oh no!|That's right.|Let's go.|How lovely!|Why not?|Indeed.|Absolutely!|I don't
know.|Take care.|Happy birthday!""".replace("\n", " ").split("|")


class Templates:
    """Sentences written for this project, with slots filled at random.

    They cover what running prose has too little of: numbers, money, dates, times, lists, names,
    headlines, direct questions and exclamations. Text and code are under the project's licence.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._makers = (
            self._news, self._news, self._number, self._money, self._date, self._time, self._list,
            self._question, self._exclaim, self._dialogue, self._short, self._weather,
        )  # fmt: skip

    def sentence(self) -> str:
        """The next sentence of the sequence that the seed fixes."""
        return self._random.choice(self._makers)()

    def _pick(self, words: list[str]) -> str:
        return self._random.choice(words)

    def _name(self) -> str:
        return f"{self._pick(_FIRST)} {self._pick(_LAST)}"

    def _news(self) -> str:
        org, did, why = self._pick(_ORG), self._pick(_DID), self._pick(_BECAUSE)
        day, place = self._pick(_WEEKDAY), self._pick(_PLACE)
        forms = (
            f"In {place}, {org} {did} on {day}, {why}.",
            f"{org.capitalize()} in {place} {did}, {why}.",
            f"{self._name()}, a spokesperson for {org}, said it {did} {why}.",
            f"{why.capitalize()}, {org} {did} late on {day}.",
            f"{place}: {org} {did}.",
            f"Now to {place}, where {org} {did} this {day}.",
        )
        return self._pick(list(forms))

    def _number(self) -> str:
        n, m = self._random.randint(2, 99), self._random.randint(101, 999_999)
        forms = (
            f"The survey counted {m:,} birds across {n} islands.",
            f"Only {n} of the {m:,} tickets were left.",
            f"Turnout rose to {n}.{self._random.randint(0, 9)} percent.",
            f"That is {n} times the population of {self._pick(_PLACE)}.",
            f"Her room number is {self._random.randint(100, 999)}, on the {n}th floor.",
            f"Call {self._random.randint(200, 999)}-{self._random.randint(1000, 9999)} before noon.",
        )
        return self._pick(list(forms))

    def _money(self) -> str:
        sign, amount = self._pick(["$", "\u00a3"][:1]), self._random.randint(2, 950)
        forms = (
            f"The repair cost {sign}{amount}, which was less than we feared.",
            f"Shares fell by {self._random.randint(2, 40)}% to {sign}{amount}.{self._random.randint(10, 99)}.",
            f"They raised {sign}{amount} million for the hospital in {self._pick(_PLACE)}.",
            f"The project will need another {sign}{self._random.randint(2, 9)}.{self._random.randint(1, 9)} billion.",
        )
        return self._pick(list(forms))

    def _date(self) -> str:
        month, day, year = (
            self._pick(_MONTH),
            self._random.randint(1, 28),
            self._random.randint(1800, 2030),
        )
        forms = (
            f"{self._name()} was born in {self._pick(_PLACE)} on {month} {day}, {year}.",
            f"The treaty was signed in {year} and lasted {self._random.randint(3, 60)} years.",
            f"Please reply by {self._pick(_WEEKDAY)}, {month} {day}.",
            f"In the {year // 10 * 10}s, few people had heard of it.",
        )
        return self._pick(list(forms))

    def _time(self) -> str:
        hour, minute = self._random.randint(1, 12), self._random.choice([5, 10, 15, 20, 30, 45, 50])
        forms = (
            f"The train to {self._pick(_PLACE)} leaves at {hour}:{minute:02d}.",
            f"It's {hour} o'clock in {self._pick(_PLACE)}.",
            f"Meet {self._pick(_FIRST)} at half past {self._pick(['one', 'four', 'nine'])}, by the clock.",
        )
        return self._pick(list(forms))

    def _list(self) -> str:
        items = self._random.sample(_THING, self._random.randint(3, 6))
        forms = (
            f"We need {', '.join(items[:-1])}, and {items[-1]}.",
            f"{', '.join(i.capitalize() if k == 0 else i for k, i in enumerate(items[:-1]))} or {items[-1]}?",
            f"On the table lay {', '.join(items[:-1])} and some {items[-1]}.",
        )
        return self._pick(list(forms))

    def _question(self) -> str:
        tail = self._pick(["", " again", " yesterday", " in the end", f" in {self._pick(_PLACE)}"])
        return f"{self._pick(_ASK)} {self._pick(_TOPIC)}{tail}?"

    def _exclaim(self) -> str:
        topic, feeling = self._pick(_TOPIC), self._pick(_FEELING)
        forms = (
            f"What a {feeling} surprise, {self._pick(_FIRST)}!",
            f"{topic.capitalize()} was absolutely {feeling}!",
            f"I can't believe {topic} turned out so {feeling}!",
            f"Stop it, {self._pick(_FIRST)}, that's {feeling}!",
        )
        return self._pick(list(forms))

    def _dialogue(self) -> str:
        first, topic = self._pick(_FIRST), self._pick(_TOPIC)
        forms = (
            f'"Tell me about {topic}," said {first} softly.',
            f'"{self._pick(_ASK)} {topic}?" asked {first}.',
            f"{first} shrugged; {topic} could wait until {self._pick(_WEEKDAY)}.",
            f"Well, {first} - I mean {self._pick(_FIRST)} - never liked {topic} much.",
        )
        return self._pick(list(forms))

    def _short(self) -> str:
        return self._pick(_SHORT)

    def _weather(self) -> str:
        sky = self._pick(
            ["Sunny spells", "Scattered showers", "Thick fog", "Light snow", "Strong winds"]
        )
        low = self._random.randint(1, 12)
        return f"{sky} in {self._pick(_PLACE)}, with highs of {low + self._random.randint(3, 20)} and lows of {low}."


def _shuffled(source: sources.Source, kind: str, seed: int) -> list[Sentence]:
    unique = dict.fromkeys(
        s for p in sources.paragraphs(source) for s in split_plain(p) if usable(s)
    )
    texts = list(unique)
    random.Random(seed).shuffle(texts)
    return [Sentence(kind=kind, source=source.name, text=t) for t in texts]


def _as_sentence(text: str) -> str:
    """Give a bare fragment a capital and a full stop, as a reader would see it in print."""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."


def plan(count: int, seed: int = 1) -> list[Sentence]:
    """`count` distinct sentences in the proportions of MIX, in an order fixed by `seed`.

    The order is mixed throughout, so that any prefix has about the same proportions.
    """
    pools = {
        "speech": iter(_shuffled(sources.SPEECHES, "speech", seed)),
        "chat": iter(_shuffled(sources.CHATS, "chat", seed + 1)),
        "example": iter(_shuffled(sources.EXAMPLES, "example", seed + 2)),
    }
    templates = Templates(seed + 3)
    chooser = random.Random(seed + 4)
    seen: set[str] = set()
    chosen: list[Sentence] = []
    while len(chosen) < count:
        kind = chooser.choices(list(MIX), weights=list(MIX.values()))[0]
        if kind == "template":
            one = Sentence(kind=kind, source="voxhaus", text=templates.sentence())
        else:
            found = next(pools[kind])
            one = Sentence(kind=kind, source=found.source, text=_as_sentence(found.text))
        # Short stock phrases may recur a few times: voices must learn them too.
        if one.text in seen and len(one.text) > 25:
            continue
        seen.add(one.text)
        chosen.append(one)
    return chosen
