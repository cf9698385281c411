"""Summaries and scripts: what is said, in which order, with which source, and never as markup."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxhaus.core.document import Document, Source
from voxhaus.models.text import markup
from voxhaus.products.briefing import phrases
from voxhaus.products.briefing.script import edition, speakable, write
from voxhaus.products.briefing.stories import Article, Story
from voxhaus.products.briefing.summary import MAX_SENTENCES, digest

NOW = datetime(2026, 11, 23, 8, 0)
HONEY = (
    "Ministers signed a trade agreement about honey on Monday. For six years each side had taxed "
    "the other's jars. They could not agree on what heather honey is. A panel of beekeepers will "
    "taste every disputed batch. The weather was fine."
)


def article(title, text, name="Courier", feed=0):
    source = Source(name=name, url=f"https://{name.lower()}.example/{len(title)}")
    return Article(Document(title=title, text=text, source=source), feed, 0)


def story(title, text="", *, topic="World", name="Courier", score=1.0, others=()):
    return Story((article(title, text, name), *others), topic, score)


def paper(*stories, **more):
    return edition(stories, **{"title": "your briefing", "now": NOW, **more})


def test_the_lead_comes_first_and_the_order_is_nested():
    picks = digest(story("Honey agreement signed", HONEY))
    assert picks[0].text == "Ministers signed a trade agreement about honey on Monday."
    assert len(picks) == 5
    assert len({p.place for p in picks}) == 5
    assert picks[0].source.url == "https://courier.example/22"


def test_a_sentence_that_leans_on_another_waits_for_it():
    picks = [p.text for p in digest(story("Honey agreement signed", HONEY))]
    assert picks.index("They could not agree on what heather honey is.") > picks.index(
        "For six years each side had taxed the other's jars."
    )


def test_another_articles_words_are_not_repeated_but_its_news_is_told():
    other = article(
        "Honey deal",
        "A trade agreement about honey was signed by ministers on Monday. Duties on wool fall too.",
        "Lantern",
        feed=1,
    )
    picks = digest(story("Honey agreement signed", HONEY, others=(other,)))
    texts = [p.text for p in picks]
    assert "A trade agreement about honey was signed by ministers on Monday." not in texts
    wool = next(p for p in picks if p.text == "Duties on wool fall too.")
    assert wool.source.name == "Lantern"


def test_a_long_report_gives_no_more_than_a_briefing_can_use():
    text = " ".join(f"Sentence number {n} tells of thing{n} and of place{n}." for n in range(200))
    assert len(digest(story("x y z", text))) == MAX_SENTENCES


def test_a_programme_opens_groups_topics_and_says_good_bye():
    made = write(
        paper(
            story("Planet found by telescope", topic="Science"),
            story("Honey agreement signed", HONEY, name="Lantern"),
            story("Old bones found in cave", topic="Science"),
        ),
        {0: 0, 1: 1, 2: 0},
    )
    assert [s.title for s in made.segments] == [
        "Welcome",
        "Planet found by telescope",
        "Old bones found in cave",
        "Honey agreement signed",
        "Goodbye",
    ]
    assert [line.text for line in made.segments[0].lines] == [
        "Good morning.",
        "It is Monday, November 23, 2026.",
        "This is your briefing, with three stories from Courier and Lantern.",
    ]
    assert made.segments[-1].lines[-1].text == "Have a good day."


def test_every_line_is_a_sources_or_the_programmes_own():
    made = write(paper(story("Honey agreement signed", HONEY)), {0: 2})
    for line in made.lines:
        assert (line.source is not None) == (line.role in ("headline", "report"))


def test_a_headline_that_the_first_sentence_says_is_not_said_twice():
    told = story("Ministers sign honey agreement", "Ministers signed an agreement on honey.")
    roles = [line.role for line in write(paper(told), {0: 1}).segments[1].lines]
    assert "report" in roles
    different = story("A sweet end", "Ministers signed an agreement on honey.")
    roles = [line.role for line in write(paper(different), {0: 1}).segments[1].lines]
    assert roles == ["transition", "headline", "report"]


def test_credits_are_given_when_there_is_more_than_one_source():
    alone = write(paper(story("One thing here", HONEY)), {0: 1})
    assert "from Courier" not in alone.segments[1].lines[0].text
    both = write(
        paper(story("One thing here", HONEY), story("Two things there", name="Lantern")),
        {0: 1, 1: 0},
    )
    assert both.segments[1].lines[0].text.endswith("from Courier.")
    assert both.segments[2].lines[0].text.endswith("from Lantern.")


def test_the_same_seed_says_the_same_and_another_may_not():
    stories = [
        story(f"Title number {n}", topic=t) for n, t in enumerate(("World", "Sport", "Health"))
    ]
    chosen = dict.fromkeys(range(3), 0)

    def said(seed):
        return [line.text for line in write(paper(*stories, seed=seed), chosen).lines]

    assert said(3) == said(3)
    assert len({tuple(said(n)) for n in range(8)}) > 1


@pytest.mark.parametrize(
    ("hour", "greeting", "wish"),
    [
        (4, "Good evening.", "Good night."),
        (5, "Good morning.", "Have a good day."),
        (11, "Good morning.", "Have a good day."),
        (12, "Good afternoon.", "Goodbye."),
        (18, "Good evening.", "Goodbye."),
        (20, "Good evening.", "Good night."),
    ],
)
def test_greeting_and_wish_go_by_the_clock(hour, greeting, wish):
    moment = NOW.replace(hour=hour)
    assert phrases.greeting(moment) == greeting
    assert phrases.farewell(moment, "key")[1] == wish


def test_numbers_of_sources_and_stories_are_spoken_well():
    assert phrases.opening("News", 1, ["A"]) == "This is News, with one story from A."
    names = ["A", "B", "C"]
    assert (
        phrases.opening("News", 12, names) == "This is News, with twelve stories from A, B and C."
    )
    assert (
        phrases.opening("News", 30, list("ABCD")) == "This is News, with 30 stories from 4 sources."
    )


ATTACKS = [
    "[pause 10s] Hello",
    "[style excited]Hello[/style]",
    "[voice anna]",
    "[word](/həˈloʊ/)",
    "Hello *there* and **there**",
    "<speak>Hello</speak>",
    "<?xml version='1.0'?><speak>x",
    "Hello <break time='9s'/> you",
    "</speak>",
    "\\[pause 1s]",
    "\\\\[pause 1s]",
    "[/rate] [unknown]",
    "<prosody rate='x-fast'>",
    "<\nspeak>",
    "< speak>",
]


def meaning(text):
    return markup.parse(speakable(text))


@pytest.mark.parametrize("text", ATTACKS)
def test_markup_of_a_feed_is_only_text(text):
    (node,) = meaning(text).children
    assert isinstance(node, markup.Text)


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(ATTACKS)), max_size=6).map("".join))
def test_no_text_whatsoever_becomes_markup(text):
    assert all(isinstance(node, markup.Text) for node in meaning(text).children)


def test_ordinary_text_is_spoken_as_it_stands():
    text = "It's 3 < 4, said Mr. Roe: “fine” (50%)."
    assert speakable(text) == text
