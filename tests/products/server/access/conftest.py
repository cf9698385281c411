"""A small application with access in it, and people who use it."""

import shutil

import pytest

ADDRESS = "203.0.113.7"


class MovableClock:
    """A clock that tests set."""

    def __init__(self, now=1_790_000_000):  # 2026-09-21
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture
def ticking():
    """The clock of rates."""
    return MovableClock(1000.0)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A database that has tables and no rows."""
    from voxhaus.products.store.store import Store

    path = tmp_path_factory.mktemp("migrated") / "v.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(tmp_path, clock, migrated):
    from voxhaus.products.store.store import Store

    shutil.copy(migrated, tmp_path / "v.db")
    with Store.open(f"sqlite:///{tmp_path}/v.db", clock=clock) as opened:
        yield opened


@pytest.fixture
def gate(store, ticking):
    from voxhaus.products.server.access.gate import Gate

    return Gate(store, clock=ticking)


@pytest.fixture
def make(store):
    """A key; returns its secret and its id."""
    from voxhaus.products.store.keys import Limits, Terms

    def made(limits=None, **terms):
        terms = Terms(**terms, limits=Limits(**(limits or {})))
        new = store.keys.create(name="app", owner="me", terms=terms, actor="test")
        return new.secret, new.key.id

    return made


@pytest.fixture
def settings():
    return {}


@pytest.fixture
def app(store, gate, settings):
    from fastapi import FastAPI
    from fastapi.responses import JSONResponse

    from voxhaus.core.errors import VoxhausError
    from voxhaus.products.server.access import routers
    from voxhaus.products.server.access.settings import AccessSettings
    from voxhaus.products.server.errors import as_api_error

    application = FastAPI()

    @application.exception_handler(VoxhausError)
    async def answer(request, error):
        told = as_api_error(error)
        return JSONResponse(told.body(), told.status, headers=told.headers())

    for router in routers(store, gate, AccessSettings(**settings)):
        application.include_router(router)
    return application


@pytest.fixture
def client(app):
    """Somebody far away, with a browser's memory for cookies."""
    from fastapi.testclient import TestClient

    with TestClient(app, client=(ADDRESS, 5000), follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def as_admin(make):
    """The headers of an administrator's key."""
    secret, _ = make(scopes=frozenset({"admin"}))
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def signed_in(client, store):
    """The same browser, signed in; returns what its forms must carry."""
    from voxhaus.products.server.access.administrator import COOKIE, csrf_of

    assert client.post(store.admin_link()).status_code == 303
    return csrf_of(client.cookies[COOKIE])
