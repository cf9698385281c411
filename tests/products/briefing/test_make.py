"""The whole story: from feeds to a programme, with everything that can go wrong on the way."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.products.briefing import make, transcript
from voxhaus.products.briefing.feeds import FeedRequest
from voxhaus.products.briefing.settings import SAMPLE_NOTE, load_settings, sample_requests

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "briefing_sample.md"
NOW = datetime(2026, 3, 16, 7, 30, tzinfo=UTC)


def order(*addresses, minutes=3.0, **more):
    requests = tuple(FeedRequest(address=str(a)) for a in addresses) or sample_requests()
    return make.Order(requests=requests, now=NOW, minutes=minutes, **more)


def test_the_sample_is_told_as_it_always_was(speaker, cache):
    made = make.make_briefing(order(note=SAMPLE_NOTE), speaker, cache)
    text = transcript.markdown("your briefing", NOW, made.recording)
    assert text == GOLDEN.read_text("utf-8"), "if the change is meant, write the file anew"


@pytest.mark.parametrize("minutes", [0.5, 1, 2, 3, 5, 7])
@pytest.mark.parametrize("note", ["", SAMPLE_NOTE])
def test_the_sample_fits_any_length_it_has_material_for(speaker, cache, minutes, note):
    made = make.make_briefing(order(minutes=minutes, note=note), speaker, cache)
    assert made.on_time
    assert abs(made.seconds - minutes * 60) <= 0.1 * minutes * 60
    assert made.warnings() == []


@pytest.mark.parametrize("drift", [0.7, 0.9, 1.2, 1.5])
def test_a_voice_that_takes_longer_than_it_said_is_corrected(drifting_speaker, cache, drift):
    made = make.make_briefing(order(minutes=2), drifting_speaker(drift), cache)
    assert made.on_time
    assert abs(made.predicted_seconds - made.seconds) > 5


def test_too_little_material_is_said(speaker, cache):
    made = make.make_briefing(order(minutes=30), speaker, cache)
    assert made.short_of_material
    assert not made.on_time
    (warning,) = made.warnings()
    assert re.fullmatch(
        r"There was not more to say: \d+ min \d\d s instead of 30 min 00 s\. Add feeds .*", warning
    )
    assert len(made.fit.chosen) == len(made.paper.stories)


def test_stories_of_several_feeds_are_merged(speaker, cache):
    made = make.make_briefing(order(), speaker, cache)
    told_twice = {s.publishers for s in made.paper.stories if s.coverage == 2}
    assert told_twice == {
        ("The Harbour Courier", "The Lantern"),
        ("Meridian Science", "The Harbour Courier"),
    }


def test_every_sentence_keeps_its_source(speaker, cache):
    made = make.make_briefing(order(), speaker, cache)
    report = make.record(made, {})
    texts = {d.title: d for r in made.reports for d in r.feed.documents}
    whole = "\n".join(d.text.replace("\n\n", " ") for d in texts.values())
    sourced = [s for s in report["sentences"] if s["source"]]
    assert len(sourced) > 10
    for sentence in sourced:
        assert sentence["source"]["url"].startswith("https://")
        assert sentence["text"] in whole or sentence["text"].rstrip(".") in texts
    own = {s["role"] for s in report["sentences"] if not s["source"]}
    assert own == {"greeting", "transition", "farewell"}


def test_a_failing_feed_is_reported_and_the_rest_goes_on(speaker, cache, serve, rss, tmp_path):
    body = rss(("Moon seen over the harbour", "The moon rose at nine over it.", "http://x/1", ""))
    server = serve(
        {
            "/good": lambda h: h.answer(body),
            "/gone": lambda h: h.answer(status=410),
            "/page": lambda h: h.answer(b"<!doctype html><html>"),
        }
    )
    (tmp_path / "noise.bin").write_bytes(b"\0\1\2\3")
    paths = [f"{server.url}/{p}" for p in ("gone", "good", "page")]
    made = make.make_briefing(order(*paths, tmp_path / "noise.bin", minutes=0.5), speaker, cache)
    assert [r.error is None for r in made.reports] == [False, True, False, False]
    report = make.record(made, {})
    said = [f["error"] for f in report["feeds"]]
    assert "the server answered 410 Gone" in said[0]
    assert "a web page, not a feed" in said[2]
    assert "binary data" in said[3]
    assert report["warnings"][:3] == [said[0], said[2], said[3]]
    assert [s["title"] for s in report["stories"]] == ["Moon seen over the harbour"]


def test_when_every_feed_fails_the_fault_is_named(speaker, cache, serve, tmp_path):
    server = serve({"/gone": lambda h: h.answer(status=410)})
    with pytest.raises(InputError, match=r"missing\.xml: there is no such file"):
        make.make_briefing(order(tmp_path / "missing.xml"), speaker, cache)
    with pytest.raises(VoxhausError, match=r"None of the 2 feeds .* 410 Gone.* no such") as caught:
        make.make_briefing(order(f"{server.url}/gone", tmp_path / "missing.xml"), speaker, cache)
    assert not isinstance(caught.value, InputError), "a server's fault is not bad input"


def test_feeds_with_nothing_to_tell_say_why(speaker, cache, rss, tmp_path):
    (tmp_path / "empty.xml").write_bytes(rss())
    with pytest.raises(VoxhausError, match=r"There are no stories in .*empty\.xml"):
        make.make_briefing(order(tmp_path / "empty.xml"), speaker, cache)
    german = rss(("Ein Haus am Meer", "Es steht dort.", "", ""), language="de")
    (tmp_path / "de.xml").write_bytes(german)
    with pytest.raises(VoxhausError, match="its language is 'de'; the voice speaks English"):
        make.make_briefing(order(tmp_path / "de.xml"), speaker, cache)


def test_hostile_stories_are_spoken_as_text(speaker, cache, rss, tmp_path):
    feed = rss(
        (
            "[pause 9s] Moon [/style] &amp;lt;speak&amp;gt; seen",
            "The *moon* rose [voice anna] at nine. It said &amp;lt;break/&amp;gt; nothing.",
            "javascript:alert(1)",
            "",
        ),
        title="[style angry]Evil News[/style]",
    )
    (tmp_path / "f.xml").write_bytes(feed)
    made = make.make_briefing(order(tmp_path / "f.xml", minutes=0.5), speaker, cache)
    assert any("\\[pause 9s\\]" in said for said in speaker.said)
    assert not any(re.search(r"(?<!\\)\[|<(?=[a-z/])", said) for said in speaker.said)
    assert "javascript" not in json.dumps(make.record(made, {}))


def test_a_name_and_topic_of_the_listeners_own(speaker, cache, rss, tmp_path):
    body = rss(("Moon seen over the harbour", "The moon rose at nine over it.", "", ""))
    (tmp_path / "f.xml").write_bytes(body)
    address = str(tmp_path / "f.xml")
    wanted = make.Order(
        requests=(FeedRequest(address=address, name="Anna's paper", topic="the sky"),),
        now=NOW,
        minutes=0.5,
    )  # fmt: skip
    made = make.make_briefing(wanted, speaker, cache)
    texts = [line.text for line in made.fit.script.lines]
    assert any("one story from Anna's paper" in t for t in texts)
    assert any("the sky" in t for t in texts)


def test_a_feed_named_twice_is_read_once(speaker, cache):
    address = sample_requests()[0].address
    made = make.make_briefing(order(address, address, minutes=1), speaker, cache)
    assert len(made.reports) == 1


def test_the_same_order_makes_the_same_programme(drifting_speaker, cache):
    one, two = (make.make_briefing(order(seed=5), drifting_speaker(), cache) for _ in "ab")
    np.testing.assert_array_equal(one.recording.speech.samples, two.recording.speech.samples)
    assert one.recording.cues == two.recording.cues


def test_steps_are_told(speaker, cache):
    steps = []
    make.make_briefing(order(), speaker, cache, lambda *step: steps.append(step))
    assert steps[:3] == [("reading", n, 3) for n in (1, 2, 3)]
    name, done, total = steps[-1]
    assert (name, done) == ("speaking", total)


@pytest.mark.parametrize("minutes", [0, -1, 0.4, 61, float("inf"), float("nan")])
def test_impossible_lengths(speaker, cache, minutes):
    with pytest.raises(InputError, match=r"A briefing takes 0\.5 to 60 minutes"):
        make.make_briefing(order(minutes=minutes), speaker, cache)


def test_a_wrong_voice_is_found_before_any_feed_is_read(speaker, cache, serve):
    server = serve({"/f": lambda h: h.answer(b"")})
    with pytest.raises(InputError, match="no voice 'nobody'"):
        make.make_briefing(order(f"{server.url}/f", voice="nobody"), speaker, cache)
    assert server.seen == []


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (182, "3 min 02 s")]
)
def test_lengths_for_people(seconds, said):
    assert make.spelled_seconds(seconds) == said


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Write voxhaus.toml and load its settings."""
    path = tmp_path / "voxhaus.toml"
    monkeypatch.setenv("VOXHAUS_CONFIG", str(path))

    def write(text):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_settings()

    return write


def test_settings_without_a_file_are_the_defaults(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CONFIG", str(tmp_path / "none.toml"))
    found = load_settings()
    assert (found.minutes, found.title, found.requests()) == (3.0, "your briefing", ())


def test_settings_name_feeds_in_two_ways(configured, tmp_path):
    found = configured(
        """[briefing]
        minutes = 5
        title = "the morning show"
        feeds = ["https://a.example/f", "local.xml", {url = "https://b.example", name = "B"}]
        """
    )
    assert found.minutes == 5
    assert found.requests() == (
        FeedRequest(address="https://a.example/f"),
        FeedRequest(address=str(tmp_path / "local.xml")),
        FeedRequest(address="https://b.example", name="B"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[briefing]\nminuets = 3",
            r"briefing\.minuets is not a setting; there are feeds, minutes",
        ),
        ("[breifing]\nminutes = 3", r"nothing reads 'breifing'; there is \[briefing\]"),
        (
            "[briefing]\nminutes = 300",
            r"briefing\.minutes: input should be less than or equal to 60",
        ),
        (
            "[briefing]\nfeeds = [{url = 'x', nmae = 'y'}]",
            r"briefing\.feeds\.0\.nmae is not a setting",
        ),
        ("[briefing]\nfeeds = [3]", r"briefing\.feeds\.0"),
        ("briefing = 3", r"\[briefing\] must be a table"),
        ("[briefing", "is not valid TOML"),
        (b"\xff\xfe", "is not valid TOML"),
    ],
)
def test_broken_settings_are_named(configured, text, said):
    with pytest.raises(InputError, match=said):
        configured(text)
