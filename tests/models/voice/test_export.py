"""The exported graphs compute what the torch modules compute, at any length."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("onnx", reason="training needs the extra 'train'")

from voxhaus.models.voice import export  # noqa: E402
from voxhaus.models.voice.acoustic import AcousticModel  # noqa: E402
from voxhaus.models.voice.config import VoiceConfig  # noqa: E402
from voxhaus.models.voice.prosody import ProsodyModel  # noqa: E402
from voxhaus.runtime.sessions import open_session  # noqa: E402

SMALL = VoiceConfig(
    prosody_channels=32,
    prosody_hidden=48,
    prosody_layers=2,
    prosody_frame_hidden=40,
    acoustic_channels=32,
    acoustic_hidden=48,
    decoder_hidden=48,
)
LONGEST = 64


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    models = ProsodyModel(SMALL), AcousticModel(SMALL)
    for model in models:
        for p in model.parameters():
            p.data += 0.05 * torch.randn_like(p)
    return models


@pytest.fixture(scope="module", params=["exact", "int8", "int8 with reach"])
def graphs(request, models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    reach = np.linspace(0.1, 4.0, 32, dtype=np.float32) if "reach" in request.param else None
    exact = request.param == "exact"
    export.export_graphs(*models, folder, longest=LONGEST, reach_C=reach, exact=exact)
    return folder, {"rtol": 1e-4, "atol": 1e-5} if exact else {"rtol": 0.03, "atol": 0.06}


@pytest.mark.parametrize("length", [3, 40, LONGEST])
@torch.no_grad()
def test_graphs_equal_modules(models, graphs, length):
    (prosody, acoustic), (folder, near) = models, graphs

    def same(name, feeds, *expected):
        session = open_session(folder / f"{name}.onnx")
        made = session.run(None, {k: np.asarray(v) for k, v in feeds.items()})
        for ours, theirs in zip(made, expected, strict=True):
            np.testing.assert_allclose(ours, theirs[0].numpy(), **near)

    tokens = torch.randint(1, 170, (1, length))
    style = torch.randn(1, 256)
    session = open_session(folder / "conditions.onnx")
    rows = session.run(None, {"style": style.numpy()})
    asked = dict(zip([o.name for o in session.get_outputs()], rows, strict=True))

    ones = torch.ones(1, length, 1)
    durations, features = prosody.phonemes(tokens, style, ones)
    sounds = acoustic.phonemes(tokens, style, ones)
    feeds = {k: asked[k] for k in ("phonemes_prosody", "phonemes_acoustic")}
    same("phonemes", {"tokens": tokens[0], **feeds}, durations.exp(), features, sounds)

    units = 3 * length
    index, spans = torch.randint(0, length, (1, units)), torch.rand(1, units, 4)
    ones = torch.ones(1, units, 1)
    places = {"index": index[0], "spans": spans[0]}
    feeds = {"features": features[0], "curves": asked["curves"], **places}
    same("curves", feeds, *prosody.curves_of(features, style, spans, index, ones))

    curves = torch.rand(1, 2 * units, 3)
    feeds = {"features": sounds[0], "filters": asked["filters"], "prosody": curves[0], **places}
    same("filters", feeds, acoustic.decode(sounds, style, spans, index, curves, ones))


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
