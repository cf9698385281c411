"""Forced alignment by PocketSphinx: when is each sound of a known text heard?

Knows: how our phonemes are written in ARPAbet, and how to ask PocketSphinx (BSD) for words and
sounds.
Refuses to know: who spoke, our own timestamps, and figures.

The dictionary is not the package's but made of the phonemes that were spoken, so that no word is
missing, British words are not aligned as American ones, and every sound has a counterpart of ours.

The acoustic model looks at windows of 25.6 ms, one every 10 ms. What it calls the border between
two frames lies halfway between their centres: at `10 ms * n + 7.8 ms`, where the package says
`10 ms * n`. To see more than whole frames, a recording is aligned four times, each time 2.5 ms
later, and times are the means. Comes with the extra `timestamps`.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voxhaus.core.errors import MissingExtraError
from voxhaus.core.speech import Samples

ALIGNER_RATE = 16_000
FRAME = 0.01  # seconds
BORDER = 0.5 * (0.0256 - FRAME)  # seconds from a frame's own start to the border it stands for
SHIFTS = (0.0, 0.0025, 0.005, 0.0075)  # seconds by which a recording is delayed, in turn
PADDING = 0.2  # seconds of faint noise on both sides: the model expects silence around speech
_FLOOR = 1e-4  # of that noise: -80 dBFS; digital silence has no logarithm

# Our alphabet in ARPAbet, as the dictionary of Carnegie Mellon University writes it.
ARPABET: dict[str, str] = {
    **{"A": "EY", "I": "AY", "O": "OW", "Q": "OW", "W": "AW", "Y": "OY", "a": "AE", "e": "EH"},
    **{"i": "IY", "o": "AO", "u": "UW", "y": "IY", "æ": "AE", "ɑ": "AA", "ɐ": "AH", "ɒ": "AA"},
    **{"ɔ": "AO", "ə": "AH", "ɚ": "ER", "ɛ": "EH", "ɜ": "ER", "ɪ": "IH", "ʊ": "UH", "ʌ": "AH"},
    **{"ᵊ": "AH", "ᵻ": "IH", "b": "B", "d": "D", "f": "F", "h": "HH", "j": "Y", "k": "K", "l": "L"},
    **{"m": "M", "n": "N", "p": "P", "r": "R", "s": "S", "t": "T", "v": "V", "w": "W", "x": "HH"},
    **{"z": "Z", "ð": "DH", "ɡ": "G", "ŋ": "NG", "ɹ": "R", "ɾ": "T", "T": "T", "ʃ": "SH"},
    **{"ʔ": "T", "ʒ": "ZH", "ʤ": "JH", "ʧ": "CH", "θ": "TH", "S": "S", "ʣ": "Z", "ʥ": "JH"},
    **{"ʦ": "S", "ʨ": "CH"},
}


@dataclass(frozen=True, slots=True)
class Aligned:
    """One sound or word as the aligner heard it, in seconds from the start of the recording."""

    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """A recording, aligned.

    Attributes:
        words: one for each word that was asked for.
        phones: for each word, one for each of its sounds.
    """

    words: tuple[Aligned, ...]
    phones: tuple[tuple[Aligned, ...], ...]


def arpabet(symbol: str) -> str:
    """A sound of ours ("ˈA", "ɜː") in ARPAbet.

    Raises:
        KeyError: a symbol that is no sound.
    """
    return ARPABET[symbol.strip("ˈˌː")]


class Aligner:
    """Aligns recordings with what is said in them.

    Raises:
        MissingExtraError: PocketSphinx is not installed.
    """

    def __init__(self) -> None:
        try:
            import pocketsphinx
        except ImportError:
            raise MissingExtraError("pocketsphinx", "timestamps") from None
        self._package: Any = pocketsphinx
        self._noise = np.random.Generator(np.random.PCG64(0)).standard_normal(60 * ALIGNER_RATE)

    def align(
        self,
        samples: Samples,
        words: Sequence[Sequence[str]],
        *,
        shifts: Sequence[float] = SHIFTS,
    ) -> Alignment | None:
        """When each word and sound is heard; None where the aligner finds no way through.

        Args:
            samples: float32 [n] at ALIGNER_RATE.
            words: for each word its sounds in ARPAbet, at least one.
            shifts: seconds by which the recording is delayed, in turn; times are the means.
        """
        with tempfile.TemporaryDirectory() as folder:
            decoder = self._decoder(Path(folder) / "spoken.dict", words)
        found = []
        for shift in shifts:
            one = self._once(decoder, samples, len(words), shift)
            if one is None or [len(p) for p in one] != [len(w) for w in words]:
                return None
            found.append(np.array([edges for word in one for edges in word]))
        edges = np.mean(found, axis=0)
        cuts = np.cumsum([len(w) for w in words])[:-1]
        phones = tuple(tuple(Aligned(*map(float, e)) for e in p) for p in np.split(edges, cuts))
        return Alignment(words=tuple(Aligned(p[0].start, p[-1].end) for p in phones), phones=phones)

    def _decoder(self, path: Path, words: Sequence[Sequence[str]]) -> Any:  # noqa: ANN401
        lines = [f"w{i} {' '.join(sounds)}" for i, sounds in enumerate(words)]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        # The search for a best path through the words changes their ends so that sounds no longer
        # fit into them; there is one path only.
        return self._package.Decoder(lm=None, dict=str(path), loglevel="FATAL", bestpath=False)

    def _once(
        self,
        decoder: Any,  # noqa: ANN401 - PocketSphinx has no types
        samples: Samples,
        count: int,
        shift: float,
    ) -> list[list[tuple[float, float]]] | None:
        """For each word its sounds, as start and end in seconds."""
        data = self._sound(samples, shift)
        decoder.set_align_text(" ".join(f"w{i}" for i in range(count)))
        try:
            _decode(decoder, data)
            if decoder.hyp() is None:
                return None
            decoder.set_alignment()
            _decode(decoder, data)
            tree = decoder.get_alignment()
        except RuntimeError:
            return None
        away = PADDING + shift - BORDER
        return [
            [(p.start * FRAME - away, (p.start + p.duration) * FRAME - away) for p in word]
            for word in tree
            if word.name.partition("(")[0].startswith("w")
        ]

    def _sound(self, samples: Samples, shift: float) -> bytes:
        """16-bit samples with faint noise below and around."""
        before, after = round((PADDING + shift) * ALIGNER_RATE), round(PADDING * ALIGNER_RATE)
        padded = np.pad(samples.astype(np.float64), (before, after))
        padded += _FLOOR * np.resize(self._noise, len(padded))
        return (np.clip(padded, -1.0, 1.0) * 32767).astype("<i2").tobytes()


def _decode(decoder: Any, data: bytes) -> None:  # noqa: ANN401
    decoder.start_utt()
    decoder.process_raw(data, full_utt=True)
    decoder.end_utt()
