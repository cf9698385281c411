"""Stories: merged when they are the same, ranked, and dropped with a reason."""

from datetime import UTC, datetime, timedelta

import pytest

from voxhaus.core.document import Document, Source
from voxhaus.products.briefing.feeds import Feed, FeedReport, FeedRequest
from voxhaus.products.briefing.stories import Article, gather
from voxhaus.products.briefing.topics import topic_of

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def document(title, text="", *, hours=1.0, url="", language="en", topics=()):
    published = None if hours is None else NOW - timedelta(hours=hours)
    return Document(
        title=title,
        text=text,
        source=Source(name="Courier", url=url),
        published=published,
        language=language,
        topics=topics,
    )


def desk(*feeds, topic="", **kw):
    reports = [
        FeedReport(
            request=FeedRequest(address=f"{n}.xml", topic=topic),
            feed=Feed(name=f"Feed {n}", kind="RSS 2.0", documents=tuple(documents)),
        )
        for n, documents in enumerate(feeds)
    ]
    return gather(reports, NOW, **kw)


FLOOD = (
    "The river Senn broke its banks near Low Harrow on Sunday night and flooded forty houses. "
    "Nobody was hurt. Soldiers brought residents to a school on higher ground."
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("River Senn floods Low Harrow", FLOOD), ("River Senn floods Low Harrow", "")),
        (
            ("River Senn floods Low Harrow", FLOOD),
            (
                "Forty houses under water after Senn floods",
                "Forty houses in Low Harrow stand in water after the river Senn broke its banks. "
                "Residents spent the night in a school.",
            ),
        ),
        (
            ("River Senn floods Low Harrow", FLOOD),
            ("A wet night in the valley", "From the agencies. " + FLOOD),
        ),
        (
            ("Ministers sign honey deal", "Ministers signed a deal about honey on Monday."),
            ("Honey deal signed by ministers", "A deal about honey was signed by ministers."),
        ),
    ],
)
def test_the_same_story_is_told_once(one, other):
    (story,) = desk([document(*one)], [document(*other)]).stories
    assert story.coverage == 2
    assert len(story.articles[0].sentences) >= len(story.articles[1].sentences)


def test_one_page_with_different_tracking_is_one_story():
    a = document("Rain falls again", url="https://www.c.example/rain/?utm_source=rss&id=3")
    b = document("Weather: more rain is coming", url="https://c.example/rain?id=3")
    assert len(desk([a], [b]).stories) == 1
    other = document("Weather: more rain is coming", url="https://c.example/rain?id=4")
    assert len(desk([a], [other]).stories) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            ("Council votes to raise bus fares", "Bus fares will rise by a tenth in January."),
            ("Council votes to cut library hours", "Libraries will close on Wednesdays."),
        ),
        (
            ("United beat City in the final", "A late goal decided the match in Port Ellery."),
            ("Rovers beat Wanderers in the final", "Two early goals were enough for Rovers."),
        ),
        (
            ("Weather forecast", "Rain in the north, sun in the south of the island."),
            ("Stock market report", "Shares rose in the morning and fell in the afternoon."),
        ),
    ],
)
def test_different_stories_of_one_subject_are_not_merged(one, other):
    assert len(desk([document(*one)], [document(*other)]).stories) == 2


def test_a_headline_that_returns_days_later_is_another_story():
    text = "Tides, winds and arrivals at the harbour today."
    old = document("The harbour this morning", text, hours=100)
    new = document("The harbour this morning", text, hours=1)
    assert len(desk([new, old]).stories) == 2


def test_newer_higher_and_wider_stories_come_first():
    def first(*feeds):
        return desk(*feeds).stories[0].title

    bees, moon = "Bees return to the old orchard", "Moon seen above the quiet harbour"
    assert first([document(bees, hours=30), document(moon, hours=1)]) == moon
    assert first([document(bees), document(moon)]) == bees
    told_twice = [document(moon, hours=3)], [document(moon, hours=3)]
    assert first([document(bees, hours=3)], *told_twice) == moon


@pytest.mark.parametrize(
    ("doomed", "reason"),
    [
        (document("An old story about the sea", hours=24 * 8), "older than 7 days"),
        (document("Ein Haus am Meer und mehr", language="de-DE"), "its language is 'de-DE'"),
        (document("Новости дня и погода"), "not in the Latin script"),
        (document("Hm", "Yes."), "nothing that makes sense when spoken"),
        (document("Sponsored: buy a boat now", "It is a very good boat."), "an advertisement"),
    ],
)
def test_what_is_dropped_is_dropped_for_a_reason(doomed, reason):
    found = desk([document("Bees return to the old orchard"), doomed])
    assert [s.title for s in found.stories] == ["Bees return to the old orchard"]
    (dropped,) = found.dropped
    assert dropped.document is doomed
    assert reason in dropped.reason


def test_a_sleeping_feed_is_read_from_its_newest_story():
    found = desk([document("An old story about the sea", hours=2000),
                  document("A story that is older still", hours=2000 + 24 * 9)])  # fmt: skip
    assert [s.title for s in found.stories] == ["An old story about the sea"]
    assert [d.reason for d in found.dropped] == ["older than 7 days"]


def test_a_listener_may_reach_back_further():
    documents = [document("An old story about the sea", hours=24 * 20)]
    documents.append(document("Bees return to the old orchard"))
    assert len(desk(documents).stories) == 1
    assert len(desk(documents, max_age=timedelta(days=30)).stories) == 2


def test_dates_in_the_future_and_no_dates_are_survived():
    early = document("Bees return to the orchard", hours=-500)
    undated = document("Moon at sea again", hours=None)
    found = desk([early, undated])
    assert [s.title for s in found.stories] == ["Bees return to the orchard", "Moon at sea again"]


def test_sentences_that_do_not_make_sense_to_the_ear_are_left_out():
    article = Article(
        document(
            "x",
            'Dr. Smith arrived at 3 p.m. He left again soon after. Ok. Visit www.x.example for all '
            'of it. He said: "We have no idea what this was. Send mail to a@b.example for more. '
            "A | B | C | D | E | F and so on and on. The last one has no point",
        ),
        0,
        0,
    )  # fmt: skip
    assert article.sentences == (
        "Dr. Smith arrived at 3 p.m.",
        "He left again soon after.",
        "He said: We have no idea what this was.",
        "The last one has no point.",
    )


@pytest.mark.parametrize(
    ("labels", "url", "text", "topic"),
    [
        (["Football"], "", "", "Sport"),
        (["Opinion", "US politics"], "", "", "Politics"),
        ([], "https://c.example/science/2026/moon-rock", "", "Science"),
        ([], "https://c.example/moon", "Scientists found a fossil of a new species.", "Science"),
        ([], "https://science.example/a", "Nothing to go by.", "General"),
    ],
)
def test_topics(labels, url, text, topic):
    assert topic_of(labels, url, text) == topic


def test_a_listeners_own_topic_wins():
    (story,) = desk([document("Football final tonight", topics=("Sport",))], topic="Town").stories
    assert story.topic == "Town"


def test_hundreds_of_articles_are_cut_with_a_reason():
    many = [
        document(f"Story number {n} about thing{n} and stuff{n}", hours=n / 10) for n in range(450)
    ]
    found = desk(many)
    assert len(found.stories) <= 400
    assert sum(d.reason == "beyond the 400 newest" for d in found.dropped) == 50
