"""A certificate for trying out content credentials, which no verifier trusts.

Knows: what c2pa-python asks of a signer's certificate (a purpose among them), and that the root
above it signs once and is gone.
Refuses to know: what is signed with it.

It is a chain, as a real signer has: who wants to can trust the root (VOXHAUS_C2PA_TRUST), and as
the root's key is thrown away, nothing else will ever come under that trust.
"""

import os
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from voxhaus.core.credentials import CERTIFICATE, KEY, library
from voxhaus.core.errors import InputError

LIFETIME = timedelta(days=365)
ORGANISATION = "Test certificate, not trusted by verifiers"
SIGNER, ROOT = "Voxhaus test signer", "Voxhaus test root"

# The rights of X.509 key usage; each certificate gets those that it needs.
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def make(folder: Path) -> datetime:
    """Write a certificate chain and its key into a folder; return when they expire.

    Raises:
        InputError: the extra is missing, there is a certificate already, or no permission.
    """
    library()
    for name in (CERTIFICATE, KEY):
        if (folder / name).exists():
            raise InputError(
                f"{folder / name} exists already; move it away to make another.", param="folder"
            )
    now = datetime.now(UTC).replace(microsecond=0)
    chain, key = _chain(now)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_new(folder / KEY, key, 0o600)
        _write_new(folder / CERTIFICATE, chain, 0o644)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written: {error.strerror}.", param="folder"
        ) from error
    return now + LIFETIME


def _write_new(path: Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)


def _chain(now: datetime) -> tuple[bytes, bytes]:
    """The signer's certificate with its root, and the signer's key, all in PEM."""
    ec = import_module("cryptography.hazmat.primitives.asymmetric.ec")
    pem = import_module("cryptography.hazmat.primitives.serialization")
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate(ROOT, root_key, root_key, now)
    signer = _certificate(SIGNER, key, root_key, now)
    encoded = [c.public_bytes(pem.Encoding.PEM) for c in (signer, root)]
    plain = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    return b"".join(encoded), plain


def _certificate(name: str, key: Any, issuer_key: Any, now: datetime) -> Any:  # noqa: ANN401
    x509 = import_module("cryptography.x509")
    hashes = import_module("cryptography.hazmat.primitives.hashes")
    is_root = key is issuer_key
    rights = ("key_cert_sign", "crl_sign") if is_root else ("digital_signature",)
    identifiers = (
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
    )
    draft = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(ROOT))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(is_root, 0 if is_root else None), critical=True)
        .add_extension(x509.KeyUsage(**{u: u in rights for u in _USAGES}), critical=True)
    )
    for identifier in identifiers:
        draft = draft.add_extension(identifier, critical=False)
    if not is_root:
        purposes = [x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION]  # one that c2pa-python accepts
        draft = draft.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return draft.sign(issuer_key, hashes.SHA256())


def _name(name: str) -> Any:  # noqa: ANN401 - cryptography's own Name
    x509 = import_module("cryptography.x509")
    oid = x509.oid.NameOID
    return x509.Name(
        [
            x509.NameAttribute(oid.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(oid.COMMON_NAME, name),
        ]
    )
