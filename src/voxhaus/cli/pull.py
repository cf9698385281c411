"""`voxhaus pull`: a text model of the Hugging Face Hub, ready to run.

Knows: what is reported. Refuses to know: how models are fetched and prepared.
"""

from typing import Annotated

import typer

from voxhaus.cli.terminal import AsJson, print_json, working


def pull(
    model: Annotated[
        str, typer.Argument(help="Its id, such as HuggingFaceTB/SmolLM2-135M-Instruct.")
    ],
    revision: Annotated[
        str | None, typer.Option("--revision", help="A branch, tag or commit.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a text model from the Hugging Face Hub and make it ready for `voxhaus chat`.

    Qwen3, Qwen3-MoE and Llama architectures. This is the one command that uses the network for
    text models; HF_TOKEN, HF_ENDPOINT and HF_HOME are obeyed. With --json: model, path, bytes.
    """
    from voxhaus.runtime.language import places

    with working(f"Fetching {model} …"):
        path = places.pull(model, revision)
    size = sum(p.stat().st_size for p in path.iterdir())
    if as_json:
        print_json({"model": model, "path": str(path), "bytes": size})
        return
    typer.echo(f"{path} ({size / 1e6:.0f} MB). Talk with it: voxhaus chat --model {model}")
