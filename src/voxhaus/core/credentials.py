"""Content credentials (C2PA): a signed statement inside a file that a machine made it.

Knows: which formats can hold one, what ours says, and where the signer's certificate and key lie.
Refuses to know: how the statement is laid out in a file; that is c2pa-python's matter (extra
`credentials`). Nothing is fetched: no remote manifests, no revocation lists, no time stamps.

What others signed is judged by `credential_check.py`. Source: c2pa-python 0.38, its documentation
and what it was seen to do.
"""

import io
import os
import wave
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.files import write_whole
from voxhaus.core.paths import credentials_folder
from voxhaus.core.provenance import Provenance

CERTIFICATE, KEY = "certificate.pem", "key.pem"
CERTIFICATE_VARIABLE, KEY_VARIABLE = "VOXHAUS_C2PA_CERT", "VOXHAUS_C2PA_KEY"

# The formats that c2pa-python can sign, among ours; Ogg and ADTS it refuses.
MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "m4a": "audio/mp4"}

# Speaking and checking happen on this machine alone, whatever a file asks for.
SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


class _SigningError(VoxhausError):
    """A signature could not be made; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Who signs.

    Attributes:
        chain: PEM, the signer's certificate first.
        key: PEM, PKCS #8, unencrypted.
        algorithm: as C2PA names it.
    """

    chain: bytes
    key: bytes
    algorithm: str

    def __repr__(self) -> str:
        """Without the key, so that no log holds it."""
        return f"Signer({self.algorithm})"


def library() -> Any:  # noqa: ANN401 - a module without types
    """The package c2pa.

    Raises:
        InputError: it is not installed.
    """
    try:
        return import_module("c2pa")
    except ImportError as error:
        raise InputError(
            "Content credentials need the package 'c2pa-python'. Install it with: "
            "pip install 'voxhaus[credentials]'",
            param="credentials",
        ) from error


def ready_signer(path: Path) -> Signer:
    """The user's signer for that file, tried out, so that nothing is spoken in vain.

    Raises:
        InputError: the format holds no credentials, the extra is missing, there is no certificate,
            or it cannot sign; the message says what to do.
    """
    if _suffix(path) not in MEDIA_TYPES:
        known = ", ".join(f".{t}" for t in MEDIA_TYPES)
        raise InputError(
            f"{path} cannot hold content credentials; files that can: {known}.", param="output"
        )
    library()
    certificate, key = _places()
    signer = _loaded(certificate, key)
    try:
        _signed(_silence(), _NOBODY, signer, title="", media_type="audio/wav")
    except _SigningError as error:
        raise InputError(f"{certificate} cannot sign: {error}", param="credentials") from error
    return signer


def seal(path: Path, provenance: Provenance, signer: Signer) -> None:
    """Put content credentials into a finished file, as the last thing that is done to it.

    Raises:
        InputError: it cannot be signed; the file stays as it was.
    """
    try:
        media_type = MEDIA_TYPES[_suffix(path)]
        data = path.read_bytes()
        signed = _signed(data, provenance, signer, title=path.name, media_type=media_type)
    except (_SigningError, OSError) as error:
        reason = f"{error.strerror}." if isinstance(error, OSError) else error
        raise InputError(
            f"{path} was written, but without content credentials: {reason}", param="credentials"
        ) from error
    write_whole(path, signed)


def _suffix(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


def _signed(
    data: bytes, provenance: Provenance, signer: Signer, *, title: str, media_type: str
) -> bytes:
    c2pa = library()
    about = c2pa.C2paSignerInfo(signer.algorithm, signer.chain, signer.key, None)
    manifest = _manifest(provenance, title, media_type)
    out = io.BytesIO()
    try:
        with (
            c2pa.Context.from_dict(SETTINGS) as context,
            c2pa.Signer.from_info(about) as hand,
            c2pa.Builder(manifest, context=context) as builder,
        ):
            builder.sign(hand, media_type, io.BytesIO(data), out)
    except c2pa.C2paError as error:
        raise _SigningError(f"{' '.join(str(error).split()).rstrip('.')}.") from error
    return out.getvalue()


def _manifest(provenance: Provenance, title: str, media_type: str) -> dict[str, Any]:
    agent = {"name": provenance.generator, "version": provenance.version}
    created = {
        "action": "c2pa.created",
        "when": provenance.created,
        "digitalSourceType": provenance.digital_source_type,
        "softwareAgent": agent,
        "description": provenance.origin().sentence,
    }
    return {
        "claim_generator_info": [agent],
        "title": title,
        "format": media_type,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }


def _places() -> tuple[Path, Path]:
    """Certificate and key: those of the environment, else those that `credentials init` made."""
    given = [os.environ.get(v) for v in (CERTIFICATE_VARIABLE, KEY_VARIABLE)]
    if given[0] and given[1]:
        return Path(given[0]), Path(given[1])
    if any(given):
        raise InputError(
            f"{CERTIFICATE_VARIABLE} and {KEY_VARIABLE} go together; only one is set.",
            param="credentials",
        )
    folder = credentials_folder()
    if not (folder / CERTIFICATE).is_file():
        raise InputError(
            f"There is no certificate to sign with: set {CERTIFICATE_VARIABLE} and {KEY_VARIABLE} "
            "to PEM files, or make one for trying out with `voxhaus credentials init`.",
            param="credentials",
        )
    return folder / CERTIFICATE, folder / KEY


def _loaded(certificate: Path, key: Path) -> Signer:
    x509 = import_module("cryptography.x509")
    pem = import_module("cryptography.hazmat.primitives.serialization")
    chain, raw = read_pem(certificate), read_pem(key)
    try:
        first = x509.load_pem_x509_certificates(chain)[0]
    except ValueError as error:
        raise InputError(f"{certificate} holds no PEM certificate.", param="credentials") from error
    try:
        private = pem.load_pem_private_key(raw, None)
    except TypeError as error:
        raise InputError(
            f"{key} is encrypted; give a key without a password.", param="credentials"
        ) from error
    except Exception as error:  # cryptography has many, of no common kind
        raise InputError(f"{key} holds no private key in PEM.", param="credentials") from error
    if first.public_key() != private.public_key():
        raise InputError(f"{key} is not the key of {certificate}.", param="credentials")
    if first.not_valid_after_utc < datetime.now(UTC):
        raise InputError(
            f"{certificate} was valid until {first.not_valid_after_utc:%Y-%m-%d}.",
            param="credentials",
        )
    normal = private.private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()
    )  # the older PEM forms are not read by c2pa-python
    return Signer(chain=chain, key=normal, algorithm=_algorithm(private))


def _algorithm(private: Any) -> str:  # noqa: ANN401 - any key of cryptography
    if curve := getattr(private, "curve", None):
        return _CURVES.get(curve.name, "es256")
    return "ps256" if hasattr(private, "private_numbers") else "ed25519"


def read_pem(path: Path) -> bytes:
    """A file of certificates or a key.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", param="credentials"
        ) from error


def _silence() -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(bytes(480))
    return stream.getvalue()


_NOBODY = Provenance(
    model="none", model_version="", voices=(), created="2026-01-01T00:00:00Z", version=""
)
