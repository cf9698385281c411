"""Feeds that would end or stall a briefing; each of these once did."""

import html
import time

import pytest

from voxhaus.products.briefing import clean
from voxhaus.products.briefing.feeds import Delivery
from voxhaus.products.briefing.parse import parse

ITEM = "<item><title>A bridge opens over the Senn</title>{}</item>"


def read(item="", before=""):
    feed = f'<?xml version="1.0"?>{before}<rss version="2.0"><channel><title>The Test</title>'
    return parse(Delivery(data=f"{feed}{ITEM.format(item)}</channel></rss>".encode()), "the feed")


@pytest.mark.parametrize("link", ["http://[", "http://[::1", "http://a\uff0fb.example/x"])
def test_a_link_that_is_no_address_costs_the_link_and_not_the_briefing(link):
    assert read(f"<link>{link}</link>").documents[0].source.url == ""


def test_declarations_of_word_processors_are_left_out():
    text = html.escape("The bridge opened. <![ if gte mso 9]> It carries trams.")
    document = read(f"<description>{text}</description>").documents[0]
    assert document.text == "The bridge opened. It carries trams."


def test_a_tag_that_was_cut_off_is_not_read_aloud():
    assert clean.body("<p>The bridge opened on Monday.</p><a hre", "") == (
        "The bridge opened on Monday."
    )


def test_angle_brackets_in_quotes_and_in_prose_survive():
    assert clean.body('<img alt="a < b" src="x">He paid <5 crowns.', "") == "He paid <5 crowns."


def test_many_comments_before_the_feed_are_read():
    assert read(before="<!-- a -->\n" * 60).kind == "RSS 2.0"


@pytest.mark.parametrize("piece", ["<a ", '<a x="', "<!--", "<!", "."])
def test_what_never_ends_takes_no_longer_for_being_long(piece):
    # Not a measurement: what this guards against took minutes, and it takes milliseconds.
    begun = time.process_time()
    clean.body("The bridge opened. " + piece * (40_000 // len(piece)) + "x", "")
    assert time.process_time() - begun < 10
