"""`voxhaus doctor`: is everything here that speaking needs? Or, of a file: where is it from?

Knows: what to look at, and what counts as a problem.
Refuses to know: how to repair it; each problem says what to do.
"""

import os
import platform
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from voxhaus.cli.models import describe
from voxhaus.cli.origin import show_origin
from voxhaus.cli.terminal import AsJson, print_json
from voxhaus.core.paths import cache_root, config_file, weights_root

# What decides how fast a model runs on this processor.
CPU_FEATURES = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
    "i8mm",
    "bf16",
)
# The distribution whose presence says that an extra is installed.
EXTRAS = {
    "aac": "av",
    "credentials": "c2pa-python",
    "train": "openvino",
    "evaluate": "distillmos",
    "peers": "hibari-tts",
    "server": "fastapi",
    "postgres": "psycopg",
    "telemetry": "opentelemetry-sdk",
    "text": "xllamacpp",
    "convert": "gguf",
    "json": "llguidance",
    "listen": "faster-whisper",
    "scale": "ray",
}


def doctor(
    file: Annotated[
        Path | None,
        typer.Argument(help="An audio file, to be looked at instead.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the installation: Python, packages, processor, weights, configuration, cache.

    Exit status 1 when something stands in the way of speaking.

    With a file: where it says that it comes from, and whether content credentials (C2PA) in it are
    valid, invalid, of an untrusted issuer, or not there. VOXHAUS_C2PA_TRUST names a PEM file of
    issuers to trust. With --json: path, format, provenance, credentials (state, problems, signer,
    generator, digital_source_type). Exit status 1 when the credentials are invalid.
    """
    if file:
        show_origin(file, as_json)
        return
    weights, problems = _weights()
    config, wrong = _config()
    problems += wrong
    report: dict[str, Any] = {
        "ok": not problems,
        "voxhaus": metadata.version("voxhaus"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "packages": _packages(),
        "extras": {extra: _installed(name) for extra, name in EXTRAS.items()},
        "weights": weights,
        "config": config,
        "cache": {"path": str(cache_root()), "bytes": _size(cache_root())},
        "problems": problems,
    }
    if as_json:
        print_json(report)
    else:
        _show(report)
    if problems:
        raise typer.Exit(1)


def _show(report: dict[str, Any]) -> None:
    cpu, cache, config = report["cpu"], report["cache"], report["config"]
    extras = ", ".join(f"{k} {'yes' if v else 'no'}" for k, v in report["extras"].items())
    rows = {
        "voxhaus": report["voxhaus"],
        "python": f"{report['python']} ({sys.executable})",
        "platform": report["platform"],
        "processor": f"{cpu['usable']} CPUs; {' '.join(cpu['features']) or 'no known features'}",
        "packages": ", ".join(f"{k} {v}" for k, v in report["packages"].items()),
        "extras": extras,
        "config": config["path"] if config["present"] else f"{config['path']} (not there)",
        "cache": f"{cache['path']} ({cache['bytes'] / 1e6:.1f} MB)",
    }
    for name, value in rows.items():
        typer.echo(f"{name:<10} {value}")
    for m in report["weights"]:
        state = "; ".join(m["problems"]) or "checksums ok"
        typer.echo(
            f"{'weights':<10} {m['model']} {m['version']}: {m['bytes'] / 1e6:.1f} MB, {state}"
        )
    for problem in report["problems"]:
        typer.secho(f"{'problem':<10} {problem}", fg="red")
    if report["ok"]:
        typer.secho("All is well.", fg="green")


def _weights() -> tuple[list[dict[str, Any]], list[str]]:
    from voxhaus.runtime.weights import available

    found = [describe(model, version) for model, version in available()]
    problems = [f"{m['model']} {m['version']}: {p}" for m in found for p in m["problems"]]
    if not found:
        problems = [f"No model weights in {weights_root()}: reinstall voxhaus."]
    return found, problems


def _config() -> tuple[dict[str, Any], list[str]]:
    path = config_file()
    about = {"path": str(path), "present": path.is_file()}
    try:
        if path.is_file():
            tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return about, [f"{path} cannot be read: {error}"]
    return about, []


def _cpu() -> dict[str, Any]:
    try:
        known = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        known = set()
    if hasattr(os, "sched_getaffinity"):
        usable = len(os.sched_getaffinity(0))
    else:
        usable = os.cpu_count() or 1
    return {
        "machine": platform.machine(),
        "usable": usable,
        "features": [f for f in CPU_FEATURES if f in known],
    }


def _packages() -> dict[str, str | None]:
    names = ("numpy", "onnxruntime", "soundfile", "httpx", "feedparser", "pydantic", "typer")
    return {name: _installed(name) for name in names}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _size(folder: Path) -> int:
    """Bytes below a folder; what disappears or cannot be read meanwhile does not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except OSError:
                continue
    return total
