"""Databases to test on: a SQLite file, and a PostgreSQL that is started here."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest


class MovableClock:
    """A clock that tests set."""

    def __init__(self, now=1_790_000_000):  # 2026-09-21
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return MovableClock()


def program(name):
    """A program of PostgreSQL's: in PATH, or where Debian puts the newest version's."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(debian[0]) if debian else None)


def unprivileged():
    """How to run as somebody else (PostgreSQL refuses to run as root), and as whom."""
    if os.geteuid() != 0:
        return [], None
    if shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL does not run as root, and there is no setpriv to be another user")
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            return ["setpriv", *ids], user
    pytest.skip("PostgreSQL does not run as root, and there is no other user")


@pytest.fixture(scope="session")
def postgres_socket():
    """The folder of the socket of a PostgreSQL that runs for these tests only."""
    pytest.importorskip("psycopg")
    initdb, postgres = program("initdb"), program("postgres")
    if not (initdb and postgres):
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    prefix, user = unprivileged()
    # Not pytest's folder: that one is closed to other users, and sockets need short paths.
    folder = Path(tempfile.mkdtemp(prefix="vxpg"))
    try:
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        data = folder / "data"
        made = [*prefix, initdb, "-D", data, "-U", "vox", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(made, check=True, **quiet)
        switches = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"]
        server = subprocess.Popen([*prefix, postgres, "-D", data, "-k", folder, *switches], **quiet)
        try:
            wait_for(folder, server)
            yield folder
        finally:
            server.send_signal(signal.SIGQUIT)  # at once; nothing of it is kept
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(folder, server):
    import psycopg

    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"host={folder} user=vox dbname=postgres").close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, server.stderr.read().decode()
            assert time.monotonic() < until, "PostgreSQL did not start"
            time.sleep(0.05)


def create(folder, name):
    import psycopg

    with psycopg.connect(f"host={folder} user=vox dbname=postgres", autocommit=True) as c:
        c.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://vox@/{name}?host={folder}"


@pytest.fixture
def postgres_url(postgres_socket, request):
    """An empty database."""
    return create(postgres_socket, f"test_{abs(hash(request.node.nodeid)):x}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path}/a folder/voxhaus.db"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    from voxhaus.products.store.store import Store

    path = tmp_path_factory.mktemp("migrated") / "v.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_socket):
    """One database for all tests that do not change tables; each finds it without rows."""
    from voxhaus.products.store.store import Store

    url = create(postgres_socket, "shared")
    Store.open(url).close()
    return url


def emptied(url):
    import psycopg

    from voxhaus.products.store.tables import Base

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as c:
        c.execute(f"TRUNCATE {', '.join(Base.metadata.tables)}")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """A database of each kind that has tables and no rows."""
    if request.param == "postgresql":
        return emptied(request.getfixturevalue("migrated_postgres"))
    shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "voxhaus.db")
    return f"sqlite:///{tmp_path}/voxhaus.db"


@pytest.fixture
def store(store_url, clock):
    from voxhaus.products.store.store import Store

    with Store.open(store_url, clock=clock) as opened:
        yield opened
