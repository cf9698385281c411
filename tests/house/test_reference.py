"""The command line's reference is what the commands say of themselves."""

from voxhaus.cli import reference


def test_reference_is_fresh():
    assert reference.PAGE.read_text("utf-8") == reference.page(), (
        "docs/reference/cli.md is stale: run `just docs` and commit the page"
    )


def test_every_option_says_what_it_is_for():
    silent = [
        line
        for line in reference.page().splitlines()
        if line.startswith("| `") and line.split("|")[2].strip() == ""
    ]
    assert silent == []
