"""The machine and the code that a figure came from.

Knows: processor, memory, versions, commit. Refuses to know: figures.
"""

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd")
_PACKAGES = ("numpy", "onnxruntime", "hibari-tts", "piper-tts")


def _cpu_line(name: str) -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text("utf-8").splitlines() if info.exists() else ():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""


def commit() -> str:
    """The commit of the working folder, marked when there are changes beside it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


@cache
def instructions() -> tuple[str, ...]:
    """Of the instruction sets that matter for speed, those that the processor has."""
    flags = set((_cpu_line("flags") or _cpu_line("Features")).split())
    return tuple(f for f in _FLAGS if f in flags)


def describe() -> dict[str, str]:
    """Name -> value, all of it text."""
    versions = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _cpu_line("model name") or platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "instructions": " ".join(instructions()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": ", ".join(versions),
        "commit": commit(),
    }


def load() -> str:
    """Programs that wanted a CPU in the last minute, on average."""
    return f"{os.getloadavg()[0]:.1f}"
