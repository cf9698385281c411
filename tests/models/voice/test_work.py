"""Operations that are counted from sizes are those that torch counts when it runs the models."""

import pytest

from voxhaus.models.voice.config import FRAMES_PER_UNIT, VoiceConfig
from voxhaus.models.voice.work import flops_per_second, work

SMALL = VoiceConfig(
    prosody_channels=32,
    prosody_hidden=48,
    prosody_layers=2,
    prosody_frame_hidden=40,
    acoustic_channels=24,
    acoustic_hidden=56,
    decoder_hidden=72,
    decoder_dilations=(1, 2),
    decoder_frame_dilations=(1, 1, 1),
)


def counted(config, rows, length, units):
    """What torch counts for a batch of one shape."""
    torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from voxhaus.models.voice.acoustic import AcousticModel
    from voxhaus.models.voice.prosody import ProsodyModel

    prosody, acoustic = ProsodyModel(config), AcousticModel(config)
    tokens, style = torch.ones(rows, length, dtype=torch.long), torch.zeros(rows, 256)
    mask, index = torch.ones(rows, length, 1), torch.zeros(rows, units, dtype=torch.long)
    spans, inside = torch.zeros(rows, units, 4), torch.ones(rows, units, 1)
    curves = torch.zeros(rows, units * FRAMES_PER_UNIT, 3)
    # The plain kernel of attention: others are matrix products that the counter does not see.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        _, features = prosody.phonemes(tokens, style, mask)
        prosody.curves_of(features, style, spans, index, inside)
        features = acoustic.phonemes(tokens, style, mask)
        acoustic.decode(features, style, spans, index, curves, inside)
    return counter.get_total_flops()


@pytest.mark.parametrize("config", [SMALL, VoiceConfig()], ids=["small", "shipped"])
def test_products_are_those_that_torch_counts(config):
    done = work(config, utterances=3, tokens=3 * 20, units=3 * 50)
    assert done.products == counted(config, 3, 20, 50)


def test_work_grows_with_speech_and_weights_are_read_once_a_run():
    one = work(SMALL, utterances=1, tokens=40, units=100)
    two = work(SMALL, utterances=2, tokens=80, units=200)
    assert two.flops == pytest.approx(2 * one.flops)
    apart = work(SMALL, utterances=2, tokens=80, units=200, runs=2)
    assert apart.bytes == pytest.approx(2 * one.bytes)
    assert one.bytes < two.bytes < apart.bytes
    assert work(SMALL, utterances=1, tokens=40, units=100, width=2).bytes < one.bytes


def test_a_second_of_speech_is_some_hundred_million_operations():
    assert 2e8 < flops_per_second(VoiceConfig()) < 2e9
    assert flops_per_second(SMALL) < flops_per_second(VoiceConfig())
