"""Feeds as publishers really write them, and things that are no feeds."""

import json
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxhaus.core.document import Source
from voxhaus.products.briefing.charsets import decode
from voxhaus.products.briefing.feeds import Delivery, FeedError
from voxhaus.products.briefing.parse import MAX_ENTRIES, parse
from voxhaus.products.briefing.settings import sample_requests


def read(data, content_type="", url=""):
    raw = data.encode() if isinstance(data, str) else data
    return parse(Delivery(data=raw, content_type=content_type, url=url), "the feed")


def only(data, **more):
    (document,) = read(data, **more).documents
    return document


def item(inner, head=""):
    return (
        f'<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f"<channel><title>T</title>{head}<item>{inner}</item></channel></rss>"
    )


def test_the_three_samples():
    feeds = [
        parse(Delivery(data=open(r.address, "rb").read()), r.address)  # noqa: SIM115, PTH123
        for r in sample_requests()
    ]
    assert [(f.name, f.kind, len(f.documents)) for f in feeds] == [
        ("The Harbour Courier", "RSS 2.0", 6),
        ("Meridian Science", "Atom 1.0", 5),
        ("The Lantern", "JSON Feed 1.1", 6),
    ]
    for feed in feeds:
        for document in feed.documents:
            assert document.title
            assert document.language == "en"
            assert document.source.url.startswith("https://")
            assert document.published.tzinfo is not None
            assert document.topics
            assert "appeared first" not in document.text
            assert "newsletter" not in document.text
            assert "Illustration" not in document.text
            assert "Mara Quill" not in document.text


def test_a_broadcaster_with_cdata_and_one_sentence():
    document = only(
        """<?xml version="1.0" encoding="UTF-8"?><?xml-stylesheet href="/x.xsl" type="text/xsl"?>
        <rss xmlns:media="http://search.yahoo.com/mrss/" version="2.0"><channel>
        <title><![CDATA[Aunty News]]></title><language>en-gb</language><item>
        <title><![CDATA[Storm leaves 'thousands' without power]]></title>
        <description><![CDATA[Engineers are working through the night.]]></description>
        <link>https://www.aunty.example/news/articles/c1?at_medium=RSS&amp;at_campaign=rss</link>
        <guid isPermaLink="false">https://www.aunty.example/news/articles/c1#0</guid>
        <pubDate>Mon, 23 Nov 2026 06:12:44 GMT</pubDate>
        <media:thumbnail width="240" height="134" url="https://i.example/x.jpg"/>
        </item></channel></rss>"""
    )
    assert document.title == "Storm leaves 'thousands' without power"
    assert document.text == "Engineers are working through the night."
    assert document.source.name == "Aunty News"
    assert document.source.url.endswith("c1?at_medium=RSS&at_campaign=rss")
    assert document.published == datetime(2026, 11, 23, 6, 12, 44, tzinfo=UTC)
    assert document.language == "en-gb"


def test_a_newspaper_with_escaped_html_and_a_teaser():
    document = only(
        item(
            "<title>Minister resigns &amp;#8211; what next?</title><link>https://p.example/a</link>"
            "<description>&lt;p&gt;The minister left on Monday. &lt;a href=&quot;x&quot;&gt;"
            "Continue reading...&lt;/a&gt;&lt;/p&gt;</description><dc:creator "
            'xmlns:dc="http://purl.org/dc/elements/1.1/">Jane Roe</dc:creator>'
        )
    )
    assert document.title == "Minister resigns – what next?"
    assert document.text == "The minister left on Monday."
    assert document.published is None


def test_an_aggregator_names_the_publisher_in_the_title_and_lists_links():
    document = only(
        item(
            "<title>Bridge reopens - The Daily Bugle</title>"
            "<link>https://agg.example/rss/articles/CBMi</link>"
            '<source url="https://bugle.example">The Daily Bugle</source>'
            "<description>&lt;ol&gt;&lt;li&gt;&lt;a href='x'&gt;Bridge reopens&lt;/a&gt;&amp;nbsp;"
            "&lt;font color='#6f6f6f'&gt;Bugle&lt;/font&gt;&lt;/li&gt;&lt;li&gt;&lt;a href='y'&gt;"
            "Traffic jams end as bridge reopens&lt;/a&gt;&lt;/li&gt;&lt;/ol&gt;</description>"
        )
    )
    assert document.title == "Bridge reopens"
    assert document.source == Source(
        name="The Daily Bugle", url="https://agg.example/rss/articles/CBMi"
    )
    assert "Traffic" not in document.text


def test_full_content_wins_over_the_teaser():
    document = only(
        item(
            "<title>A</title><description>Teaser only here [&#8230;]</description>"
            "<content:encoded><![CDATA[<p>First whole sentence.</p><p>Second one.</p>"
            "<p>The post <a>A</a> appeared first on <a>T</a>.</p>]]></content:encoded>"
        )
    )
    assert document.text == "First whole sentence.\n\nSecond one."


def test_atom_with_relative_links_and_a_language():
    feed = read(
        """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-US"><title>Blog</title>
        <entry><title type="html">A &lt;em&gt;fine&lt;/em&gt; day</title><link href="/a/1"/>
        <updated>2026-11-23T09:00:00+02:00</updated><summary>Sun was seen.</summary></entry>
        </feed>""",
        url="https://blog.example/feed.xml",
    )
    (document,) = feed.documents
    assert feed.kind == "Atom 1.0"
    assert document.title == "A fine day"
    assert document.source.url == "https://blog.example/a/1"
    assert document.published == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert document.language == "en-US"


def test_rdf():
    feed = read(
        """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns="http://purl.org/rss/1.0/"><channel><title>Old</title></channel>
        <item><title>Still here</title><link>http://o.example/1</link></item></rdf:RDF>"""
    )
    assert (feed.kind, feed.documents[0].title) == ("RSS 1.0", "Still here")


def test_json_feed_with_every_field_of_the_wrong_type():
    feed = read(
        json.dumps(
            {
                "version": 1,
                "title": ["no"],
                "items": [
                    3,
                    {"title": {}, "tags": "x", "content_text": "A < B & C.", "date_published": "?"},
                    {"id": "https://j.example/1", "title": "1 < 2", "tags": [1, "Health"]},
                    {},
                ],
            }
        )
    )
    first, second = feed.documents
    assert (first.title, first.text, first.published) == ("", "A < B & C.", None)
    assert (second.title, second.source.url) == ("1 < 2", "https://j.example/1")
    assert second.topics == ("Health",)
    assert feed.skipped == (("(untitled)", "neither a title nor a text"),)


def test_malformed_xml_gives_what_it_holds():
    feed = read(
        "<rss version='2.0'><channel><title>T</title><item><title>Fish & chips</title>"
        "<description>Prices <b>rise</description></item><item><title>Unclosed"
    )
    assert feed.documents[0].title == "Fish & chips"
    assert "Prices" in feed.documents[0].text


def test_control_characters_and_blank_lines_before_the_declaration():
    document = only("\n\n  <?xml version='1.0'?>" + item("<title>A\x0b\x1f b</title>"))
    assert document.title == "A b"


@pytest.mark.parametrize(
    "date", ["yesterday", "32 Foo 2026", "", "Mon, 23 Nov 99999 06:12:44 GMT", "0000-00-00"]
)
def test_impossible_dates_are_no_dates(date):
    assert only(item(f"<title>A</title><pubDate>{date}</pubDate>")).published is None


def test_dangerous_links_are_left_out():
    for link in ("javascript:alert(1)", "data:text/html,x", "http://a b", 'http://x/"onload='):
        assert only(item(f"<title>A</title><link>{link}</link>")).source.url == ""


def test_a_feed_of_thousands_is_cut():
    rows = "".join(f"<item><title>Item number {i}</title></item>" for i in range(1000))
    assert len(read(f"<rss><channel>{rows}</channel></rss>").documents) == MAX_ENTRIES


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b" \n\t ", "it is empty"),
        (b"PK\x03\x04\0\0\0\0", "binary data"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
        (b"hello there", "neither RSS, Atom nor JSON Feed"),
        (b"<note><to>You</to></note>", "neither RSS, Atom nor JSON Feed"),
        (b"<!DOCTYPE html><html><body>News</body></html>", "a web page, not a feed"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<HTML>", "a web page, not a feed"),
        (b'{"items": 3}', "no JSON Feed"),
        (b'{"items": [', "broken JSON"),
        (b'{"items":' + b"[" * 100_000, "broken JSON"),
    ],
)
def test_what_is_no_feed_is_refused_with_the_reason(data, said):
    with pytest.raises(FeedError, match=said) as caught:
        read(data)
    assert caught.value.bad_input


def test_a_web_page_names_its_feed():
    page = """<!doctype html><html><head><link rel=stylesheet href=x.css>
        <link rel="alternate" type="application/rss+xml" title="News" href="/rss.xml">"""
    with pytest.raises(FeedError, match=r"It names this feed: https://p\.example/rss\.xml$"):
        read(page, url="https://p.example/news/")


def laughs(declaration='<?xml version="1.0"?>'):
    levels = "".join(
        f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' if i else '<!ENTITY l0 "ha">' for i in range(12)
    )
    return (
        f"{declaration}<!DOCTYPE rss [{levels}]><rss><channel><title>&l11;</title></channel></rss>"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32", "latin-1"])
def test_a_billion_laughs_are_refused_before_any_parser_sees_them(encoding, monkeypatch):
    monkeypatch.setattr("feedparser.parse", None)
    data = laughs().encode(encoding)
    tracemalloc.start()
    with pytest.raises(FeedError, match="declares XML entities"):
        read(data)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_outside_entities_are_refused_and_a_harmless_doctype_is_not():
    evil = '<!DOCTYPE rss [<!entity x SYSTEM "file:///etc/passwd">]>' + item("<title>&x;</title>")
    with pytest.raises(FeedError, match="declares XML entities"):
        read(evil)
    old = '<!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "http://n.example/rss-0.91.dtd">'
    assert only(old + item("<title>Fine</title>")).title == "Fine"


@pytest.mark.parametrize(
    ("data", "content_type", "text"),
    [
        ("café".encode(), "", "café"),
        ("café".encode("latin-1"), "", "café"),
        ("“café”".encode("cp1252"), "text/xml; charset=ISO-8859-1", "“café”"),
        ("café".encode("utf-8-sig"), "text/xml; charset=latin-1", "café"),
        ("<?xml?>café".encode("utf-16"), "", "<?xml?>café"),
        ("<?xml?>".encode("utf-16-le"), "", "<?xml?>"),
        ("Привет".encode("koi8-r"), 'text/xml; charset="koi8-r"', "Привет"),
        (
            "<?xml encoding='shift_jis'?>日本".encode("shift_jis"),
            "",
            "<?xml encoding='shift_jis'?>日本",
        ),
        ("日本".encode("iso-2022-jp"), "text/xml; charset=iso-2022-jp", "日本"),
        ("café".encode("latin-1"), "text/xml; charset=nonsense", "café"),
        ("café".encode("latin-1"), "text/xml; charset=utf-8", "caf\ufffd"),
    ],
)
def test_character_sets(data, content_type, text):
    assert decode(data, content_type) == text


@pytest.mark.parametrize("name", ["unicode_escape", "utf-7", "hex", "zlib", "rot13", "punycode"])
def test_codecs_that_are_no_character_sets_are_not_used(name):
    assert decode(b"\\x41+AEE-\xff", f"text/xml; charset={name}") == "\\x41+AEE-ÿ"


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"<rss><item>", b"{", b"<feed>", b"\xff\xfe"])
)
def test_any_bytes_are_a_feed_or_refused_in_a_sentence(data, start):
    try:
        read(start + data)
    except FeedError as error:
        assert str(error).startswith("the feed: ")
