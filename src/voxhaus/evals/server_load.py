"""How a server holds: clients at the same time, by HTTP.

Knows: what a client sends, what is timed, and what counts as refused and as failed.
Refuses to know: which server it is; anything with OpenAI's routes can be asked. Its memory is read
from `/metrics`, where there is one.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from voxhaus.core.errors import InputError
from voxhaus.evals import machine, report
from voxhaus.evals.story import sentences

KINDS = ("speech", "chat")
Note = Callable[[dict[str, Any]], None]

CLIENTS = (1, 2, 4, 8, 16, 32, 64)
MOST_CLIENTS = 1024
BYTES_A_SECOND = 48_000  # of pcm at 24 kHz
REFUSALS = (429, 503)
_TIMEOUT = 120.0
_WAIT = 0.5  # seconds after a refusal that does not say how long
_LOOK_EVERY = 5.0  # seconds between looks at the server's memory
_WORDS = 10  # in a text
_STOCK = 200  # of texts


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whom to ask, and for what.

    Attributes:
        url: of the server, without /v1.
        key: sent as a bearer token.
    """

    url: str
    key: str | None = None
    speech_model: str = "tts-1"
    voice: str = "alloy"
    chat_model: str = "voxhaus-1-preview"

    def headers(self) -> dict[str, str]:
        """With the key."""
        return {"authorization": f"Bearer {self.key}"} if self.key else {}

    def asked(self, kind: str, text: str) -> tuple[str, dict[str, Any]]:
        """Path and body."""
        if kind == "speech":
            body: dict[str, Any] = {"model": self.speech_model, "voice": self.voice, "input": text}
            return "/v1/audio/speech", {**body, "response_format": "pcm"}
        messages = [{"role": "user", "content": text}]
        body = {"model": self.chat_model, "stream": True, "max_tokens": 32}
        return "/v1/chat/completions", {**body, "messages": messages}


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request.

    Attributes:
        status: of HTTP; 0 where the connection failed, or the answer was cut short.
        first: seconds to the first byte of the body.
        whole: seconds to the last.
        size: bytes of the body.
        wait: seconds after which a refusal asks for another try; None if it does not say.
    """

    status: int
    first: float = 0.0
    whole: float = 0.0
    size: int = 0
    wait: float | None = None


def check(kinds: Sequence[str], clients: Sequence[int], seconds: float) -> None:
    """Refuse what cannot be measured.

    Raises:
        InputError: another kind, or a number out of range.
    """
    for kind in kinds:
        if kind not in KINDS:
            known = ", ".join(KINDS)
            raise InputError(f"There is no kind '{kind}'. Kinds: {known}.", param="kinds")
    if not clients or not 1 <= min(clients) <= max(clients) <= MOST_CLIENTS:
        raise InputError(f"--clients are numbers from 1 to {MOST_CLIENTS}.", param="clients")
    if not 0.1 <= seconds <= 3600:
        raise InputError(f"--seconds must lie between 0.1 and 3600; it is {seconds:g}.")


def measure(
    target: Target, kinds: Sequence[str], clients: Sequence[int], *, seconds: float, note: Note
) -> dict[str, Any]:
    """All kinds, with all numbers of clients.

    Args:
        target: whom to ask.
        kinds: what for.
        clients: at the same time; each asks again when it was answered.
        seconds: that each number is kept up.
        note: called with each row as it is made.

    Returns:
        `machine`, `url` and `rows`.

    Raises:
        InputError: nobody answers there, or requests are wrong.
    """
    check(kinds, clients, seconds)
    about = {**machine.describe(), "load before": machine.load()}
    rows = []
    for kind in kinds:
        for count in clients:
            row = asyncio.run(_held(target, kind, count, seconds))
            note(row)
            rows.append(row)
    return {
        "machine": {**about, "load at the end": machine.load()},
        "url": target.url,
        "rows": rows,
    }


async def _held(target: Target, kind: str, count: int, seconds: float) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(
        base_url=target.url, headers=target.headers(), timeout=_TIMEOUT, limits=limits
    ) as http:
        await _try_out(http, target, kind)
        looks: list[float] = []
        stock = sentences(_STOCK, _WORDS)
        watcher = asyncio.create_task(_watched(http, looks))
        begun = time.perf_counter()
        many = await asyncio.gather(
            *(
                _client(http, target, kind, stock[n:] + stock[:n], begun + seconds)
                for n in range(count)
            )
        )
        wall = time.perf_counter() - begun
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
    return row_of(kind, count, wall, [v for some in many for v in some], looks)


async def _try_out(http: httpx.AsyncClient, target: Target, kind: str) -> None:
    """One request beforehand, so that a wrong key or model is a sentence and no table.

    Raises:
        InputError: it was refused.
    """
    path, body = target.asked(kind, "Hello.")
    try:
        answer = await http.post(path, json=body)
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        raise InputError(f"{target.url} does not answer: {why}.", param="url") from error
    if answer.status_code != 200 and answer.status_code not in REFUSALS:
        told = answer.text[:200]
        raise InputError(f"{target.url}{path} answers {answer.status_code}: {told}", param="url")


async def _client(
    http: httpx.AsyncClient, target: Target, kind: str, texts: Sequence[str], until: float
) -> list[Visit]:
    visits: list[Visit] = []
    while time.perf_counter() < until:
        path, body = target.asked(kind, texts[len(visits) % len(texts)])
        visit = await _visit(http, path, body)
        visits.append(visit)
        if visit.status != 200:  # as polite clients do
            wait = _WAIT if visit.wait is None else visit.wait
            await asyncio.sleep(min(wait, max(0.0, until - time.perf_counter())))
    return visits


async def _visit(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Visit:
    begun, first, size = time.perf_counter(), 0.0, 0
    try:
        async with http.stream("POST", path, json=body) as answer:
            async for part in answer.aiter_raw():
                first = first or time.perf_counter() - begun
                size += len(part)
    except httpx.HTTPError:
        return Visit(status=0)
    wait = answer.headers.get("retry-after", "")
    return Visit(
        status=answer.status_code,
        first=first,
        whole=time.perf_counter() - begun,
        size=size,
        wait=float(wait) if wait.isdecimal() else None,
    )


async def _watched(http: httpx.AsyncClient, looks: list[float]) -> None:
    while True:
        try:
            text = (await http.get("/metrics")).text
        except httpx.HTTPError:
            text = ""
        looks += [
            float(line.split()[1]) / 1e6
            for line in text.splitlines()
            if line.startswith("process_resident_memory_bytes ")
        ]
        await asyncio.sleep(_LOOK_EVERY)


def row_of(
    kind: str, clients: int, wall: float, visits: Sequence[Visit], looks: Sequence[float]
) -> dict[str, Any]:
    """What the visits of so many clients amount to.

    Args:
        kind: what was asked for.
        clients: how many.
        wall: seconds that it took.
        visits: of all clients.
        looks: at the server's memory, in MB.
    """
    good = [v for v in visits if v.status == 200]
    statuses = Counter(v.status for v in visits if v.status != 200)
    refused = sum(statuses[s] for s in REFUSALS)
    row: dict[str, Any] = {
        "kind": kind,
        "clients": clients,
        "answered": len(good),
        "a_second": len(good) / wall,
        "refused": refused,
        "failed": sum(statuses.values()) - refused,
        "statuses": {str(s): n for s, n in sorted(statuses.items())},
        "x_real_time": None,
        "memory_first_mb": looks[0] if looks else None,
        "memory_last_mb": looks[-1] if looks else None,
    }
    if kind == "speech":
        row["x_real_time"] = sum(v.size for v in good) / BYTES_A_SECOND / wall
    for name, times in (("first", [v.first for v in good]), ("whole", [v.whole for v in good])):
        for p in (50, 95, 99):
            value = 1000 * float(np.percentile(times, p)) if times else None
            row[f"{name}_p{p}_ms"] = value
    return row


def tables(result: dict[str, Any]) -> list[report.Table]:
    """A table for each kind."""
    made: list[report.Table] = []
    columns = {
        "clients": "clients",
        "a_second": "answers a second",
        "x_real_time": "x real time",
        "first_p50_ms": "first byte p50, ms",
        "first_p95_ms": "p95",
        "first_p99_ms": "p99",
        "whole_p50_ms": "whole p50, ms",
        "whole_p95_ms": "p95",
        "whole_p99_ms": "p99",
        "refused": "refused",
        "failed": "failed",
        "memory_last_mb": "memory, MB",
    }
    for kind in dict.fromkeys(r["kind"] for r in result["rows"]):
        rows = [[r[c] for c in columns] for r in result["rows"] if r["kind"] == kind]
        made.append((kind, list(columns.values()), rows))
    return made


def write_record(folder: Path, result: dict[str, Any], log: Sequence[dict[str, Any]]) -> None:
    """The record of a measurement."""
    notes = (
        "Clients on the same machine as the server, each asking again as soon as it was answered. "
        "Refused: 429 or 503. Failed: any other status, or a connection that broke."
    )
    report.write_record(folder, "Load on the server", result["machine"], notes, tables(result), log)
