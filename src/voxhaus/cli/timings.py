"""Word timings as files.

Knows: JSON, SubRip and WebVTT, and how many words a caption holds.
Refuses to know: where the timings come from.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from voxhaus.core.errors import InputError
from voxhaus.core.files import check_target, write_whole
from voxhaus.core.speech import WordTiming

FORMATS = (".json", ".srt", ".vtt")

CAPTION_LETTERS = 42  # a line of a subtitle
CAPTION_GAP = 0.5  # seconds of silence that start a new caption


def check_timings_target(path: Path) -> None:
    """Refuse a path that `write_timings` could not serve, before anything is spoken for it.

    Raises:
        InputError: the suffix names no timing format, no such folder, or no permission.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f"Timestamps can be written as {', '.join(FORMATS)}; not as '{path.name}'.",
            param="timestamps",
        )
    check_target(path)


def write_timings(path: Path, words: Sequence[WordTiming]) -> None:
    """Write the timings in the format that the suffix names; the file appears whole or not at all.

    Raises:
        InputError: as for `check_timings_target`.
    """
    check_timings_target(path)
    writer = {".json": _json, ".srt": _srt, ".vtt": _vtt}[path.suffix.lower()]
    write_whole(path, writer(words).encode())


def captions(words: Sequence[WordTiming]) -> list[WordTiming]:
    """Words gathered into lines that can be read at a glance."""
    lines: list[list[WordTiming]] = []
    for word in words:
        if lines and _fits(lines[-1], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    return [
        WordTiming(text=" ".join(w.text for w in line), start=line[0].start, end=line[-1].end)
        for line in lines
    ]


def _fits(line: list[WordTiming], word: WordTiming) -> bool:
    letters = sum(len(w.text) + 1 for w in line) + len(word.text)
    ended = line[-1].text.endswith((".", "!", "?"))
    return letters <= CAPTION_LETTERS and word.start - line[-1].end < CAPTION_GAP and not ended


def _json(words: Sequence[WordTiming]) -> str:
    return json.dumps({"words": [asdict(w) for w in words]}, ensure_ascii=False, indent=1) + "\n"


def _srt(words: Sequence[WordTiming]) -> str:
    cues = [
        f"{n}\n{_clock(c.start, ',')} --> {_clock(c.end, ',')}\n{c.text}\n"
        for n, c in enumerate(captions(words), 1)
    ]
    return "\n".join(cues)


def _vtt(words: Sequence[WordTiming]) -> str:
    cues = [
        f"\n{_clock(c.start, '.')} --> {_clock(c.end, '.')}\n{_escaped(c.text)}\n"
        for c in captions(words)
    ]
    return "WEBVTT\n" + "".join(cues)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
