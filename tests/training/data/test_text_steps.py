"""Extraction, normalising, scrubbing and language: text in, text out."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxhaus.core.errors import InputError
from voxhaus.training.data import extract
from voxhaus.training.data.documents import Document
from voxhaus.training.data.normalise import Normalise, normalise
from voxhaus.training.data.personal import ScrubPersonal, scrub
from voxhaus.training.data.steps import Refusal, Tally, apply_steps, run_steps


def document(text):
    return Document(id="1", text=text, source="s", licence="l")


# --- extract


def test_html_gives_its_paragraphs_only():
    page = """<html><head><title>No</title><style>p{}</style></head><body class="wy-body-for-nav">
    <nav><ul><li>Menu<li>More</ul></nav><div class="sphinxsidebar"><p>Aside<div><p>deep</div></div>
    <h1>A  title</h1><p>First &amp; <b>bold</b>
    line.<br>Second.<p>Unclosed<pre>code</pre><ul><li>One</li><li>Two</li></ul>
    <script>if (a<b) {}</script><table><tr><td>cell</td></tr></table><div role="navigation">x</div>Tail</body></html>"""
    assert extract.from_html(page).split("\n\n") == [
        "A title", "First & bold line.", "Second.", "Unclosed", "One", "Two", "Tail",
    ]  # fmt: skip


def test_roff_gives_its_running_text():
    source = ".TH LS 1\n.SH NAME\nls \\- list\n.PP\nUse\n.B \\-a\nand\n.BR cat (1).\n.nf\ncode\n.fi\nEnd\\fB now\\fP.\n"
    assert extract.from_roff(source) == "ls - list\n\nUse -a and cat(1). End now."


def test_read_text_knows_encodings_and_refuses_binaries(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("Größe".encode("latin-1"))
    assert extract.read_text(path) == "Größe"
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfhi"))
    assert extract.read_text(tmp_path / "b.gz") == "hi"
    path.write_bytes(b"\x7fELF\0\0\0")
    with pytest.raises(InputError, match="is binary, not text"):
        extract.read_text(path)
    (tmp_path / "c.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="Cannot read"):
        extract.read_text(tmp_path / "c.gz")


def test_a_dictionary_is_read_by_its_index(tmp_path):
    entries = {
        "00-database-short": "About",
        "apple": "apple\n   a fruit",
        "bee": "bee\n   an insect",
    }
    content, index = b"", ""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for word, text in entries.items():
        index += f"{word}\t{digits[len(content)]}\t{digits[len(text)]}\n"
        content += text.encode()
    index += index.splitlines()[1].replace("apple", "apples") + "\n"  # two headwords, one entry
    (tmp_path / "d.dict.dz").write_bytes(gzip.compress(content))
    (tmp_path / "d.index").write_text(index)
    found = list(extract.dictionary_entries(tmp_path / "d.index", tmp_path / "d.dict.dz"))
    assert found == ["apple\n   a fruit", "bee\n   an insect"]


# --- normalise


def test_broken_lines_are_joined_and_verse_is_not():
    prose = "This line was broken by an editor at column seventy-\ntwo, as one sees, and this\none goes on."
    assert (
        normalise(prose)
        == "This line was broken by an editor at column seventytwo, as one sees, and this\none goes on."
    )
    assert (
        normalise("Shall I compare thee\nto a summer's day?")
        == "Shall I compare thee\nto a summer's day?"
    )
    long = "A first long line that fills the whole measure of the page\n"
    assert normalise(long + "and goes on.") == long.strip() + " and goes on."
    assert normalise(long + "- an item") == long + "- an item"


def test_spaces_controls_and_forms_are_uniform():
    assert normalise("a\u00a0 b\u200b\r\n\r\n\r\n  e\u0301  \x07") == "a b\n\n\u00e9"


@given(st.text(st.sampled_from("ab \n-\t.é\u0301\u00a0"), max_size=200))
@settings(deadline=None)
def test_normalising_twice_changes_nothing_more(text):
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\t\n", "empty"),
        ("\x00\x01abc" * 9, "binary"),
        ("\ufffd\ufffdab", "binary"),
    ],
)
def test_what_is_no_text_is_refused(text, reason):
    assert Normalise()(document(text)) == Refusal("normalise", reason)


# --- personal data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to jane.doe+list@mail.example.co.uk today.", "Write to name@example.com today."),
        ("jane (at) site.org", "name@example.com"),
        ("Host 8.8.8.8 answers", "Host 192.0.2.1 answers"),
        ("Host 192.168.1.1 and 127.0.0.1 stay", "Host 192.168.1.1 and 127.0.0.1 stay"),
        ("version 1.2.3.4.5 and 999.1.1.1 stay", "version 1.2.3.4.5 and 999.1.1.1 stay"),
        ("Host 2001:4860:4860::8888 too", "Host 192.0.2.1 too"),
        ("Call +49 30 1234 5678 or (212) 555-1234.", "Call 555-0100 or 555-0100."),
        (
            "In 1914-1918, at 12:30:45, 1,234,567 people, ISBN 978-3-16-148410-0.",
            "In 1914-1918, at 12:30:45, 1,234,567 people, ISBN 978-3-16-148410-0.",
        ),
        ("We met at the dot of nine @ noon.", "We met at the dot of nine @ noon."),
    ],
)
def test_personal_data_is_replaced_and_the_rest_stays(text, expected):
    assert scrub(text) == expected
    assert scrub(expected) == expected
    assert ScrubPersonal()(document(text)).text == expected


# --- steps


def test_steps_stop_at_the_first_refusal_and_are_counted():
    tally = Tally()
    kept = list(run_steps([document("Hello  there."), document("")], [Normalise()], tally))
    assert [d.text for d in kept] == ["Hello there."]
    assert tally.seen == [2, 13] and tally.kept == [1, 12]
    assert dict(tally.refused) == {("normalise", "empty"): 1}
    assert apply_steps(document(""), [Normalise(), ScrubPersonal()]) == Refusal(
        "normalise", "empty"
    )


# --- language


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The old house stands near the river, and nobody has lived in it for many years.", None),
        (
            "Das alte Haus steht am Fluss, und seit vielen Jahren hat niemand darin gewohnt.",
            "another language",
        ),
        (
            "La vieille maison est près de la rivière et personne n'y habite depuis longtemps.",
            "another language",
        ),
    ],
)
def test_language(text, reason):
    pytest.importorskip("py3langid")
    from voxhaus.training.data.language_check import LanguageIs

    result = LanguageIs()(document(text))
    assert result == (Refusal("language", reason) if reason else document(text))


def test_the_probability_decides_too():
    pytest.importorskip("py3langid")
    from voxhaus.training.data.language_check import LanguageIs

    text = "The old house stands near the river, and nobody has lived in it for many years."
    assert LanguageIs(least_probability=1.1)(document(text)) == Refusal(
        "language", "language unsure"
    )
