"""Writing files so that nobody ever sees half of one.

Knows: where a file can be written, and that it appears whole or not at all.
Refuses to know: what is in it.
"""

import os
from pathlib import Path

from voxhaus.core.errors import InputError


def check_target(path: Path) -> None:
    """Say what is wrong with a path before time is spent on what shall be written there.

    Raises:
        InputError: it is a folder, its folder is missing, or there is no permission.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file.", param="output")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write to.", param="output")
    # A file is replaced by renaming, which asks for permission on its folder.
    for place in (path, path.parent):
        if place.exists() and not os.access(place, os.W_OK):
            raise InputError(f"{path} cannot be written: no permission.", param="output")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place and move it there; links are followed.

    Raises:
        InputError: the file cannot be written; the message says why.
    """
    check_target(path)
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)  # a device or a pipe must not be replaced by a file
            return
        _replace(target, data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", param="output") from error


def _replace(target: Path, data: bytes) -> None:
    part = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        with part.open("xb") as stream:
            stream.write(data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
