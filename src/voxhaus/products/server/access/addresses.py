"""What an address says about who calls.

Knows: this machine's own addresses, and that one customer has a whole network of IPv6.
Refuses to know: proxies; whoever runs one has the server told whom it speaks for.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


def is_loopback(host: str | None) -> bool:
    """Whether somebody on this machine calls; False for what is no address."""
    address = _read(host)
    return address is not None and address.is_loopback


def neighbourhood(host: str | None) -> str:
    """What counts as one caller: an IPv4 address, or the /64 of an IPv6 one."""
    address = _read(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), 64), strict=False))
    return str(address) if address else "unknown"


def _read(host: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
