"""What a story is about, in the few words by which a programme is ordered.

Knows: the topics, what publishers call them, and the words that give them away.
Refuses to know: how stories are ranked or written.
"""

import re
from collections import Counter
from collections.abc import Sequence

GENERAL = "General"

# Topic -> how the programme says it.
SPOKEN = {
    "World": "world news",
    "Politics": "politics",
    "Business": "business",
    "Technology": "technology",
    "Science": "science",
    "Health": "health",
    "Environment": "the environment",
    "Culture": "culture",
    "Sport": "sport",
    "Local": "local news",
    GENERAL: "the news",
}

# What sections and tags are called.
_LABELS = {
    "World": "world international global africa asia europe americas australia foreign",
    "Politics": "politics government election elections parliament congress policy",
    "Business": "business economy finance markets money companies economics work",
    "Technology": "technology tech computing software internet gadgets ai programming",
    "Science": "science space physics biology astronomy archaeology research",
    "Health": "health medicine medical wellness nutrition",
    "Environment": "environment climate nature weather wildlife energy conservation",
    "Culture": "culture arts art books film movies music theatre theater television entertainment",
    "Sport": "sport sports football soccer tennis cricket rugby golf cycling olympics athletics",
    "Local": "local community city town regional neighbourhood neighborhood",
}
# What their stories speak of.
_WORDS = {
    "World": "treaty embassy refugees border summit diplomats ambassador ceasefire troops",
    "Politics": "minister parliament senate vote election voters mayor council bill lawmakers "
    "party president campaign",
    "Business": "company shares market profit bank prices inflation jobs workers trade investors "
    "sales revenue economy exports",
    "Technology": "software computer app internet data chip robot network users online phone "
    "algorithm",
    "Science": "scientists researchers telescope planet species fossil experiment study "
    "astronomers laboratory particle",
    "Health": "patients doctors hospital vaccine disease clinic nurses treatment health surgery",
    "Environment": "climate forest emissions river wildlife storm flood solar reef birds warming "
    "drought coast",
    "Culture": "film museum novel concert orchestra artist exhibition theatre album festival "
    "painting library",
    "Sport": "match team goal season champion coach league tournament race final players stadium",
    "Local": "residents neighbours street bakery school bus tram bridge village",
}


def _by_word(table: dict[str, str]) -> dict[str, str]:
    return {word: topic for topic, row in table.items() for word in row.split()}


_LABEL_TOPICS, _WORD_TOPICS = _by_word(_LABELS), _by_word(_WORDS)


def topic_of(labels: Sequence[str], url: str, text: str) -> str:
    """The topic of a story.

    Args:
        labels: what its publishers filed it under.
        url: of its page; sections often stand in it.
        text: headline and first sentences.
    """
    for label in labels:
        if topic := _labelled(label):
            return topic
    path = re.sub(r"^https?://[^/]*", "", url)
    for section in path.split("/")[:-1]:
        if topic := _labelled(section):
            return topic
    return _told_by_words(text)


def _labelled(label: str) -> str:
    for word in re.findall(r"[a-z]+", label.lower()):
        if word in _LABEL_TOPICS:
            return _LABEL_TOPICS[word]
    return ""


def _told_by_words(text: str) -> str:
    found = re.findall(r"[a-z]+", text.lower())
    counts = Counter(t for w in found if (t := _WORD_TOPICS.get(w) or _LABEL_TOPICS.get(w)))
    best = counts.most_common(1)
    return best[0][0] if best and best[0][1] >= 2 else GENERAL


def spoken(topic: str) -> str:
    """How a programme says a topic; one of the listener's own is said as written."""
    return SPOKEN.get(topic, topic)
