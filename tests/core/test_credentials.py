"""Signing: what is sealed stands, what cannot be sealed is said before anything is lost."""

import io
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import numpy as np
import pytest
import soundfile

from voxhaus.core import credentials, trial_certificate
from voxhaus.core.audio import Chapter, write_audio
from voxhaus.core.credential_check import check
from voxhaus.core.credentials import MEDIA_TYPES, ready_signer, seal
from voxhaus.core.errors import InputError
from voxhaus.core.provenance import Provenance, read
from voxhaus.core.speech import Speech

pytest.importorskip("c2pa", reason="needs the extra 'credentials'")
import c2pa
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

RATE = 24_000
RECORD = Provenance(
    model="voxhaus-voice-1",
    model_version="2",
    voices=("anna",),
    created="2026-11-25T08:00:00Z",
    version="0.1.0",
)


@pytest.fixture(scope="module")
def speech():
    rng = np.random.default_rng(0)
    return Speech(samples=rng.uniform(-0.4, 0.4, RATE).astype(np.float32), sample_rate=RATE)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A configuration folder with a certificate for trying out."""
    folder = tmp_path_factory.mktemp("home")
    trial_certificate.make(folder / "credentials")
    return folder


@pytest.fixture(autouse=True)
def _own_home(home, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CONFIG", str(home / "voxhaus.toml"))
    for name in ("VOXHAUS_C2PA_CERT", "VOXHAUS_C2PA_KEY", "VOXHAUS_C2PA_TRUST"):
        monkeypatch.delenv(name, raising=False)


def sealed(path, speech):
    if path.suffix == ".m4a":
        pytest.importorskip("av", reason="needs the extra 'aac'")
    chapters = (Chapter("One", 0, 0.5), Chapter("Two", 0.5, 1.0))
    write_audio(path, speech, title="T", chapters=chapters, provenance=RECORD)
    seal(path, RECORD, ready_signer(path))
    return path


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_a_sealed_file_stands_and_still_says_where_it_is_from(name, speech, tmp_path):
    path = sealed(tmp_path / f"a.{name}", speech)
    verdict = check(path, name)
    assert verdict.state == "untrusted"
    assert verdict.generator == "Voxhaus 0.1.0"
    assert verdict.digital_source_type == RECORD.digital_source_type
    assert "not trusted by verifiers" in verdict.signer
    assert read(path) == RECORD
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["wav", "mp3", "flac"])
def test_the_seal_changes_no_sample_and_no_chapter(name, speech, tmp_path):
    plain, path = tmp_path / f"plain.{name}", tmp_path / f"a.{name}"
    write_audio(plain, speech)
    before = soundfile.read(plain)[0]
    np.testing.assert_array_equal(before, soundfile.read(sealed(path, speech))[0])
    mark = {"wav": b"labl", "mp3": b"CHAP", "flac": b"NAME="}[name]
    assert path.read_bytes().count(mark) == 2


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_one_changed_byte_of_sound_is_noticed(name, speech, tmp_path):
    path = sealed(tmp_path / f"a.{name}", speech)
    data = bytearray(path.read_bytes())
    data[sound(bytes(data), name)] ^= 1
    path.write_bytes(data)
    verdict = check(path, name)
    assert verdict.state == "invalid"
    assert any("hash" in p for p in verdict.problems)


def sound(data, name):
    """A place in the middle of the sound."""
    if name == "wav":
        return data.index(b"data") + RATE
    if name == "m4a":
        return data.index(b"mdat") + 1000
    start = data.index(b"fLaC") if name == "flac" else data.rindex(b"GEOB")
    return (start + len(data)) // 2 if name == "flac" else len(data) - 1000


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_a_changed_provenance_is_noticed(name, speech, tmp_path):
    path = sealed(tmp_path / f"a.{name}", speech)
    data = path.read_bytes()
    letters = "utf-16-le" if name == "mp3" else "ascii"
    told, forged = (f'"voices":["{v}"]'.encode(letters) for v in ("anna", "nobo"))
    assert told in data
    path.write_bytes(data.replace(told, forged))
    assert read(path).voices == ("nobo",)
    assert check(path, name).state == "invalid"


def test_a_trusted_root_makes_it_valid(home, speech, tmp_path, monkeypatch):
    path = sealed(tmp_path / "a.wav", speech)
    monkeypatch.setenv("VOXHAUS_C2PA_TRUST", str(home / "credentials" / "certificate.pem"))
    assert check(path, "wav").state == "valid"
    monkeypatch.setenv("VOXHAUS_C2PA_TRUST", str(home / "nothing.pem"))
    with pytest.raises(InputError, match=r"nothing\.pem cannot be read: No such file"):
        check(path, "wav")


def test_a_broken_manifest_is_invalid(speech, tmp_path):
    path = sealed(tmp_path / "a.wav", speech)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"c2pa.assertions", b"c2pa.assertionz"))
    assert check(path, "wav").state == "invalid"


def test_without_the_extra_nothing_is_checked_or_signed(speech, tmp_path, monkeypatch):
    path = sealed(tmp_path / "a.wav", speech)
    monkeypatch.setitem(sys.modules, "c2pa", None)
    verdict = check(path, "wav")
    assert verdict.state == "unchecked"
    assert "pip install 'voxhaus[credentials]'" in verdict.problems[0]
    with pytest.raises(InputError, match=r"pip install 'voxhaus\[credentials\]'"):
        ready_signer(path)


@pytest.mark.parametrize("name", ["ogg", "opus", "aac", "pcm"])
def test_formats_that_cannot_be_signed_are_named(name, tmp_path):
    with pytest.raises(InputError, match=r"cannot hold content credentials.*\.wav, \.mp3"):
        ready_signer(tmp_path / f"a.{name}")


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "Ed25519", "RSA"])
def test_keys_of_every_kind_sign(kind, tmp_path, speech, monkeypatch):
    make = {
        "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate,
        "RSA": lambda: rsa.generate_private_key(65537, 2048),
    }[kind]
    given(monkeypatch, tmp_path, make())
    assert check(sealed(tmp_path / "a.wav", speech), "wav").state == "untrusted"


def given(monkeypatch, folder, key, *, other_key=None, password=None, days=1):
    """A certificate for that key, named by the environment."""
    now = datetime.now(UTC) + timedelta(days=days) - trial_certificate.LIFETIME
    root_key = ec.generate_private_key(ec.SECP256R1())
    certificate = trial_certificate._certificate("given", key, root_key, now)
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem.Encoding.PEM))
    locked = pem.BestAvailableEncryption(password) if password else pem.NoEncryption()
    form = pem.PrivateFormat.PKCS8
    data = (other_key or key).private_bytes(pem.Encoding.PEM, form, locked)
    (folder / "key.pem").write_bytes(data)
    monkeypatch.setenv("VOXHAUS_C2PA_CERT", str(folder / "cert.pem"))
    monkeypatch.setenv("VOXHAUS_C2PA_KEY", str(folder / "key.pem"))


def test_an_old_form_of_key_is_read(tmp_path, monkeypatch, speech):
    key = ec.generate_private_key(ec.SECP256R1())
    given(monkeypatch, tmp_path, key)
    old = key.private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.TraditionalOpenSSL, pem.NoEncryption()
    )
    assert b"BEGIN EC PRIVATE KEY" in old
    (tmp_path / "key.pem").write_bytes(old)
    assert check(sealed(tmp_path / "a.wav", speech), "wav").state == "untrusted"


def test_certificates_that_cannot_sign_are_told_apart(tmp_path, monkeypatch):
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    for options, reason in (
        ({"other_key": other}, r"key\.pem is not the key of .*cert\.pem"),
        ({"password": b"secret"}, r"key\.pem is encrypted"),
        ({"days": -1}, r"cert\.pem was valid until"),
    ):
        given(monkeypatch, tmp_path, key, **options)
        with pytest.raises(InputError, match=reason):
            ready_signer(tmp_path / "a.wav")
    given(monkeypatch, tmp_path, key)
    for name, content, reason in (
        ("key.pem", b"nonsense", r"key\.pem holds no private key"),
        ("cert.pem", b"nonsense", r"cert\.pem holds no PEM certificate"),
        ("cert.pem", None, r"cert\.pem cannot be read: No such file"),
    ):
        (tmp_path / name).unlink() if content is None else (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=reason):
            ready_signer(tmp_path / "a.wav")
    monkeypatch.delenv("VOXHAUS_C2PA_KEY")
    with pytest.raises(InputError, match="go together; only one is set"):
        ready_signer(tmp_path / "a.wav")


def test_a_certificate_not_meant_for_signing_is_refused_before_anything_is_spoken(
    tmp_path, monkeypatch
):
    key = ec.generate_private_key(ec.SECP256R1())
    given(monkeypatch, tmp_path, key)
    root = trial_certificate._certificate("root", key, key, datetime.now(UTC))
    (tmp_path / "cert.pem").write_bytes(root.public_bytes(pem.Encoding.PEM))
    with pytest.raises(InputError, match=r"cert\.pem cannot sign: .*certificate"):
        ready_signer(tmp_path / "a.wav")


def test_without_a_certificate_the_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CONFIG", str(tmp_path / "voxhaus.toml"))
    with pytest.raises(InputError, match=r"set VOXHAUS_C2PA_CERT.*`voxhaus credentials init`"):
        ready_signer(tmp_path / "a.wav")


def test_a_seal_that_fails_loses_nothing(tmp_path, speech):
    path = tmp_path / "a.wav"
    signer = ready_signer(path)
    path.write_bytes(b"no WAV file")
    with pytest.raises(InputError, match=r"a\.wav was written, but without content credentials: "):
        seal(path, RECORD, signer)
    assert path.read_bytes() == b"no WAV file"
    path.unlink()
    with pytest.raises(InputError, match="No such file"):
        seal(path, RECORD, signer)


def test_no_log_holds_the_key(tmp_path):
    assert "PRIVATE" not in repr(ready_signer(tmp_path / "a.wav"))


def test_a_manifest_that_lies_elsewhere_is_not_fetched(tmp_path, speech):
    asked = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    path, signed = tmp_path / "a.wav", io.BytesIO()
    write_audio(path, speech)
    signer = ready_signer(path)
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        about = c2pa.C2paSignerInfo(signer.algorithm, signer.chain, signer.key, None)
        manifest = credentials._manifest(RECORD, "t", "audio/wav")
        with (
            c2pa.Context.from_dict(credentials.SETTINGS) as context,
            c2pa.Signer.from_info(about) as hand,
            c2pa.Builder(manifest, context=context) as builder,
        ):
            builder.set_no_embed()
            builder.set_remote_url(f"http://127.0.0.1:{server.server_port}/elsewhere.c2pa")
            builder.sign(hand, "audio/wav", io.BytesIO(path.read_bytes()), signed)
        path.write_bytes(signed.getvalue())
        verdict = check(path, "wav")
        server.shutdown()
    assert verdict.state == "unchecked"
    assert "elsewhere.c2pa" in verdict.problems[0]
    assert asked == []


def test_silence_for_the_trial_is_a_wav_file():
    assert soundfile.info(io.BytesIO(credentials._silence())).samplerate == 24_000
