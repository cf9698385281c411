"""`voxhaus credentials`, and the option `--credentials` of the commands that write audio.

Knows: the words of the door for signing. Refuses to know: how anything is signed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voxhaus.cli.terminal import AsJson, print_json

if TYPE_CHECKING:
    from voxhaus.core.credentials import Signer

Credentials = Annotated[
    bool,
    typer.Option(
        "--credentials", help="Sign the file (C2PA: .wav .mp3 .flac .m4a); see the guide Speak."
    ),
]

credentials_app = typer.Typer(help="Sign what is spoken (needs the extra 'credentials').")


@credentials_app.callback()
def _group() -> None:
    """Sign what is spoken (needs the extra 'credentials')."""


@credentials_app.command()
def init(as_json: AsJson = False) -> None:
    """Make a certificate for trying out --credentials; no verifier trusts it.

    It lies beside the configuration and is used when VOXHAUS_C2PA_CERT and VOXHAUS_C2PA_KEY name no
    other. With --json: certificate, key, expires, trusted.
    """
    from voxhaus.core.credentials import CERTIFICATE, KEY
    from voxhaus.core.paths import credentials_folder
    from voxhaus.core.trial_certificate import make

    folder = credentials_folder()
    expires = make(folder)
    report = {
        "certificate": str(folder / CERTIFICATE),
        "key": str(folder / KEY),
        "expires": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        "trusted": False,
    }
    if as_json:
        print_json(report)
        return
    typer.echo(f"certificate {report['certificate']}, until {expires:%Y-%m-%d}")
    typer.echo(f"key         {report['key']}")
    typer.echo("For trying out: verifiers will say that they do not trust its issuer.")


def signer_for(path: Path, wanted: bool) -> "Signer | None":
    """The user's signer, if signing was asked for; tried out before anything is spoken.

    Raises:
        InputError: it cannot sign that file; the message says why.
    """
    if not wanted:
        return None
    from voxhaus.core.credentials import ready_signer

    return ready_signer(path)
