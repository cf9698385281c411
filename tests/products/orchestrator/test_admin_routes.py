"""/v1/admin/rollouts, over ASGI."""

import asyncio

import httpx
import pytest

from voxhaus.core.errors import VoxhausError
from voxhaus.products.orchestrator.contract import Caller

pytest.importorskip("fastapi", reason="needs the extra 'server'")
pytest.importorskip("openai", reason="needs the extra 'server'")

NONE = "http://127.0.0.1:9/v1"
NEW = {"name": "new", "route": "chat", "candidate": "fresh"}


@pytest.fixture
def call(kit, ledger):
    """Send one request after another to an app with these routes; None as body sends none."""
    from fastapi import FastAPI, Header, Request
    from fastapi.responses import JSONResponse

    from voxhaus.products.server.errors import ApiError, as_api_error
    from voxhaus.products.server.rollouts import router

    text = kit.engine("old", NONE) + kit.engine("fresh", NONE)
    orchestrator = kit.conductor(text + '[routes.chat]\nengines = ["old"]\n', ledger)

    def require_admin(authorization: str = Header("")):
        if authorization != "Bearer root":
            raise ApiError(403, "This key may not do that.")
        return Caller(id="key-7")

    def refuse(_: Request, error: VoxhausError):
        told = as_api_error(error)
        return JSONResponse(told.body(), told.status)

    app = FastAPI()
    app.add_exception_handler(VoxhausError, refuse)
    app.include_router(router(orchestrator, require_admin))

    def send(method, path, body=None, key="root"):
        async def run():
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.request(
                    method,
                    f"/v1/admin/rollouts{path}",
                    json=body,
                    headers={"authorization": f"Bearer {key}"},
                )

        answer = asyncio.run(run())
        return answer.status_code, answer.json()

    return send


def test_the_whole_way(call, ledger):
    assert call("GET", "") == (200, {"object": "list", "data": []})
    status, made = call("POST", "", {**NEW, "shadow": True, "reason": "try it"})
    assert (status, made["phase"], made["changed_by"]) == (201, "shadow", "key-7")
    assert made["reason"] == "try it"
    status, refused = call("POST", "/new/advance")
    assert status == 400
    assert "The candidate arm has 0 requests" in refused["error"]["message"]
    score = {"arm": "candidate", "metric": "rating", "value": 1210.5, "count": 30}
    status, shown = call("POST", "/new/scores", score)
    assert shown["arms"]["candidate"]["scores"] == {"rating": {"value": 1210.5, "count": 30}}
    assert call("POST", "/new/stop", {"reason": "lunch"})[1]["reason"] == "lunch"
    assert call("POST", "", {**NEW, "steps": [2, 50], "min_samples": 5})[1]["percent"] == 2
    assert call("POST", "/new/shadow")[1]["phase"] == "shadow"
    assert call("POST", "/new/back")[1]["phase"] == "stopped"
    assert call("GET", "/new")[1]["steps"] == [2, 50]
    assert [r["name"] for r in call("GET", "")[1]["data"]] == ["new"]
    assert [action for _, action in ledger.actions()] == [
        "rollout.start",
        "rollout.score",
        "rollout.stop",
        "rollout.start",
        "rollout.shadow",
        "rollout.stop",
    ]
    assert {actor for actor, _ in ledger.actions()} == {"key-7"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("GET", "/new"), ("POST", ""), ("POST", "/new/advance"), ("POST", "/new/back"),
        ("POST", "/new/stop"), ("POST", "/new/shadow"), ("POST", "/new/scores"),
    ],
)  # fmt: skip
def test_only_administrators_may(call, ledger, method, path):
    body = NEW if path == "" and method == "POST" else None
    if path.endswith("scores"):
        body = {"arm": "stable", "metric": "m", "value": 1, "count": 1}
    assert call(method, path, body, key="guest")[0] == 403
    assert ledger.audit == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**NEW, "candidate": "nobody"}, 400),
        ({**NEW, "route": "nothing"}, 400),
        ({**NEW, "generation": 7}, 422),
        ({**NEW, "steps": [5, 1]}, 400),
        ({**NEW, "guardrails": {"max_p95_ratio": -1}}, 400),
    ],
)
def test_wrong_bodies_are_refused(call, ledger, body, status):
    assert call("POST", "", body)[0] == status
    assert ledger.audit == []


def test_what_is_not_there_is_said(call):
    status, refused = call("GET", "/nothing")
    assert status == 400
    assert refused["error"]["message"] == "There is no rollout 'nothing'. Rollouts: none."
