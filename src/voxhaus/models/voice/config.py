"""The sizes of the voice model and the constants of its time axes.

Knows: numbers only. Refuses to know: layers, losses, files.
"""

from dataclasses import dataclass

SAMPLE_RATE = 24_000
HOP = 300  # samples per frame: 80 frames a second, the rate of the teacher's pitch curve
FRAMES_PER_UNIT = 2  # frames per duration unit of the teacher (25 ms)

# Synthesis by overlap-add: each frame of excitation is windowed over two hops (Hann windows at half
# overlap add up to one), filtered in a longer transform so that a filter may ring for
# (FFT - WINDOW) / 2 samples to each side without wrapping around.
WINDOW = 600
FFT = 1024
BINS = FFT // 2 + 1

NOISE_STEPS = 10  # gains per frame that shape the noise in time: 1.25 ms, the scale of a plosive

STYLE = 256  # timbre half and prosody half
VOICED_FROM = 50.0  # Hz; below it the teacher's curve is on its way to or from silence

# The energy under which the teacher is silent: it lies between its silence (about -9) and its
# faintest sounds (about -2), measured over the corpus.
SILENT_BELOW = -5.0


@dataclass(frozen=True, kw_only=True)
class VoiceConfig:
    """Widths and depths.

    Attributes:
        condition: width of the conditioning vector made from half a style vector.
        prosody_*: the model of durations, pitch and energy.
        acoustic_*: the model from phonemes and prosody to spectral envelopes.
        decoder_dilations: one shift block each, at 40 units a second.
        decoder_frame_dilations: one shift block each, at 80 frames a second.
    """

    vocabulary: int = 178
    condition: int = 64
    prosody_channels: int = 192
    prosody_hidden: int = 768
    prosody_layers: int = 4
    prosody_heads: int = 4
    prosody_frame_hidden: int = 384
    prosody_frame_dilations: tuple[int, ...] = (1, 2, 4)
    acoustic_channels: int = 256
    acoustic_hidden: int = 384
    acoustic_dilations: tuple[int, ...] = (1, 2, 1)
    decoder_hidden: int = 512
    decoder_dilations: tuple[int, ...] = (1, 2, 4, 1, 1)
    decoder_frame_dilations: tuple[int, ...] = (1,)
