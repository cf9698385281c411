"""Recordings made elsewhere, behind the face of an engine, so that the same judges hear them.

Knows: which file of a folder belongs to which sentence. Refuses to know: who spoke, and scores.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from voxhaus.core.errors import InputError
from voxhaus.core.speech import Samples
from voxhaus.evals.engines import Engine
from voxhaus.evals.sentences import Sentence


class Recordings(Engine):
    """A folder with one WAV or FLAC file a sentence, in the order of their names.

    Args:
        folder: of the recordings.
        sentences: what they say; the first file says the first sentence.

    Raises:
        InputError: no such folder, another number of files than sentences, or mixed sample rates.
    """

    name = "recordings"

    def __init__(self, folder: Path, sentences: Sequence[Sentence]) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder of recordings.", param="recordings")
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".wav", ".flac"))
        if len(paths) != len(sentences):
            raise InputError(
                f"{folder} holds {len(paths)} recordings for {len(sentences)} sentences; "
                "there must be one for each, in the order of their names.",
                param="recordings",
            )
        rates = {p: _rate(p) for p in paths}
        if len(set(rates.values())) > 1:
            raise InputError(f"{folder} mixes sample rates; convert it to one.", param="recordings")
        self.sample_rate = rates[paths[0]]
        self.voice = folder.resolve().name
        # Judged again when the files change; a path alone would keep old verdicts.
        newest = max(p.stat().st_mtime_ns for p in paths)
        self.version = f"{len(paths)} files, {sum(p.stat().st_size for p in paths)} bytes, {newest}"
        self._paths = {s.text: p for s, p in zip(sentences, paths, strict=True)}

    def parts(self, text: str) -> Iterator[Samples]:
        """The recording of a sentence, its channels mixed down."""
        samples, _ = soundfile.read(self._paths[text], dtype="float32", always_2d=True)
        yield np.asarray(samples.mean(axis=1), np.float32)


def _rate(path: Path) -> int:
    try:
        return int(soundfile.info(path).samplerate)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} is not a recording: {error}", param="recordings") from None
