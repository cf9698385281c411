"""Scripts are read as people write them, and every mistake has a line and a reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxhaus.core.errors import InputError
from voxhaus.runtime.dialogue_script import SCENE_GAP, parse_script
from voxhaus.runtime.turns import Turn

VOICES = ("anna", "ben", "clara")

SCRIPT = """\
@Host = anna
@Guest = Ben, style cheerful

Host: Hello there.
Guest (excited): You won't believe it!
    It goes on here
and here.
Clara (overlap 300ms): Well, I said: no.

Host (calm, gap 1s): Let's see.
GUEST: [pause 1s] Yes.

**Guest:** A scene later.
"""


def parsed(text):
    return [(t.speaker, t.voice, t.text) for t in parse_script(text, VOICES)]


def test_a_script_with_everything():
    assert parse_script(SCRIPT, VOICES) == (
        Turn("Host", "Hello there.", voice="anna", line=4),
        Turn(
            "Guest",
            "You won't believe it!\nIt goes on here\nand here.",
            voice="ben",
            style="excited",
            line=5,
        ),
        Turn("Clara", "Well, I said: no.", voice="clara", overlap=0.3, line=8),
        Turn("Host", "Let's see.", voice="anna", style="calm", gap=1.0, line=10),
        Turn("Guest", "[pause 1s] Yes.", voice="ben", style="cheerful", line=11),
        Turn("Guest", "A scene later.", voice="ben", style="cheerful", gap=SCENE_GAP, line=13),
    )


@pytest.mark.parametrize(
    "text",
    [
        "ANNA: Hi.",
        "anna : Hi.",
        "Anna:Hi.",
        "Anna:\n  Hi.",
        "Anna:\nHi.",
        "**Anna:** Hi.",
        "**Anna**: Hi.",
        "\ufeffAnna: Hi.\r\n",
        "\n\n   Anna: Hi.\n   \n",
    ],
)
def test_ways_to_write_a_turn(text):
    (turn,) = parse_script(text, VOICES)
    assert (turn.speaker.lower(), turn.voice, turn.text) == ("anna", "anna", "Hi.")
    assert turn.gap is None


def test_names_of_several_words_and_of_all_alphabets():
    script = "@Dr. Zoë O'Neill = anna\n@Жанна = clara\nDr.  Zoë O'Neill (calm): Hi.\nЖАННА: Да."
    assert parsed(script) == [("Dr. Zoë O'Neill", "anna", "Hi."), ("Жанна", "clara", "Да.")]


def test_a_blend_is_a_voice():
    assert parsed("@Host = anna:0.6+ben:0.4\nHost: Hi.") == [("Host", "anna:0.6+ben:0.4", "Hi.")]


@pytest.mark.parametrize(
    "line", ["https://example.org/", "At half past ten, he said: no.", "10:30 is late.", "(laughs)"]
)
def test_lines_that_name_no_speaker_go_on_with_the_turn(line):
    assert parsed(f"Anna: See\n{line}") == [("Anna", "anna", f"See\n{line}")]


def test_indented_lines_go_on_whatever_they_say():
    assert parsed("Anna: See\n  Bob: no\n  @Ben = no") == [
        ("Anna", "anna", "See\nBob: no\n@Ben = no")
    ]


def test_a_blank_line_within_a_turn_is_a_paragraph():
    one, two = parse_script("Anna: One.\n\n  Two.\n\n\nBen: Three.", VOICES)
    assert (one.text, one.gap) == ("One.\n\nTwo.", None)
    assert two.gap == SCENE_GAP


BAD = {
    "unknown speaker": (
        "Anna: Hi.\nBob: Hi.",
        "Line 2: there is no speaker 'Bob'; the voices are anna, ben, clara",
    ),
    "unknown voice": (
        "@Host = zelda\nHost: Hi.",
        "Line 1: there is no voice 'zelda' for Host; voices: anna",
    ),
    "bold stranger": ("Anna: Hi.\n**Bob:** Hi.", "Line 2: there is no speaker 'Bob'"),
    "nobody speaks": ("\nHello.", "Line 2: nobody says this"),
    "no turns": ("\n \n", "The script has no turns"),
    "cast only": ("@Host = anna", "The script has no turns"),
    "says nothing": ("Anna: Hi.\nBen:\n\nAnna: Well.", "Line 2: Ben says nothing"),
    "late cast": ("Anna: Hi.\n@Host = anna", "Line 2: speakers are cast at the top"),
    "cast twice": ("@Host = anna\n@host = ben", "Line 2: host is cast already"),
    "cast of nobody": ("@ ! = anna", "Line 1: '@ ! = anna' casts nobody"),
    "overlap in the cast": ("@Host = anna, overlap 1s", "Line 1: 'overlap 1s' is no direction"),
    "prose as a direction": (
        "Anna (laughing out loud): Hi.",
        "Line 1: 'laughing out loud' is no direc",
    ),
    "two styles": ("Anna (calm, sad): Hi.", "Line 1: there is more than one style"),
    "no length": ("Anna: Hi.\nBen (overlap): Hi.", "Line 2: 'overlap' is no direction"),
    "odd length": ("Anna: Hi.\nBen (overlap soon): Hi.", "Line 2: 'overlap soon' needs a length"),
    "too long": ("Anna (gap 11s): Hi.", "Line 1: 'gap 11s' is longer than the 10 seconds"),
    "both": ("Anna (gap 1s, overlap 1s): Hi.", "Line 1: Give a turn an overlap or a gap, not both"),
    "odd style": ("Anna (c@lm): Hi.", "Line 1: 'style c@lm' needs one name"),
}


@pytest.mark.parametrize("case", BAD)
def test_mistakes_are_one_line_with_its_number(case):
    text, reason = BAD[case]
    with pytest.raises(InputError) as caught:
        parse_script(text, VOICES)
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)
    assert caught.value.param == "script"


WORDS = st.text(st.characters(categories=["L", "N"], include_characters=" ,.?!'"), min_size=1)
TEXTS = WORDS.map(lambda w: " ".join(w.split())).filter(bool)
LENGTHS = st.integers(0, 10_000).map(lambda n: n / 1000)
TIMES = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"overlap": LENGTHS}),
    st.fixed_dictionaries({"gap": LENGTHS}),
)


@st.composite
def turns(draw):
    name = draw(st.sampled_from(["Host", "Guest", "anna", "clara"]))
    style = draw(st.none() | st.sampled_from(["calm", "sad"]))
    voice = {"Host": "ben", "Guest": "anna:0.6+ben:0.4"}.get(name, name)
    return Turn(name, draw(TEXTS), voice=voice, style=style, **draw(TIMES))


def written(turn):
    """A turn as one would write it."""
    directions = [turn.style] if turn.style else []
    directions += [f"overlap {turn.overlap}s"] if turn.overlap is not None else []
    directions += [f"gap {turn.gap}s"] if turn.gap is not None else []
    behind = f" ({', '.join(directions)})" if directions else ""
    return f"{turn.speaker}{behind}: {turn.text}"


@settings(deadline=None)
@given(st.lists(turns(), min_size=1, max_size=8))
def test_what_is_written_is_read(given_turns):
    head = ["@Host = ben", "@Guest = anna:0.6+ben:0.4"]
    found = parse_script("\n".join([*head, *map(written, given_turns)]), VOICES)
    expected = [
        Turn(t.speaker, t.text, voice=t.voice, style=t.style, overlap=t.overlap, gap=t.gap, line=n)
        for n, t in enumerate(given_turns, 3)
    ]
    assert list(found) == expected


PIECES = st.sampled_from(
    [
        "Anna",
        "Bob",
        "ben",
        ":",
        "(",
        ")",
        "@",
        "=",
        "**",
        "\n",
        "\n\n",
        " ",
        "overlap 1s",
        "calm",
        ",",
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join))
def test_any_text_is_read_or_refused_in_one_sentence(text):
    try:
        found = parse_script(text, VOICES)
    except InputError as error:
        assert str(error)
        return
    assert found
    assert all(t.text and t.voice for t in found)
