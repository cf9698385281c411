"""Long texts without end: stories made from lists of phrases.

Knows: the packaged lists, and how sentences are drawn from them so that hardly one comes twice.
Refuses to know: who reads them.

A chapter repeated, or a list of sentences over and over, would measure caches and hide what only
one sentence in a thousand does. The words are common ones, so that a listener's mistakes are the
voice's.
"""

import re
from functools import cache
from importlib import resources

import numpy as np

from voxhaus.core.errors import InputError

MOST_WORDS = 30_000  # what the text front end takes at once is a little more

_SLOT = re.compile(r"\{(\w+)\}")
_PARAGRAPH = (3, 7)  # sentences


def story(words: int, seed: int = 0) -> str:
    """A text of so many words or, to end with a sentence, a few more.

    Paragraphs are separated by empty lines. The same arguments give the same text.

    Raises:
        InputError: no words, or more than MOST_WORDS.
    """
    if not 1 <= words <= MOST_WORDS:
        raise InputError(f"A story has 1 to {MOST_WORDS:,} words; {words:,} were asked for.")
    generator = np.random.Generator(np.random.PCG64(seed))
    paragraphs: list[str] = []
    count = 0
    while count < words:
        sentences: list[str] = []
        for _ in range(int(generator.integers(*_PARAGRAPH))):
            sentences.append(_sentence(generator))
            count += len(sentences[-1].split())
            if count >= words:
                break
        paragraphs.append(" ".join(sentences))
    return "\n\n".join(paragraphs)


def sentences(count: int, words: int, seed: int = 0) -> list[str]:
    """So many sentences of exactly so many words each, 3 to 20; some may come twice.

    Raises:
        InputError: no such length.
    """
    if not 3 <= words <= 20:
        raise InputError(f"Sentences have 3 to 20 words; {words} were asked for.")
    generator = np.random.Generator(np.random.PCG64(seed))
    found: list[str] = []
    while len(found) < count:
        sentence = _sentence(generator)
        if len(sentence.split()) == words:
            found.append(sentence)
    return found


def _sentence(generator: np.random.Generator) -> str:
    lists = _lists()
    used: set[str] = set()

    def filled(match: re.Match[str]) -> str:
        name = match[1]
        options = [o for o in lists[name.lower()] if o not in used]
        chosen = options[int(generator.integers(len(options)))]
        used.add(chosen)
        return chosen[0].upper() + chosen[1:] if name[0].isupper() else chosen

    patterns = lists["sentence"]
    return _SLOT.sub(filled, patterns[int(generator.integers(len(patterns)))])


@cache
def _lists() -> dict[str, list[str]]:
    """The packaged lists by their headings; a heading is a line of one word that a slot names."""
    content = (resources.files("voxhaus.evals") / "data" / "story.txt").read_text("utf-8")
    lines = [line for line in content.splitlines() if line and not line.startswith("#")]
    names = {m.lower() for m in _SLOT.findall(content)} | {"sentence"}
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if line in names and line not in found:
            name = line
            found[name] = []
        else:
            found[name].append(line)
    return found
