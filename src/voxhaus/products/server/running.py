"""One process that listens.

Knows: sockets, uvicorn, Home Assistant's port beside it, and how both end together.
Refuses to know: what is served.
"""

import asyncio
import errno
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import uvicorn
from fastapi import FastAPI

from voxhaus.core.errors import InputError
from voxhaus.products.server import logs
from voxhaus.products.server.desk import Desk
from voxhaus.products.server.wyoming_port import WyomingPort

_GRACE_SECONDS = 20  # for answers under way when the server is asked to stop


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host of that name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listening(host: str, port: int, option: str = "--port") -> socket.socket:
    """A socket that is bound, before anything is loaded for it.

    Raises:
        InputError: the port is in use or not ours to take, or there is no such host.
    """
    where = f"Port {port} on {host}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise InputError(f"{host} is no address of this machine.", param="host") from error
    try:
        # Without it a restarted server must wait a minute for the old one's connections.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise InputError(_why(error, where, host, option), param="port") from error
    return bound


def _why(error: OSError, where: str, host: str, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; choose another one with {option}."
    if error.errno == errno.EACCES:
        return f"{where} needs rights that you do not have; choose one above 1023 with {option}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine."
    return f"{where} cannot be had: {error.strerror}."


def run(
    app: FastAPI,
    bound: socket.socket,
    *,
    wyoming: socket.socket | None = None,
    wyoming_key: str | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM; answers under way are finished.

    Args:
        app: of `create_app`.
        bound: of `listening`.
        wyoming: where Home Assistant is served; nowhere if None.
        wyoming_key: on whose account.
        ready: called when all ports answer.
    """
    logs.configure()
    with _ended_in_order():
        asyncio.run(_serve(app, bound, wyoming, wyoming_key, ready))


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends a program by an exception, as SIGINT does.

    uvicorn sends itself the signal again when it has ended; by default that would kill the process
    before its books are closed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(*_: object) -> NoReturn:
    raise SystemExit(0)


async def _serve(
    app: FastAPI,
    bound: socket.socket,
    wyoming: socket.socket | None,
    key: str | None,
    ready: Callable[[], None],
) -> None:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    port = None
    try:
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if wyoming and not serving.done():
            desk: Desk = app.state.desk
            port = WyomingPort(desk, key=key)
            await port.start(wyoming)
        if not serving.done():
            ready()
        await serving
    finally:
        if port:
            await port.stop()
