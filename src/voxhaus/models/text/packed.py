"""A read-only table of strings that opens in a millisecond and stays compressed.

Knows: the file format. Keys are sorted, cut into blocks of lines "key TAB value", each block is
compressed on its own; an index holds every block's first key. A look-up bisects the index, inflates
one block (about 20 microseconds) and finds the line.
Refuses to know: what keys and values mean.
"""

import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

MAGIC = b"VXT1"
LINES_PER_BLOCK = 400  # smaller blocks open faster, larger ones compress better
KEPT_BLOCKS = 256  # inflated blocks held in memory, 10 kB each
_HEADER = struct.Struct("<4sIII")  # magic, number of blocks, lines, bytes of the index


def pack(lines: Mapping[str, str]) -> bytes:
    """The file for a table.

    Raises:
        ValueError: a key or value holds a tab or a line break.
    """
    for key, value in lines.items():
        if any(c in key + value for c in "\t\n\r"):
            raise ValueError(f"tab or line break in {key!r}")
    encoded = sorted((k.encode(), v.encode()) for k, v in lines.items())
    firsts, blocks = [], []
    for at in range(0, len(encoded), LINES_PER_BLOCK):
        rows = encoded[at : at + LINES_PER_BLOCK]
        firsts.append(rows[0][0])
        blocks.append(zlib.compress(b"\n" + b"".join(k + b"\t" + v + b"\n" for k, v in rows), 9))
    index = b"\n".join(firsts)
    sizes = struct.pack(f"<{len(blocks)}I", *map(len, blocks))
    header = _HEADER.pack(MAGIC, len(blocks), len(encoded), len(index))
    return header + index + sizes + b"".join(blocks)


class PackedTable:
    """A table of strings in a file made by `pack`."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            ValueError: not such a file.
        """
        self._bytes = path.read_bytes()
        if self._bytes[:4] != MAGIC:
            raise ValueError(f"{path.name} is not a packed table")
        _, count, self._lines, index_size = _HEADER.unpack_from(self._bytes)
        start = _HEADER.size + index_size
        self._firsts = self._bytes[_HEADER.size : start].split(b"\n") if count else []
        sizes = struct.unpack_from(f"<{count}I", self._bytes, start)
        offset = start + 4 * count
        self._offsets = [offset]
        for size in sizes:
            offset += size
            self._offsets.append(offset)
        self._block = lru_cache(KEPT_BLOCKS)(self._inflate)

    def _inflate(self, i: int) -> bytes:
        return zlib.decompress(self._bytes[self._offsets[i] : self._offsets[i + 1]])

    def __len__(self) -> int:
        return int(self._lines)

    def get(self, key: str) -> str | None:
        """The value of a key, or None."""
        wanted = key.encode(errors="surrogatepass")
        i = bisect_right(self._firsts, wanted) - 1
        if i < 0:
            return None
        block = self._block(i)
        found = block.find(b"\n" + wanted + b"\t")
        if found < 0:
            return None
        start = found + len(wanted) + 2
        return block[start : block.index(b"\n", start)].decode()

    def items(self) -> Iterator[tuple[str, str]]:
        """Every key and value, in order of the keys' bytes."""
        for i, _ in enumerate(pairwise(self._offsets)):
            for line in self._inflate(i).decode().strip("\n").split("\n"):
                key, _, value = line.partition("\t")
                yield key, value
