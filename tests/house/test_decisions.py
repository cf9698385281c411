"""Every decision has a number of its own and stands in the list."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
PAGES = sorted(p for p in FOLDER.glob("*.md") if p.name != "README.md")


def test_names_are_a_number_and_a_title():
    assert PAGES
    assert [p.name for p in PAGES if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", p.name)] == []


def test_no_number_is_used_twice():
    numbers = [p.name[:4] for p in PAGES]
    assert len(numbers) == len(set(numbers))


def test_every_page_is_listed_under_its_own_title():
    listed = re.findall(r"^- \[(.+?)\]\((.+?)\)$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    titles = [(p.read_text("utf-8").splitlines()[0].removeprefix("# "), p.name) for p in PAGES]
    assert listed == titles, "docs/decisions/README.md is stale: run `just docs`"
