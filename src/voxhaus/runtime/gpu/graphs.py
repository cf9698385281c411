"""Functions of tensors as CUDA graphs, one for each set of shapes.

Knows: capturing, static buffers, which shapes are kept. Refuses to know: what is computed.

A speech model is hundreds of small kernels, and launching each from Python takes longer than
running it. A captured graph launches them all at once, but holds for one set of shapes: hence the
ladders, on which lengths are rounded up. Where there is no CUDA the function is simply called, on
the same padded shapes, so that everything but the capture itself can be tested anywhere.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from voxhaus.runtime.gpu.pipeline import Tensors

Stage = Callable[[Tensors], Tensors]

KEPT = 48  # graphs; each holds its outputs, of the larger ones some hundred MB
_WARM_UPS = 3  # before a capture, so that libraries have made their plans and workspaces


def ladder(least: int, most: int, ratio: float, step: int) -> tuple[int, ...]:
    """Lengths from `least` to `most` that grow by `ratio`, in multiples of `step`."""
    steps = [least]
    while steps[-1] < most:
        grown = -(-round(steps[-1] * ratio) // step) * step
        steps.append(min(max(grown, steps[-1] + step), most))
    return tuple(steps)


def rung(ladder: Sequence[int], wanted: int) -> int:
    """The lowest rung that is high enough; above the ladder, the next multiple of its highest."""
    for length in ladder:
        if length >= wanted:
            return length
    return -(-wanted // ladder[-1]) * ladder[-1]


class _Captured:
    """One stage with one set of shapes, recorded. Outputs are those of the latest call only."""

    def __init__(self, stage: Stage, given: Tensors, pool: Any) -> None:  # noqa: ANN401 - torch's
        # Made outside the pool: a pool's memory is another graph's scratch paper between calls.
        self._given = {name: x.clone() for name, x in given.items()}
        stream: Any = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                stage(self._given)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool):
            self._made = stage(self._given)

    def __call__(self, given: Tensors) -> Tensors:
        for name, x in given.items():
            self._given[name].copy_(x, non_blocking=True)
        self._graph.replay()
        return self._made


class Shelf:
    """Stages by their shapes: graphs of those used lately, on a GPU; plain calls elsewhere.

    Not safe to share between threads.

    Args:
        device: of all tensors.
        kept: graphs; the one that was not used for longest makes room.
    """

    def __init__(self, device: torch.device, *, kept: int = KEPT) -> None:
        self._cuda = device.type == "cuda"
        self._kept = kept
        self._pool = torch.cuda.graph_pool_handle() if self._cuda else None
        self._graphs: OrderedDict[Hashable, Stage] = OrderedDict()
        self._met: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._graphs)

    def run(self, key: Hashable, stage: Stage, given: Tensors) -> Tensors:
        """The stage's outputs, valid until the next run: copy what is needed longer.

        Args:
            key: names the stage and everything that its shapes and branches depend on.
            stage: called, or recorded when its key comes a second time; rare shapes are not worth
                a recording.
            given: its inputs, of the same shapes for the same key.
        """
        self._met[key] += 1
        if key not in self._graphs:
            if self._met[key] == 1:
                return stage(given)
            self._graphs[key] = self._recorded(stage, given)
            if len(self._graphs) > self._kept:
                oldest, _ = self._graphs.popitem(last=False)
                del self._met[oldest]
        self._graphs.move_to_end(key)
        return self._graphs[key](given)

    def _recorded(self, stage: Stage, given: Tensors) -> Stage:
        return _Captured(stage, given, self._pool) if self._cuda else stage


def copied(made: Tensors, rows: slice | Tensor) -> dict[str, Tensor]:
    """Some rows of a stage's outputs, in memory of their own."""
    return {name: x[rows].clone() for name, x in made.items()}


__all__ = ["KEPT", "Shelf", "copied", "ladder", "rung"]
