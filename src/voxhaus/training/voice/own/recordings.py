"""A folder of recordings and what was said in them.

Knows: the two layouts (LJSpeech's metadata.csv with wavs/, or sound files beside .txt files), and
how a file becomes mono samples at the model's rate.
Refuses to know: whether a recording is any good, and what is learned from it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from voxhaus.core.errors import InputError
from voxhaus.core.speech import Samples

RATE = 24_000
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus")
LAYOUTS = "either metadata.csv (name|text) beside wavs/, or NAME.wav beside NAME.txt"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One file and its text."""

    name: str
    text: str
    path: Path


def read_folder(folder: Path) -> list[Recording]:
    """The recordings of a folder, by name.

    Raises:
        InputError: no folder, neither layout, a broken line, or a text without its sound.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; it should hold {LAYOUTS}.", param="data")
    table = folder / "metadata.csv"
    found = _listed(table) if table.is_file() else _beside(folder)
    if not found:
        raise InputError(f"{folder} holds no recordings with texts: {LAYOUTS}.", param="data")
    return sorted(found, key=lambda r: r.name)


def _listed(table: Path) -> list[Recording]:
    found = []
    for number, line in enumerate(table.read_text("utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        # LJSpeech: name|as written|as read. What is read is what was recorded.
        name, *texts = line.split("|")
        text = next((t.strip() for t in reversed(texts) if t.strip()), "")
        if not text:
            raise InputError(
                f"{table}, line {number}, has no text; a line is name|text.", param="data"
            )
        found.append(Recording(name=name.strip(), text=text, path=_sound(table, name.strip())))
    return found


def _sound(table: Path, name: str) -> Path:
    folder = table.parent / "wavs"
    tried = [folder / name, *(folder / f"{name}{s}" for s in SUFFIXES)]
    path = next((p for p in tried if p.is_file()), None)
    if path is None:
        raise InputError(
            f"{table} lists '{name}', but there is no such file in {folder}.", param="data"
        )
    return path


def _beside(folder: Path) -> list[Recording]:
    sounds = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES]
    texts = [(p, p.with_suffix(".txt")) for p in sounds]
    return [
        Recording(name=p.stem, text=" ".join(t.read_text("utf-8-sig").split()), path=p)
        for p, t in texts
        if t.is_file()
    ]


def load(path: Path) -> tuple[Samples, int]:
    """Samples of a file, channels mixed down, at its own rate.

    Raises:
        InputError: not a sound file.
    """
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} cannot be read as sound: {error}", param="data") from None
    return np.ascontiguousarray(samples.mean(axis=1), np.float32), int(rate)


def resampled(samples: Samples, rate: int, wanted: int = RATE) -> Samples:
    """The same sound at another rate: its spectrum, cut or extended by zeros.

    Exact below both Nyquist frequencies; a quarter of a second of zeros keeps the ends apart.
    """
    if rate == wanted or not len(samples):
        return samples
    count = -(-len(samples) * wanted // rate)
    padded = -(-(len(samples) + rate // 4) // rate) * rate  # whole seconds: both rates fit
    size = padded // rate * wanted
    spectrum = np.fft.rfft(samples.astype(np.float64), padded)
    keep = min(padded, size) // 2 + 1
    made = np.fft.irfft(spectrum[:keep], size)[:count] * (size / padded)
    return np.asarray(made, np.float32)
