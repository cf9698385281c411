"""Trains the tagger of the text front end on sentences tagged by a larger one.

Knows: the perceptron's training and where its sentences come from; the teacher is the tagger of
hibari-tts (Apache-2.0, package `hibari-tts`, extra "train"), itself taught by spaCy.
Refuses to know: what tags are used for.

Recipe, about ten minutes on one core:

    python -m voxhaus.training.voice.tagger
"""

import argparse
import json
import random
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from voxhaus.models.text.tagger import FILE, ROWS, TAGS, Tagger, features, hashed
from voxhaus.training.voice import sentences

HELD_OUT_SHARE = 10  # one sentence in ten is never trained on
_FOLDED = {
    "NNS": "NN", "NNPS": "NNP", "JJR": "JJ", "JJS": "JJ", "RBR": "RB", "RBS": "RB", "PRP$": "PRP",
    "PDT": "DT", "WDT": "WH", "WP": "WH", "WP$": "WH", "WRB": "WH", "ADD": "NN", "FW": "NN",
    "AFX": "JJ", "LS": "CD", "XX": "NN", "POS": "VBZ",
}  # fmt: skip
_DIGITS = "three five twelve twenty forty seventy hundred nineteen six nine".split()
Tagged = list[tuple[str, str]]


def held_out(text: str) -> bool:
    """Whether a sentence is kept for tests."""
    return zlib.crc32(text.encode()) % HELD_OUT_SHARE == 0


def _fold(tag: str) -> str:
    tag = _FOLDED.get(tag, tag)
    return tag if tag in TAGS else "PUNCT"


def taught(texts: list[str]) -> Iterator[Tagged]:
    """Sentences as word and tag pairs, cut our way: contractions whole, numbers as words."""
    from hibari.g2p import G2P

    reader = G2P(oov=False)
    for text in texts:
        row: Tagged = []
        joined = False
        for token in reader.tokenize(text):
            word, tag = token.text, _fold(token.tag)
            if joined and row and re.match(r"['’n]", word) and re.search(r"['’]", word):
                row[-1] = (row[-1][0] + word, row[-1][1])
            elif word in ("-", "–") and joined:
                pass
            elif word[0].isdigit():
                row.append((_DIGITS[zlib.crc32(word.encode()) % len(_DIGITS)], "CD"))
            else:
                row.append((word, tag))
            joined = not token.whitespace
        yield row


def certain_words(rows: list[Tagged], least: int = 25, share: float = 0.995) -> dict[str, str]:
    """Words that have one tag nearly always."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for word, tag in row:
            counts[word][tag] += 1
    found = {}
    for word, tags in counts.items():
        tag, count = tags.most_common(1)[0]
        if sum(tags.values()) >= least and count >= share * sum(tags.values()):
            found[word] = tag
    return found


class _Learner:
    """Averaged perceptron; `total` accumulates weights over time by the usual trick."""

    def __init__(self) -> None:
        self.weights = np.zeros((ROWS, len(TAGS)), np.float32)
        self.total = np.zeros_like(self.weights)
        self.clock = 1
        self.number = {t: i for i, t in enumerate(TAGS)}

    def learn(self, row: Tagged, certain: dict[str, str]) -> int:
        """One sentence; the number of mistakes. Earlier tags are the learner's own guesses."""
        lower = ["<s>", "<s>", *(w.lower() for w, _ in row), "</s>", "</s>"]
        before = before2 = "<s>"
        wrong = 0
        for i, (word, truth) in enumerate(row):
            guess = certain.get(word)
            if guess is None:
                rows = [hashed(f) for f in features(i, word, lower, before, before2)]
                guess = TAGS[int(self.weights[rows].sum(0).argmax())]
                self.clock += 1
                if guess != truth:
                    self._correct(rows, truth, guess)
            wrong += guess != truth
            before2, before = before, guess
        return wrong

    def _correct(self, rows: list[int], truth: str, guess: str) -> None:
        for tag, change in ((truth, 1.0), (guess, -1.0)):
            np.add.at(self.weights, (rows, self.number[tag]), change)
            np.add.at(self.total, (rows, self.number[tag]), change * self.clock)

    def averaged(self) -> np.ndarray:
        """Mean weights, scaled to int8."""
        mean = self.weights - self.total / self.clock
        scale = 127 / np.quantile(np.abs(mean[mean != 0]), 0.9995)
        return np.clip(np.round(mean * scale), -127, 127).astype(np.int8)


def score(tagger: Tagger, rows: list[Tagged]) -> float:
    """Share of words with the teacher's tag."""
    right = total = 0
    for row in rows:
        guessed = tagger.tag([w for w, _ in row])
        right += sum(g == t for g, (_, t) in zip(guessed, row, strict=True))
        total += len(row)
    return right / total


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train the part-of-speech tagger.")
    parser.add_argument("--sentences", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    texts = sorted({s.text for s in sentences.plan(options.sentences, seed=11)})
    known = list(taught([t for t in texts if not held_out(t)]))
    kept = list(taught([t for t in texts if held_out(t)]))
    certain = certain_words(known)
    facts = {"train": len(known), "held_out": len(kept), "certain": len(certain)}
    print(json.dumps(facts), flush=True)
    learner, chance = _Learner(), random.Random(1)
    for epoch in range(options.epochs):
        chance.shuffle(known)
        wrong = sum(learner.learn(row, certain) for row in known)
        print(json.dumps({"epoch": epoch + 1, "mistakes": wrong}), flush=True)
    weights = learner.averaged()
    listed = "\n".join(f"{w}\t{t}" for w, t in sorted(certain.items()))
    np.savez_compressed(options.out, weights=weights, certain=np.array(listed))
    tagger = Tagger(weights, certain)
    print(json.dumps({"held_out_agreement": round(score(tagger, kept), 4)}), flush=True)


if __name__ == "__main__":
    main()
