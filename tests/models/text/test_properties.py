"""What holds for any text at all."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from voxhaus.core.errors import InputError
from voxhaus.models.text import frontend, markup, sentences
from voxhaus.models.text.normalise import numerals, read, silence
from voxhaus.models.text.phonemes import MAX_PHONEMES, SYMBOLS

FRONTENDS = {accent: frontend.TextFrontend(accent) for accent in ("us", "gb")}
ACCENTS = st.sampled_from(("us", "gb"))
PIECES = st.sampled_from(
    "Dr.|$5|3.2 billion| |\n|\n\n|(|“|\"|U.S.|a|I|1/2|10:30|5%|km|http://x.y/z|😂|'|’s|-|—|...|IV|*|_"
    "|é|Mr|and|The|#|@b|&|x²|½|٣|中|ß|ﬁ|①|ⅷ|𝐀|\u200d|\u0301|[a]|<b>|10^6|5'11|§|→|™|a.b@c.de|v2.0".split(
        "|"
    )
)
MESSY = st.lists(PIECES, max_size=14).map("".join)
ANY = st.one_of(st.text(max_size=60), MESSY)
# No "<": HTML comments and scripts are silent on purpose.
WORDY = st.tuples(st.text(st.characters(exclude_characters="<`"), max_size=12), MESSY).map(
    lambda parts: f"{parts[0]}\n\nbanana\n\n{parts[1].replace('<b>', '')}"
)


@settings(max_examples=300, deadline=None)
@given(ANY, ACCENTS)
@example("\u2184v", "us")
@example("#\u2460*", "us")
@example("A" * 900, "gb")
def test_any_text_gives_valid_phonemes_or_says_that_it_holds_none(text, accent):
    try:
        found = FRONTENDS[accent].utterances(markup.plain(text))
    except InputError as error:
        assert "nothing that can be spoken" in str(error)
        return
    for u in found:
        assert set(u.phonemes) <= SYMBOLS
        assert 0 < len(u.phonemes) <= MAX_PHONEMES
        edges = [e for w in u.words for e in (w.start, w.end)]
        assert edges == sorted(edges)
        assert not edges or edges[-1] <= len(u.phonemes)


@settings(max_examples=150, deadline=None)
@given(WORDY, ACCENTS)
def test_a_word_is_never_lost_whatever_stands_around_it(text, accent):
    said = " ".join(u.phonemes for u in FRONTENDS[accent].utterances(markup.plain(text)))
    assert ("bənˈænə" if accent == "us" else "bənˈɑːnə") in said


@settings(max_examples=200, deadline=None)
@given(st.characters(categories=("Lu", "Ll", "Lo", "Nd"), exclude_characters="ªº"), ACCENTS)
@example("\U000176f3", "us")
def test_every_letter_and_digit_of_every_script_is_heard(letter, accent):
    assert FRONTENDS[accent].phonemize(letter).strip(". ")


@settings(max_examples=200, deadline=None)
@given(ANY)
def test_silencing_notation_moves_no_character(text):
    assert len(silence(text)) == len(text)


@settings(max_examples=200, deadline=None)
@given(ANY)
def test_sentences_lie_in_order_and_leave_out_blanks_only(text):
    found = sentences.split(text)
    edges = [e for s in found for e in (s.start, s.end)]
    assert edges == sorted(edges)
    left = "".join(
        text[a:b] for a, b in zip([0, *edges[1::2]], [*edges[::2], len(text)], strict=True)
    )
    assert not left.strip(" \t\r\n\f\v\u00a0\u2060\u2029")


@settings(max_examples=200, deadline=None)
@given(ANY, ACCENTS)
def test_tokens_lie_in_order_within_the_text(text, accent):
    edges = [e for t in read(text, accent) for e in (t.start, t.end)]
    assert edges == sorted(edges)
    assert not edges or edges[-1] <= len(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_escaped_text_is_read_as_it_stands(text):
    text = text.replace("<", "")
    leaves = [n.text for n in markup.parse(markup.escape(text)).children]
    assert "".join(leaves) == text


@given(st.integers(0, 10**33))
def test_cardinals_are_unique_words(n):
    words = numerals.cardinal(n)
    assert words.replace(" ", "").isalpha()
    assert words != numerals.cardinal(n + 1)


@given(st.integers(1, 3999))
def test_roman_numerals_are_read_back(n):
    values = zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    )
    text, rest = "", n
    for value, sign in values:
        text += sign * (rest // value)
        rest %= value
    assert numerals.roman(text) == n
