"""Timings of words and sounds as files.

Knows: JSON, SubRip and WebVTT, how many words a caption holds, and how each says who speaks.
Refuses to know: where the timings come from.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from voxhaus.core.errors import InputError
from voxhaus.core.files import check_target, write_whole
from voxhaus.core.speech import Speech, WordTiming
from voxhaus.runtime.turns import TurnTiming

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


def write_timings(path: Path, speech: Speech, turns: Sequence[TurnTiming] = ()) -> None:
    """Write the timings in the format that the suffix names; the file appears whole or not at all.

    Args:
        path: .json, .srt or .vtt.
        speech: whose words, and in .json sounds, are written.
        turns: who says them, in a dialogue; captions then name their speakers.

    Raises:
        InputError: as for `check_timings_target`.
    """
    check_timings_target(path)
    writer = {".json": _json, ".srt": _srt, ".vtt": _vtt}[path.suffix.lower()]
    write_whole(path, writer(speech, turns).encode())


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


@dataclass(frozen=True)
class _Cue:
    """A caption, and who says it; nobody in particular where there is one voice only."""

    caption: WordTiming
    speaker: str = ""


def _cues(speech: Speech, turns: Sequence[TurnTiming]) -> list[_Cue]:
    """Captions in the order in which they are heard; none holds words of two speakers."""
    if not turns:
        return [_Cue(c) for c in captions(speech.words)]
    cues = [_Cue(c, t.speaker) for t in turns for c in captions(t.words)]
    return sorted(cues, key=lambda cue: cue.caption.start)


def _json(speech: Speech, turns: Sequence[TurnTiming]) -> str:
    said: dict[str, object] = {"words": [asdict(w) for w in speech.words]}
    if turns:
        said = {
            "words": [{**asdict(w), "speaker": t.speaker} for t in turns for w in t.words],
            "turns": [{k: v for k, v in asdict(t).items() if k != "words"} for t in turns],
        }
    said["phonemes"] = [p._asdict() for p in speech.phonemes]
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


def _srt(speech: Speech, turns: Sequence[TurnTiming]) -> str:
    blocks = []
    for n, cue in enumerate(_cues(speech, turns), 1):
        name = f"{cue.speaker}: " if cue.speaker else ""
        blocks.append(f"{n}\n{_span(cue.caption, ',')}\n{name}{cue.caption.text}\n")
    return "\n".join(blocks)


def _vtt(speech: Speech, turns: Sequence[TurnTiming]) -> str:
    blocks = []
    for cue in _cues(speech, turns):
        voice = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        blocks.append(f"\n{_span(cue.caption, '.')}\n{voice}{_escaped(cue.caption.text)}\n")
    return "WEBVTT\n" + "".join(blocks)


def _span(caption: WordTiming, point: str) -> str:
    return f"{_clock(caption.start, point)} --> {_clock(caption.end, point)}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
