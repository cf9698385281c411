"""What a model loses on every token of some shards, written once.

Knows: the file (16-bit floats beside a header), which shards and model it belongs to, and how far
an interrupted scoring came.
Refuses to know: what the numbers are used for.

Shapes: C chunks of the stream, T predicted tokens of a chunk; chunk n's targets are the tokens
n T + 1 to (n + 1) T of the stream, as in `data/loader.py`. What was not scored is NaN: a chunk, or
what lies beyond a glance at its first tokens.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from voxhaus.core.errors import InputError
from voxhaus.models.language.flops import forward_flops
from voxhaus.models.language.model import LanguageModel
from voxhaus.training.data.documents import whole_file
from voxhaus.training.data.loader import Batch, Packed
from voxhaus.training.data.shards import MANIFEST, Shards
from voxhaus.training.loop.ledger import Ledger
from voxhaus.training.loop.precision import half_where_fast

Chunks = npt.NDArray[np.int64]
FORMAT = 1
_SAVE_EVERY = 2048  # chunks, a minute or so of a small model
_AT_ONCE = 4096  # tokens


def shards_digest(shards: Shards) -> str:
    """SHA-256 of the manifest, which holds those of all files."""
    return hashlib.sha256((shards.folder / MANIFEST).read_bytes()).hexdigest()


def model_digest(model: LanguageModel) -> str:
    """SHA-256 of sizes and weights."""
    summed = hashlib.sha256(repr(model.config).encode())
    for name, value in sorted(model.state_dict().items()):
        summed.update(name.encode())
        summed.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return summed.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the numbers beside it are.

    Attributes:
        shards, model: digests.
        chunks, length: C and T.
        glance: how many tokens at the start of each chunk were looked at; T: all.
        asked: SHA-256 of the numbers of the chunks to score.
        wanted, done: how many of them there are, and how many, in order, have been scored.
        flops: that scoring took so far.
        seconds: likewise.
    """

    shards: str
    model: str
    chunks: int
    length: int
    glance: int
    asked: str
    wanted: int
    done: int = 0
    flops: float = 0.0
    seconds: float = 0.0
    format: int = FORMAT


@dataclass(frozen=True, kw_only=True)
class Nats:
    """An opened file.

    Attributes:
        values: float16 [C, T].
        header: what they are.
    """

    values: npt.NDArray[np.float16]
    header: Header

    def rows(self, chunks: Chunks) -> npt.NDArray[np.float32]:
        """Of some chunks, [n, T]."""
        return self.values[chunks].astype(np.float32)

    def means(self, chunks: Chunks) -> npt.NDArray[np.float64]:
        """Mean nats of the tokens that were looked at in some chunks [n]; NaN if none was."""
        seen = self.header.glance
        parts = [
            self.rows(chunks[i : i + 4096])[:, :seen].mean(1, dtype=np.float64)
            for i in range(0, len(chunks), 4096)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def covers(self, chunks: Chunks) -> bool:
        """Whether each of these chunks was scored, if only by a glance."""
        return not bool(np.isnan(self.values[chunks, 0]).any())


def open_nats(path: Path, shards: Shards, *, length: int, model: str | None = None) -> Nats:
    """Open a finished file for the shards that it was made from.

    Args:
        path: of the numbers; the header lies beside it with `.json` added.
        shards: that training reads.
        length: of its rows.
        model: digest of the reference that is expected, if that matters.

    Raises:
        InputError: it is missing, unfinished, cut short, or of other shards, rows or model.
    """
    header = _read_header(path)
    if header is None:
        raise InputError(f"There are no reference losses at {path}; score the shards first.")
    _must_fit(path, header, shards_digest(shards), length, model)
    if header.done < header.wanted:
        raise InputError(
            f"{path} holds {header.done} of {header.wanted} chunks; let the scoring finish."
        )
    return Nats(values=_map(path, header, "r"), header=header)


def score(
    path: Path,
    shards: Shards,
    chunks: Chunks,
    model: LanguageModel,
    ledger: Ledger,
    *,
    length: int,
    glance: int | None = None,
    batch: int | None = None,
    device: torch.device | None = None,
    compiled: bool = False,
) -> Nats:
    """The model's nats for the tokens of some chunks, resumed where an earlier call stopped.

    Args:
        path: of the file; the header lies beside it with `.json` added.
        shards: that the chunks are of.
        chunks: their numbers, in the order of scoring.
        model: whose losses are wanted.
        ledger: pays.
        length: T.
        glance: look at so many tokens at the start of each chunk only; costs as much less.
        batch: chunks at a time; None: as many as make 4,096 tokens.
        device: where the model runs.
        compiled: by torch.compile.

    The whole cost is entered under `scoring`, also where the file was finished before: whoever
    uses the numbers pays for them.

    Raises:
        InputError: there is a file at `path` of other shards, rows, chunks or model.
        VoxhausError: the disk is full.
    """
    chunks = np.asarray(chunks, np.int64)
    rows = Packed(shards, length=length, batch=1, shuffle=False)
    new = Header(
        shards=shards_digest(shards),
        model=model_digest(model),
        chunks=rows.chunks,
        length=length,
        glance=min(glance or length, length),
        asked=hashlib.sha256(np.ascontiguousarray(chunks, "<i8").tobytes()).hexdigest(),
        wanted=len(chunks),
    )
    header = _read_header(path)
    if header is None:
        header = new
        _fresh(path, header)
    _must_fit(path, header, new.shards, length, new.model)
    if (header.asked, header.glance) != (new.asked, new.glance):
        raise InputError(f"{path} holds the losses of other chunks; delete it or name another.")
    values = _map(path, header, "r+")
    seen = header.glance
    batch = batch or max(1, _AT_ONCE // seen)
    each = seen * forward_flops(model.config, seen)
    losses = _forward(model, device or torch.device("cpu"), compiled=compiled)
    began, since = time.monotonic(), header.done
    while header.done < header.wanted:
        numbers = chunks[header.done : header.done + batch]
        # The last batch is filled up: compiled code is made for a shape.
        nats_BT = losses(rows.rows(np.resize(numbers, batch)), seen)[: len(numbers)]
        values[numbers, :seen] = nats_BT.astype(np.float16)
        now = time.monotonic()
        header = _later(header, len(numbers), each, now - began)
        began = now
        if header.done - since >= _SAVE_EVERY or header.done == header.wanted:
            values.flush()
            _write_header(path, header)
            since = header.done
    ledger.add("scoring", header.flops, tokens=header.wanted * seen, seconds=header.seconds)
    return Nats(values=_map(path, header, "r"), header=header)


def _forward(
    model: LanguageModel, device: torch.device, *, compiled: bool
) -> Callable[[Batch, int], npt.NDArray[np.float32]]:
    model = model.to(device).eval()
    losses = torch.compile(model.losses, dynamic=False) if compiled else model.losses

    def run(batch: Batch, seen: int) -> npt.NDArray[np.float32]:
        tokens = torch.from_numpy(batch.tokens[:, : seen + 1]).to(device)
        document = torch.from_numpy(batch.document[:, :seen].copy()).to(device)
        with torch.no_grad(), half_where_fast(device):
            nats_BT, _ = losses(tokens[:, :-1], tokens[:, 1:], document)
        return nats_BT.float().cpu().numpy()

    return run


def _later(header: Header, chunks: int, each: float, seconds: float) -> Header:
    moved = {
        "done": header.done + chunks,
        "flops": header.flops + chunks * each,
        "seconds": header.seconds + seconds,
    }
    return Header(**{**asdict(header), **moved})


def _header_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _read_header(path: Path) -> Header | None:
    try:
        said: dict[str, Any] = json.loads(_header_path(path).read_text("utf-8"))
        header = Header(**said)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise InputError(f"{_header_path(path)} is damaged; delete it and score again.") from error
    if header.format != FORMAT:
        raise InputError(f"{path} is of format {header.format}, not {FORMAT}; score again.")
    return header


def _write_header(path: Path, header: Header) -> None:
    with whole_file(_header_path(path)) as file:
        file.write((json.dumps(asdict(header), indent=1) + "\n").encode())


def _fresh(path: Path, header: Header) -> None:
    """All NaN; the header comes last, so that a killed start leaves nothing to be misread."""
    row = np.full(header.length, np.nan, "<f2").tobytes()
    with whole_file(path) as file:
        for _ in range(header.chunks):
            file.write(row)
    _write_header(path, header)


def _map(path: Path, header: Header, mode: str) -> "np.memmap[Any, np.dtype[np.float16]]":
    size = 2 * header.chunks * header.length
    if not path.is_file() or path.stat().st_size != size:
        raise InputError(f"{path} is not of {size} bytes as its header says; score again.")
    return np.memmap(path, "<f2", mode, shape=(header.chunks, header.length))  # type: ignore[call-overload]


def _must_fit(path: Path, header: Header, shards: str, length: int, model: str | None) -> None:
    if header.shards != shards:
        raise InputError(f"{path} was made from other shards ({header.shards[:12]}); score again.")
    if header.length != length:
        raise InputError(
            f"{path} was made for rows of {header.length} tokens, not {length}; score again."
        )
    if model is not None and header.model != model:
        raise InputError(f"{path} was made by another model ({header.model[:12]}); score again.")
