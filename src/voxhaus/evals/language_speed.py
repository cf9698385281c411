"""How fast text models answer, side by side on the same weights.

Knows: what is timed, one process for each measurement, engines taking turns, medians.
Refuses to know: quality, and how an engine works.

The same int8 numbers go into every engine: our runtime's own, as Q8_0 blocks into llama.cpp, as
plain numbers into transformers. Engines never end an answer before its last token.
"""

import importlib
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.evals import apart, machine, report
from voxhaus.models.language.config import LanguageConfig

ENGINES = ("voxhaus", "llama.cpp", "transformers", "transformers-bf16")
PROMPT, ANSWER, LONG = 32, 128, 512  # tokens
AT_ONCE = (1, 4, 16)
RANDOM = "random"
FIGURES = {
    **{f"answers_{n}": f"{n} at once, tokens/s" for n in AT_ONCE},
    "prefill": f"prompt of {LONG}, tokens/s",
    "load_seconds": "load, s",
    "peak_mb": "peak memory, MB",
    "cpu_share": "CPUs held",
}
_REPEATS = 3


class Answering(Protocol):
    """An engine with a model."""

    def answer(self, prompts: list[list[int]], tokens: int) -> None:
        """Let it write so many tokens after each prompt, all prompts at once."""


def random_model(
    folder: Path, config: LanguageConfig | None = None, *, spread: float = 0.05, seed: int = 0
) -> Path:
    """A model with random weights and a vocabulary of pairs, in Hugging Face's format.

    Args:
        folder: gets the files.
        config: its sizes; the defaults if None.
        spread: standard deviation of its matrices; 0.3 makes small ones talkative.
        seed: of the weights.
    """
    from itertools import product

    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    from voxhaus.models.language import layout
    from voxhaus.models.language.tensors import FILE, write
    from voxhaus.models.text.tokenizer import SPECIAL_TOKENS

    config = config or LanguageConfig()
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(seed)
    tensors = {
        name: np.ones(shape, np.float32)
        if name.endswith("norm.weight")
        else chance.normal(0, spread, shape).astype(np.float32)
        for name, shape in layout.shapes(config).items()
    }
    write(folder / FILE, tensors, {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config.to_hugging_face()))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    room = config.vocab_size - len(SPECIAL_TOKENS) - len(letters)
    merges = [pair for pair, _ in zip(product(letters, letters), range(room), strict=False)]
    names = [*SPECIAL_TOKENS, *letters, *("".join(pair) for pair in merges)]
    model = models.BPE(vocab={name: i for i, name in enumerate(names)}, merges=merges)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


class _Voxhaus:
    def __init__(self, folder: Path, threads: int) -> None:
        from voxhaus.runtime.language.language import Language

        self._language = Language(folder / "voxhaus", "model", threads=threads)

    def answer(self, prompts: list[list[int]], tokens: int) -> None:
        chosen = self._language.options({"temperature": 0, "max_tokens": tokens, "endless": True})
        begun = [self._language.follow(ids, chosen) for ids in prompts]
        for events in begun:
            for _ in events:
                pass


class _LlamaCpp:
    def __init__(self, folder: Path, threads: int) -> None:
        try:
            import xllamacpp
        except ImportError:
            raise MissingExtraError("xllamacpp", "text") from None
        asked = xllamacpp.CommonParams()
        asked.model.path = str(folder / "model.gguf")
        asked.n_parallel, asked.verbosity, asked.ui = max(AT_ONCE), 1, False
        asked.n_ctx = max(AT_ONCE) * (LONG + PROMPT)
        asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = threads
        self._folder = tempfile.TemporaryDirectory()
        asked.hostnames = [f"{self._folder.name}/unused.sock"]
        self._server: Any = xllamacpp.Server(asked)

    def answer(self, prompts: list[list[int]], tokens: int) -> None:
        threads = [threading.Thread(target=self._one, args=(p, tokens)) for p in prompts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, prompt: list[int], tokens: int) -> None:
        body = {"prompt": prompt, "n_predict": tokens, "temperature": 0.0, "ignore_eos": True}
        self._server.handle_completions(
            json.dumps({**body, "cache_prompt": False}), lambda _: False
        )


class _Transformers:
    def __init__(self, folder: Path, threads: int, kind: str) -> None:
        try:
            importlib.import_module("torchaudio")
        except (ImportError, OSError):  # transformers would fail on one that does not fit torch
            sys.modules["torchaudio"] = None  # type: ignore[assignment]
        try:
            import torch
            from transformers import AutoModelForCausalLM
        except ImportError:
            raise MissingExtraError("transformers", "language") from None
        torch.set_num_threads(threads)
        self._torch = torch
        numbers = getattr(torch, kind)
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=numbers)

    def answer(self, prompts: list[list[int]], tokens: int) -> None:
        ids = self._torch.tensor(prompts)
        self._model.generate(
            ids,
            attention_mask=self._torch.ones_like(ids),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=False,
            pad_token_id=0,
        )


def _load(name: str, folder: Path, threads: int) -> Answering:
    match name:
        case "voxhaus":
            return _Voxhaus(folder, threads)
        case "llama.cpp":
            return _LlamaCpp(folder, threads)
        case _:
            kind = "bfloat16" if name.endswith("bf16") else "float32"
            return _Transformers(folder, threads, kind)


def measure(name: str, folder: Path, threads: int, vocabulary: int) -> dict[str, float | str]:
    """Time one engine in this process.

    Args:
        name: one of ENGINES.
        folder: as `prepared` leaves it.
        threads: that the engine may use.
        vocabulary: of the model.
    """
    begun = time.perf_counter()
    engine = _load(name, folder, threads)
    engine.answer([[20, 21]], 1)
    row: dict[str, float | str] = {"engine": name, "load_seconds": time.perf_counter() - begun}
    worked, begun = time.process_time(), time.perf_counter()
    for count in AT_ONCE:
        seconds = _median(engine, count, PROMPT, ANSWER, vocabulary)
        row[f"answers_{count}"] = count * ANSWER / seconds
    row["prefill"] = LONG / _median(engine, 1, LONG, 1, vocabulary)
    row["cpu_share"] = (time.process_time() - worked) / (time.perf_counter() - begun)
    row["peak_mb"] = apart.peak_mb()
    return row


def _median(engine: Answering, count: int, length: int, tokens: int, vocabulary: int) -> float:
    chance = np.random.default_rng(count)
    rows = []
    for _ in range(1 + _REPEATS):  # the first warms up
        prompts = chance.integers(16, vocabulary, (count, length)).tolist()
        begun = time.perf_counter()
        engine.answer(prompts, tokens)
        rows.append(time.perf_counter() - begun)
    return statistics.median(rows[1:])


def prepared(model: str, folder: Path, names: list[str]) -> int:
    """Put the same weights into a folder for every engine.

    Args:
        model: as for `Language.load`, or "random".
        folder: gets them.
        names: of the engines.

    Returns:
        The size of the vocabulary.
    """
    from voxhaus.runtime.language import export
    from voxhaus.runtime.language.places import find
    from voxhaus.runtime.language.prepare import prepare

    if model == RANDOM:
        ours = prepare(random_model(folder / "random"), folder / "voxhaus")
    else:
        ours, _ = find(model)
        (folder / "voxhaus").symlink_to(ours.resolve())
    if any(name.startswith("transformers") for name in names):
        export.to_hugging_face(ours, folder / "hf")
    if "llama.cpp" in names:
        export.to_gguf(ours, folder / "model.gguf")
    config = LanguageConfig.from_hugging_face(json.loads((ours / "config.json").read_text("utf-8")))
    if config.context < LONG + 1:
        raise InputError(f"The model's context of {config.context} is shorter than {LONG + 1}.")
    return config.vocab_size


def compare(
    model: str,
    names: list[str],
    threads: list[int],
    runs: int,
    log: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Measure all engines in turn, `runs` times round.

    Returns:
        `machine`, `model`, and `results`: for each engine and thread count the median, least and
        greatest of each figure.

    Raises:
        InputError: no such engine or model, or its context is too short.
        VoxhausError: a measurement failed.
    """
    for name in names:
        if name not in ENGINES:
            raise InputError(
                f"There is no engine '{name}'. Engines: {', '.join(ENGINES)}.", param="engines"
            )
    about = {**machine.describe(), "load before": machine.load()}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        size = prepared(model, Path(place), names)
        for run in range(runs):
            for count in threads:
                for name in names:
                    arguments = [name, place, str(count), str(size)]
                    row = apart.run("voxhaus.evals.language_speed", arguments, count, name)
                    rows.append({"run": run, "threads": count, **row})
                    log(rows[-1])
    about = {**about, "load at the end": machine.load()}
    return {"machine": about, "model": model, "results": report.summarise(rows, FIGURES)}


def tables(result: dict[str, Any]) -> list[report.Table]:
    """Title, columns and rows for each thread count; medians."""
    out: list[report.Table] = []
    for threads in sorted({r["threads"] for r in result["results"]}):
        group = [r for r in result["results"] if r["threads"] == threads]
        rows: list[list[report.Cell]] = [
            [r["engine"], *(r[f]["median"] for f in FIGURES)] for r in group
        ]
        title = f"{threads} thread{'s' if threads > 1 else ''}"
        out.append((title, ["engine", *FIGURES.values()], rows))
    return out


def write_record(folder: Path, result: dict[str, Any], log: list[dict[str, Any]]) -> None:
    """Write README.md, results.json and raw.jsonl into `folder`."""
    notes = (
        f"Answers of {ANSWER} tokens after prompts of {PROMPT}, prompts included; medians over "
        "runs; every measurement is in `raw.jsonl`. Model: " + str(result["model"]) + "."
    )
    title = "Speed of text, side by side"
    report.write_record(folder, title, result["machine"], notes, tables(result), log)
    (folder / "results.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    _name, _folder, _threads, _size = sys.argv[1:]
    print(json.dumps(measure(_name, Path(_folder), int(_threads), int(_size))))
