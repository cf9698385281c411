"""The README's and the guides' examples work as they stand.

A block that opens with ```sh runnable or ```python runnable is run; the blocks of one page run in
order in one empty folder. Other blocks are not commands for a listener's machine.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
BLOCK = re.compile(r"^```(sh|python) runnable\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(kind, code):
    """The block as a command; `uv run` would build the environment that the test runs in."""
    if kind == "python":
        return [sys.executable, "-c", code]
    return ["bash", "-euo", "pipefail", "-c", re.sub(r"\buv run (?=voxhaus)", "", code)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_examples_run(page, tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for kind, code in BLOCK.findall(page.read_text("utf-8")):
        done = subprocess.run(
            commands(kind, code),
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "VOXHAUS_CONFIG": str(tmp_path / "none.toml")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{page.name}:\n{code}\n{done.stdout}{done.stderr}"


def test_the_readme_has_examples_to_run():
    kinds = {kind for kind, _ in BLOCK.findall(PAGES[0].read_text("utf-8"))}
    assert kinds == {"sh", "python"}
