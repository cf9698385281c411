"""What was heard, as subtitles.

Knows: SubRip and WebVTT.
Refuses to know: how it was heard.
"""

from collections.abc import Sequence

from voxhaus.core.hearing import Segment, Transcript


def srt(heard: Transcript) -> str:
    """As SubRip."""
    return "\n".join(
        f"{number}\n{_clock(s.start, ',')} --> {_clock(s.end, ',')}\n{s.text.strip()}\n"
        for number, s in enumerate(segments(heard), 1)
    )


def vtt(heard: Transcript) -> str:
    """As WebVTT."""
    cues = (
        f"\n{_clock(s.start, '.')} --> {_clock(s.end, '.')}\n{_escaped(s.text.strip())}\n"
        for s in segments(heard)
    )
    return "WEBVTT\n" + "".join(cues)


def segments(heard: Transcript) -> Sequence[Segment]:
    """Those of the transcript, or the whole as one."""
    if heard.segments or not heard.text.strip():
        return heard.segments
    return (Segment(text=heard.text, start=0.0, end=heard.seconds),)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"
