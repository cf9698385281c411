import json
from collections import Counter

import pytest

from voxhaus.evals import language_tasks, text_scores
from voxhaus.training.language.tasks import (
    build,
    definitions,
    facts,
    identity,
    instructions,
    material,
    reading,
    small_talk,
    spoken,
    summaries,
    unknown,
)
from voxhaus.training.language.tasks.conversation import (
    Conversation,
    dice,
    distinct,
    is_held_out,
    refusal,
)


def made(user="What is an oar?", answer="A pole for rowing.", item="word:oar", **more):
    given = {
        "task": "definition",
        "kind": "word",
        "source": "voxhaus",
        "licence": "Apache-2.0",
        "messages": (("user", user), ("assistant", answer)),
        "item": item,
    }
    return Conversation(**{**given, **more})


def some_item(held_out):
    return next(i for i in (f"word:w{n}" for n in range(999)) if is_held_out(i) is held_out)


# The record, the split, what is refused


def test_about_eight_in_a_hundred_items_are_held_out_and_case_does_not_matter():
    held = [is_held_out(f"word:{n}") for n in range(10_000)]
    assert 700 < sum(held) < 900
    assert all(is_held_out(f"Word:{n}") == held[n] for n in range(200))


def test_the_split_never_moves():
    """Another salt or hash would put what was learned among the held-out items."""
    assert [n for n in range(60) if is_held_out(f"word:{n}")] == [6, 39, 43, 47, 51]


@pytest.mark.parametrize(
    ("conversation", "reason"),
    [
        (made(), None),
        (made(answer="x" * 1500), "too long"),
        (made(answer=" \n"), "empty turn"),
        (made(answer="Write to anna.b@example.org for it."), "personal data"),
        (made(answer="What a whore."), "slur"),
        (made(answer="Call 030 1234 5678 for it."), "personal data"),
        (made(answer="It has 8,665,550 inhabitants since 1998-2004."), None),
        (made(item=some_item(False), also=(some_item(True),)), "mixes training and held-out items"),
        (made(item=some_item(True), also=(some_item(True),)), None),
    ],
)
def test_what_is_refused(conversation, reason):
    assert refusal(conversation) == reason


def test_the_same_words_come_once():
    same = [made(), made(user="what is an  OAR?"), made(user="What is a boat?")]
    assert [c.messages[0][1] for c in distinct(same)] == ["What is an oar?", "What is a boat?"]


def test_a_line_is_what_the_trainer_reads():
    row = json.loads(made(references=("pole",)).line())
    assert row["messages"][0] == {"role": "user", "content": "What is an oar?"}
    assert row["references"] == ["pole"]
    assert set(row) == {"messages", "task", "kind", "source", "licence", "item", "references"}


def test_dice_depend_on_names_only():
    assert dice("a", "b").random() == dice("a", "b").random() != dice("ab").random()


# Material

NOUNS = """\
  1 This is a licence.
00000001 06 n 02 oar 0 rowing_pole 0 002 @ 00000002 n 0000 ! 00000003 n 0101 | an implement used to propel or steer a boat; "she dipped the oar into the water"
00000002 06 n 01 implement 0 000 | instrumentation (a piece of equipment or tool) used to effect an end
00000004 18 n 02 lout 0 oar 0 000 | (slang) an offensive name for somebody
00000003 06 n 01 sail 0 001 @ 00000002 n 0000 | a large piece of fabric by means of which wind is used to propel a boat
"""
INDEX = """\
  1 This is a licence.
implement n 1 1 @ 1 1 00000002
lout n 1 0 1 0 00000004
oar n 2 1 @ 2 1 00000001 00000004
sail n 1 1 @ 1 1 00000003
"""


@pytest.fixture
def wordnet(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path))
    root = tmp_path / "language/tuning/material/wordnet-base"
    files = root / "usr/share/wordnet"
    files.mkdir(parents=True)
    for name in ("verb", "adj", "adv"):
        (files / f"data.{name}").write_text("")
        (files / f"index.{name}").write_text("")
    (files / "data.noun").write_text(NOUNS)
    (files / "index.noun").write_text(INDEX)
    (files / "cntlist.rev").write_text("oar%1:06:00:: 1 7\n")
    (root / ".complete").touch()
    cached = [f for f in vars(material).values() if hasattr(f, "cache_clear")]
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def test_senses_are_read_as_wordnet_writes_them(wordnet):
    by_word = {s.word: s for s in material.senses()}
    oar = by_word["oar"]
    assert oar.gloss == "an implement used to propel or steer a boat"
    assert oar.examples == ("she dipped the oar into the water",)
    assert (oar.synonyms, oar.antonyms, oar.kinds) == (("rowing pole",), ("sail",), ("implement",))
    assert (oar.count, oar.rank, oar.topic, oar.instance) == (7, 0, 6, False)
    assert by_word["sail"].antonyms == ()


def test_senses_that_wordnet_calls_offensive_are_left_out(wordnet):
    assert [s.word for s in material.senses()] == ["implement", "oar", "sail"]


def test_a_gloss_becomes_a_sentence(wordnet):
    by_word = {s.word: s for s in material.senses()}
    assert definitions.sentence_of(by_word["oar"]) == (
        "An oar is an implement used to propel or steer a boat."
    )
    assert definitions.sentence_of(by_word["implement"]).startswith("Implement means ")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("oar", "an oar"),
        ("boat", "a boat"),
        ("unit", "a unit"),
        ("ewe", "a ewe"),
        ("hour", "an hour"),
        ("urn", "an urn"),
    ],
)
def test_articles(word, said):
    assert definitions.with_article(word) == said


def test_descriptions_are_read_as_debian_writes_them():
    block = "Package: x\nDescription-md5: 1\nDescription-en: tool for x\n First line\n goes on.\n .\n Second.\n"
    found = material.read_description(block)
    assert (found.name, found.synopsis) == ("x", "tool for x")
    assert found.paragraphs == ("First line\ngoes on.", "Second.")
    assert material.read_description("Package: x\nDescription-en: nothing else\n") is None
    assert material.read_description("") is None


def test_a_summary_says_something_of_its_own():
    text = "Zim is a program to keep notes. It stores them as text."
    assert summaries.is_summary("desktop wiki for everyday notes", text)
    assert not summaries.is_summary("program to keep notes", text)  # stands in the text
    assert not summaries.is_summary("Zim wiki (development files)", text)
    assert not summaries.is_summary("notes", text)


def test_facts_lose_years_and_notes():
    profile = {
        "Government": {"Capital": {"name": {"text": "Vienna"}}},
        "People and Society": {"Population": {"text": "8,665,550 (July 2015 est.)"}},
        "Geography": {"Coastline": {"text": "0 km (landlocked); see note"}},
    }
    assert facts.fields(profile) == {
        "capital": "Vienna",
        "population": "8,665,550",
        "coastline": "0 km",
    }


# What is said


def test_spoken_text_has_no_figures():
    said = spoken.spoken("It cost $5.20 in 1998, i.e. 3% more.\n- 2 cars\n- 10 km")
    assert not any(c.isdigit() or c in "$%-" for c in said)
    assert "five dollars" in said
    assert "Ten kilometers" in said


def test_a_number_is_asked_for_only_if_there_is_one():
    assert reading._number("It has 3 modes.") == ("3", "modes")
    assert reading._number("It has 3 modes and two levels.") is None
    assert reading._number("Version 3.1 supports modes.") is None


@pytest.mark.parametrize(
    ("said", "answer", "fit"),
    [
        ("I went to the sea.", "That sounds fun! Where did you go?", True),
        ("I went to the sea.", "What did you do there?", True),
        ("I went to the sea.", "My sister lives there.", False),
        ("I went to the sea.", "That's where I grew up!", False),
        ("I went to the sea.", "Just taking a nap.", False),
        ("How are you?", "That's a good question.", False),  # asks about the assistant
        ("I like Adam.", "That is what he said.", False),
    ],
)
def test_only_reactions_are_taken_from_chats(said, answer, fit):
    assert small_talk.reacts(said, answer) is fit


def test_names_and_rude_words_are_not_small_talk():
    assert small_talk.is_fit("That was a good day.", 3, 20)
    assert not small_talk.is_fit("Then Peter came along.", 3, 20)
    assert not small_talk.is_fit("That was a damn good day.", 3, 20)


@pytest.mark.parametrize("task", [identity.conversations, small_talk.written])
def test_no_written_answer_claims_a_human_life(task):
    said = {c.answer for c in task()}
    assert len(said) > 30
    assert [a for a in said if text_scores.claims_to_be_human(a)] == []


def test_it_names_itself():
    asked = [c for c in identity.conversations() if "What is your name?" in c.item]
    assert asked
    assert all("voxhaus-1-preview" in c.answer for c in asked)


def test_what_cannot_be_known_is_refused_and_what_was_told_is_not():
    things = list(unknown.things())
    assert Counter(c.kind for c in things).keys() == {"future", "personal", "now"}
    assert [c.answer for c in things if not text_scores.refuses(c.answer)] == []
    assert [c.answer for c in unknown.told() if text_scores.refuses(c.answer)] == []
    words = {a.format(w="florbel") for a in unknown._NO_WORD}
    assert all(text_scores.refuses(a) for a in words)


def test_every_rule_is_kept_by_its_answers_and_checked():
    plain = "An oar is a pole. It moves a boat."
    assert set(language_tasks._RULES) == set(instructions.RULES) - {"none"}
    for name, check in language_tasks._RULES.items():
        assert check(instructions.RULES[name][1](plain)), name
        assert not check(plain), name


def test_a_chain_shows_no_held_out_item_in_training():
    items = [some_item(False), some_item(True)]
    pool = [made(user=f"{i} {n}?", item=i) for i in items for n in range(20)]
    chains = list(instructions.chained(pool))
    assert all(len(c.messages) == 4 for c in chains)
    kept = [c for c in chains if refusal(c) is None]
    assert 0 < len(kept) < len(chains)
    assert all(
        is_held_out(c.item) is ("word:w" in c.also[-1] and is_held_out(c.also[-1])) for c in kept
    )


# The build


def test_the_build_splits_by_item_and_counts(tmp_path, monkeypatch):
    words = [f"w{n}" for n in range(300)]
    several = [made(user=f"{form} {w}?", item=f"word:{w}") for w in words for form in ("a", "b")]
    several.append(made(user="A b c?", answer="x@y.de is it", item=some_item(False)))
    monkeypatch.setattr(build, "everything", lambda: iter([*several, several[0]]))
    monkeypatch.setattr(build, "KEPT", 20)
    report = build.build(tmp_path)
    rows = [json.loads(x) for x in (tmp_path / "train.jsonl").read_text().splitlines()]
    kept = [json.loads(x) for x in (tmp_path / "held_out.jsonl").read_text().splitlines()]
    trained, held = {r["item"] for r in rows}, {r["item"] for r in kept}
    assert not trained & held
    assert len(kept) == 20 == report["held_out"]["definition"]
    assert len(rows) == 2 * sum(not is_held_out(f"word:{w}") for w in words)
    assert report["refused"] == {"definition: personal data": 1}
    assert json.loads((tmp_path / "report.json").read_text()) == report
    again = tmp_path / "again"
    build.build(again)
    assert (again / "train.jsonl").read_bytes() == (tmp_path / "train.jsonl").read_bytes()
