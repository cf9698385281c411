"""Where a recording came from: what is known of it, and how a file carries it.

Knows: the record (generator, model, voices, time, source type, consent), its JSON form, and how it
is found again among a file's tags.
Refuses to know: how tags are laid out (`audio_tags.py`, `tag_reader.py`), and whether a record is
true: anyone can write one or take it out. Signatures are the matter of `credentials.py`.
"""

import json
import mmap
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from voxhaus.core import tag_reader
from voxhaus.core.audio_tags import Origin
from voxhaus.core.errors import InputError
from voxhaus.core.speech import VoiceInfo

GENERATOR = "Voxhaus"
# IPTC's word for media that a trained model made: https://cv.iptc.org/newscodes/digitalsourcetype/
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

# Formats without a place for tags; .pcm has not even a beginning by which one could tell it.
UNTAGGED = ("aac", "pcm")


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a recording came from.

    Attributes:
        model: name of the model that spoke, and its version.
        voices: ids, in the order in which they are first heard.
        created: the moment in UTC, as ISO 8601 writes it.
        version: of the generator.
        digital_source_type: an IPTC term.
        consent: by voice, where the consent of the person is recorded from whose recordings the
            voice was made; nothing for voices that are nobody's.
    """

    model: str
    model_version: str
    voices: tuple[str, ...]
    created: str
    version: str
    generator: str = GENERATOR
    digital_source_type: str = TRAINED
    consent: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form, as an object."""
        return {**asdict(self), "voices": list(self.voices), "consent": dict(self.consent)}

    def origin(self) -> Origin:
        """The texts that a file carries."""
        voices = ", ".join(self.voices)
        return Origin(
            software=f"{self.generator} {self.version}",
            sentence=f"Synthetic speech, made by a machine: {self.generator} {self.version}, "
            f"model {self.model} {self.model_version}, voice {voices}.",
            record=json.dumps(self.as_dict(), separators=(",", ":")),
        )


class VoiceModel(Protocol):
    """What must be known of a model to say that it spoke."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...

    def voices(self) -> list[VoiceInfo]:
        """Its voices."""
        ...


def spoken_by(model: VoiceModel, voices: Iterable[str]) -> Provenance:
    """The provenance of what a model says now.

    Args:
        model: a loaded `Voice`.
        voices: ids of the voices heard, or blends such as "anna:0.6+ben:0.4"; again and again is
            once.
    """
    heard = tuple(dict.fromkeys(voices))
    parts = {p.partition(":")[0].strip() for v in heard for p in v.split("+")}
    return Provenance(
        model=model.name,
        model_version=model.version,
        voices=heard,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        version=metadata.version("voxhaus"),
        consent={v.id: v.consent for v in model.voices() if v.id in parts and v.consent},
    )


def read(path: Path) -> Provenance | None:
    """What a file says of where it came from; None when it says nothing that we understand.

    Raises:
        InputError: no such file, none of the formats that Voxhaus writes, or a damaged one.
    """
    return examine(path)[1]


def examine(path: Path) -> tuple[str, Provenance | None]:
    """A file's format, by its content, and what `read` gives.

    Raises:
        InputError: as for `read`.
    """
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "is not there"
            raise InputError(f"{path} {what}; give the name of an audio file.", param="file")
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise InputError(f"{path} is empty.", param="file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _examined(path, data)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", param="file") from error


def _examined(path: Path, data: mmap.mmap) -> tuple[str, Provenance | None]:
    if path.suffix.lower() == ".pcm":
        return "pcm", None
    format = tag_reader.detect(data)
    if format is None:
        raise InputError(
            f"{path} is not a WAV, FLAC, MP3, Ogg Vorbis, Opus, M4A or AAC file.", param="file"
        )
    try:
        texts = tag_reader.comments(data, format)
    except (ValueError, IndexError, struct.error) as error:
        raise InputError(
            f"{path} begins like a file of the format {format} but is damaged.", param="file"
        ) from error
    found = (_parsed(t) for t in texts)
    return format, next((p for p in found if p), None)


def _parsed(text: str) -> Provenance | None:
    """The record in a comment, if there is one; what a stranger wrote into it is left alone."""
    begin = re.search(r'\{\s*"', text)
    if begin is None:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text, begin.start())
    except (ValueError, RecursionError):
        return None
    return _checked(value)


def _checked(value: Any) -> Provenance | None:  # noqa: ANN401 - a stranger's JSON
    if not isinstance(value, dict):
        return None
    names = ("model", "model_version", "created", "version", "generator", "digital_source_type")
    texts: dict[str, Any] = {n: value.get(n) for n in names}
    voices, consent = value.get("voices"), value.get("consent", {})
    if not isinstance(voices, list) or not isinstance(consent, dict):
        return None
    # Signs that cannot be printed would move a reader's cursor.
    said = [*texts.values(), *voices, *consent, *consent.values()]
    if not all(isinstance(s, str) and s.isprintable() for s in said):
        return None
    return Provenance(voices=tuple(voices), consent=consent, **texts)
