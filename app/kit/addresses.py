"""Which network addresses are public, so that this service may be led there by others. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NAT64 = ip_network("64:ff9b::/96")
_UNICAST = ip_network("2000::/3")
# What `is_global` lets through, or did in some version of Python, though nobody publishes there:
# protocol assignments, relays and tunnels (an address inside of them leads elsewhere), examples,
# and the one address through which a cloud speaks to its own machines.
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)


def is_public(text: str) -> bool:
    """Whether an address is of the public internet: global and unicast, also where it is an IPv4
    address inside of an IPv6 one (RFC 4291 §2.5.5.2, RFC 6052 §2.1)."""
    address = read_address(text)
    if address is None or any(address in network for network in _NOT_PUBLIC):
        return False
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_loopback(text: str) -> bool:
    """Whether an address is this very machine's own."""
    address = read_address(text)
    return address is not None and address.is_loopback


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, taken out of an IPv6 one that only stands for it; None for a name, and for an
    address of a zone (RFC 4007 §11), which no public one has."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if "%" in text:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
