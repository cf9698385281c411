"""`voxhaus evaluate language`: how good is a text model?

Knows: arguments and tables. Refuses to know: how anything is scored.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxhaus.cli.evaluate import keep
from voxhaus.cli.evaluate_delivery import evaluate_app
from voxhaus.cli.terminal import AsJson, print_json, print_table, working

if TYPE_CHECKING:
    from voxhaus.evals.language_models import Model

__all__ = ["evaluate_app"]

DEFAULT_MODEL = "voxhaus-1-preview"


@evaluate_app.command()
def language(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="A model or folder; transformers:FOLDER; a GGUF file; smollm2-135m-instruct. "
            "Give it again for another in the same run.",
        ),
    ] = None,
    text: Annotated[
        Path | None,
        typer.Option("--text", metavar="FILE", help="Any UTF-8 file instead of our own prose."),
    ] = None,
    tasks: Annotated[
        bool, typer.Option("--tasks", help="Also score answers on held-out tasks, with baselines.")
    ] = False,
    held_out: Annotated[
        Path | None,
        typer.Option("--held-out", metavar="FILE", help="Those tasks; default: in the cache."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many items of each task.")] = 50,
    context: Annotated[
        int, typer.Option(min=0, help="Tokens of a window over the text; 0: the model's own.")
    ] = 512,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: the library's choice.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the figures and all answers.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score text models: bits per byte of a text, and answers on tasks.

    Bits per byte are comparable between vocabularies; less is better. With --tasks: definitions,
    short answers, summaries, spoken rewriting, small talk, honest refusals, reading and system
    messages, on items that were not tuned on, beside simple baselines. Other models than ours need
    the extra `language`.
    """
    from voxhaus.evals import language as scoring
    from voxhaus.evals import language_models as models
    from voxhaus.evals import language_tasks as asking

    texts = {text.name: scoring.read_text(text)} if text else scoring.prose()
    items = asking.read(held_out, limit) if tasks else {}
    results: dict[str, Any] = {"models": []}
    log: list[dict[str, Any]] = []
    with working("Scoring") as status:

        def progress(what: str) -> None:
            if status:
                status.update(what)

        for name in model or [DEFAULT_MODEL]:
            progress(f"Loading {name}")
            loaded = models.load(name, threads)
            result = {"model": loaded.name, "text": _text(loaded, texts, context)}
            if tasks:
                found = asking.evaluate(loaded, items, progress)
                result["tasks"] = found["tasks"]
                log += found["answers"]
            results["models"].append(result)
    if tasks:
        results["baselines"] = asking.baselines(items)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        keep(out / "language.json", results)
        if tasks:
            keep(out / "answers.json", {"answers": log})
    if as_json:
        print_json(results)
        return
    _show(results)


def _text(model: "Model", texts: Mapping[str, str], context: int) -> dict[str, Any]:
    """Figures of all texts together, and bits per byte of each."""
    from voxhaus.evals.language import predict, total

    parts = {name: predict(text, model, context=context) for name, text in texts.items()}
    kinds = {name: p.bits_per_byte for name, p in parts.items()}
    return {**total(list(parts.values())).summary(), "kinds": kinds}


def _show(results: Mapping[str, Any]) -> None:
    models = results["models"]
    kinds = list(models[0]["text"]["kinds"])
    rows = [
        [
            m["model"],
            f"{m['text']['bits_per_byte']:.4f}",
            str(m["text"]["bytes"]),
            str(m["text"]["tokens"]),
            *(f"{m['text']['kinds'][k]:.3f}" for k in kinds),
        ]
        for m in models
    ]
    print_table(["MODEL", "BITS/BYTE", "BYTES", "TOKENS", *kinds], rows)
    if "baselines" not in results:
        return
    typer.echo()
    print_table(["TASK", "SCORE", *(m["model"] for m in models), "BASELINE"], _task_rows(results))


def _task_rows(results: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    models, baselines = results["models"], results["baselines"]
    for task in sorted({t for m in models for t in m["tasks"]}):
        names = list(dict.fromkeys(f for m in models for f in m["tasks"].get(task, {})))
        for name in names:
            if name == "n":
                continue
            found = [m["tasks"].get(task, {}).get(name) for m in models]
            beside = "; ".join(
                f"{b} {f[name]:.3f}" for b, f in baselines.get(task, {}).items() if name in f
            )
            rows.append([task, name, *("–" if x is None else f"{x:.3f}" for x in found), beside])
    return rows
