"""Where a command's text comes from.

Knows: an argument, a file, or a pipe; and that what comes must be text.
Refuses to know: what is done with the text.
"""

import sys
from pathlib import Path
from typing import BinaryIO

from voxhaus.core.errors import InputError

# More than any text front end takes; read so far and no further.
MAX_BYTES = 8_000_000


def read_text(argument: str | None, file: str | None) -> str:
    """The text that was given on the command line, in `file`, or through a pipe.

    `-` in either place means standard input.

    Raises:
        InputError: no text was given, or both, or the source cannot be read or is not UTF-8 text.
    """
    if argument is not None and file is not None:
        raise InputError("Give either TEXT or --file, not both.", param="file")
    if "-" in (argument, file) or (argument is None and file is None):
        return _decode(_standard_input(), "standard input")
    if argument is not None:
        return argument
    try:
        with Path(str(file)).open("rb") as stream:
            return _decode(stream.read(MAX_BYTES + 1), str(file))
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror}.", param="file") from error


def _standard_input() -> bytes:
    # None when the process was started with standard input closed.
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    if stream is None or sys.stdin.isatty():
        raise InputError("Give a TEXT, a --file, or pipe a text in.", param="text")
    return stream.read(MAX_BYTES + 1)


def _decode(data: bytes, source: str) -> str:
    if len(data) > MAX_BYTES:
        raise InputError(
            f"The text in {source} is larger than {MAX_BYTES // 1_000_000} MB.", param="text"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"What is in {source} is not UTF-8 text.", param="text") from error
    if "\0" in text:
        raise InputError(f"What is in {source} is binary, not text.", param="text")
    return text
