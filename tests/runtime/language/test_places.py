"""Finding models: made ready once, said what is wrong with them, and fetched from a Hub."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("onnx")

from voxhaus.core.errors import InputError, MissingExtraError, VoxhausError, WeightsError
from voxhaus.runtime.language import places
from voxhaus.runtime.language.language import Language
from voxhaus.runtime.language.prepare import is_ready, prepare, ready


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(talking, tmp_path):
    return shutil.copytree(talking, tmp_path / "model")


def changed(folder, **said):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **said}))


def test_a_folder_is_made_ready_once_and_again_when_it_changes(folder, cache):
    first = ready(folder)
    assert is_ready(first) and cache in first.parents
    before = (first / "step.onnx").stat().st_mtime_ns
    assert ready(folder) == first
    assert (first / "step.onnx").stat().st_mtime_ns == before
    changed(folder, rope_theta=5000.0, rope_parameters=None)
    assert ready(folder) != first


def test_load_takes_a_folder(folder):
    language = Language.load(folder)
    assert language.name == "model"
    assert language.chat([{"role": "user", "content": "What?"}], max_tokens=3).text
    language.close()


def test_a_shipped_model_is_found_by_its_name_and_checked(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_WEIGHTS", str(tmp_path / "weights"))
    place = prepare(folder, tmp_path / "weights" / "tiny-1" / "1")
    files = {
        p.name: {"sha256": hashlib.sha256(p.read_bytes()).hexdigest()} for p in place.iterdir()
    }
    (place / "manifest.json").write_text(json.dumps({"model": "tiny-1", "files": files}))
    assert places.find("tiny-1") == (place, "tiny-1")
    assert places.installed() == ["tiny-1"]
    (place / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"config\.json is damaged"):
        places.find("tiny-1")


def test_our_voice_is_no_text_model():
    with pytest.raises(InputError, match="'voxhaus-voice-1' is not a text model"):
        places.find("voxhaus-voice-1")


@pytest.mark.parametrize(
    ("break_it", "error", "named"),
    [
        (lambda f: (f / "config.json").unlink(), InputError, "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), WeightsError, "config.json cannot be read"),
        (lambda f: changed(f, architectures=["Other"]), InputError, "architecture Other"),
        (lambda f: changed(f, num_hidden_layers=3), WeightsError, "lack the tensor model.layers.2"),
        (lambda f: changed(f, hidden_size=32), WeightsError, "has the shape"),
        (lambda f: (f / "model.safetensors").unlink(), WeightsError, "holds no model.safetensors"),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"\x00" * 100),
            WeightsError,
            "no whole file of tensors",
        ),
        (lambda f: (f / "tokenizer.json").unlink(), WeightsError, "No tokenizer"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_and_nothing_is_left(
    folder, cache, break_it, error, named
):
    break_it(folder)
    with pytest.raises(error, match=named):
        ready(folder)
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_weights_that_are_not_finite_are_refused(folder):
    data = bytearray((folder / "model.safetensors").read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    data[start : start + 4] = b"\x00\x00\xc0\x7f"  # not a number, in the embedding
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(VoxhausError, match="not finite"):
        ready(folder)


def test_making_ready_names_the_extra_that_is_missing(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for name in ("graph", "quantise"):
        monkeypatch.delitem(sys.modules, f"voxhaus.models.language.{name}", raising=False)
        monkeypatch.delattr(f"voxhaus.models.language.{name}", raising=False)
    monkeypatch.delitem(sys.modules, "voxhaus.models.nn.nodes", raising=False)
    with pytest.raises(MissingExtraError, match=r"voxhaus\[convert\]"):
        ready(folder)


# The Hub, as far as a download needs it.

COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    root = None

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        path = self.path.split("?")[0]
        resolved, _, name = path.partition(f"/resolve/{COMMIT}/")
        if path.startswith("/api/models/me/tiny/tree"):
            content = json.dumps(
                [
                    {"type": "file", "path": p.name, "size": p.stat().st_size, "oid": "b" * 40}
                    for p in self.root.iterdir()
                ]
            ).encode()
        elif path.startswith("/api/models/me/tiny"):
            siblings = [{"rfilename": p.name} for p in self.root.iterdir()]
            said = {"id": "me/tiny", "sha": COMMIT, "siblings": siblings, "private": False}
            content = json.dumps({**said, "downloads": 0, "likes": 0, "tags": []}).encode()
        elif resolved == "/me/tiny" and (self.root / name).is_file():
            content = (self.root / name).read_bytes()
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(folder):
    (folder / "README.md").write_text("not wanted")
    handler = type("Own", (Hub,), {"root": folder})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def voxhaus(endpoint, tmp_path, *arguments):
    there = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, "-m", "voxhaus", *arguments],
        env={**there, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def test_a_model_is_pulled_and_answers(hub, tmp_path, cache):
    pytest.importorskip("huggingface_hub")
    done = voxhaus(hub, tmp_path, "pull", "me/tiny", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["model"] == "me/tiny" and str(cache) in report["path"]
    assert not list((tmp_path / "hf").rglob("README.md"))
    assert places.installed() == ["me/tiny"]
    # Without any Hub from now on.
    arguments = ["chat", "What?", "--model", "me/tiny", "--max-tokens", "3", "--json"]
    done = voxhaus("http://127.0.0.1:9", tmp_path, *arguments)
    assert json.loads(done.stdout)["model"] == "me/tiny", done.stderr


@pytest.mark.parametrize(
    ("endpoint", "model", "status", "named"),
    [
        (None, "me/other", 1, "there is no such model"),
        ("http://127.0.0.1:9", "me/tiny", 1, "Is there a network?"),
        (None, "tiny", 2, "no id of the Hugging Face Hub"),
    ],
)
def test_a_model_that_cannot_be_pulled(hub, tmp_path, endpoint, model, status, named):
    pytest.importorskip("huggingface_hub")
    done = voxhaus(endpoint or hub, tmp_path, "pull", model)
    assert (done.returncode, named in done.stderr) == (status, True), done.stderr
    assert "Traceback" not in done.stderr
