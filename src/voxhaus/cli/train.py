"""`voxhaus train`: how the models are made, stage by stage.

Knows: the arguments that every recipe takes.
Refuses to know: the recipes; they live with the training code and need the extra "train".
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from voxhaus.cli.terminal import somebody_watches
from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.core.paths import voices_root

train_app = typer.Typer(help="Make a model (needs the extra 'train').")


@train_app.callback()
def train() -> None:
    """Make a model (needs the extra 'train')."""


@train_app.command()
def voice(
    recipe: Annotated[
        str,
        typer.Argument(help="corpus, prosody, acoustic, adversarial, package, own."),
    ],
    corpus: Annotated[
        Path | None, typer.Option(help="Folder of teacher speech. Default: in the cache.")
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Folder of checkpoints and curves. Default: in the cache.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Model folder to write. Default: weights/; own: your voices."),
    ] = None,
    steps: Annotated[int, typer.Option(min=0, help="Length of a run; 0: the recipe's own.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: torch's choice.")] = 0,
    hours: Annotated[float, typer.Option(min=0.01, help="Teacher speech in the corpus.")] = 4.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that make the corpus.")] = 2,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the corpus; another seed plans other sentences.")
    ] = 1,
    start: Annotated[
        Path | None,
        typer.Option(help="Begin a run from a model's folder 'training' instead of from nothing."),
    ] = None,
    voices: Annotated[
        str, typer.Option(help="Who reads the corpus, in turns: names with commas. Default: all.")
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option(help="own: folder of recordings, with metadata.csv or a .txt beside each."),
    ] = None,
    name: Annotated[str, typer.Option(help="own: what the voice is called.")] = "mine",
    accent: Annotated[str, typer.Option(help="own: us or gb.")] = "us",
    consent: Annotated[
        Path | None,
        typer.Option(help="own: file with the speaker's statement. Default: it is asked for."),
    ] = None,
) -> None:
    """Run one stage of the voice, or make a voice of your own; run it again to resume."""
    recipes = _recipes("voice", "train")
    if recipe not in recipes.RECIPES:
        raise InputError(
            f"There is no recipe '{recipe}'. Recipes: {', '.join(recipes.RECIPES)}.", param="recipe"
        )
    default = recipes.default_options()
    if recipe == "own" and out is None:
        out = voices_root() / f"own-{name}" / "1"
    recipes.RECIPES[recipe](
        recipes.Options(
            corpus=corpus or default.corpus,
            runs=runs or default.runs,
            out=out or default.out,
            steps=steps,
            threads=threads,
            hours=hours,
            workers=workers,
            seed=seed,
            start=start,
            voices=tuple(voices.split(",")) if voices else default.voices,
            data=data,
            name=name,
            accent=accent,
            consent=consent,
            ask=typer.prompt if somebody_watches() else None,
        )
    )


@train_app.command()
def language(
    recipe: Annotated[
        str, typer.Argument(help="corpus, select, pretrain, tasks, tune, package, proof.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the corpus: text, tokenizer, shards. Default: in the cache."),
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            help="corpus: text of your own (folder, text, .jsonl, .parquet, .warc, or a data set's "
            "id); repeat it for more."
        ),
    ] = None,
    licence: Annotated[str, typer.Option(help="corpus: under which your text may be used.")] = "",
    runs: Annotated[
        Path | None, typer.Option(help="Folder of checkpoints and curves. Default: in the cache.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Model folder to write. Default: in weights/.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="The dial: layers; all else follows. Default: 6.")
    ] = None,
    flops: Annotated[
        float | None, typer.Option(help="The dial's other end: what training may cost.")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Of pre-training, in place of the rule's.")
    ] = None,
    steps: Annotated[int, typer.Option(min=0, help="Length of a run; 0: the plan's own.")] = 0,
    text: Annotated[str, typer.Option(help="Shards to learn from: train or pool.")] = "train",
    start: Annotated[
        Path | None, typer.Option(help="A model folder whose weights a run begins from.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: torch's choice.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of start values and order.")] = 1,
    cluster: Annotated[
        int, typer.Option(min=0, help="pretrain: processes that Ray Train starts; 0: this one.")
    ] = 0,
    spread: Annotated[
        int, typer.Option(min=1, help="pretrain: processes that share a set of experts.")
    ] = 1,
    select: Annotated[
        str,
        typer.Option(help="What to learn from: documents,color,mixture,tokens; some or none."),
    ] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="The smallest run of each stage, to see it work.")
    ] = False,
) -> None:
    """Run one stage of the text model; run it again to resume."""
    recipes = _recipes("language", "language")
    if recipe not in recipes.RECIPES:
        raise InputError(
            f"There is no recipe '{recipe}'. Recipes: {', '.join(recipes.RECIPES)}.", param="recipe"
        )
    default = recipes.default_options()
    recipes.RECIPES[recipe](
        recipes.Options(
            data=data or default.data,
            own=tuple(own or ()),
            licence=licence,
            runs=runs or default.runs,
            out=out or default.out,
            size=size,
            flops=flops,
            tokens=tokens,
            steps=steps,
            text=text,
            start=start,
            threads=threads,
            seed=seed,
            cluster=cluster,
            spread=spread,
            select=tuple(filter(None, select.split(","))),
            quick=quick,
        )
    )


def _recipes(model: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(f"voxhaus.training.{model}.recipes")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("voxhaus"):
            raise
        raise MissingExtraError(error.name or "torch", extra) from error
