"""Measuring in a process of its own.

Knows: starting one with so many CPUs, its one row of figures, its memory.
Refuses to know: what is measured.

Nothing that one measurement leaves behind (memory, caches, clocks) then helps or hurts another, but
for the bytecode of modules, which every process on a machine finds after the first.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voxhaus.core.errors import VoxhausError
from voxhaus.core.paths import cache_root


def run(module: str, arguments: Sequence[str], cpus: int, what: str) -> dict[str, Any]:
    """The row that `python -m module arguments` prints last, as JSON.

    Args:
        module: to run.
        arguments: for it.
        cpus: that it may use.
        what: is measured, for the message of a failure.

    Raises:
        VoxhausError: the process failed; the message carries its last line.
    """
    allowed = sorted(os.sched_getaffinity(0))[:cpus]
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**_with_bytecode(os.environ), "OMP_NUM_THREADS": str(cpus)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise VoxhausError(f"{what} failed: {last}")
    row: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return row


def _with_bytecode(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with a place for bytecode where it says that none may be written.

    Some containers say so; every start would then compile all modules anew, which takes longer than
    what is measured.
    """
    made = dict(environment)
    if made.pop("PYTHONDONTWRITEBYTECODE", ""):
        made["PYTHONPYCACHEPREFIX"] = str(cache_root() / "bytecode")
    return made


def peak_mb() -> float:
    """Peak memory of this program.

    Linux carries the memory of the process that started this one over into `ru_maxrss`, so a large
    parent would be charged to every child; `VmHWM` begins anew with the program.
    """
    if (kilobytes := _status("VmHWM:")) is not None:
        return kilobytes / 1024
    unit = 2**20 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def memory_mb() -> float:
    """Memory of this program now; its peak where the system does not tell."""
    kilobytes = _status("VmRSS:")
    return peak_mb() if kilobytes is None else kilobytes / 1024


def _status(name: str) -> int | None:
    status = Path("/proc/self/status")
    for line in status.read_text("utf-8").splitlines() if status.exists() else ():
        if line.startswith(name):
            return int(line.split()[1])
    return None
