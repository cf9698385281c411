"""Questions that cannot be answered: "I don't know", and what would help.

Knows: made-up words, things that nobody knows yet, things about the user and about right now; and,
beside them, what the user did say and may ask back.
Refuses to know: real words' meanings.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from voxhaus.training.language.tasks import material
from voxhaus.training.language.tasks.conversation import Conversation, dice
from voxhaus.training.language.tasks.material import LICENCES

MADE_UP, REST, TOLD = 4_500, 1_200, 2_500
_BEFORE = (
    "",
    "",
    "",
    "Hey, ",
    "Hello! ",
    "Please tell me: ",
    "So, ",
    "Quick question: ",
    "Voxhaus, ",
)
_AFTER = ("", "", "", " Please tell me.", " I need to know.", " Thanks!")

_WORD = """What does "{w}" mean?|What does the word "{w}" mean?|What is the meaning of {w}?|Define {w}.
|What's the definition of {w}?|Can you explain the word {w}?|define {w}|What is a {w}?|What's a {w}?
|Please tell me what {w} means.|I came across the word {w}. What does it mean?|What kind of thing is a {w}?
|What does it mean to {w}?|What is another word for "{w}"?|Use {w} in a sentence.|what does {w} mean
|Who was {W}?|Where is {W}?|What is the capital of {W}?""".replace("\n", "").split("|")
_NO_WORD = (
    'I don\'t know "{w}". Where did you read it?',
    'I don\'t know the word "{w}". The sentence that it stood in might help.',
    'I don\'t know what "{w}" is. Is it spelled like that?',
    "I don't know {w}. A large dictionary or a search might help.",
)

_EVENTS = "the next election|the World Cup in {y}|the lottery on Saturday|the match tonight|the song contest in {y}|the race on Sunday|the chess championship in {y}|the Olympic marathon in {y}|the tennis final tomorrow|the book prize in {y}".split(
    "|"
)
_PLACES = "Berlin|London|Paris|Rome|Tokyo|Oslo|Madrid|Vienna|Cairo|Boston|Toronto|Dublin|Lisbon|Prague|my town|our village|the coast|the mountains".split(
    "|"
)
_WHEN = (
    "tomorrow|on Sunday|next week|next month|next summer|in {y}|on my birthday|this evening".split(
        "|"
    )
)
_GOODS = "gold|oil|coffee|bread|petrol|a litre of milk|a ticket to Mars|my flat|a new phone|electricity".split(
    "|"
)
_MINE = "name|birthday|sister's name|brother's name|password|favourite colour|shoe size|address|dog's name|first teacher's name|phone number|bank balance|blood type|job|age|middle name|favourite song|grandmother's name|doctor's name|car's colour".split(
    "|"
)
_LOST = "keys|glasses|phone|passport|umbrella|wallet|book|bag|ticket|gloves|car|bicycle".split("|")
_DONE = "have for breakfast|say yesterday|buy last week|dream last night|promise my mother|do on Monday|cook on Sunday|read last month".split(
    "|"
)
_FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "future": (
        ("Who will win {event}?", "Can you tell me who wins {event}?", "How will {event} end?",
         "What will the weather be like in {place} {when}?", "Will it rain in {place} {when}?",
         "How warm will it be in {place} {when}?", "What will {goods} cost {when}?",
         "Will {goods} get cheaper {when}?", "Will I be rich {when}?", "What will happen in {place} {when}?"),
        ("I don't know: that lies in the future. A forecast or the news nearer the time would help.",
         "Nobody can know that yet, and I don't either.",
         "I don't know. I cannot look into the future, and I have no forecasts."),
    ),
    "personal": (
        ("What is my {mine}?", "Do you know my {mine}?", "Can you tell me my {mine}?",
         "Where did I put my {lost}?", "Where are my {lost}?", "Have you seen my {lost}?",
         "What did I {done}?", "Do you remember what I did {done2}?"),
        ("I don't know; you have not told me.", "I don't know that about you. Tell me, if you like.",
         "I don't know. I know only what is said in this conversation."),
    ),
    "now": (
        ("What time is it in {place}?", "What is the weather like in {place} right now?",
         "How warm is it in {place}?", "What does {goods} cost today?", "What happened in {place} today?",
         "What's in the news in {place} today?", "Is the shop in {place} open now?",
         "When does the next train to {place} leave?", "Who is on the radio in {place} now?",
         "How much traffic is there in {place}?"),
        ("I don't know: I have no clock, no network and no news. A website or an app can tell you.",
         "I don't know. I cannot look things up; please ask a current source.",
         "I don't know what happens right now, as I am not connected to anything."),
    ),
}  # fmt: skip


_RUDE = re.compile("fu[ck]k|cunt|nigg|fagg|shit|twat|slut|whor|rape|nazi|cock|dick|porn|tits")


@cache
def _letters() -> tuple[dict[str, list[str]], frozenset[str]]:
    """Which letter follows three others in English words, and the words themselves."""
    words = {s.word.lower() for s in material.first_senses() if s.word.isalpha()}
    after: dict[str, list[str]] = defaultdict(list)
    for word in sorted(words):
        padded = f"^^^{word}$"
        for i in range(3, len(padded)):
            after[padded[i - 3 : i]].append(padded[i])
    return dict(after), frozenset(words | set(material.webster()))


def made_up(chance: random.Random) -> str:
    """A word that sounds English and is in no dictionary here."""
    after, words = _letters()
    while True:
        word = "^^^"
        while not word.endswith("$") and len(word) < 16:
            word += chance.choice(after[word[-3:]])
        word = word[3:].rstrip("$")
        if _RUDE.search(word):
            continue
        if 5 <= len(word) <= 11 and word not in words and word.rstrip("s") not in words:
            return word


def _made(kind: str, item: str, question: str, answers: tuple[str, ...]) -> Conversation:
    answer = dice("unknown", question).choice(answers)
    return Conversation(
        messages=(("user", question), ("assistant", answer)), task="unknown", kind=kind,
        source="voxhaus", licence=LICENCES["voxhaus"], item=item,
    )  # fmt: skip


def words() -> Iterator[Conversation]:
    """Questions about words that do not exist."""
    chance = dice("made-up words")
    for _ in range(MADE_UP):
        word = made_up(chance)
        form = chance.choice(_WORD)
        shown = word.capitalize() if "{W}" in form else word
        yield _made(
            "made-up word", f"made up:{word}", form.format(w=word, W=shown),
            tuple(a.format(w=shown) for a in _NO_WORD),
        )  # fmt: skip


def things() -> Iterator[Conversation]:
    """Questions about the future, the user, and right now."""
    for kind, (forms, answers) in _FORMS.items():
        chance = dice("things", kind)
        for _ in range(REST):
            year = str(chance.randint(2031, 2080))
            slots = {
                "event": chance.choice(_EVENTS).format(y=year), "place": chance.choice(_PLACES),
                "when": chance.choice(_WHEN).format(y=year), "goods": chance.choice(_GOODS),
                "mine": chance.choice(_MINE), "lost": chance.choice(_LOST),
                "done": chance.choice(_DONE), "done2": chance.choice(("yesterday", "last week")),
            }  # fmt: skip
            core = chance.choice(forms).format(**slots)
            before = chance.choice(_BEFORE)
            asked = (
                f"{before}{core[0].lower()}{core[1:]}" if before.endswith(", ") else before + core
            )
            asked += chance.choice(_AFTER)
            yield _made(kind, f"thing:{core.casefold()}", asked, answers)


_NAMES = "Ana|Ben|Clara|David|Ella|Finn|Grace|Hugo|Ida|Jonas|Kira|Leo|Mia|Noah|Olga|Paul|Rosa|Sam|Tara|Uwe|Vera|Will|Yara|Zoe".split(
    "|"
)
_VALUES: dict[str, tuple[str, ...]] = {
    "name": tuple(_NAMES),
    "favourite colour": ("red", "green", "blue", "yellow", "purple", "orange", "grey"),
    "birthday": ("in May", "in June", "on the third of March", "in October", "on New Year's Day"),
    "dog's name": ("Rex", "Bella", "Luna", "Max", "Rocky", "Daisy"),
    "sister's name": tuple(_NAMES),
    "job": ("teacher", "nurse", "baker", "gardener", "pilot", "carpenter"),
    "shoe size": tuple(map(str, range(36, 47))),
}


def told() -> Iterator[Conversation]:
    """What the user said before and asks back: this can be answered."""
    for number in range(TOLD):
        chance = dice("told", str(number))
        thing = chance.choice(sorted(_VALUES))
        value = chance.choice(_VALUES[thing])
        between = chance.choice(
            ("Thank you, I will keep that in mind.", "Good to know.", "All right.")
        )
        yield Conversation(
            messages=(
                ("user", f"{chance.choice(_BEFORE).replace(', ', '. ')}My {thing} is {value}."),
                ("assistant", between),
                ("user", chance.choice(("What is my {t}?", "Do you know my {t}?")).format(t=thing)),
                ("assistant", f"Your {thing} is {value}."),
            ),
            task="extraction", kind="told", source="voxhaus", licence=LICENCES["voxhaus"],
            item=f"told:{thing}:{value}", references=(value,),
        )  # fmt: skip


def conversations() -> Iterator[Conversation]:
    """All of it."""
    yield from words()
    yield from things()
    yield from told()
