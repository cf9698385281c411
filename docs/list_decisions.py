"""Writes `docs/decisions/README.md`: one line for each decision, by its title.

Knows: the pages of that folder.
Refuses to know: what was decided.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "decisions"

HEAD = """\
# Decisions

One page for each: what was decided, why, and what was not taken. Written by `just docs`.

"""


def main() -> None:
    """Write the list."""
    pages = sorted(p for p in FOLDER.glob("*.md") if p.name != "README.md")
    titles = [p.read_text("utf-8").splitlines()[0].removeprefix("# ") for p in pages]
    lines = [f"- [{title}]({page.name})\n" for title, page in zip(titles, pages, strict=True)]
    (FOLDER / "README.md").write_text(HEAD + "".join(lines), "utf-8")


if __name__ == "__main__":
    main()
