"""What the default install brings is free to use, and is all used."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

SOURCE = Path(__file__).resolve().parents[2] / "src" / "voxhaus"


# GPL or AGPL, but not LGPL, and not with the exception that compilers' run-time libraries have.
COPYLEFT = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|GNU (Affero )?General Public", re.IGNORECASE)
HARMLESS = re.compile(
    r"GPL-[\d.]+(-only|-or-later)?(-with-| WITH )GCC-exception[-\d.]*", re.IGNORECASE
)

# Libraries under the GPL that other packages' wheels are known to carry.
GPL_BINARIES = re.compile(r"lib(x264|x265|espeak|espeak-ng|postproc|rubberband|xvidcore)\b")


def wanted(name, extra=""):
    """Direct requirements of an installed distribution that hold on this machine."""
    needs = [Requirement(r) for r in metadata.requires(name) or []]
    return [r for r in needs if r.marker is None or r.marker.evaluate({"extra": extra})]


def default_distributions():
    """Names of everything that `pip install voxhaus` installs here."""
    found, waiting = set(), [r.name for r in wanted("voxhaus")]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [r.name for r in wanted(name)]
    return sorted(found)


def licence(name):
    about = metadata.metadata(name)
    said = [about.get("License-Expression"), about.get("License")]
    said += [c for c in about.get_all("Classifier", []) if c.startswith("License")]
    return " | ".join(s for s in said if s)


@pytest.mark.parametrize("name", default_distributions())
def test_licence_asks_nothing_of_those_who_use_voxhaus(name):
    said = licence(name)
    assert said, f"{name} states no licence"
    # A long text is the licence itself; its first lines name it.
    assert not COPYLEFT.search(HARMLESS.sub("", said[:300])), f"{name}: {said[:300]}"


@pytest.mark.parametrize("name", default_distributions())
def test_no_wheel_carries_a_gpl_library(name):
    files = [str(f) for f in metadata.files(name) or []]
    assert [f for f in files if GPL_BINARIES.search(f)] == []


@pytest.mark.parametrize("text", ["GPL-3.0-or-later", "GNU General Public License v2", "AGPL-3.0"])
def test_copyleft_is_recognised(text):
    assert COPYLEFT.search(HARMLESS.sub("", text))


@pytest.mark.parametrize("text", ["LGPL-2.1", "BSD AND GPL-3.0-with-GCC-exception", "MIT"])
def test_harmless_licences_are_let_through(text):
    assert not COPYLEFT.search(HARMLESS.sub("", text))


def test_every_default_dependency_is_used():
    code = "\n".join(p.read_text("utf-8") for p in SOURCE.rglob("*.py"))
    unused = [
        r.name
        for r in wanted("voxhaus")
        if not re.search(rf"^\s*(import|from) {r.name}\b", code, re.MULTILINE)
    ]
    assert unused == []
