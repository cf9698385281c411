"""The pages, as browsers use them, and as other people's pages would like to."""

import re
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("fastapi")

import voxhaus.products.server
from voxhaus.products.server.access.administrator import COOKIE
from voxhaus.products.server.access.privacy import WithoutTokens, without_tokens
from voxhaus.products.server.access.words import GERMAN, language_of
from voxhaus.products.store.clock import DAY
from voxhaus.products.store.keys import Terms

ANN = {"name": "Ann", "email": "ann@example.org", "reason": "A radio play.\n<i>Two</i> voices."}
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> {{ 7*7 }} javascript:x"
WEB = Path(voxhaus.products.server.__file__).parent / "web"


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, html):
        super().__init__()
        self.seen = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def named(self, tag):
        return [attrs for name, attrs in self.seen if name == tag]


@pytest.fixture
def asked(client):
    """A request that was sent by form; returns its page."""
    answer = client.post("/access", data=ANN)
    assert answer.status_code == 303
    return answer.headers["location"]


def test_the_form_and_the_page_of_a_request(client, asked, store):
    assert client.get("/access").status_code == 200
    seen = client.get(asked)
    assert seen.status_code == 200 and "waits for an answer" in seen.text
    assert "&lt;i&gt;Two&lt;/i&gt;" in seen.text
    assert store.requests.all()[0].reason == ANN["reason"]


def test_what_was_written_stays_in_a_form_that_is_not_right(client, store):
    answer = client.post("/access", data={**ANN, "email": "nobody"})
    assert answer.status_code == 400 and "&#39;email&#39; must be an e-mail" in answer.text
    assert 'value="Ann"' in answer.text and "&lt;i&gt;Two" in answer.text
    assert store.requests.all() == []


@pytest.mark.parametrize("settings", [{"offered": lambda: ["voxhaus-voice-1", "a<b"]}])
def test_models_are_offered(client, store):
    boxes = [a for a in Tags(client.get("/access").text).named("input") if a["name"] == "models"]
    assert [b["value"] for b in boxes] == ["voxhaus-voice-1", "a<b"]
    client.post("/access", data={**ANN, "models": ["voxhaus-voice-1", "a<b"]})
    assert store.requests.all()[0].wanted == ("voxhaus-voice-1", "a<b")


@pytest.mark.parametrize("settings", [{"requests_open": False}])
def test_a_server_that_takes_no_requests(client):
    assert "<form" not in client.get("/access").text
    assert client.post("/access", data=ANN).status_code == 403


def test_too_many_tries(client):
    answers = [client.post("/access", data=ANN) for _ in range(6)]
    assert [a.status_code for a in answers] == [303] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 60 and "<h1>" in answers[-1].text


def test_the_key_is_shown_once(client, asked, store, clock):
    (request,) = store.requests.all()
    assert client.post(asked).status_code == 409
    store.requests.approve(request.id, Terms(expires=clock.now + DAY), actor="test")
    assert 'method="post"' in client.get(asked).text
    assert store.keys.all() == []  # looking makes no key
    got = client.post(asked)
    secret = re.search(r"vx-[\w-]{43}", got.text)[0]
    assert store.keys.find(secret) and got.headers["cache-control"] == "no-store"
    again = client.post(asked)
    assert again.status_code == 409 and secret not in again.text
    assert secret not in client.get(asked).text


def test_a_link_that_is_none(client):
    for path in ("/access/" + "A" * 43, "/access/x", "/access/%00", "/access/" + "x" * 5000):
        answer = client.get(path)
        assert answer.status_code == 404 and "<h1>" in answer.text


def test_signing_in_and_out(client, store):
    link = store.admin_link()
    assert client.get("/admin").status_code == 401
    for _ in range(2):  # programs that look at links do not use them up
        assert client.get(link).status_code == 200
    entered = client.post(link)
    assert (entered.status_code, entered.headers["location"]) == (303, "/admin")
    assert entered.headers["cache-control"] == "no-store"
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert "secure" not in cookie  # this was http
    page = client.get("/admin")
    assert page.status_code == 200 and client.cookies[COOKIE] not in page.text
    csrf = Tags(page.text).named("input")[0]["value"]
    assert client.post("/admin/leave", data={"csrf": csrf}).status_code == 303
    assert client.get("/admin").status_code == 401


def test_a_link_used_twice(client, app, store):
    from fastapi.testclient import TestClient

    link = store.admin_link()
    assert client.post(link).status_code == 303
    with TestClient(app, follow_redirects=False) as thief:
        again = thief.post(link)
        assert again.status_code == 403 and "set-cookie" not in again.headers
        assert thief.get("/admin").status_code == 401


def test_links_cannot_be_tried_for_ever(client):
    answers = [client.post("/admin/enter/" + "A" * 43).status_code for _ in range(31)]
    assert answers == [403] * 30 + [429]


def test_over_https_the_cookie_stays_there(app, store):
    from fastapi.testclient import TestClient

    with TestClient(app, base_url="https://voice.example", follow_redirects=False) as browser:
        assert "secure" in browser.post(store.admin_link()).headers["set-cookie"].lower()
        assert browser.get("/admin").status_code == 200


@pytest.mark.parametrize("settings", [{"base_url": "https://voice.example"}])
def test_behind_a_proxy(client, store):
    there = {"origin": "https://voice.example"}
    entered = client.post(store.admin_link(), headers=there)
    assert entered.status_code == 303 and "secure" in entered.headers["set-cookie"].lower()


FORMS = [
    "/admin/requests/req_1/approve",
    "/admin/requests/req_1/refuse",
    "/admin/keys",
    "/admin/keys/key_1/rotate",
    "/admin/keys/key_1/revoke",
    "/admin/leave",
]


def test_no_form_was_forgotten(app):
    found = {
        route.path.replace("{key_id}", "key_1").replace("{request_id}", "req_1")
        for route in routes_of(app)
        if "POST" in route.methods and route.path.startswith("/admin")
    }
    assert found == {*FORMS, "/admin/enter/{token}"}


def routes_of(app):
    """Every route, also of routers that are included by reference."""
    waiting, found = list(app.routes), []
    while waiting:
        route = waiting.pop()
        inner = getattr(route, "original_router", None)
        if inner is not None:
            waiting += inner.routes
        elif getattr(route, "methods", None):
            found.append(route)
    return found


@pytest.mark.parametrize("sent", [{}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é" * 64}])
def test_a_form_without_its_token_does_nothing(client, signed_in, store, sent):
    before = len(store.audit.entries())
    for form in FORMS:
        answer = client.post(form, data={**sent, "name": "x", "owner": "x"})
        assert answer.status_code == 403, form
    assert len(store.audit.entries()) == before and client.get("/admin").status_code == 200


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://testserver.evil.example"},
    {"origin": "http://testserver:81"},
    {"origin": "http://["},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


def test_a_form_of_another_site_does_nothing(client, signed_in, store):
    before = len(store.audit.entries())
    data = {**ANN, "csrf": signed_in, "owner": "x"}
    for form, headers in product([*FORMS, "/access", "/access/x", "/admin/enter/x"], FOREIGN):
        answer = client.post(form, data=data, headers=headers)
        assert answer.status_code == 403 and "another site" in answer.text, (form, headers)
    assert len(store.audit.entries()) == before


@pytest.mark.parametrize(
    "headers", [{"origin": "http://testserver"}, {"sec-fetch-site": "same-origin"}]
)
def test_a_form_of_our_own_works(client, signed_in, store, headers):
    data = {"csrf": signed_in, "name": "ci", "owner": "me"}
    assert client.post("/admin/keys", data=data, headers=headers).status_code == 200
    assert len(store.keys.all()) == 1


def test_the_token_of_one_session_is_no_use_in_another(client, app, store, signed_in):
    from fastapi.testclient import TestClient

    with TestClient(app, follow_redirects=False) as other:
        other.post(store.admin_link())
        data = {"csrf": signed_in, "name": "x", "owner": "x"}
        assert other.post("/admin/keys", data=data).status_code == 403


def test_a_request_is_answered(client, asked, signed_in, store, clock):
    (request,) = store.requests.all()
    page = client.get("/admin").text
    assert request.id in page and "ann@example.org" in page
    sent = {
        "csrf": signed_in,
        "scopes_shown": "1",
        "scopes": ["speech"],
        "models": "voxhaus-voice-1, other",
        "days": "1.5",
        "per_minute": "6",
        "month_audio_seconds": "60,5",
        "answer": "Welcome",
    }
    where = f"/admin/requests/{request.id}/approve"
    assert client.post(where, data=sent).headers["location"] == "/admin"
    terms = store.requests.get(request.id).terms
    assert terms.scopes == {"speech"} and terms.models == {"voxhaus-voice-1", "other"}
    assert terms.expires == clock.now + 1.5 * DAY and not terms.local_only
    assert (terms.limits.per_minute, terms.limits.month_audio_seconds) == (6, 60.5)
    assert terms.limits.month_tokens is None
    assert "Welcome" in client.get(asked).text
    assert client.post(where, data=sent).status_code == 400  # decided before


def test_a_request_is_refused_with_a_reason(client, asked, signed_in, store):
    (request,) = store.requests.all()
    where = f"/admin/requests/{request.id}/refuse"
    assert client.post(where, data={"csrf": signed_in, "reason": " "}).status_code == 400
    client.post(where, data={"csrf": signed_in, "reason": "Too <b>early</b>."})
    page = client.get(asked).text
    assert "was refused" in page and "Too &lt;b&gt;early&lt;/b&gt;." in page


NO_TERMS = [
    ("days", "0"),
    ("days", "-1"),
    ("days", "nan"),
    ("days", "1_0"),
    ("days", "١"),
    ("days", "99999"),
    ("per_minute", "1.5"),
    ("month_tokens", "many"),
    ("month_requests", "9" * 20),
    ("scopes_shown", "1"),
]


def test_terms_that_make_no_sense(client, signed_in, store):
    for field, wrong in NO_TERMS:
        data = {"csrf": signed_in, "name": "ci", "owner": "me", field: wrong}
        answer = client.post("/admin/keys", data=data)
        assert answer.status_code == 400 and 'role="alert"' in answer.text, (field, wrong)
    assert store.keys.all() == []


def test_keys_are_made_rotated_and_revoked(client, signed_in, store):
    data = {"csrf": signed_in, "name": "ci", "owner": "me", "local_only": "1"}
    made = client.post("/admin/keys", data=data)
    first = re.search(r"vx-[\w-]{43}", made.text)[0]
    key = store.keys.find(first)
    assert key.terms.local_only and key.terms.models is None
    assert first not in client.get("/admin/keys").text
    where = f"/admin/keys/{key.id}"
    turned = client.post(f"{where}/rotate", data={"csrf": signed_in, "grace_hours": "0"})
    second = re.search(r"vx-[\w-]{43}", turned.text)[0]
    assert store.keys.find(first) is None and store.keys.find(second)
    assert client.post(f"{where}/revoke", data={"csrf": signed_in}).status_code == 303
    assert store.keys.find(second) is None
    assert client.post(f"{where}/rotate", data={"csrf": signed_in}).status_code == 400


def test_the_audit_log_page_by_page(client, signed_in, store):
    for n in range(120):
        store.audit.add(actor="me", action="look", subject=f"thing{n:03}", detail={"why": EVIL})
    first = client.get("/admin/audit").text
    assert "thing119" in first and "thing010" not in first
    link = next(a["href"] for a in Tags(first).named("a") if "before" in a["href"])
    assert "thing010" in client.get(link).text
    for odd in ("x", "-1", "9" * 30, "²"):
        assert client.get("/admin/audit", params={"before": odd}).status_code == 200


def pages_with(client, signed_in, store, text):
    """Every page with somebody's text in every field that has one."""
    asked = store.requests.ask(name=text, email="a@b", reason=text, models=[text])
    other = store.requests.ask(name=text, email="a@b", reason=text, models=[text])
    store.requests.refuse(other.request.id, reason=text, actor=text)
    made = store.keys.create(
        name=text, owner=text, terms=Terms(models=frozenset({text})), actor=text
    )
    yield client.get(f"/access/{asked.token}")
    yield client.get(f"/access/{other.token}")
    yield client.get("/admin")
    yield client.get("/admin/keys")
    yield client.get("/admin/audit")
    yield client.post("/access", data={"name": text, "email": text, "reason": text, "models": text})
    yield client.post(
        "/admin/keys", data={"csrf": signed_in, "name": text, "owner": "", "models": text}
    )
    yield client.get("/access/" + text.replace("/", ""))
    store.requests.approve(asked.request.id, Terms(models=frozenset({text})), actor=text)
    yield client.post(f"/access/{asked.token}")
    yield client.post(f"/admin/keys/{made.key.id}/rotate", data={"csrf": signed_in})


def test_what_people_write_is_text_and_nothing_else(client, signed_in, store):
    shown = 0
    for answer in pages_with(client, signed_in, store, EVIL):
        tags = Tags(answer.text)
        assert not tags.named("script") and not tags.named("img"), answer.request.url
        assert not any(name.startswith("on") for _, attrs in tags.seen for name in attrs)
        links = [a.get("href", "") for _, a in tags.seen] + [
            a.get("action", "") for _, a in tags.seen
        ]
        assert not any(link and not link.startswith("/") for link in links)
        shown += "&lt;script&gt;" in answer.text
        assert "49" not in re.sub(r"\d{3,}|[0-9a-f]{8,}", "", answer.text)
    assert shown >= 8


def test_browsers_are_told_to_run_nothing(client, signed_in, store):
    for answer in [
        client.get("/access"),
        client.get("/access/x"),
        *pages_with(client, signed_in, store, "x"),
    ]:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert " style=" not in answer.text  # the policy would refuse it


def test_every_field_has_a_label(client, signed_in, store):
    for answer in pages_with(client, signed_in, store, "x"):
        tags, html = Tags(answer.text), answer.text
        labels = {a.get("for") for a in tags.named("label")}
        ids = [a["id"] for _, a in tags.seen if "id" in a]
        assert len(ids) == len(set(ids))
        for field in tags.named("input") + tags.named("textarea"):
            if field.get("type") not in ("hidden", "checkbox"):
                assert field["id"] in labels, html
    assert 'name="viewport"' in client.get("/access").text


def test_the_style_is_there(client):
    style = client.get("/web/voxhaus.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in style.text


def test_german(client, asked):
    page = client.get(asked, headers={"accept-language": "de-AT,en;q=0.5"})
    assert '<html lang="de">' in page.text and "wartet auf eine Antwort" in page.text
    assert page.headers["content-language"] == "de"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("de", "de"),
        ("fr, de;q=0.8, en;q=0.9", "en"),
        ("fr", "en"),
        ("de;q=x, en", "en"),
        ("de;q=0", "en"),
        (",;=" * 1000, "en"),
    ],
)
def test_languages(accepted, language):
    assert language_of(accepted) == language


def test_every_sentence_has_a_german_one():
    templates = "".join(p.read_text("utf-8") for p in WEB.rglob("*.html"))
    said = set(re.findall(r'\bt\("([^"]+)"', templates))
    looked_up = set(
        re.findall(
            r'"([A-Z][^"]+)"', "".join(re.findall(r"\[\(.*?\)\]|\{\"speech.*?\}", templates))
        )
    )
    assert len(said) > 40
    assert (said | looked_up) - set(GERMAN) == set()
    states = {"active", "expired", "revoked", "pending", "approved", "refused", "collected"}
    assert set(GERMAN) - said - looked_up == states


@pytest.mark.parametrize("body", [b"\xff\xfe", b"name=%ff", b"&".join([b"a=b"] * 400)])
def test_forms_that_cannot_be_read(client, body):
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/access", content=body, headers=kind).status_code == 400


def test_forms_that_are_something_else(client):
    assert client.post("/access", json=ANN).status_code == 415
    assert client.post("/access", data={"name": "x" * 70_000}).status_code == 413


def test_logs_hold_no_tokens(store):
    import logging

    link = store.admin_link("http://127.0.0.1:8080")
    token = link.rpartition("/")[2]
    assert without_tokens(link) == "http://127.0.0.1:8080/admin/enter/..."
    assert without_tokens("/access/requests") == "/access/requests"
    record = logging.LogRecord("a", 20, "f", 1, '%s "%s %s" %d', ("h", "GET", link, 200), None)
    assert WithoutTokens().filter(record)
    assert record.getMessage() == 'h "GET http://127.0.0.1:8080/admin/enter/..." 200'
    assert token not in record.getMessage()
