"""The certificate for trying out: private, marked, never overwritten, and its root is gone."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from voxhaus.core import trial_certificate
from voxhaus.core.errors import InputError

pytest.importorskip("c2pa", reason="needs the extra 'credentials'")
from cryptography import x509


def test_chain_and_key(tmp_path):
    folder = tmp_path / "new" / "credentials"
    expires = trial_certificate.make(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["certificate.pem", "key.pem"]
    assert (folder / "key.pem").stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0
    signer, root = x509.load_pem_x509_certificates((folder / "certificate.pem").read_bytes())
    assert signer.not_valid_after_utc == expires
    assert timedelta(days=364) < expires - datetime.now(UTC) <= timedelta(days=365)
    for certificate in (signer, root):
        assert "not trusted by verifiers" in certificate.subject.rfc4514_string()
    signer.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert b"PRIVATE" not in (folder / "certificate.pem").read_bytes()


def test_what_is_there_stays(tmp_path):
    trial_certificate.make(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(InputError, match=r"certificate\.pem exists already"):
        trial_certificate.make(tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written: "):
        trial_certificate.make(tmp_path / "file" / "credentials")


def test_without_the_extra_the_sentence_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(InputError, match=r"voxhaus\[credentials\]"):
        trial_certificate.make(tmp_path)
    assert list(tmp_path.iterdir()) == []
