"""How much work the voice model is: operations and bytes, counted from its sizes.

Knows: the matrix products of both models, and the transforms of the synthesiser.
Refuses to know: torch, and how fast any machine does it.

Counted are multiplications and additions of matrix products (two operations each) and of Fourier
transforms (2.5 n log2 n for a real one, the usual convention). What is done once for each number
(norms, sigmoids, exponentials) is not an operation here, but its bytes are moved.

Shapes: B utterances, L tokens, U units, F frames.
"""

import math
from dataclasses import dataclass

from voxhaus.models.voice.config import (
    BINS,
    FFT,
    FRAMES_PER_UNIT,
    HOP,
    NOISE_STEPS,
    SAMPLE_RATE,
    STYLE,
    VoiceConfig,
)

OUTPUTS = 3 * BINS + NOISE_STEPS

_TRANSFORMS = 3  # a frame: pulses and noise forward, their sum back
_FLOAT, _COMPLEX = 4, 8  # bytes

Product = tuple[int, int]  # width in, width out


@dataclass(frozen=True, kw_only=True)
class Work:
    """Operations, and bytes that must move.

    Attributes:
        products: operations of matrix products.
        transforms: operations of Fourier transforms.
        bytes: weights read once a run, and every matrix product's and transform's input read and
            output written once; a program that keeps less in registers moves more.
    """

    products: float
    transforms: float
    bytes: float

    @property
    def flops(self) -> float:
        """All operations."""
        return self.products + self.transforms

    def __add__(self, other: "Work") -> "Work":
        return Work(
            products=self.products + other.products,
            transforms=self.transforms + other.transforms,
            bytes=self.bytes + other.bytes,
        )


def _shift(channels: int, hidden: int) -> list[Product]:
    return [(3 * channels, hidden), (hidden, channels)]


def _token_products(config: VoiceConfig) -> list[Product]:
    c, h = config.prosody_channels, config.prosody_hidden
    layer = [(c, 3 * c), (c, c), (c, h), (h, c)]
    prosody = [*_shift(c, config.prosody_frame_hidden), *layer * config.prosody_layers]
    acoustic = _shift(config.acoustic_channels, config.acoustic_hidden)
    return [*prosody, (c, c), (c, 1), *acoustic * len(config.acoustic_dilations)]


def _unit_products(config: VoiceConfig) -> list[Product]:
    c, a = config.prosody_channels, config.acoustic_channels
    curves = _shift(c, config.prosody_frame_hidden) * len(config.prosody_frame_dilations)
    filters = _shift(a, config.decoder_hidden) * len(config.decoder_dilations)
    ends = [(4, c), (c, 3 * FRAMES_PER_UNIT), (4, a), (3 * FRAMES_PER_UNIT, a)]
    return [*curves, *filters, *ends, (a, FRAMES_PER_UNIT * a)]


def _frame_products(config: VoiceConfig) -> list[Product]:
    a = config.acoustic_channels
    blocks = _shift(a, config.decoder_hidden) * len(config.decoder_frame_dilations)
    return [*blocks, (3, a), (a, OUTPUTS)]


def _utterance_products(config: VoiceConfig) -> list[Product]:
    """The conditioning: made in each of the four calls, and turned into scales and shifts."""
    c, a, s = config.prosody_channels, config.acoustic_channels, config.condition
    made: list[Product] = [(STYLE // 2, 2 * s), (2 * s, s)]
    prosody_norms = 1 + 2 * config.prosody_layers + len(config.prosody_frame_dilations)
    acoustic_norms = 1 + sum(
        len(d)
        for d in (
            config.acoustic_dilations,
            config.decoder_dilations,
            config.decoder_frame_dilations,
        )
    )
    return [*made * 4, *[(s, 2 * c)] * prosody_norms, *[(s, 2 * a)] * acoustic_norms]


def _applied(products: list[Product], rows: float, width: int) -> Work:
    return Work(
        products=2.0 * rows * sum(i * o for i, o in products),
        transforms=0.0,
        bytes=width * rows * sum(i + o for i, o in products),
    )


def _attention(config: VoiceConfig, utterances: int, tokens: float) -> Work:
    """Scores and mixtures; every token of an utterance sees all of it."""
    seen = tokens / utterances
    flops = 4.0 * tokens * seen * config.prosody_channels * config.prosody_layers
    return Work(products=flops, transforms=0.0, bytes=0.0)


def _synthesis(frames: float) -> Work:
    size = FFT * _FLOAT
    spectrum = BINS * _COMPLEX
    moved = OUTPUTS * _FLOAT + _TRANSFORMS * (2 * size + 2 * spectrum) + HOP * _FLOAT
    flops = _TRANSFORMS * 2.5 * FFT * math.log2(FFT)
    return Work(products=0.0, transforms=frames * flops, bytes=frames * moved)


def work(
    config: VoiceConfig,
    *,
    utterances: int,
    tokens: float,
    units: float,
    runs: int = 1,
    width: int = 4,
) -> Work:
    """The work of speaking.

    Args:
        config: sizes of the model.
        utterances: how many.
        tokens: of all of them, with borders. They are taken to be of one length, which matters to
            attention only, a hundredth of the whole.
        units: of all of them.
        runs: batches, each of which reads the weights once.
        width: bytes a weight and an activation.
    """
    stages = (
        (_utterance_products(config), float(utterances)),
        (_token_products(config), tokens),
        (_unit_products(config), units),
        (_frame_products(config), units * FRAMES_PER_UNIT),
    )
    total = _attention(config, utterances, tokens) + _synthesis(units * FRAMES_PER_UNIT)
    for products, rows in stages:
        total += _applied(products, rows, width)
    weights = sum(i * o for products, _ in stages for i, o in products)
    return total + Work(products=0.0, transforms=0.0, bytes=float(runs * width * weights))


def flops_per_second(
    config: VoiceConfig, *, tokens_per_second: float = 15.0, seconds: float = 4.0
) -> float:
    """Operations for a second of speech.

    Args:
        config: sizes of the model.
        tokens_per_second: pace; our voices make about 15 in reading.
        seconds: length of an utterance.
    """
    units = seconds * SAMPLE_RATE / (HOP * FRAMES_PER_UNIT)
    done = work(config, utterances=1, tokens=tokens_per_second * seconds, units=units)
    return done.flops / seconds
