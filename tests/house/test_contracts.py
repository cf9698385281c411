"""The import contracts notice what they are there for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A line added to a module, and what the checker must then say.
OFFENCES = {
    "torch on the speaking path": (
        "core/paths.py",
        "import torch",
        "voxhaus.core.paths is not allowed to import torch",
    ),
    "an import upwards": (
        "runtime/weights.py",
        "import voxhaus.products.briefing",
        "voxhaus.runtime is not allowed to import voxhaus.products",
    ),
    "siblings": (
        "products/store/__init__.py",
        "import voxhaus.products.orchestrator",
        "voxhaus.products.store is not allowed to import voxhaus.products.orchestrator",
    ),
    "the GPU path on the speaking path": (
        "runtime/voice.py",
        "import voxhaus.runtime.gpu.voice",
        "- voxhaus.runtime.voice -> voxhaus.runtime.gpu.voice",
    ),
    "SQL outside the store": (
        "products/briefing/__init__.py",
        "import sqlalchemy",
        "voxhaus.products.briefing is not allowed to import sqlalchemy",
    ),
    "a room that the design does not have": (
        "attic.py",
        "",
        "- voxhaus.attic",
    ),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """What the checker says of a copy of the source with every offence in it."""
    folder = tmp_path_factory.mktemp("offended")
    data = shutil.ignore_patterns("*.bin", "*.npz", "*.tsv", "*.pyc")
    shutil.copytree(ROOT / "src", folder / "src", ignore=data)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, line, _ in OFFENCES.values():
        with (folder / "src" / "voxhaus" / name).open("a") as module:
            module.write(f"\n{line}\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("offence", OFFENCES)
def test_offence_is_found(offence, findings):
    assert OFFENCES[offence][2] in findings
