"""Modules open with what they know and refuse to know, and none is a grab-bag."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "voxhaus"
MODULES = sorted(SOURCE.rglob("*.py"))
GRAB_BAGS = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "stuff"}


def test_there_are_modules_to_look_at():
    assert len(MODULES) > 30


def names_of(path):
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=names_of)
def test_module_opens_with_what_it_knows(path):
    tree = ast.parse(path.read_text("utf-8"))
    if path.name == "__init__.py" and not tree.body:
        return
    said = ast.get_docstring(tree) or ""
    assert "Knows:" in said, f"{names_of(path)}: the docstring has no 'Knows:'"
    assert "Refuses to know:" in said, f"{names_of(path)}: no 'Refuses to know:'"


def test_no_module_is_a_grab_bag():
    assert [names_of(p) for p in MODULES if GRAB_BAGS & {p.stem, p.parent.name}] == []
