"""The two graphs of a text model and the cache between their runs.

Knows: sessions, the places of the cache, and how many tokens go through at once.
Refuses to know: what tokens mean, who asked for them, and how the next one is chosen.

A place is one row of every cache tensor [places, heads, room, dim]. Tensors are bound by address,
so a step copies nothing: new keys and values are written where they stay, and the first n rows are
a batch of n. Room grows by doubling; memory that no token has reached yet is not touched.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voxhaus.core.errors import WeightsError
from voxhaus.models.language.config import LanguageConfig

Logits = NDArray[np.float32]

STEP, BATCH = "step.onnx", "batch.onnx"
CHUNK = 256  # tokens of a prompt that go through at once; others wait for no longer than that
ROOM = 256  # positions that a cache begins with


def open_graph(path: Path, threads: int) -> ort.InferenceSession:
    """A session for a text model's graph.

    Raises:
        WeightsError: ONNX Runtime cannot load it; the message says why.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Enough to lay weights out once, at loading; what else there is to fuse was written fused.
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_BASIC
    options.enable_mem_pattern = False
    if _overflows():
        # Widens products, at the price of speed; a part of the next level of optimisation.
        options.add_session_config_entry("session.x64quantprecision", "1")
        options.graph_optimization_level = levels.ORT_ENABLE_EXTENDED
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class
        said = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"{path} cannot be loaded by onnxruntime {ort.__version__} (text models need 1.32 or "
            f"newer): {said}"
        ) from error


def _overflows() -> bool:
    """Whether this processor adds pairs of int8 products in 16 bits: x86 without VNNI."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    info = Path("/proc/cpuinfo")
    return not info.exists() or "_vnni" not in info.read_text("utf-8")


@dataclass
class _Bound:
    """A graph with everything it reads and writes at fixed addresses."""

    binding: ort.IOBinding
    ids: NDArray[np.int64]
    lengths: NDArray[np.int32]
    total: NDArray[np.int32]
    rows: NDArray[np.int64]
    logits: Logits


class Steps:
    """Runs of a model. Not safe to share between threads.

    Args:
        folder: holds both graphs.
        config: of the model.
        places: sequences that it can hold at the same time.
        threads: for each run.

    Raises:
        WeightsError: a graph cannot be loaded.
    """

    def __init__(self, folder: Path, config: LanguageConfig, *, places: int, threads: int) -> None:
        self.config, self.places = config, places
        self._step = open_graph(folder / STEP, threads)
        self._batch = open_graph(folder / BATCH, threads)
        self._room = 0
        self._caches: dict[str, NDArray[np.float32]] = {}
        self._bound: dict[tuple[int, int, int], _Bound] = {}

    def prefill(
        self, place: int, ids: Sequence[int], before: int, *, every: bool = False
    ) -> Logits:
        """Let new tokens of one sequence through.

        Args:
            place: of the sequence.
            ids: at least one and at most CHUNK.
            before: tokens of the sequence that are in the cache already.
            every: logits after each token instead of after the last.

        Returns:
            [n, vocabulary] or [1, vocabulary]; overwritten by later calls.
        """
        count = len(ids)
        self._grow(before + count)
        bound = self._bind(place, 1, count, count if every else 1)
        bound.ids[0] = ids
        bound.lengths[0] = bound.total[...] = before + count
        bound.lengths[0] -= 1
        if not every:
            bound.rows[0] = count - 1
        self._run(bound, single=count == 1)
        return bound.logits

    def step(self, ids: Sequence[int], before: Sequence[int]) -> Logits:
        """Let one token of each of the first n places through.

        Args:
            ids: one for each.
            before: tokens of each that are in the cache already.

        Returns:
            [n, vocabulary]; overwritten by later calls.
        """
        count, longest = len(ids), max(before) + 1
        self._grow(longest)
        bound = self._bind(0, count, 1, count)
        bound.ids[:, 0] = ids
        bound.lengths[:] = before
        bound.total[...] = longest
        self._run(bound, single=count == 1)
        return bound.logits

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a place's first tokens to another place."""
        for cache in self._caches.values():
            cache[target, :, :length] = cache[source, :, :length]

    def _run(self, bound: _Bound, *, single: bool) -> None:
        (self._step if single else self._batch).run_with_iobinding(bound.binding)

    def _grow(self, length: int) -> None:
        if length <= self._room:
            return
        room = max(self._room, ROOM)
        while room < length:
            room *= 2
        shape = (self.places, self.config.kv_heads, room, self.config.head_dim)
        for number in range(self.config.layers):
            for kind in ("key", "value"):
                name = f"{number}.{kind}"
                grown = np.empty(shape, np.float32)
                if self._room:
                    grown[:, :, : self._room] = self._caches[name]
                self._caches[name] = grown
        self._room = room
        self._bound.clear()

    def _bind(self, place: int, count: int, length: int, rows: int) -> _Bound:
        key = (place, count, length * CHUNK * 2 + rows)
        if key not in self._bound:
            if len(self._bound) > 4 * CHUNK:
                self._bound.clear()
            self._bound[key] = self._made(place, count, length, rows)
        return self._bound[key]

    def _made(self, place: int, count: int, length: int, rows: int) -> _Bound:
        session = self._step if count * length == 1 else self._batch
        made = _Bound(
            binding=session.io_binding(),
            ids=np.zeros((count, length), np.int64),
            lengths=np.zeros(count, np.int32),
            total=np.zeros((), np.int32),
            rows=np.arange(rows, dtype=np.int64),
            logits=np.empty((rows, self.config.vocab_size), np.float32),
        )
        into = made.binding
        for name, value in (
            ("ids", made.ids),
            ("lengths", made.lengths),
            ("total", made.total),
            ("rows", made.rows),
        ):
            shape = list(value.shape)
            into.bind_input(name, "cpu", 0, value.dtype.type, shape, value.ctypes.data)
        shape = [count, self.config.kv_heads, self._room, self.config.head_dim]
        for name, cache in self._caches.items():
            at = cache[place:].ctypes.data
            into.bind_input(f"past.{name}", "cpu", 0, np.float32, shape, at)
            into.bind_output(f"present.{name}", "cpu", 0, np.float32, shape, at)
        logits = made.logits
        into.bind_output("logits", "cpu", 0, np.float32, list(logits.shape), logits.ctypes.data)
        return made
