"""Verdicts on the content credentials of strangers."""

import json
import sys

import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxhaus.core import credential_check
from voxhaus.core.credential_check import Verdict, check

REPORT = {
    "active_manifest": "urn:1",
    "manifests": {
        "urn:1": {
            "claim_generator_info": [{"name": "Other program"}],
            "signature_info": {"issuer": "A company", "common_name": "Its signer\x1b[2J"},
            "assertions": [
                {"label": "c2pa.hash.data", "data": None},
                {
                    "label": "c2pa.actions",
                    "data": {"actions": [{"action": "c2pa.edited"}, {"action": "c2pa.created"}]},
                },
            ],
        }
    },
    "validation_results": {
        "activeManifest": {
            "failure": [
                {"code": "signingCredential.untrusted", "explanation": "not trusted"},
                {"code": "assertion.dataHash.mismatch"},
            ]
        }
    },
    "validation_state": "Invalid",
}


def test_a_report_becomes_a_verdict():
    assert credential_check._verdict(REPORT) == Verdict(
        state="invalid",
        problems=("not trusted", "assertion.dataHash.mismatch"),
        signer="Its signer [2J, A company",
        generator="Other program",
    )


@pytest.mark.parametrize(
    ("said", "state"),
    [("Trusted", "valid"), ("Valid", "untrusted"), ("Invalid", "invalid"), (None, "invalid")],
)
def test_what_is_not_surely_good_is_invalid(said, state):
    assert credential_check._verdict({"validation_state": said}).state == state


def test_software_agents_have_had_two_forms():
    created = {"action": "c2pa.created", "softwareAgent": "Old program 1"}
    manifest = {"assertions": [{"label": "c2pa.actions", "data": {"actions": [created]}}]}
    report = json.loads(json.dumps({**REPORT, "manifests": {"urn:1": manifest}}))
    assert credential_check._verdict(report).generator == "Old program 1"
    created["softwareAgent"] = {"name": "New program", "version": "2"}
    report = {**REPORT, "manifests": {"urn:1": manifest}}
    assert credential_check._verdict(report).generator == "New program 2"


def test_formats_that_hold_none_need_no_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert check(tmp_path / "a.ogg", "ogg").state == "none"
    verdict = check(tmp_path / "a.wav", "wav")
    assert verdict.state == "unchecked"
    assert "voxhaus[credentials]" in verdict.problems[0]


def test_an_unsigned_file_has_none(tmp_path):
    pytest.importorskip("c2pa", reason="needs the extra 'credentials'")
    path = tmp_path / "a.wav"
    soundfile.write(path, [0.0] * 100, 24_000)
    assert check(path, "wav").state == "none"


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    head=st.sampled_from([b"RIFF\xff\0\0\0WAVE", b"ID3\x04\0\0\0\0\0\x40", b"fLaC", b"jumdc2pa"]),
    body=st.binary(max_size=200),
    name=st.sampled_from(["wav", "mp3", "flac", "m4a"]),
)
def test_arbitrary_bytes_get_a_verdict(tmp_path, head, body, name):
    pytest.importorskip("c2pa", reason="needs the extra 'credentials'")
    path = tmp_path / f"a.{name}"
    path.write_bytes(head + body)
    assert check(path, name).state in ("none", "unchecked", "invalid")
