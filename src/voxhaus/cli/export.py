"""`voxhaus export`: our models for other people's programs.

Knows: arguments and what is reported. Refuses to know: formats.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from voxhaus.cli.terminal import AsJson, print_json, working
from voxhaus.core.errors import InputError

TYPES = {"hf": ("float32", "float16"), "gguf": ("q8_0", "f16", "f32")}
DEFAULTS = {"hf": "float32", "gguf": "q8_0"}

export_app = typer.Typer(help="Our models for other people's programs.")


class Format(StrEnum):
    """Of a text model."""

    hf = "hf"
    gguf = "gguf"


@export_app.callback()
def _group() -> None:
    """Our models for other people's programs."""


@export_app.command("language")
def language(
    model: Annotated[
        str | None,
        typer.Argument(help="A model as for `voxhaus chat`; default: ours.", show_default=False),
    ] = None,
    to: Annotated[
        Format, typer.Option("--to", help="hf: transformers and vLLM; gguf: llama.cpp.")
    ] = Format.hf,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder (hf) or file (gguf); default: by its name."),
    ] = None,
    numbers: Annotated[
        str | None,
        typer.Option("--type", help="hf: float32, float16; gguf: q8_0, f16, f32; default: first."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a text model for transformers and vLLM (hf), or for llama.cpp (gguf).

    Needs the extra `convert` for gguf. With --json: model, format, type, path, bytes.
    """
    from voxhaus.runtime.language import export, places
    from voxhaus.runtime.language.language import DEFAULT_MODEL

    folder, name = places.find(model or DEFAULT_MODEL)
    stem = name.rpartition("/")[2]
    chosen = numbers or DEFAULTS[to]
    if chosen not in TYPES[to]:
        raise InputError(
            f"--to {to} has no type '{numbers}'; there are {', '.join(TYPES[to])}.", param="type"
        )
    path = output or Path(f"{stem}-hf" if to is Format.hf else f"{stem}-{chosen}.gguf")
    with working(f"Exporting {name} …"):
        write = export.to_hugging_face if to is Format.hf else export.to_gguf
        write(folder, path, chosen)
    files = [path] if path.is_file() else list(path.iterdir())
    size = sum(p.stat().st_size for p in files)
    report = {"model": name, "format": str(to), "type": chosen, "path": str(path), "bytes": size}
    if as_json:
        print_json(report)
        return
    typer.echo(f"{path} ({size / 1e6:.1f} MB, {chosen})")
