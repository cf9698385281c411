"""`voxhaus doctor FILE`: where does this recording say that it comes from, and is it signed?

Knows: how provenance and content credentials are shown.
Refuses to know: how they are read and judged.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from voxhaus.cli.terminal import print_json

if TYPE_CHECKING:
    from voxhaus.core.credential_check import Verdict
    from voxhaus.core.provenance import Provenance

_STATES = {
    "valid": "valid: unchanged since it was signed, and the issuer is trusted",
    "untrusted": "untrusted issuer: unchanged since it was signed, but nobody trusted vouches for "
    "the signer",
    "invalid": "invalid: changed since it was signed, or wrongly signed",
    "none": "none",
    "unchecked": "not checked",
}


def show_origin(path: Path, as_json: bool) -> None:
    """Report where a recording comes from; exit status 1 when its credentials are invalid.

    Raises:
        InputError: not an audio file.
    """
    from voxhaus.core import provenance
    from voxhaus.core.credential_check import check

    format, record = provenance.examine(path)
    verdict = check(path, format)
    if as_json:
        print_json(_report(path, format, record, verdict))
    else:
        rows = {
            "file": f"{path} ({format})",
            **_record_rows(format, record),
            **_verdict_rows(verdict),
        }
        for name, value in rows.items():
            typer.echo(f"{name:<11} {value}")
    if verdict.state == "invalid":
        raise typer.Exit(1)


def _report(
    path: Path, format: str, record: "Provenance | None", verdict: "Verdict"
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "path": str(path),
        "format": format,
        "provenance": record.as_dict() if record else None,
        "credentials": asdict(verdict),
    }


def _record_rows(format: str, record: "Provenance | None") -> dict[str, str]:
    from voxhaus.core.provenance import UNTAGGED

    if record is None:
        no_place = f"no provenance: .{format} files have no place for it"
        return {"provenance": no_place if format in UNTAGGED else "no provenance that we know"}
    rows = {
        "provenance": "as the file says; anyone could have written it",
        "made with": f"{record.generator} {record.version}, "
        f"model {record.model} {record.model_version}",
        "voices": ", ".join(record.voices),
        "created": record.created,
        "source type": record.digital_source_type,
    }
    consent = ", ".join(f"{voice}: {where}" for voice, where in record.consent.items())
    return {**rows, "consent": consent} if consent else rows


def _verdict_rows(verdict: "Verdict") -> dict[str, str]:
    rows = {"credentials": _STATES[verdict.state]}
    if verdict.signer:
        rows["signed by"] = verdict.signer
    if verdict.generator:
        rows["signed as"] = f"made with {verdict.generator}: {verdict.digital_source_type}"
    if verdict.problems and verdict.state != "untrusted":
        rows["because"] = "; ".join(verdict.problems)
    return rows
