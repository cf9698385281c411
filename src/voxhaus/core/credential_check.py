"""What content credentials (C2PA) a file holds, and whether they stand.

Knows: the five verdicts, and whose word is trusted: the roots in the file VOXHAUS_C2PA_TRUST.
Refuses to know: how a signature is checked; that is c2pa-python's matter (extra `credentials`).
Nothing is fetched, whatever the file asks for.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from voxhaus.core.credentials import MEDIA_TYPES, SETTINGS, library, read_pem
from voxhaus.core.errors import InputError

TRUST_VARIABLE = "VOXHAUS_C2PA_TRUST"
# How the box of a manifest store begins: type "jumd", then C2PA's identifier.
_STORE = b"jumdc2pa"

State = Literal["valid", "untrusted", "invalid", "none", "unchecked"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found.

    Attributes:
        state: "valid" (unchanged since it was signed, by somebody whom a trusted root vouches for),
            "untrusted" (unchanged, but nobody we trust vouches for the signer), "invalid" (changed,
            or wrongly signed), "none", or "unchecked" (`problems` say why).
        problems: one sentence each.
        signer: the name in the certificate, and the organisation behind it.
        generator: the program that the statement names.
        digital_source_type: the IPTC term that the statement names.
    """

    state: State
    problems: tuple[str, ...] = ()
    signer: str = ""
    generator: str = ""
    digital_source_type: str = ""


def check(path: Path, format: str) -> Verdict:
    """Judge the content credentials of a file.

    Raises:
        InputError: the file of trusted roots cannot be read.
    """
    if format not in MEDIA_TYPES:
        return Verdict(state="none")
    try:
        c2pa = library()
    except InputError as error:
        return Verdict(state="unchecked", problems=(str(error),))
    settings = _settings()
    try:
        with c2pa.Context.from_dict(settings) as context, path.open("rb") as file:
            reader = c2pa.Reader.try_create(MEDIA_TYPES[format], file, None, context)
            if reader is None:
                return Verdict(state="none")
            with reader:
                return _verdict(json.loads(reader.json()))
    except c2pa.C2paError as error:
        # A store that cannot be read is a broken one; without a store it is the file that is odd.
        broken = _STORE in path.read_bytes()
        reason = _line(error)
        return Verdict(state="invalid" if broken else "unchecked", problems=(reason,))


def _settings() -> dict[str, Any]:
    roots = os.environ.get(TRUST_VARIABLE)
    if not roots:
        return SETTINGS
    return {
        **SETTINGS,
        "trust": {"trust_anchors": read_pem(Path(roots)).decode("utf-8", "replace")},
    }


def _verdict(report: dict[str, Any]) -> Verdict:
    manifest = report.get("manifests", {}).get(report.get("active_manifest"), {})
    states: dict[str, State] = {"Trusted": "valid", "Valid": "untrusted"}
    failures = report.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    problems = [_line(f.get("explanation") or f["code"]) for f in failures]
    signed = manifest.get("signature_info", {})
    names = [signed.get("common_name"), signed.get("issuer")]
    created = _created(manifest)
    agent = created.get("softwareAgent")
    return Verdict(
        state=states.get(str(report.get("validation_state")), "invalid"),
        problems=tuple(dict.fromkeys(problems)),
        signer=_line(", ".join(n for n in names if n)),
        generator=_line(_agent(agent or (manifest.get("claim_generator_info") or [{}])[0])),
        digital_source_type=_line(created.get("digitalSourceType", "")),
    )


def _created(manifest: dict[str, Any]) -> dict[str, Any]:
    """The action by which the file came to be."""
    for assertion in manifest.get("assertions", []):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            data = assertion.get("data")
            actions = data.get("actions", []) if isinstance(data, dict) else []
            for action in actions:
                if isinstance(action, dict) and action.get("action") == "c2pa.created":
                    return action
    return {}


def _agent(agent: Any) -> str:  # noqa: ANN401 - a name or an object, by version of the standard
    if isinstance(agent, dict):
        return " ".join(str(agent[k]) for k in ("name", "version") if agent.get(k))
    return str(agent)


def _line(value: object) -> str:
    """One line; signs that cannot be printed would move a reader's cursor."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
