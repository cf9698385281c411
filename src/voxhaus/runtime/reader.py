"""The voices of a model folder, and blends of them.

Knows: what a voice's files hold: who it is, its style vectors, its manner in each style.
Refuses to know: texts, graphs, audio.

Shapes: Y styles, R rows (lengths of utterances), S = 256 numbers of a style vector.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from voxhaus.core.errors import InputError
from voxhaus.core.speech import VoiceInfo
from voxhaus.runtime.manner import Array, Manner, mixed
from voxhaus.runtime.weights import Weights

MOST_VOICES = 4  # in a blend

_PART = re.compile(r"\s*(?P<voice>[\w.-]+)\s*(?::\s*(?P<weight>\d*\.?\d+)\s*)?")


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One voice.

    Attributes:
        info: what a listener sees of it.
        rows: the most phonemes, less one, that each row of the style vectors is meant for.
        styles_YRS: style vectors, in the order of `info.styles`.
        manners: by style.
    """

    info: VoiceInfo
    rows: tuple[int, ...]
    styles_YRS: Array
    manners: Mapping[str, Manner]

    @property
    def default_style(self) -> str:
        """The style of who asks for none."""
        return self.info.styles[0]

    def style(self, name: str, phonemes: int) -> Array:
        """The style vector [1, 256] of a style for an utterance of so many phonemes."""
        at = next((i for i, r in enumerate(self.rows) if r >= phonemes - 1), len(self.rows) - 1)
        return self.styles_YRS[self.info.styles.index(name), at : at + 1].astype(np.float32)


def read_readers(files: Weights) -> tuple[dict[str, Reader], str]:
    """The voices of a checked model folder, and the id of the default one."""
    listing: dict[str, Any] = files.json("voices.json")
    tables = np.load(files.path("styles.npy"))
    readers = {}
    for about, table in zip(listing["voices"], tables, strict=True):
        manners = {n: Manner.parsed(m) for n, m in about["styles"].items()}
        info = VoiceInfo(**{**about, "styles": tuple(manners)})
        rows = tuple(listing["rows"])
        readers[info.id] = Reader(info=info, rows=rows, styles_YRS=table, manners=manners)
    return readers, listing["default"]


def blended(readers: Mapping[str, Reader], recipe: str) -> Reader:
    """A voice between voices, from a recipe such as "anna:0.6+ben:0.4".

    Timbre and prosody lie between those of the parts; the accent is that of the heaviest part,
    because words are pronounced one way or the other.

    Raises:
        InputError: not a recipe, an unknown voice, or weights that add up to nothing.
    """
    weights = _weights(readers, recipe)
    parts = [readers[v] for v in weights]
    shares = np.array(list(weights.values())) / sum(weights.values())
    heaviest = parts[int(shares.argmax())]
    common = [s for s in heaviest.info.styles if all(s in p.info.styles for p in parts)]
    tables = []
    for part in parts:
        order = [part.info.styles.index(s) for s in common]
        tables.append(part.styles_YRS[order].astype(np.float32))
    return Reader(
        info=replace(heaviest.info, id=recipe, name=recipe, styles=tuple(common)),
        rows=heaviest.rows,
        styles_YRS=np.tensordot(shares.astype(np.float32), np.stack(tables), 1),
        manners={s: mixed([p.manners[s] for p in parts], shares.tolist()) for s in common},
    )


def _weights(readers: Mapping[str, Reader], recipe: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in recipe.split("+"):
        m = _PART.fullmatch(part)
        if m is None:
            raise InputError(
                f"'{recipe}' is no blend of voices; write it like anna:0.6+ben:0.4.", param="voice"
            )
        if m["voice"] not in readers:
            raise InputError(
                f"There is no voice '{m['voice']}' to blend. Voices: {', '.join(readers)}.",
                param="voice",
            )
        weights[m["voice"]] = weights.get(m["voice"], 0.0) + float(m["weight"] or 1.0)
    if len(weights) > MOST_VOICES:
        raise InputError(f"A blend may have {MOST_VOICES} voices at most.", param="voice")
    if sum(weights.values()) <= 0:
        raise InputError(f"The weights in '{recipe}' add up to nothing.", param="voice")
    return weights
