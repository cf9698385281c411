"""What words mean, from WordNet and the Free On-line Dictionary of Computing.

Knows: how people ask for a meaning, and how a gloss becomes a sentence.
Refuses to know: how the dictionaries are stored.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from voxhaus.training.language.tasks import material
from voxhaus.training.language.tasks.conversation import Conversation, dice
from voxhaus.training.language.tasks.material import LICENCES, Sense

COMMON, RARE, TERMS = 15_000, 5_000, 2_500

_ANY = """What does "{w}" mean?|What does the word "{w}" mean?|What is the meaning of {w}?|Define {w}.
|Define the word "{w}".|What's the definition of {w}?|Can you explain the word {w}?|meaning of {w}
|define {w}|Please tell me what {w} means.|I came across the word {w}. What does it mean?
|How would you explain {w} to a child?|Explain "{w}" in one sentence.|what does {w} mean
|I don't know the word "{w}". Can you help?|In simple words, what does {w} mean?
|Give me a short definition of {w}.|What do people mean by "{w}"?|{W}: what does that mean?
|Look up {w} for me.""".replace("\n", "").split("|")
_NOUN = ("What is {a}?", "What's {a}?", "what is {a}", "Tell me what {a} is.", "Describe {a}.")
_VERB = ("What does it mean to {w}?", "What does someone do when they {w}?", "What is it to {w}?")
_USE = (
    'How is the word "{w}" used?', "Use {w} in a sentence.", "Give me an example with {w}.",
    "What does {w} mean? Give an example.", 'Can you use "{w}" in a sentence?',
)  # fmt: skip
# Lexicographers' files whose nouns can be counted: acts are not, feelings are not.
_COUNTED = frozenset((5, 6, 8, 17, 18, 20))


_LIKE_YOU = re.compile(r"uni(?!n)|us[aeu]|ut[ei]|ur[aeio]|u\b|eu|ewe|one", re.I)  # and "won"
_SILENT_H = re.compile(r"hour|heir|honest|honou?r", re.I)


def with_article(word: str) -> str:
    """ "oar" -> "an oar"."""
    sounds_open = word[0].lower() in "aeiou" and not _LIKE_YOU.match(word)
    sounds_open |= bool(_SILENT_H.match(word))
    return f"{'an' if sounds_open else 'a'} {word}"


def is_counted(sense: Sense) -> bool:
    """Whether "a WORD" can be said, as far as the gloss tells."""
    return (
        sense.part == "noun"
        and sense.topic in _COUNTED
        and sense.word.islower()
        and sense.gloss.startswith(("a ", "an "))
        and not sense.word.endswith("s")
    )


def sentence_of(sense: Sense) -> str:
    """The gloss as a sentence about the word."""
    gloss = sense.gloss.rstrip(".")
    word = sense.word
    if sense.instance:
        return (
            f"{word} is {gloss}."
            if gloss.startswith(("a ", "an ", "the "))
            else f"{word}: {gloss}."
        )
    if is_counted(sense):
        said = with_article(word)
        return f"{said[0].upper()}{said[1:]} is {gloss}."
    if sense.part == "verb":
        return f"To {word} is to {gloss}."
    if sense.part == "noun":
        return f"{word[0].upper()}{word[1:]} means {gloss}."
    return f'"{word[0].upper()}{word[1:]}" means {gloss}.'


def _chosen() -> list[Sense]:
    """Words that people meet, the most frequent first, and a share of the others."""
    usable = [s for s in material.first_senses() if 8 <= len(s.gloss) <= 260 and len(s.word) > 2]
    common = sorted((s for s in usable if s.count), key=lambda s: (-s.count, s.word))[:COMMON]
    rest = [s for s in usable if not s.count and s.word.islower() and s.word.count(" ") < 2]
    return common + dice("definitions", "rare").sample(rest, min(RARE, len(rest)))


def question_of(sense: Sense) -> str:
    """One of the ways to ask for a word's meaning."""
    chance = dice("definition", sense.word)
    forms = list(_ANY)
    if is_counted(sense):
        forms += _NOUN * 3
    if sense.part == "verb":
        forms += _VERB * 2
    word = sense.word
    return chance.choice(forms).format(w=word, W=word[0].upper() + word[1:], a=with_article(word))


def _usage(sense: Sense) -> Conversation | None:
    """How a word is used."""
    examples = [e for e in sense.examples if sense.word.lower() in e.lower()]
    if not examples:
        return None
    example = examples[0][0].upper() + examples[0][1:]
    chance = dice("usage", sense.word)
    form = chance.choice(_USE)
    answer = f'For example: "{example}"'
    if "mean" in form:
        answer = f"{sentence_of(sense)} {answer}"
    return Conversation(
        messages=(("user", form.format(w=sense.word)), ("assistant", answer)),
        task="definition", kind="usage", source="wordnet-base", licence=LICENCES["wordnet-base"],
        item=f"word:{sense.word}",
    )  # fmt: skip


def conversations() -> Iterator[Conversation]:
    """Questions about words and terms."""
    look_up = material.webster()
    chosen = _chosen()
    most_common = Counter(s.gloss for s in chosen).most_common(1)[0][0]
    for place, sense in enumerate(chosen):
        made = Conversation(
            messages=(("user", question_of(sense)), ("assistant", sentence_of(sense))),
            task="definition", kind="word", source="wordnet-base",
            licence=LICENCES["wordnet-base"], item=f"word:{sense.word}",
            references=tuple(
                s.gloss for s in _all_senses().get(sense.word, ()) if s.rank < 3
            ),
            baselines={
                "dictionary look-up": look_up.get(sense.word.lower(), ""),
                "most common gloss": most_common,
            },
        )  # fmt: skip
        yield made
        if place < COMMON // 3 and (usage := _usage(sense)):
            yield usage
    yield from _terms()


@cache
def _all_senses() -> dict[str, list[Sense]]:
    by_word: dict[str, list[Sense]] = {}
    for sense in material.senses():
        by_word.setdefault(sense.word, []).append(sense)
    return by_word


def _terms() -> Iterator[Conversation]:
    """Terms of computing."""
    words = {s.word.lower() for s in material.first_senses()}
    terms = {
        t: d for t, d in material.computing().items()
        if t.lower() not in words and "country code" not in d and t[0].isalpha()
    }  # fmt: skip
    for term in dice("definitions", "terms").sample(sorted(terms), min(TERMS, len(terms))):
        form = dice("definition", term).choice([f for f in _ANY if "child" not in f])
        yield Conversation(
            messages=(
                ("user", form.format(w=term, W=term)),
                ("assistant", f"In computing, {term} means: {terms[term]}"),
            ),
            task="definition", kind="computing", source="dict-foldoc",
            licence=LICENCES["dict-foldoc"], item=f"word:{term}", references=(terms[term],),
        )  # fmt: skip
