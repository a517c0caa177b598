"""Addresses that no request may reach: link-local ones and those of cloud metadata services."""

import ipaddress
import socket
from typing import Any

_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure's wire server
            "192.0.0.192",  # Oracle Cloud
            "fd00:ec2::254",  # AWS
            "fd20:ce::254",  # Google Cloud
        ),
    )
)
"""Metadata services outside 169.254.0.0/16 and fe80::/10, which are refused as a whole."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""The well-known prefix under which a host without IPv4 reaches it (RFC 6052, section 2.1)."""


class ForbiddenAddress(OSError):
    """A name led to an address that hands out a machine's own credentials."""


def is_forbidden(address: str) -> bool:
    """Whether the IP address is link-local or a metadata service's, however it is written."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped or ip
    return ip.is_link_local or ip in _METADATA


def guarded_socket(found: tuple[Any, ...]) -> socket.socket:
    """A socket for one row of `getaddrinfo`, made after names are resolved, so that none can mislead.

    Raises ForbiddenAddress.
    """
    family, kind, protocol, _, target = found
    if is_forbidden(str(target[0])):
        raise ForbiddenAddress(f"{target[0]} is a link-local or metadata address, which is never allowed")
    return socket.socket(family, kind, protocol)
