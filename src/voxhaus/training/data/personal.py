"""Personal data out of text: e-mail addresses, public IP addresses, telephone numbers.

Knows: how such data looks, and what stands in its place.
Refuses to know: names and anything that needs understanding; it is a scrubber, not a guarantee.
"""

import ipaddress
import re
from dataclasses import dataclass, replace

from voxhaus.training.data.documents import Document

EMAIL = "name@example.com"
ADDRESS = "192.0.2.1"  # reserved for documentation, RFC 5737
TELEPHONE = "555-0100"  # reserved for fiction in North America

_EMAIL = re.compile(
    r"\b[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
    r"(?:@| ?\(at\) ?| ?\[at\] ?)(?:[A-Za-z0-9-]+(?:\.| dot ))+[A-Za-z]{2,24}\b"
)
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,7}(?::?[0-9A-Fa-f]{1,4}){1,4}(?![\w:])")
# International numbers, and those of North America; a bare run of digits is too often something
# else.
_TELEPHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]\d{2,4}){1,4}"
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w-])"
)


@dataclass(frozen=True, kw_only=True)
class ScrubPersonal:
    """Puts examples in the place of e-mail addresses, public IP addresses and telephone numbers."""

    name: str = "personal data"

    def __call__(self, document: Document) -> Document:
        """The document, scrubbed."""
        text = scrub(document.text)
        return document if text == document.text else replace(document, text=text)


def scrub(text: str) -> str:
    """The text with examples in place of personal data; doing it twice changes nothing more."""
    if "@" in text or "(at)" in text or "[at]" in text:
        text = _EMAIL.sub(EMAIL, text)
    text = _IPV4.sub(_hidden_address, text)
    if text.count(":") > 3:
        text = _IPV6.sub(_hidden_address, text)
    return _TELEPHONE.sub(TELEPHONE, text)


def _hidden_address(found: re.Match[str]) -> str:
    try:
        public = ipaddress.ip_address(found[0]).is_global
    except ValueError:
        return found[0]  # a version number or a time
    return ADDRESS if public else found[0]
