"""The lock names public addresses only, and no file names the machine it was written on."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "uv.lock"


def test_lock_takes_files_from_the_public_index_only():
    hosts = set(re.findall(r"https?://([^/\"]+)", LOCK.read_text("utf-8")))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}
    assert "file://" not in LOCK.read_text("utf-8")


def test_no_committed_file_names_a_machines_folders():
    # Spelled so that this line is not itself a finding.
    places = ["/ro" + "ot/", "/wo" + "rk/", "file:///op" + "t"]
    patterns = [part for place in places for part in ("-e", place)]
    done = subprocess.run(
        ["git", "grep", "-nIF", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode > 1:
        pytest.skip(f"not a clone: {done.stderr.strip()}")
    assert done.stdout == ""
