"""The trained model as four ONNX graphs that need no torch.

Knows: what each graph takes and gives, and how the models are laid out in them.
Refuses to know: training and the NumPy runtime that calls the graphs.

Four graphs and not one, because between them the runtime decides: what a style asks of all norms
stays from sentence to sentence; durations are rounded, scaled and timed; pitch may be shifted.

Shapes: L tokens with borders, U units of 25 ms, F = 2 U frames, C channels, O outputs a frame.
"""

from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from torch import nn

from voxhaus.models.nn.blocks import AttentionBlock, ConditionedNorm, ShiftBlock
from voxhaus.models.nn.graph import Graph, array
from voxhaus.models.voice.acoustic import AcousticModel
from voxhaus.models.voice.config import FRAMES_PER_UNIT, STYLE
from voxhaus.models.voice.prosody import SMOOTHING, Condition, ProsodyModel

Norms = list[ConditionedNorm]
Part = TypeVar("Part", bound=nn.Module)


def _of_kind(kind: type[Part], *modules: nn.Module) -> list[Part]:
    """All parts of one kind, in the order in which they are used."""
    return [m for module in modules for m in module.modules() if isinstance(m, kind)]


def _norms(*modules: nn.Module) -> Norms:
    return _of_kind(ConditionedNorm, *modules)


class _Exporter:
    """Both models on their way into graphs, and which of their norms each graph needs."""

    def __init__(
        self,
        prosody: ProsodyModel,
        acoustic: AcousticModel,
        longest: int,
        reach_C: NDArray[np.float32] | None,
        *,
        exact: bool,
    ) -> None:
        self.prosody, self.acoustic = prosody, acoustic
        self.longest, self.reach_C, self.exact = longest, reach_C, exact
        self.phonemes_prosody = _norms(prosody.local, prosody.layers)
        self.phonemes_acoustic = _norms(acoustic.encoder)
        self.curve_norms = _norms(prosody.frames)
        self.filter_norms = _norms(acoustic.decoder, acoustic.frames, acoustic.norm)

    def _given(self, graph: Graph, name: str, norms: Norms) -> list[tuple[str, str]]:
        width = sum(n.film.out_features for n in norms)
        return graph.conditions(graph.input(name, [width]), len(norms))

    def conditions(self, path: Path) -> Path:
        graph = Graph("conditions", exact=self.exact)
        style = graph.input("style", [1, STYLE])
        timbre, delivery = graph.add_many("Split", 2, style, axis=1)
        rows = {
            "phonemes_prosody": (delivery, self.prosody.condition, self.phonemes_prosody),
            "phonemes_acoustic": (timbre, self.acoustic.condition, self.phonemes_acoustic),
            "curves": (delivery, self.prosody.condition, self.curve_norms),
            "filters": (timbre, self.acoustic.condition, self.filter_norms),
        }
        return graph.save(path, [(name, _row(graph, *of)) for name, of in rows.items()])

    def phonemes(self, path: Path) -> Path:
        graph, prosody = Graph("phonemes", exact=self.exact), self.prosody
        tokens = graph.input("tokens", ["L"], TensorProto.INT64)
        local, *norms = self._given(graph, "phonemes_prosody", self.phonemes_prosody)
        x = graph.rows(array(prosody.embed.weight), tokens)
        x = graph.shift_block(x, prosody.local, local)
        for i, layer in enumerate(_of_kind(AttentionBlock, prosody.layers)):
            x = graph.attention_block(x, layer, norms[2 * i : 2 * i + 2], self.longest)
        first, last = _of_kind(nn.Linear, prosody.duration)
        length = graph.linear(graph.silu(graph.linear(x, first, exact=True)), last, exact=True)
        durations = graph.add("Exp", graph.add("Squeeze", length, graph.whole(1)))
        y = graph.rows(array(self.acoustic.embed.weight), tokens)
        given = self._given(graph, "phonemes_acoustic", self.phonemes_acoustic)
        for block, condition in zip(
            _of_kind(ShiftBlock, self.acoustic.encoder), given, strict=True
        ):
            y = graph.shift_block(y, block, condition)
        outputs = {"durations": durations, "prosody_features": x, "acoustic_features": y}
        return graph.save(path, list(outputs.items()))

    def curves(self, path: Path) -> Path:
        graph, prosody = Graph("curves", exact=self.exact), self.prosody
        x = self._spread(graph, prosody.embed.embedding_dim)
        spans = graph.input("spans", ["U", 4])
        x = graph.add("Add", x, graph.linear(spans, prosody.span, exact=True))
        given = self._given(graph, "curves", self.curve_norms)
        for block, condition in zip(_of_kind(ShiftBlock, prosody.frames), given, strict=True):
            x = graph.shift_block(x, block, condition)
        out = graph.linear(graph.silu(x), prosody.curves, exact=True)
        frames = graph.add("Reshape", out, graph.whole(-1, 3))
        pitch, voicing, energy = (
            graph.add("Squeeze", c, graph.whole(1))
            for c in graph.add_many("Split", 3, frames, axis=1)
        )
        outputs = {"pitch": _smoothed(graph, pitch), "voicing": voicing, "energy": energy}
        return graph.save(path, list(outputs.items()))

    def filters(self, path: Path) -> Path:
        graph, model = Graph("filters", exact=self.exact), self.acoustic
        x = self._spread(graph, model.embed.embedding_dim)
        spans, curves = graph.input("spans", ["U", 4]), graph.input("prosody", ["F", 3])
        of_unit = graph.add("Reshape", curves, graph.whole(-1, 3 * FRAMES_PER_UNIT))
        places = graph.linear(spans, model.span, exact=True)
        places = graph.add("Add", places, graph.linear(of_unit, model.prosody, exact=True))
        x = graph.add("Add", x, places)
        *given, last = self._given(graph, "filters", self.filter_norms)
        for block, condition in zip(
            _of_kind(ShiftBlock, model.decoder), given[: len(model.decoder)], strict=True
        ):
            x = graph.shift_block(x, block, condition)
        # The residual stream is not normed: a few channels are much larger than all others.
        x = graph.linear(x, model.split, exact=True)
        x = graph.add("Reshape", x, graph.whole(-1, model.split.in_features))
        x = graph.add("Add", x, graph.linear(curves, model.prosody_frames, exact=True))
        for block, condition in zip(
            _of_kind(ShiftBlock, model.frames), given[len(model.decoder) :], strict=True
        ):
            x = graph.shift_block(x, block, condition)
        h = graph.silu(graph.norm(x, *last))
        return graph.save(path, [("outputs", graph.linear(h, model.head, reach_I=self.reach_C))])

    def _spread(self, graph: Graph, width: int) -> str:
        """Features of phonemes for each of their units, [U, C]."""
        features = graph.input("features", ["L", width])
        return graph.add("Gather", features, graph.input("index", ["U"], TensorProto.INT64), axis=0)


def _row(graph: Graph, half: str, condition: Condition, norms: Norms) -> str:
    """Half a style [1, STYLE / 2] -> scales and shifts of some norms in one row."""
    first, second = _of_kind(nn.Linear, condition)
    hidden = graph.silu(graph.linear(half, first, exact=True))
    hidden = graph.linear(hidden, second, exact=True)
    weight = graph.halves(np.concatenate([array(n.film.weight) for n in norms]).T)
    # Norms scale by one more than their layer says.
    one_more = [np.repeat([1.0, 0.0], n.film.out_features // 2) for n in norms]
    bias = np.concatenate([array(n.film.bias) for n in norms]) + np.concatenate(one_more)
    row = graph.add("Gemm", hidden, weight, graph.constant(bias.astype(np.float32)))
    return graph.add("Squeeze", row, graph.whole(0))


def _smoothed(graph: Graph, x: str) -> str:
    """`prosody.smoothed`: a curve [F] -> [F]."""
    reach = len(SMOOTHING) // 2
    padded = graph.add("Pad", x, graph.whole(reach, reach), mode="edge")
    channel = graph.add("Unsqueeze", padded, graph.whole(0, 1))
    weights = np.array(SMOOTHING, np.float32)[None, None]
    smooth = graph.add("Conv", channel, graph.constant(weights))
    return graph.add("Squeeze", smooth, graph.whole(0, 1))


def export_graphs(
    prosody: ProsodyModel,
    acoustic: AcousticModel,
    folder: Path,
    *,
    longest: int,
    reach_C: NDArray[np.float32] | None = None,
    exact: bool = False,
) -> list[Path]:
    """Write the graphs into `folder`; return their paths.

    conditions: style [1, STYLE] -> one row of scales and shifts for each input of that name of the
        other graphs.
    phonemes: tokens int64 [L], phonemes_prosody, phonemes_acoustic -> durations [L] in units of
        25 ms, and the features [L, C] of the two models.
    curves: features [L, C], index int64 [U], spans [U, 4], curves -> log2 pitch ratio, voicing
        logit and energy, each [F].
    filters: features [L, C], index int64 [U], spans [U, 4], prosody [F, 3], filters -> outputs
        [F, O], logarithms and phases; the runtime's arithmetic with them is faster than a graph's.

    Args:
        prosody: trained.
        acoustic: trained, with its postfilter.
        folder: is made.
        longest: the most tokens of an utterance.
        reach_C: the largest inputs of each channel of the spectral head; if none, all channels
            are taken as alike.
        exact: keep all matrices in float32, for comparison; else they are int8, but for the last
            layers of durations and curves (small, and rounding them moved durations by 1.8 per cent
            where rounding all the rest moves them by 0.25) and the split of units into frames.
    """
    folder.mkdir(parents=True, exist_ok=True)
    exporter = _Exporter(prosody, acoustic, longest, reach_C, exact=exact)
    return [
        write(folder / f"{write.__name__}.onnx")
        for write in (exporter.conditions, exporter.phonemes, exporter.curves, exporter.filters)
    ]
