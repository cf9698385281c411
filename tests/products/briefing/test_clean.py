"""Cleaning: what publishers hang around a story is gone, and the story is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxhaus.products.briefing import clean
from voxhaus.products.briefing.html_text import paragraphs, tidy


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("LONDON, Nov 23 (Reuters) - Shares rose on Monday.", "Shares rose on Monday."),
        ("WASHINGTON (AP) — The vote is over.", "The vote is over."),
        ("(Reuters) - Oil fell.", "Oil fell."),
        ("London (CNN)The bridge is open.", "The bridge is open."),
        ("NEW YORK, NY — A bus stopped.", "A bus stopped."),
        ("<p>By Jane Roe, Staff Writer</p><p>It rained.</p>", "It rained."),
        ("By Jane Roe and John de la Poer — It rained.", "It rained."),
        ("<p>It rained.</p><p>The post <a>Rain</a> appeared first on <a>W</a>.</p>", "It rained."),
        ("It rained. The post Rain appeared first on Wet News.", "It rained."),
        ("It rained. <a href='/x'>Continue reading...</a>", "It rained."),
        ("It rained. Read more", "It rained."),
        ("It rained all day. It will sto [&hellip;]", "It rained all day."),
        ("It rained all day. And then…", "It rained all day."),
        ("It rained all day […]", ""),
        ("<p>It rained.</p><p>Sign up for our newsletter</p><p>Share this:</p>", "It rained."),
        ("<p>Photograph: J. Roe/Getty</p><p>It rained.</p>", "It rained."),
        ("It rained. (Reporting by Jane Roe; Editing by John Doe)", "It rained."),
        ("<figure><img><figcaption>Rain</figcaption></figure>It rained.", "It rained."),
        ("<script>if (a < b) x()</script><style>p{}</style>It rained.", "It rained."),
        ("&lt;p&gt;It &amp;amp; she&lt;/p&gt;", "It & she"),
        ("It<br>rained<br/>here.", "It\n\nrained\n\nhere."),
        ("<ul><li><a href=x>One</a></li><li><a>Two</a></li></ul><p>It rained.</p>", "It rained."),
        ("See <a href=x>the map of the flood</a> in <a>Port Ellery</a>, a town of rain.",
         "See the map of the flood in Port Ellery, a town of rain."),
        ("E=mc<sup>2</sup> &lt; 3°", "E=mc < 3°"),
        ("🎉 It \u200brained\u00ad.\u202e", "It rained."),
        ("<p>5 min read</p><p>Published: 3 May 2026</p><p>It rained.</p>", "It rained."),
        ("<div>It <b>rain", "It rain"),
    ],
)  # fmt: skip
def test_only_the_story_is_left(html, text):
    assert clean.body(html, "A headline") == text


@pytest.mark.parametrize(
    "sentence",
    [
        "Published figures show that prices fell by two percent.",
        "Related costs rose faster than income.",
        "Email providers have blocked the messages.",
        "Tesla (TSLA) shares fell on Monday.",
        "Read by millions, the novel won no prize.",
        "Subscribers to the service left in their thousands.",
        "Copyright law will change next year.",
        "By Monday, the water had gone.",
        "More than forty people were saved.",
        "Doctors see more patients than ever before.",
        "The post office on Harbour Street will close.",
    ],
)
def test_news_that_begins_like_boilerplate_stays(sentence):
    assert clean.body(f"<p>{sentence}</p>", "A headline") == sentence


def test_a_paragraph_that_repeats_the_headline_is_left_out():
    assert clean.body("<p>Rain today.</p><p>It rained.</p>", "Rain today") == "It rained."


def test_a_long_paragraph_is_a_report_whatever_it_begins_with():
    long = "Share this view, said the minister, " + "and he went on and on " * 15 + "until noon."
    assert clean.body(long, "x") == long


@pytest.mark.parametrize(
    ("html", "publishers", "title"),
    [
        ("Rain - The Courier", ["The Courier"], "Rain"),
        ("Rain | THE COURIER", ["The Courier"], "Rain"),
        ("Rain - a history", ["The Courier"], "Rain - a history"),
        ("LIVE: Rain in town", [], "Rain in town"),
        ("UPDATE 2-Shares fall", [], "UPDATE 2-Shares fall"),
        ("Breaking: VIDEO | Rain", [], "Rain"),
        ("Rain.", [], "Rain"),
        ("Will it rain?", [], "Will it rain?"),
        ("HEAVY RAIN IN TOWN", [], "Heavy rain in town"),
        ("NATO", [], "NATO"),
        ("A <b>very</b> wet day…", [], "A very wet day"),
        ("Livestock prices rise", [], "Livestock prices rise"),
    ],
)
def test_headlines(html, publishers, title):
    assert clean.headline(html, *publishers) == title


@pytest.mark.parametrize(
    ("html", "address", "title"),
    [
        ("March for life - In Your Area", "https://www.inyourarea.co.uk/news/x", "March for life"),
        (
            "Dog House owner | This Is Local London - This is Local London",
            "https://www.thisislocallondon.co.uk/news/1.dog/",
            "Dog House owner",
        ),
        (
            "A chef behind the food - Hot Dinners",
            "https://hot-dinners.com/2",
            "A chef behind the food",
        ),
        ("A chef - behind the food", "https://hot-dinners.com/2", "A chef - behind the food"),
        ("Hot Dinners", "https://hot-dinners.com/2", "Hot Dinners"),
        ("No title", "https://example.org/", ""),
        ("[Untitled]", "", ""),
        ("A name - Nobody", "http://[broken/", "A name - Nobody"),
    ],
)
def test_a_publisher_is_known_by_its_address(html, address, title):
    assert clean.headline(html, address=address) == title


def test_a_paragraph_of_headline_and_publisher_is_left_out():
    html = "<a>Extinction Rebellion march</a>&nbsp;&nbsp;<font>Wandsworth Guardian</font>"
    address = "https://www.wandsworthguardian.co.uk/news/1/"
    assert clean.body(html, "Extinction Rebellion march", address) == ""
    assert clean.body(html, "Extinction Rebellion march") != ""


def test_a_headline_without_end_is_cut_between_words():
    title = clean.headline("word " * 500)
    assert len(title) <= clean.MAX_TITLE
    assert title.endswith("word")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("World news | The Guardsman", "The Guardsman"),
        ("Aunty News - World", "Aunty News"),
        ("NYC > World News", "NYC"),
        ("Reuterus: Top News", "Reuterus"),
        ("Top stories - Giggle News", "Giggle News"),
        ("The Harbour Courier", "The Harbour Courier"),
        ("Blog of Anna RSS Feed", "Blog of Anna"),
        ("News", "News"),
        ("", ""),
        ("<b>Q&amp;A</b>", "Q&A"),
    ],
)
def test_publishers(title, name):
    assert clean.publisher(title) == name


HTML = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            ["<p>", "</p>", "<", ">", "&", "&lt;", "&#0;", "<figure>", "</figure>", "…", "<!--",
             "<a href='", "-->", "<![CDATA[", "]]>", "&amp;lt;p&amp;gt;", "By Jane Roe", "(AP) — ",
             "\n"]
        ),
    ),
    max_size=25,
).map("".join)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(HTML)
def test_any_html_becomes_plain_lines(html):
    body = clean.body(html, "x")
    for paragraph in body.split("\n\n"):
        assert paragraph == tidy(paragraph), "no control characters, no double spaces"
    assert len(clean.headline(html)) <= clean.MAX_TITLE
    assert len(clean.publisher(html)) <= clean.MAX_NAME


@given(st.text(alphabet=st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=60))
def test_plain_words_are_left_alone(text):
    expected = tidy(text)
    assert paragraphs(text) == ([expected] if expected else [])
