"""Secrets: how they are made, what is kept of them, how one is recognised.

Knows: the shape of keys and link tokens, and their digests.
Refuses to know: whose they are, and where digests are kept.

SHA-256 without salt or stretching is enough here: the secrets are 256 random bits, so there is
nothing to guess. A password would need more.
"""

import hashlib
import hmac
import re
import secrets

KEY_MARK = "vx-"
SHOWN = 10  # characters of a key that are kept to find it by: 60 of its bits, 198 remain secret
_KEY = re.compile(r"vx-[A-Za-z0-9_-]{43}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def new_key() -> str:
    """A new API key, 43 random characters after its mark."""
    return KEY_MARK + secrets.token_urlsafe(32)


def new_token() -> str:
    """A new token for a link or a cookie, 43 characters."""
    return secrets.token_urlsafe(32)


def new_id(kind: str) -> str:
    """A public name such as key_0f3a..., which says nothing."""
    return f"{kind}_{secrets.token_hex(8)}"


def prefix_of(key: str) -> str | None:
    """The part that a key is found by; None if that is no key's shape."""
    return key[: len(KEY_MARK) + SHOWN] if _KEY.fullmatch(key) else None


def is_token(text: str) -> bool:
    """Whether that has a token's shape."""
    return _TOKEN.fullmatch(text) is not None


def digest(secret: str) -> str:
    """What is kept of a secret, 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def matches(secret: str, kept: str) -> bool:
    """Whether a digest is that of the secret, in the same time for every wrong one."""
    return hmac.compare_digest(digest(secret), kept)
