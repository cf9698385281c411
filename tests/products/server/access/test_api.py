"""The routes of applicants and administrators, as programs use them."""

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("fastapi")

from voxhaus.products.store.clock import DAY, HOUR

ANN = {"name": "Ann", "email": "ann@example.org", "reason": "A radio play."}
FIELDS = {"message", "type", "param", "code"}


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def error(response, status):
    assert response.status_code == status, response.text
    assert response.json().keys() == {"error"}
    assert response.json()["error"].keys() == FIELDS
    return response.json()["error"]


def test_from_request_to_key(client, as_admin, store, clock):
    asked = client.post("/v1/access/requests", json={**ANN, "models": ["voxhaus-voice-1"]})
    assert asked.status_code == 201 and asked.headers["cache-control"] == "no-store"
    token, request_id = asked.json()["token"], asked.json()["id"]
    assert asked.json()["path"] == f"/access/{token}"
    assert error(client.post("/v1/access/request/key", headers=bearer(token)), 409)

    listed = client.get(
        "/v1/admin/access/requests", params={"state": "pending"}, headers=as_admin
    ).json()
    assert [r["id"] for r in listed["data"]] == [request_id]
    assert listed["data"][0]["reason"] == "A radio play."
    terms = {
        "scopes": ["speech"],
        "models": ["voxhaus-voice-1"],
        "expires_at": clock.now + DAY,
        "month_audio_seconds": 60,
    }
    approved = client.post(
        f"/v1/admin/access/requests/{request_id}/approve",
        json={**terms, "answer": "Welcome"},
        headers=as_admin,
    )
    assert approved.status_code == 200 and approved.json()["state"] == "approved"

    seen = client.get("/v1/access/request", headers=bearer(token)).json()
    assert (seen["state"], seen["answer"], seen["collectable"]) == ("approved", "Welcome", True)
    assert "decided_by" not in seen
    got = client.post("/v1/access/request/key", headers=bearer(token)).json()
    assert store.keys.find(got["value"]).id == got["id"]
    assert got["scopes"] == ["speech"] and got["expires_at"] == clock.now + DAY
    assert got["month_audio_seconds"] == 60
    told = error(client.post("/v1/access/request/key", headers=bearer(token)), 409)
    assert "only once" in told["message"]
    seen = client.get("/v1/access/request", headers=bearer(token)).json()
    assert seen["state"] == "collected" and got["value"] not in str(seen)


def test_refused_with_a_reason(client, as_admin):
    asked = client.post("/v1/access/requests", json=ANN).json()
    where = f"/v1/admin/access/requests/{asked['id']}/refuse"
    assert client.post(where, json={"reason": "Too early."}, headers=as_admin).status_code == 200
    seen = client.get("/v1/access/request", headers=bearer(asked["token"])).json()
    assert (seen["state"], seen["answer"]) == ("refused", "Too early.")
    assert error(client.post(where, json={"reason": "No."}, headers=as_admin), 409)


def test_one_address_may_not_ask_for_ever(client, app):
    from fastapi.testclient import TestClient

    answers = [client.post("/v1/access/requests", json=ANN) for _ in range(6)]
    assert [a.status_code for a in answers] == [201] * 5 + [429]
    assert error(answers[-1], 429)["code"] == "rate_limit_exceeded"
    assert int(answers[-1].headers["retry-after"]) > 60
    with TestClient(app, client=("198.51.100.1", 1)) as other:
        assert other.post("/v1/access/requests", json=ANN).status_code == 201


def test_tokens_cannot_be_tried_for_ever(client):
    answers = [client.get("/v1/access/request", headers=bearer("A" * 43)) for _ in range(31)]
    assert {a.status_code for a in answers[:30]} == {404}
    assert error(answers[30], 429)
    assert error(client.get("/v1/access/request"), 401)["code"] == "missing_token"


@pytest.mark.parametrize("settings", [{"requests_open": False}])
def test_a_server_may_take_no_requests(client):
    assert error(client.post("/v1/access/requests", json=ANN), 403)["code"] == "requests_closed"


NO_REQUESTS = [
    {"email": "nobody"},
    {"name": "a\x00b"},
    {"name": "   "},
    {"reason": "x" * 2001},
    {"models": ["m"] * 101},
    {"extra": 1},
    {"name": 7},
    {"name": "evil \u202e"},
]


@pytest.mark.parametrize("settings", [{"asks_per_hour": 100}])
def test_what_is_no_request(client, store):
    for wrong in NO_REQUESTS:
        answer = client.post("/v1/access/requests", json={**ANN, **wrong})
        assert answer.status_code in (400, 422), wrong
    assert store.requests.all() == []


def test_keys_made_rotated_revoked(client, as_admin, store, clock):
    made = client.post("/v1/admin/keys", json={"name": "ci", "per_minute": 6}, headers=as_admin)
    assert made.status_code == 201 and made.headers["cache-control"] == "no-store"
    key = made.json()
    assert key["scopes"] == ["chat", "speech", "transcription"] and key["models"] is None
    assert store.keys.find(key["value"])

    listed = client.get("/v1/admin/keys", headers=as_admin)
    assert {k["name"] for k in listed.json()["data"]} == {"ci", "app"}
    assert key["value"] not in listed.text and "digest" not in listed.text

    where = f"/v1/admin/keys/{key['id']}"
    turned = client.post(f"{where}/rotate", json={"grace_seconds": 60}, headers=as_admin).json()
    assert turned["id"] == key["id"] and turned["value"] != key["value"]
    clock.now += 60
    assert store.keys.find(key["value"]) is None and store.keys.find(turned["value"])
    assert client.post(f"{where}/rotate", headers=as_admin).status_code == 200

    ended = client.post(f"{where}/revoke", headers=as_admin).json()
    assert ended["state"] == "revoked" and store.keys.find(turned["value"]) is None
    assert error(client.post(f"{where}/rotate", headers=as_admin), 409)
    assert error(client.post("/v1/admin/keys/key_0/revoke", headers=as_admin), 404)


NO_TERMS = [
    {"scopes": ["everything"]},
    {"scopes": []},
    {"per_minute": -1},
    {"per_minute": "6"},
    {"month_tokens": 1.5},
    {"expires_at": 5},
    {"models": [""]},
    {"month_requests": 2**60},
]


def test_terms_that_make_no_sense(client, as_admin, store):
    for wrong in NO_TERMS:
        answer = client.post("/v1/admin/keys", json={"name": "x", **wrong}, headers=as_admin)
        assert answer.status_code in (400, 422), wrong
    assert len(store.keys.all()) == 1


ROUTES = [
    ("GET", "/v1/admin/keys"),
    ("POST", "/v1/admin/keys"),
    ("POST", "/v1/admin/keys/key_1/rotate"),
    ("POST", "/v1/admin/keys/key_1/revoke"),
    ("GET", "/v1/admin/audit"),
    ("GET", "/v1/admin/access/requests"),
    ("POST", "/v1/admin/access/requests/req_1/approve"),
    ("POST", "/v1/admin/access/requests/req_1/refuse"),
    ("GET", "/v1/organization/usage/completions?start_time=0"),
    ("GET", "/v1/organization/usage/audio_speeches?start_time=0"),
    ("GET", "/v1/organization/usage/audio_transcriptions?start_time=0"),
]


def test_no_route_of_administrators_was_forgotten(app):
    documented = app.openapi()["paths"]
    found = {
        (method.upper(), path)
        for path, methods in documented.items()
        for method in methods
        if path.startswith(("/v1/admin", "/v1/organization"))
    }
    listed = {
        (m, r.partition("?")[0].replace("key_1", "{key_id}").replace("req_1", "{request_id}"))
        for m, r in ROUTES
    }
    assert found == listed


def test_only_administrators_come_in(client, make):
    usual, _ = make()
    for method, route in ROUTES:
        body = {"name": "x", "reason": "x"} if method == "POST" else None
        assert error(client.request(method, route, json=body), 401)["code"] == "invalid_api_key"
        answer = client.request(method, route, json=body, headers=bearer(usual))
        assert error(answer, 403)["code"] == "insufficient_permissions", route


def test_being_on_this_machine_is_not_enough_to_administer(app):
    from fastapi.testclient import TestClient

    with TestClient(app, client=("127.0.0.1", 1)) as near:
        assert error(near.get("/v1/admin/keys"), 401)


def test_a_browser_session_needs_the_forms_token_to_change_things(client, signed_in, store):
    assert client.get("/v1/admin/keys").status_code == 200
    body = {"name": "x"}
    assert error(client.post("/v1/admin/keys", json=body), 403)["code"] == "csrf"
    wrong = {"x-csrf-token": "0" * 64}
    assert error(client.post("/v1/admin/keys", json=body, headers=wrong), 403)["code"] == "csrf"
    right = {"x-csrf-token": signed_in}
    elsewhere = {**right, "origin": "https://evil.example"}
    assert error(client.post("/v1/admin/keys", json=body, headers=elsewhere), 403)
    assert store.keys.all() == []
    assert client.post("/v1/admin/keys", json=body, headers=right).status_code == 201


def test_the_audit_log_tells_who_and_holds_no_secret(client, as_admin, store):
    made = client.post("/v1/admin/keys", json={"name": "ci"}, headers=as_admin).json()
    client.post(f"/v1/admin/keys/{made['id']}/revoke", headers=as_admin)
    answer = client.get("/v1/admin/audit", params={"limit": 2}, headers=as_admin)
    actor = store.keys.find(as_admin["Authorization"].removeprefix("Bearer ")).id
    assert [(e["action"], e["actor"]) for e in answer.json()["data"]] == [
        ("key.revoke", actor),
        ("key.create", actor),
    ]
    assert answer.json()["has_more"] is True
    assert made["value"][13:] not in answer.text
    last = answer.json()["data"][-1]["id"]
    rest = client.get("/v1/admin/audit", params={"before": last}, headers=as_admin).json()
    assert [e["actor"] for e in rest["data"]] == ["test"] and rest["has_more"] is False


def test_a_store_that_fails_is_said(client, as_admin, store):
    with store.database.schema_change() as connection:
        connection.exec_driver_sql("DROP TABLE audit")
    answer = client.get("/v1/admin/audit", headers=as_admin)
    assert error(answer, 503)["code"] == "store_unavailable"
    assert answer.headers["retry-after"] == "5"


def test_a_wrong_clock_does_not_let_a_session_in(client, signed_in, clock):
    for wrong in (0, clock.now + 13 * HOUR, 2**40):
        clock.now = wrong
        assert error(client.get("/v1/admin/keys"), 401)["code"] == "invalid_session"
