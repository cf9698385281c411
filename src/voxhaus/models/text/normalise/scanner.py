"""Reads a sentence from left to right and says what each piece of it sounds like in words.

Knows: the order in which rules are asked, words, compounds and contractions.
Refuses to know: sentence ends (`sentences.py`), pronunciation (`pronounce.py`).
"""

import re
from dataclasses import replace

from voxhaus.models.text.normalise import abbreviations, moments, quantities, symbols, web
from voxhaus.models.text.normalise.spoken import (
    SILENT,
    Kind,
    Reading,
    Rule,
    Scene,
    Spoken,
    Token,
    say,
)
from voxhaus.models.text.normalise.tables import table

_LETTER = r"[^\W\d_⁰¹²³⁴-⁹₀-₉¼-¾⅐-↉①-⓿]"
_WORD = re.compile(rf"{_LETTER}+(?:['’‘]{_LETTER}+)*['’]?")
_COMPOUND = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*(?:-{_LETTER}+(?:['’]{_LETTER}+)*)+")
_PLAIN_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?(?=[ ,;!?\n)”\"]|:(?!/)|\.?$|\. )")
_SPACE = re.compile(r"[\s\u200b\ufeff]+")
_ELLIPSIS = re.compile(r"\.{2,}|…+|(?:\. ){2,}\.")
_AND = re.compile(r"['’‘][nN]['’](?=\s)")  # rock 'n' roll
_DIGITS_AROUND = re.compile(r"\d\s?\*\s?\d")
_REPEATED = re.compile(r"([!?])[!?]*")
_DASHES = re.compile(r"-{2,}|(?<=\s)-(?=\s)|[—–]+")
_COMBINING_WORD = re.compile(rf"(?:{_LETTER}[\u0300-\u036f]*)+")

_NAMED = 3  # letters without any Latin form that are named before the rest is passed over
_LONE_SIGNS = frozenset(k for k in table("symbols") if k.isalpha())  # "π" alone has a name

# Rules by the kind of character they can begin with; words that are none of these are cheap.
_LETTER_RULES: list[Rule] = [*web.RULES, *moments.RULES, *abbreviations.RULES]
_DIGIT_RULES: list[Rule] = [*moments.RULES, *web.RULES, *quantities.RULES]
_DIGIT_RULES.insert(-2, abbreviations.RULES[-1])
_SIGN_RULES: list[Rule] = [*web.RULES, *moments.RULES, *quantities.RULES]


def read(text: str, accent: str, close: str = ".") -> list[Token]:
    """Tokens of one sentence; Markdown must be silenced already (`markdown.silence`).

    Args:
        text: the sentence.
        accent: "us" or "gb".
        close: the mark it gets when it has none: headlines end like sentences, the part of a sentence
            before a pause like a clause.
    """
    text = symbols.folded(text)
    scene = Scene(text=text, accent=accent)
    at, spaced = 0, False
    while at < len(text):
        space = _SPACE.match(text, at)
        if space or text[at] == SILENT:
            at = space.end() if space else at + 1
            spaced = spaced or bool(space)
            continue
        end, reading = _next(scene, at)
        token = Token(text[at:end].replace(SILENT, ""), at, end, tuple(reading), spaced)
        scene.tokens.append(token)
        at, spaced = end, False
    return _punctuated(_titled(scene.tokens), close)


def _next(scene: Scene, at: int) -> tuple[int, Reading]:
    """End and reading of the piece at `at`."""
    first = scene.text[at]
    if first.isascii() and first.isalpha():
        return _letters(scene, at)
    if first.isdigit() and not re.match(r"[0-9]\ufe0f?\u20e3", scene.text[at : at + 3]):
        return _ruled(scene, at, _DIGIT_RULES) or _other_digits(scene, at)
    if first in _LONE_SIGNS and not scene.text[at + 1 : at + 2].isalpha():
        return _sign(scene, at)
    if first.isalpha():
        return _word(scene, at)
    return _sign(scene, at)


def _ruled(scene: Scene, at: int, rules: list[Rule]) -> tuple[int, Reading] | None:
    for pattern, said in rules:
        m = pattern.match(scene.text, at)
        if m and m.end() > at:
            reading = said(m, scene)
            if reading is not None:
                return m.end(), reading
    return None


def _letters(scene: Scene, at: int) -> tuple[int, Reading]:
    plain = _PLAIN_WORD.match(scene.text, at)
    if plain and plain[0].islower() and plain[0] not in _RULED_WORDS:
        return plain.end(), [Spoken(plain[0])]
    return _ruled(scene, at, _LETTER_RULES) or _ruled_money(scene, at) or _word(scene, at)


_RULED_WORDS = frozenset(w.rstrip(".") for w in table("abbreviations") if w.islower())


def _ruled_money(scene: Scene, at: int) -> tuple[int, Reading] | None:
    """ "US$5", "USD 5", "Rs. 5"."""
    ahead = scene.text[at : at + 6]
    if not re.match(r"[A-Z][A-Za-z]{0,2}\.?\s?[$\d]", ahead):
        return None
    return _ruled(scene, at, quantities.RULES[:4])


def _word(scene: Scene, at: int) -> tuple[int, Reading]:
    """A word, a compound with hyphens, or a name in camel case."""
    text = scene.text
    compound = _COMPOUND.match(text, at)
    if compound:
        parts = [p for p in compound[0].split("-") if p]
        reading: Reading = []
        for i, part in enumerate(parts):
            pieces = _pieces(part)
            reading += [
                replace(p, glued=(i > 0 and k == 0) or p.glued) for k, p in enumerate(pieces)
            ]
        return compound.end(), reading
    m = _COMBINING_WORD.match(text, at) if not text[at].isascii() else None
    w = _WORD.match(text, at)
    if m and (not w or m.end() > w.end()):
        return m.end(), _pieces(m[0])
    if not w:  # a letter in Unicode's eyes that is a number in Python's
        return at + 1, _unknown(text[at])
    word, end = w[0], w.end()
    if word[-1] in "'’" and not word[:-1].lower().endswith(("s", "in", "x", "z", "ol", "an")):
        word, end = word[:-1], end - 1
    return end, _pieces(word)


def _pieces(word: str) -> Reading:
    """The spoken pieces of a word without hyphens."""
    word = word.replace("’", "'").replace("‘", "'")
    if word.isascii():
        return [Spoken(word)]
    plain = symbols.latin(word)
    if len(plain) == len(word) and plain.isalpha() and symbols.is_latin(word):
        return [Spoken(word)]  # letters with accents; the dictionary has some
    words = re.findall(r"[A-Za-z]+(?:'[A-Za-z]+)?", plain)
    if said := [Spoken(w) for w in words] or _other_digits_of(plain):
        return said
    return [piece for c in word[:_NAMED] for piece in symbols.named(c)]


def _other_digits(scene: Scene, at: int) -> tuple[int, Reading]:
    """Digits of other scripts, or superscripts, and what no rule took."""
    end = at + 1
    while end < len(scene.text) and scene.text[end].isdigit():
        end += 1
    plain = symbols.latin(scene.text[at:end])
    raised = scene.text[at] in "⁰¹²³⁴⁵⁶⁷⁸⁹" and at > 0 and scene.text[at - 1].isalnum()
    if raised and plain in ("2", "3"):
        return end, say("squared" if plain == "2" else "cubed")
    return end, (say("to the power of") if raised else []) + _other_digits_of(plain)


def _other_digits_of(plain: str) -> Reading:
    found = re.findall(r"\d+|[A-Za-z]+", plain)
    said = [quantities.number(p, "us") if p.isdecimal() else p for p in found]
    return say(" ".join(said))


def _sign(scene: Scene, at: int) -> tuple[int, Reading]:
    """Punctuation, symbols, emoji, quantities that begin with a sign, unknown characters."""
    text = scene.text
    for pattern, mark in ((_ELLIPSIS, "…"), (_DASHES, "—")):
        m = pattern.match(text, at)
        minus = m and mark == "—" and text[m.end() : m.end() + 1].isdigit() and _negative(text, at)
        if m and not minus:
            return m.end(), [Spoken(mark, Kind.MARK)]
    if m := _REPEATED.match(text, at):
        mark = "?" if "?" in m[0] else "!"
        return m.end(), [Spoken(mark, Kind.MARK)]
    if found := symbols.emoji(scene, at) or _ruled(scene, at, _SIGN_RULES):
        return found
    if found := symbols.sign(scene, at, sizes=(3, 2)):
        return found
    if m := _AND.match(text, at):
        return m.end(), say("and")
    if text[at] == "/" and _per(scene, at):
        return at + 1, say("per")
    if text[at] == "*" and _DIGITS_AROUND.search(text[max(0, at - 3) : at + 3]):
        return at + 1, say("times")
    if text[at] == '"' or text[at : at + 2] in ("''", "``"):
        size = 1 if text[at] == '"' else 2
        return at + size, [Spoken(symbols.quote(scene, at), Kind.MARK)]
    if mark := symbols.mark_of(text[at]):
        return at + 1, [Spoken(mark, Kind.MARK)]
    if found := symbols.sign(scene, at):
        return found
    if text[at] in "-'’‘":
        return at + 1, []
    return at + 1, _unknown(text[at])


def _per(scene: Scene, at: int) -> bool:
    """Whether a slash stands between an amount and what it is counted by: "$20/hour"."""
    amount = scene.tokens and re.search(r"\d", scene.tokens[-1].text)
    return bool(amount and scene.text[at + 1 : at + 2].isalpha())


def _negative(text: str, at: int) -> bool:
    return text[at] in "–—" and (at == 0 or text[at - 1].isspace() or text[at - 1] == "(")


def _unknown(sign: str) -> Reading:
    plain = symbols.latin(sign)
    if plain != sign and (words := re.findall(r"[A-Za-z]+|\d+", plain)):
        return say(" ".join(quantities.number(w, "us") if w.isdecimal() else w for w in words))
    return symbols.named(sign)


def _titled(tokens: list[Token]) -> list[Token]:
    """Drops the mark that a point would make inside "e.g.," and the like."""
    kept: list[Token] = []
    for token in tokens:
        doubled = (
            kept
            and token.spoken
            and token.is_mark
            and token.text == "."
            and kept[-1].text.endswith(".")
            and not kept[-1].is_mark
        )
        kept.append(replace(token, spoken=()) if doubled else token)
    return kept


def _punctuated(tokens: list[Token], mark: str) -> list[Token]:
    """Ends the sentence: an abbreviation's point also ends it, and headlines have none at all."""
    said = [t for t in tokens if t.spoken]
    if all(t.is_mark for t in said):
        return tokens
    for token in reversed(said):  # a closing quote or bracket may follow the mark
        last = token.spoken[-1]
        if last.kind is not Kind.MARK or last.text in "”)“(":
            if not token.is_mark:
                break
        else:
            return tokens
    end = tokens[-1].end
    return [*tokens, Token("", end, end, (Spoken(mark, Kind.MARK),), spaced=False)]
