"""The whole making of voxhaus-1-preview, stage by stage.

Knows: the settings of every stage; `runs/language.sh` calls them in order.
Refuses to know: how any stage works inside.

Each stage resumes where it stopped: run the same command again.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from voxhaus.core.errors import InputError
from voxhaus.core.paths import cache_root, weights_root
from voxhaus.models.language import weights
from voxhaus.models.language.chat_template import JINJA
from voxhaus.models.language.model import LanguageModel
from voxhaus.models.text.tokenizer import Tokenizer
from voxhaus.training.data.corpus import CorpusOptions, corpus
from voxhaus.training.data.loader import Packed
from voxhaus.training.data.own_sources import open_source
from voxhaus.training.data.quick import quick_options
from voxhaus.training.data.shards import open_shards
from voxhaus.training.language import conversations, proving, quick, scaling
from voxhaus.training.language.package import package
from voxhaus.training.language.pretraining import Choice, HeldOut, Pretraining, Rows, optimiser
from voxhaus.training.language.proof import ARMS, TARGET, compare
from voxhaus.training.language.scaling import Plan
from voxhaus.training.language.selection.choose import choose, save_report
from voxhaus.training.language.selection.config import SelectionConfig
from voxhaus.training.language.selection.references import References, Texts
from voxhaus.training.language.tasks import build as tasks
from voxhaus.training.loop import parallel
from voxhaus.training.loop.cluster import Cluster, launch
from voxhaus.training.loop.ledger import Ledger, measured_peak
from voxhaus.training.loop.precision import best_device
from voxhaus.training.loop.processes import ALONE, Processes, joined
from voxhaus.training.loop.schedule import Schedule
from voxhaus.training.loop.trainer import LoopConfig, Trainer

MODEL, VERSION = "voxhaus-1-preview", "1"
ROWS = 8  # of 512 tokens in a batch: larger ones leave the cache of a CPU core
HELD_OUT_BATCHES = 12
SIZE = 6


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be changed from the command line.

    Attributes:
        data: folder of the corpus: raw text, documents, tokenizer, shards.
        runs: folder of checkpoints and curves.
        out: the model folder that `package` writes.
        own: text of one's own in place of the catalogue: folders; text, JSONL, Parquet or WARC
            files; ids of data sets on the Hugging Face Hub.
        licence: under which that text may be used.
        size: the dial; None where `flops` is given.
        flops: the other end of the dial.
        tokens: of pre-training, in place of the rule's.
        steps: of a run, in place of the plan's; for trials.
        text: name of the shards to learn from.
        start: a model folder whose weights a run begins from.
        threads: CPU threads; 0 leaves torch's choice.
        seed: of start values and order.
        select: how text is chosen: any of documents, color, mixture, tokens.
        quick: the smallest run of each stage, from text that is on every machine.
        cluster: processes that Ray Train starts to pre-train; 0 trains in this one.
        spread: processes that share one set of experts, under `torchrun` (see `parallel.shard`).
        say: told what a stage does.
    """

    data: Path
    runs: Path
    out: Path
    own: tuple[str, ...] = ()
    licence: str = ""
    size: int | None = None
    flops: float | None = None
    tokens: int | None = None
    steps: int = 0
    text: str = "train"
    start: Path | None = None
    threads: int = 0
    seed: int = 1
    select: tuple[str, ...] = ()
    quick: bool = False
    cluster: int = 0
    spread: int = 1
    say: Callable[[str], None] = print


def default_options() -> Options:
    """Data and runs in the cache folder, the packaged model in the repository's weights."""
    root = cache_root() / "language"
    return Options(data=root, runs=root / "runs", out=weights_root() / MODEL / VERSION)


def make_corpus(o: Options) -> None:
    """Raw text, documents, tokenizer, shards; the table of what was kept and why."""
    options = quick_options(o.data) if o.quick else CorpusOptions(folder=o.data)
    if o.own:
        sources = tuple(open_source(place, licence=o.licence) for place in o.own)
        options = replace(options, sources=sources, required=True)
    report = corpus(options, say=o.say)
    o.say(report.table())


def pretrain(o: Options) -> None:
    """Pre-train on the corpus; the model is written as a Hugging Face folder.

    Under `torchrun` all processes train it together, and so do those that Ray Train starts.
    """
    if o.cluster:
        settings = {k: v for k, v in vars(o).items() if k != "say"} | {"cluster": 0}
        folder = o.runs.absolute() / "pretrain" / "ray"
        launch(_pretrain_there, settings, Cluster(processes=o.cluster, folder=folder))
        return
    _threads(o)
    with joined() as processes:
        _pretrain(o, processes)


def _pretrain_there(settings: dict[str, Any]) -> None:
    pretrain(Options(**settings))


def _pretrain(o: Options, processes: Processes) -> None:
    tokenizer = tokenizer_of(o.data)
    plan = _plan(o, tokenizer)
    model = _model(o, plan)
    rows, choice, ledger = _rows(o, plan, tokenizer, processes)
    if o.flops and not o.steps:  # what choosing cost is paid out of the budget
        rest = max(0.0, 1 - ledger.flops / o.flops)
        plan = replace(plan, steps=max(1, int(plan.steps * rest)))
    held_out = {
        "target": held_out_text(o.data, "held_out_target", tokenizer, plan.length),
        "all": held_out_text(o.data, "held_out", tokenizer, plan.length),
    }
    run(
        model,
        plan,
        rows,
        held_out,
        o.runs / "pretrain",
        o,
        choice=choice,
        ledger=ledger,
        processes=processes,
    )
    whole = _whole(model, plan, processes)
    if processes.first:
        write_model(o.runs / "pretrain" / "model", whole, tokenizer)


def _plan(o: Options, tokenizer: Tokenizer) -> Plan:
    size = o.size if o.size or o.flops else (quick.SIZE if o.quick else SIZE)
    tokens = o.tokens or (quick.TOKENS if o.quick else None)
    length = quick.LENGTH if o.quick else 512
    plan = scaling.plan(
        size=size, flops=o.flops, vocab=tokenizer.size, tokens=tokens, length=length
    )
    return replace(plan, steps=o.steps or plan.steps)


def _rows(
    o: Options, plan: Plan, tokenizer: Tokenizer, processes: Processes = ALONE
) -> tuple[Rows, Choice | None, Ledger]:
    """What is learned from, how its tokens are chosen, and what choosing cost.

    Several processes take the choice that the stage `select` has left on disk.
    """
    shards = open_shards(o.data / "shards" / o.text, tokenizer)
    ledger = Ledger(measured_peak(best_device(), torch.bfloat16))
    batch = rows_at_once(plan, processes.count)
    if not o.select:
        return Packed(shards, length=plan.length, batch=batch, seed=o.seed), None, ledger
    texts = Texts(
        pool=shards,
        target=open_shards(o.data / "shards" / "target", tokenizer),
        tokenizer=tokenizer,
        length=plan.length,
    )
    config = selection(o)
    references = References(config, texts, o.runs / "references", ledger, compiled=not o.quick)
    chosen = choose(config, references, budget=plan.tokens)
    save_report(chosen, o.runs / "selection")
    choice = chosen.token_choice(plan.steps * accumulation(plan, processes.count))
    if not processes.first:  # the books are added up, and this was one work
        ledger = Ledger(ledger.peak)
    return chosen.rows(batch=batch, seed=o.seed), choice, ledger


def select(o: Options) -> None:
    """Choose what to learn from, and report on it; `pretrain` takes the same choice from disk."""
    _threads(o)
    if not o.select:
        o.say("Nothing is chosen: --select names documents, color, mixture or tokens.")
        return
    tokenizer = tokenizer_of(o.data)
    _rows(o, _plan(o, tokenizer), tokenizer)
    o.say((o.runs / "selection" / "selection.md").read_text("utf-8"))


def selection(o: Options) -> SelectionConfig:
    """The settings of the methods that were asked for.

    Raises:
        InputError: there is no such method.
    """
    unknown = set(o.select) - {"documents", "color", "mixture", "tokens"}
    if unknown:
        raise InputError(
            f"There is no selection by {', '.join(sorted(unknown))}; there are documents, color, "
            "mixture and tokens.",
            param="select",
        )
    config = SelectionConfig(
        documents="excess" if "documents" in o.select else "off",
        color="color" in o.select,
        mixture="drop" if "mixture" in o.select else "off",
        tokens="tokens" in o.select,
        seed=o.seed,
    )
    return replace(config, **quick.SELECTION) if o.quick else config


def make_tasks(o: Options) -> None:
    """The conversations for tuning."""
    folder = o.data / "tuning"
    report = quick.tasks(folder) if o.quick else tasks.build(folder)
    o.say(json.dumps(report, indent=2))


def tune(o: Options) -> None:
    """Supervised fine-tuning of the pre-trained model on the tasks' conversations."""
    _threads(o)
    tokenizer = tokenizer_of(o.data)
    model = weights.load(o.start or o.runs / "pretrain" / "model")
    length = quick.LENGTH if o.quick else 512
    written = conversations.read(o.data / "tuning" / tasks.TRAIN, tokenizer, longest=length + 1)
    unseen = conversations.read(o.data / "tuning" / tasks.HELD_OUT, tokenizer, longest=length + 1)
    rows = _packed(written, tokenizer, length, o.seed)
    # Two passes; a third of pre-training's rates, which fall to the end.
    base = scaling.rates(model.config.hidden_size)
    rates = scaling.Rates(**{k: v / 3 for k, v in asdict(base).items()})
    plan = Plan(
        model=model.config,
        rates=rates,
        length=length,
        step_tokens=2 * ROWS * length,
        steps=o.steps or (quick.TUNING if o.quick else rows.batches),
        warmup=20,
        decay=0.9,
    )
    batches = tuple(_packed(unseen, tokenizer, length, 0).in_order())
    held_out = {"tasks": HeldOut(batches=batches, bytes_V=bytes_of(tokenizer))}
    run(model, plan, rows, held_out, o.runs / "tune", o)
    write_model(o.runs / "tune" / "model", model, tokenizer)


def run(
    model: LanguageModel,
    plan: Plan,
    rows: Rows,
    held_out: dict[str, HeldOut],
    folder: Path,
    o: Options,
    *,
    choice: Choice | None = None,
    ledger: Ledger | None = None,
    processes: Processes = ALONE,
) -> tuple[dict[str, float], Ledger]:
    """Train by a plan; the last figures, and what it cost (also in `ledger.json`)."""
    device = best_device() if processes.alone else processes.device
    ledger = ledger or Ledger(measured_peak(device, torch.bfloat16))
    # Of all processes together; each has measured while the others did.
    ledger.peak = processes.sums({"peak": ledger.peak or 0.0})["peak"]
    parallel.shard(
        model.to(device),
        model.model.layers,
        processes,
        spread=o.spread,
        methods=("losses", "hidden"),
        compiled=not o.quick,
    )
    compiled = not o.quick and processes.alone
    task = Pretraining(
        model, plan, rows, held_out, ledger, device=device, compiled=compiled, choice=choice
    )
    config = LoopConfig(
        folder=folder,
        schedule=Schedule(
            peak=plan.rates.matrices,
            steps=plan.steps,
            warmup=plan.warmup,
            decay=plan.decay,
            floor=0.0,
        ),
        seed=o.seed,
        average=0,
        accumulate=accumulation(plan, processes.count),
        log_every=10,
        evaluate_every=max(20, plan.steps // 12),
        save_every=50,
    )
    if processes.first:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plan.json").write_text(json.dumps(asdict(plan), indent=2) + "\n", "utf-8")
        o.say(_in_words(model, plan))
    trainer = Trainer(
        task, config, optimiser=optimiser(model, plan), ledger=ledger, processes=processes
    )
    figures = trainer.run() or trainer.evaluate()
    if processes.first:
        ledger.save(folder / "ledger.json")
        (folder / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return figures, ledger


def _in_words(model: LanguageModel, plan: Plan) -> str:
    return (
        f"{model.config.parameters / 1e6:.1f} M parameters, "
        f"{plan.tokens / 1e6:.1f} M tokens of {plan.flops_per_token / 1e6:.1f} MFLOP, "
        f"{plan.steps} steps of {plan.step_tokens}"
    )


def _whole(model: LanguageModel, plan: Plan, processes: Processes) -> LanguageModel:
    """The model in one piece, in the first process at least."""
    if processes.alone:
        return model
    state = parallel.whole_state(model)
    whole = LanguageModel(plan.model, plain=plan.plain)
    whole.load_state_dict(state)
    return whole


def tokenizer_of(data: Path) -> Tokenizer:
    """The corpus's tokenizer.

    Raises:
        InputError: there is none yet.
    """
    folder = data / "tokenizer"
    if not folder.exists():
        raise InputError(
            f"There is no corpus in {data}; make it with: voxhaus train language corpus",
            param="data",
        )
    return Tokenizer.load(folder)


def held_out_text(data: Path, name: str, tokenizer: Tokenizer, length: int) -> HeldOut:
    """The first rows of held-out shards, spread over their documents."""
    shards = open_shards(data / "shards" / name, tokenizer)
    rows = Packed(shards, length=length, batch=1, seed=0)
    wanted = min(rows.chunks, HELD_OUT_BATCHES * ROWS)
    spread = np.linspace(0, rows.chunks - 1, wanted).astype(np.int64)
    # Whole batches only: a batch of another size would be compiled anew.
    parts = [spread[i : i + ROWS] for i in range(0, max(1, wanted - ROWS + 1), ROWS)]
    return HeldOut(batches=tuple(rows.rows(p) for p in parts), bytes_V=bytes_of(tokenizer))


def bytes_of(tokenizer: Tokenizer) -> np.ndarray:
    """UTF-8 bytes that each token stands for; special ones for none."""
    return np.array([len(tokenizer.token_bytes(i)) for i in range(tokenizer.size)], np.int64)


def write_model(folder: Path, model: LanguageModel, tokenizer: Tokenizer) -> None:
    """A folder that transformers, vLLM, llama.cpp's converter and our runtime read."""
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": model.config.context,
        "clean_up_tokenization_spaces": False,
        "chat_template": JINJA,
    }
    generation = {
        "eos_token_id": [tokenizer.im_end, tokenizer.end_of_text],
        "pad_token_id": tokenizer.end_of_text,
        "do_sample": True,
        "temperature": 0.7,
        "top_p": 0.9,
        "repetition_penalty": 1.1,
    }
    weights.save(
        folder,
        model,
        beside={
            "tokenizer.json": tokenizer.content,
            "tokenizer_config.json": (json.dumps(settings, indent=2) + "\n").encode(),
            "generation_config.json": (json.dumps(generation, indent=2) + "\n").encode(),
        },
        said={"eos_token_id": tokenizer.im_end, "pad_token_id": tokenizer.end_of_text},
    )


def _model(o: Options, plan: Plan) -> LanguageModel:
    torch.manual_seed(o.seed)
    if o.start is None:
        return LanguageModel(plan.model, plain=plan.plain)
    model = weights.load(o.start)
    if model.config != plan.model:
        raise InputError(
            f"The model in {o.start} has other sizes than this run's; give its size.",
            param="start",
        )
    return model


def _packed(
    written: list[Any], tokenizer: Tokenizer, length: int, seed: int
) -> conversations.Conversations:
    return conversations.Conversations(
        written, length=length, batch=ROWS, padding=tokenizer.end_of_text, seed=seed
    )


def accumulation(plan: Plan, processes: int = 1) -> int:
    """Batches of a step, of all processes together."""
    return max(1, plan.step_tokens // (rows_at_once(plan, processes) * plan.length))


def rows_at_once(plan: Plan, processes: int = 1) -> int:
    """Rows of a batch: each process has at least one batch in a step."""
    return max(1, min(ROWS, plan.step_tokens // plan.length // processes))


def _threads(o: Options) -> None:
    if o.threads:
        torch.set_num_threads(o.threads)


def make_package(o: Options) -> None:
    """The tuned model as it is shipped: eight bits a weight, graphs, manifest."""
    ledgers = {
        stage: json.loads((o.runs / stage / "ledger.json").read_text("utf-8"))
        for stage in ("pretrain", "tune")
        if (o.runs / stage / "ledger.json").is_file()
    }
    about = {
        "corpus_sha256": _digest(o.data / "shards" / o.text / "manifest.json"),
        "tuning_sha256": _digest(o.data / "tuning" / tasks.TRAIN),
        "flops": {stage: ledger["flops"] for stage, ledger in ledgers.items()},
        "tokens": {
            stage: ledger["kinds"]["learned"]["tokens"] for stage, ledger in ledgers.items()
        },
    }
    trained = o.start or o.runs / "tune" / "model"
    manifest = package(trained, o.out, about)
    o.say(json.dumps(manifest["bits_per_byte"]))


def prove(o: Options) -> None:
    """The comparison of all ideas at equal FLOPs; tables and plot in `runs/proof`."""
    _threads(o)
    tokenizer = tokenizer_of(o.data)
    size, largest = o.size or 2, o.flops or 4e13
    # From `seed` on, so that several processes begin at different places.
    budgets = (largest / 4, largest / 2, largest)
    seeds = [(o.seed - 1 + i) % 3 + 1 for i in range(3)]
    if o.quick:
        size, budgets, seeds = 1, (1e11, 2e11, 4e11), [1]
    arms = (*ARMS, TARGET)
    bench = proving.Bench(
        data=o.data,
        folder=o.runs / "proof",
        tokenizer=tokenizer,
        held_out={
            "target": held_out_text(o.data, "held_out_target", tokenizer, 512),
            "all": held_out_text(o.data, "held_out", tokenizer, 512),
        },
        size=size,
        selection=proving.SELECTION,
        peak=measured_peak(best_device(), torch.bfloat16),
        compiled=not o.quick,
    )
    runs = compare(arms, budgets, seeds, bench.train, o.runs / "proof" / "runs")
    o.say(proving.record(runs, arms, o.runs / "proof", ("target", "all")))


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


RECIPES: dict[str, Callable[[Options], None]] = {
    "corpus": make_corpus,
    "select": select,
    "pretrain": pretrain,
    "tasks": make_tasks,
    "tune": tune,
    "package": make_package,
    "proof": prove,
}
