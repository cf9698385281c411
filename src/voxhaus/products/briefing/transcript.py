"""What was said, in writing.

Knows: WebVTT with a cue a sentence, and Markdown with a link a sentence.
Refuses to know: how a programme is made.

Everything from feeds is escaped: a headline must neither be markup nor end a cue.
"""

import re
from datetime import datetime

from voxhaus.core.document import Source
from voxhaus.products.briefing.studio import Cue, Recording


def vtt(title: str, recording: Recording) -> str:
    """WebVTT subtitles: one cue a sentence, and the chapter it begins as the cue's name."""
    blocks = [f"WEBVTT\n\nNOTE {_one_line(title).replace('-->', '->')}"]
    for number, cue in enumerate(recording.cues, 1):
        text = _one_line(cue.line.text)
        for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign, name)
        blocks.append(f"{number}\n{_clock(cue.start)} --> {_clock(cue.end)}\n{text}")
    return "\n\n".join(blocks) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _clock(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"


def markdown(title: str, now: datetime, recording: Recording) -> str:
    """A transcript: chapters with times, sources behind sentences, our own words in italics."""
    heading = _escaped(title[:1].upper() + title[1:])
    blocks = [
        f"# {heading}",
        f"{now:%Y-%m-%d %H:%M}. Sentences in *italics* are the programme's own; behind every other "
        "stands its source.",
    ]
    for number, chapter in enumerate(recording.chapters):
        blocks.append(f"## {_short_clock(chapter.start)} {_escaped(chapter.title)}")
        lines = [_sentence(c) for c in recording.cues if c.segment == number]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _sentence(cue: Cue) -> str:
    text = _escaped(_one_line(cue.line.text))
    source = cue.line.source
    return f"- {text} {_link(source)}" if source else f"- *{text}*"


def _link(source: Source) -> str:
    name = _escaped(source.name or "source")
    if not source.url:
        return f"({name})"
    return f"([{name}]({source.url.replace('(', '%28').replace(')', '%29')}))"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", text)


def _short_clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
