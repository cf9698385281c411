"""The exported graphs compute what the torch modules compute, at any length."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("onnx", reason="training needs the extra 'train'")

import onnxruntime as ort  # noqa: E402

from voxhaus.models.voice import export  # noqa: E402
from voxhaus.models.voice.acoustic import AcousticModel  # noqa: E402
from voxhaus.models.voice.config import VoiceConfig  # noqa: E402
from voxhaus.models.voice.prosody import ProsodyModel  # noqa: E402

SMALL = VoiceConfig(
    prosody_channels=32,
    prosody_hidden=48,
    prosody_layers=2,
    prosody_frame_hidden=40,
    acoustic_channels=32,
    acoustic_hidden=48,
    decoder_hidden=48,
)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    torch.manual_seed(0)
    models = ProsodyModel(SMALL), AcousticModel(SMALL)
    for model in models:
        for p in model.parameters():
            p.data += 0.05 * torch.randn_like(p)
    folder = tmp_path_factory.mktemp("graphs")
    export.export_graphs(*models, folder)
    return models, folder


def same(graph, feeds, expected):
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    made = session.run(None, {k: v.numpy() for k, v in feeds.items()})
    for ours, theirs in zip(made, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [3, 40])
def test_graphs_equal_modules(graphs, length):
    (prosody, acoustic), folder = graphs
    tokens = torch.randint(1, 170, (1, length))
    style = torch.randn(1, 256)
    first = export._Phonemes(prosody, acoustic)(tokens, style)
    same(folder / "phonemes.onnx", {"tokens": tokens, "style": style}, first)

    units = 3 * length
    index = torch.randint(0, length, (1, units))
    spans = torch.rand(1, units, 4)
    feeds = {"features": first[1], "style": style, "spans": spans, "index": index}
    feeds["features"] = feeds["features"].detach()
    same(
        folder / "curves.onnx",
        feeds,
        export._Curves(prosody)(first[1], style, spans, index),
    )

    curves = torch.rand(1, 2 * units, 3)
    feeds |= {"features": first[2].detach(), "prosody": curves}
    same(
        folder / "filters.onnx",
        feeds,
        (export._Filters(acoustic)(first[2], style, spans, index, curves),),
    )


def test_padding_does_not_change_an_utterance():
    torch.manual_seed(1)
    model = ProsodyModel(SMALL)
    for p in model.parameters():
        p.data += 0.05 * torch.randn_like(p)
    tokens, style = torch.randint(1, 170, (1, 12)), torch.randn(1, 256)
    alone, _ = model.phonemes(tokens, style, torch.ones(1, 12, 1))
    padded = torch.cat([tokens, torch.zeros(1, 5, dtype=torch.long)], 1)
    mask = torch.cat([torch.ones(1, 12, 1), torch.zeros(1, 5, 1)], 1)
    beside, _ = model.phonemes(padded, style, mask)
    torch.testing.assert_close(alone, beside[:, :12], atol=1e-5, rtol=1e-5)
