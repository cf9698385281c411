"""`--credentials`: signed files, and refusals before anything is spoken."""

import pytest

pytestmark = pytest.mark.usefixtures("quick_voice")


@pytest.fixture(autouse=True)
def _own_home(monkeypatch, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("VOXHAUS_CONFIG", str(home / "voxhaus.toml"))
    for name in ("VOXHAUS_C2PA_CERT", "VOXHAUS_C2PA_KEY", "VOXHAUS_C2PA_TRUST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def certificate(voxhaus):
    pytest.importorskip("c2pa", reason="needs the extra 'credentials'")
    status, report, err = voxhaus("credentials", "init", "--json")
    assert (status, err) == (0, "")
    assert report["trusted"] is False
    return report


@pytest.mark.usefixtures("certificate")
def test_a_signed_file_is_untrusted_until_its_root_is_trusted(voxhaus, certificate, monkeypatch):
    assert voxhaus("say", "One two", "-o", "a.mp3", "--credentials")[0] == 0
    status, report, _ = voxhaus("doctor", "a.mp3", "--json")
    assert status == 0
    assert report["credentials"]["state"] == "untrusted"
    out = voxhaus("doctor", "a.mp3")[1]
    assert "untrusted issuer: unchanged since it was signed" in out
    assert "signed by   Voxhaus test signer, Test certificate, not trusted by verifiers" in out
    monkeypatch.setenv("VOXHAUS_C2PA_TRUST", certificate["certificate"])
    assert "valid: unchanged" in voxhaus("doctor", "a.mp3")[1]


@pytest.mark.usefixtures("certificate")
def test_a_changed_file_is_invalid_and_status_1(voxhaus, tmp_path):
    assert voxhaus("say", "One two", "-o", "a.wav", "--credentials")[0] == 0
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[3000] ^= 1
    (tmp_path / "a.wav").write_bytes(data)
    status, out, err = voxhaus("doctor", "a.wav")
    assert (status, err) == (1, "")
    assert "credentials invalid: changed since it was signed" in out
    assert "because" in out


@pytest.mark.usefixtures("certificate")
def test_a_second_certificate_is_refused(voxhaus):
    status, out, err = voxhaus("credentials", "init")
    assert (status, out) == (2, "")
    assert "exists already" in err


def test_init_says_that_nobody_trusts_it(voxhaus):
    pytest.importorskip("c2pa", reason="needs the extra 'credentials'")
    status, out, _ = voxhaus("credentials", "init")
    assert status == 0
    assert "do not trust" in out


@pytest.mark.parametrize(
    ("output", "reason"),
    [("a.ogg", "cannot hold content credentials"), ("a.wav", "voxhaus credentials init")],
)
def test_what_cannot_be_signed_is_said_before_anything_is_spoken(
    voxhaus, quick_voice, tmp_path, output, reason, monkeypatch
):
    if output == "a.wav":
        pytest.importorskip("c2pa", reason="needs the extra 'credentials'")
    monkeypatch.setattr(quick_voice, "asked", None, raising=False)
    for command in (["say", "Hi"], ["briefing"]):
        status, out, err = voxhaus(*command, "-o", output, "--credentials")
        assert (status, out) == (2, "")
        assert reason in err
        assert err.count("\n") == 1
    assert quick_voice.asked is None
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_sentence_names_it(voxhaus, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    status, _, err = voxhaus("say", "Hi", "-o", "a.wav", "--credentials")
    assert status == 2
    assert "pip install 'voxhaus[credentials]'" in err
