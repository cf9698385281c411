"""The trained model as three ONNX graphs that need no torch.

Knows: what each graph takes and gives, and how it is quantised.
Refuses to know: training and the NumPy runtime that calls the graphs.

Three graphs and not one, because between them the runtime decides: durations are rounded, scaled
and timed after the first; pitch may be shifted after the second.

Shapes: L tokens with borders, U units of 25 ms, F = 2 U frames, C channels, O outputs a frame.
"""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from voxhaus.models.voice.acoustic import AcousticModel
from voxhaus.models.voice.config import STYLE
from voxhaus.models.voice.prosody import ProsodyModel


class _Phonemes(nn.Module):
    def __init__(self, prosody: ProsodyModel, acoustic: AcousticModel) -> None:
        super().__init__()
        self.prosody, self.acoustic = prosody, acoustic

    def forward(self, tokens_1L: Tensor, style_1S: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mask = torch.ones_like(tokens_1L, dtype=torch.float32)[..., None]
        durations, x = self.prosody.phonemes(tokens_1L, style_1S, mask)
        return durations.exp(), x, self.acoustic.phonemes(tokens_1L, style_1S, mask)


class _Curves(nn.Module):
    def __init__(self, prosody: ProsodyModel) -> None:
        super().__init__()
        self.prosody = prosody

    def forward(
        self, x_1LC: Tensor, style_1S: Tensor, spans_1U4: Tensor, index_1U: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        mask = torch.ones_like(spans_1U4[..., :1])
        return self.prosody.curves_of(x_1LC, style_1S, spans_1U4, index_1U, mask)


class _Filters(nn.Module):
    def __init__(self, acoustic: AcousticModel) -> None:
        super().__init__()
        self.acoustic = acoustic

    def forward(
        self,
        x_1LC: Tensor,
        style_1S: Tensor,
        spans_1U4: Tensor,
        index_1U: Tensor,
        prosody_1F3: Tensor,
    ) -> Tensor:
        mask = torch.ones_like(spans_1U4[..., :1])
        return self.acoustic.decode(x_1LC, style_1S, spans_1U4, index_1U, prosody_1F3, mask)


def _export(
    module: nn.Module,
    inputs: dict[str, tuple[Tensor, dict[int, str]]],
    outputs: dict[str, dict[int, str]],
    path: Path,
) -> None:
    axes = {name: names for name, (_, names) in inputs.items() if names} | outputs
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer warns about shapes that are constant by construction.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(t for t, _ in inputs.values()),
            path,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def export_graphs(prosody: ProsodyModel, acoustic: AcousticModel, folder: Path) -> list[Path]:
    """Write `phonemes.onnx`, `curves.onnx` and `filters.onnx` (float32) into `folder`.

    phonemes: tokens int64 [1, L], style [1, STYLE] -> durations [1, L] in units of 25 ms, and the
        features [1, L, C] of the two models.
    curves: prosody features, style, spans [1, U, 4], index int64 [1, U] -> log2 pitch ratio, and
        voicing logit, energy, each [1, F].
    filters: acoustic features, style, spans [1, U, 4], index int64 [1, U], prosody [1, F, 3] ->
        outputs [1, F, O], logarithms and phases; the runtime's arithmetic with them is faster than
        a graph's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    length, units, frames = 9, 21, 42
    style: tuple[Tensor, dict[int, str]] = (torch.zeros(1, STYLE), {})
    c_prosody, c_acoustic = prosody.embed.embedding_dim, acoustic.embed.embedding_dim
    tokens = (torch.ones(1, length, dtype=torch.long), {1: "L"})
    paths = [folder / f"{n}.onnx" for n in ("phonemes", "curves", "filters")]
    _export(
        _Phonemes(prosody, acoustic),
        {"tokens": tokens, "style": style},
        {"durations": {1: "L"}, "prosody_features": {1: "L"}, "acoustic_features": {1: "L"}},
        paths[0],
    )
    _export(
        _Curves(prosody),
        {
            "features": (torch.zeros(1, length, c_prosody), {1: "L"}),
            "style": style,
            "spans": (torch.zeros(1, units, 4), {1: "U"}),
            "index": (torch.zeros(1, units, dtype=torch.long), {1: "U"}),
        },
        {"pitch": {1: "F"}, "voicing": {1: "F"}, "energy": {1: "F"}},
        paths[1],
    )
    _export(
        _Filters(acoustic),
        {
            "features": (torch.zeros(1, length, c_acoustic), {1: "L"}),
            "style": style,
            "spans": (torch.zeros(1, units, 4), {1: "U"}),
            "index": (torch.zeros(1, units, dtype=torch.long), {1: "U"}),
            "prosody": (torch.zeros(1, frames, 3), {1: "F"}),
        },
        {"outputs": {1: "F"}},
        paths[2],
    )
    return paths
