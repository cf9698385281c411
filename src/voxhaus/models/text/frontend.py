"""Text to utterances: the one door through which a voice gets its phonemes.

Knows: the order of steps (markup, Markdown, sentences, normalising, pronouncing, cutting) and the
limits on input.
Refuses to know: how each step works, voices, and audio.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain, zip_longest

from voxhaus.core.errors import InputError
from voxhaus.models.text import assembly, markup, readings, sentences
from voxhaus.models.text.lexicon import ACCENTS
from voxhaus.models.text.normalise import SILENT, Kind, Spoken, Token, read, silence
from voxhaus.models.text.passages import PARAGRAPH_PAUSE, Mark, Passage, flatten
from voxhaus.models.text.pronounce import Pronouncer
from voxhaus.models.text.utterance import Utterance

MAX_CHARACTERS = 200_000  # about four hours of speech

AccentOf = Callable[[str], str]


@lru_cache(len(ACCENTS))
def _pronouncer(accent: str) -> Pronouncer:
    return Pronouncer(accent)


class TextFrontend:
    """Reads text in one accent. Safe to share between threads; cheap to make.

    Dictionaries are opened once per process and accent, at the first word.
    """

    def __init__(self, accent: str = "us") -> None:
        """Choose an accent.

        Args:
            accent: "us" or "gb".

        Raises:
            InputError: any other accent.
        """
        if accent not in ACCENTS:
            raise InputError(
                f"There is no accent '{accent}'; there are {' and '.join(ACCENTS)}.", param="accent"
            )
        self.accent = accent

    def utterances(
        self, text: str | markup.Span, *, accent_of: AccentOf | None = None
    ) -> list[Utterance]:
        """Utterances of a text, in order: one a sentence, long sentences cut at clauses.

        Args:
            text: plain text with the project's markup, SSML, or a tree of either. Use
                `markup.plain` for text whose brackets and stars mean nothing.
            accent_of: name of a voice -> its accent, asked for `[voice NAME]`; without it all is
                read in this front end's accent.

        Raises:
            InputError: nothing speakable, longer than MAX_CHARACTERS, or broken markup.
        """
        return list(self.read(text, accent_of=accent_of))

    def read(
        self,
        text: str | markup.Span,
        *,
        accent_of: AccentOf | None = None,
        check: Callable[[Passage], None] | None = None,
    ) -> Iterator[Utterance]:
        """The utterances of `utterances`, each as soon as the one behind it is read.

        Arguments and errors are those of `utterances`. What is wrong with the markup anywhere, and
        that a text holds nothing, is said before the first utterance.

        Args:
            text: see above.
            accent_of: see above.
            check: sees every passage before anything is read, and raises what it has against it.
        """
        passages = flatten(self._tree(text))
        _check_length(sum(len(p.text) for p in passages))
        if check is not None:
            for passage in passages:
                check(passage)
        reading = self._reading(passages, accent_of)
        first = next(reading, None)
        if first is None:
            raise InputError("The text holds nothing that can be spoken.", param="text")
        return chain([first], reading)

    def _reading(self, passages: list[Passage], accent_of: AccentOf | None) -> Iterator[Utterance]:
        last: Utterance | None = None  # waits for the silence that may follow
        waiting = 0.0  # silence before the next utterance
        for passage, following in zip_longest(passages, passages[1:]):
            accent = self.accent
            if passage.voice is not None and accent_of is not None:
                accent = accent_of(passage.voice)
            waiting += passage.pause_before
            spoken = False
            for utterance in _read_passage(passage, accent, _end_mark(following)):
                if last is not None:
                    yield last
                last = utterance if spoken else replace(utterance, pause_before=waiting)
                waiting, spoken = 0.0, True
            waiting += passage.pause_after
            if last is not None and waiting:
                last = replace(last, pause_after=last.pause_after + waiting)
                waiting = 0.0
        if last is not None:
            yield last

    def phonemize(self, text: str) -> str:
        """Phonemes of a text, sentences joined with spaces; errors are those of `utterances`."""
        return " ".join(u.phonemes for u in self.utterances(text))

    @staticmethod
    def _tree(text: str | markup.Span) -> markup.Span:
        if not isinstance(text, str):
            return text
        _check_length(len(text))
        if markup.is_ssml(text):
            from voxhaus.models.text import ssml

            return ssml.parse(text)
        return markup.parse(text)


def _check_length(length: int) -> None:
    if length > MAX_CHARACTERS:
        raise InputError(
            f"The text has {length:,} characters; at most {MAX_CHARACTERS:,} can be read at once. "
            "Split it into parts.",
            param="text",
        )


def _end_mark(following: Passage | None) -> str:
    """What closes a passage without a mark: a comma where its sentence goes on in the next one."""
    goes_on = following is not None and following.text.lstrip()[:1].islower()
    return "," if goes_on else "."


def _read_passage(passage: Passage, accent: str, end: str) -> Iterator[Utterance]:
    """Utterances of a passage, without its pauses; `end` closes it when it has no mark."""
    waiting: Utterance | None = None
    for utterance in _sentences(passage, accent, end):
        if waiting is not None:
            yield waiting
        waiting = utterance
    if waiting is not None:
        closed = passage.text.endswith("\n\n")
        yield waiting if closed else replace(waiting, pause_after=0.0)


def _sentences(passage: Passage, accent: str, end: str) -> Iterator[Utterance]:
    shown = silence(passage.text)
    if len(shown) != len(passage.text):
        raise AssertionError("silencing must not move characters")
    split = sentences.split(shown)
    for sentence in split:
        mark = end if sentence is split[-1] else "."
        tokens = _tokens(shown, sentence, passage.marks, accent, mark)
        if not tokens:
            continue
        strung = assembly.string(tokens, _pronouncer(accent).say(tokens))
        parts = assembly.cut(strung)
        for i, part in enumerate(parts):
            ends = sentence.ends_paragraph and i == len(parts) - 1
            text = passage.text[sentence.start : sentence.end] if len(parts) == 1 else _text(part)
            yield Utterance(
                text=" ".join(text.split()),
                phonemes=part.phonemes,
                words=part.words,
                pause_after=PARAGRAPH_PAUSE if ends else 0.0,
                rate=passage.rate,
                pitch=passage.pitch,
                volume=passage.volume,
                voice=passage.voice,
                style=passage.style,
            )


def _text(part: assembly.Strung) -> str:
    return " ".join(w.text for w in part.words)


def _tokens(
    shown: str, sentence: sentences.Sentence, marks: list[Mark], accent: str, end: str
) -> list[Token]:
    """Tokens of a sentence, with marked words read as markup says."""
    inside = [m for m in marks if m.start < sentence.end and m.end > sentence.start]
    text = shown[sentence.start : sentence.end]
    if not inside:
        return _moved(read(text, accent, end), sentence.start)
    fixed = [m for m in inside if m.kind != "emphasis"]
    stressed = [m for m in inside if m.kind == "emphasis"]
    tokens = _moved(read(_hidden(text, fixed, sentence.start), accent, end), sentence.start)
    for m in fixed:
        tokens = _replaced(tokens, m, shown, accent)
    return [
        replace(t, emphasis=any(t.start < m.end and t.end > m.start for m in stressed))
        for t in tokens
    ]


def _moved(tokens: list[Token], by: int) -> list[Token]:
    return [replace(t, start=t.start + by, end=t.end + by) for t in tokens] if by else tokens


_PLACEHOLDER = "q"  # a row of these stands where markup fixes the reading


def _hidden(text: str, fixed: list[Mark], offset: int) -> str:
    for m in fixed:
        a, b = max(0, m.start - offset), min(len(text), m.end - offset)
        text = text[:a] + _PLACEHOLDER * (b - a) + text[b:]
    return text


def _replaced(tokens: list[Token], m: Mark, shown: str, accent: str) -> list[Token]:
    """Tokens with those under a mark replaced by what it says."""
    under = [t for t in tokens if t.start < m.end and t.end > m.start and t.text]
    if not under:
        return tokens
    written = shown[m.start : m.end].replace(SILENT, "").strip()
    if m.kind == "phonemes":
        said: tuple[Spoken, ...] = (Spoken(m.value, Kind.PHONEMES),)
    elif m.kind == "sub":
        said = tuple(s for t in read(m.value, accent) for s in t.spoken)
        said = said[:-1] if said and said[-1].text == "." else said
    else:
        said = tuple(readings.read_as(written, m.value, accent))
    first = tokens.index(under[0])
    token = Token(written, m.start, m.end, said, under[0].spaced)
    rest = [t for t in tokens if t not in under]
    return [*rest[:first], token, *rest[first:]]
