"""How far an IP address reaches: the one list of those that no request may go to, and what is not public."""

from collections.abc import Iterator
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address


class Reach(Enum):
    """Where an address leads, and how an error calls it."""

    PUBLIC = "a public address"
    PRIVATE = "a private or loopback address"
    """This machine, its network, or no place at all."""
    NEVER = "a link-local or metadata address"
    """Where clouds hand out a machine's own credentials."""


_NEVER_4 = tuple(
    map(
        IPv4Network,
        (
            "169.254.0.0/16",  # link-local (RFC 3927): metadata of AWS, Google, Azure and many more
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure's wire server
            "192.0.0.192",  # Oracle Cloud
        ),
    )
)
_NEVER_6 = tuple(
    map(
        IPv6Network,
        (
            "fe80::/10",  # link-local (RFC 4291, section 2.5.6)
            "fd00:ec2::/32",  # AWS's local services: metadata, and credentials of pods
            "fd00:c1::a9fe:a9fe",  # Oracle Cloud
            "fd00:42::42",  # Scaleway
            "fd20:ce::254",  # Google Cloud
        ),
    )
)
_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            # https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast (RFC 5771)
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""All that is handed out as global unicast (RFC 4291, section 2.4)."""
_NOT_PUBLIC_6 = tuple(
    # https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it lies in 2000::/3
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20"))
)
_PUBLIC_WRAPPERS = tuple(map(IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16")))
"""Mapped, NAT64 and 6to4 addresses: they reach as far as the IPv4 address inside."""
_WRAPPERS = tuple(map(IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
"""Those that end in an IPv4 address: compatible and mapped (RFC 4291 2.5.5), translated (RFC 2765 2.1), NAT64
(RFC 6052 2.1)."""
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
"""RFC 8215: a network divides it as it likes, so the IPv4 address may stand in four places."""
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def reach(address: Address) -> Reach:
    """Where `address` leads, also when an IPv6 address wraps the one that matters."""
    if isinstance(address, IPv4Address):
        return _reach_4(address)
    inner = [_reach_4(each) for each in _wrapped(address)]
    if Reach.NEVER in inner or any(address in network for network in _NEVER_6):
        return Reach.NEVER
    if any(address in network for network in _PUBLIC_WRAPPERS):
        return Reach.PRIVATE if Reach.PRIVATE in inner else Reach.PUBLIC
    public = address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)
    return Reach.PUBLIC if public else Reach.PRIVATE


def refusal(address: Address, *, private: bool) -> str | None:
    """Why no request may go to `address`; None where one may. `private`: whether it may be a private one."""
    where = reach(address)
    if where is Reach.NEVER:
        return f"{where.value}, which no request may reach"
    if where is Reach.PRIVATE and not private:
        return f"{where.value}, which only the gateway's operator may choose or allow"
    return None


def _reach_4(address: IPv4Address) -> Reach:
    if any(address in network for network in _NEVER_4):
        return Reach.NEVER
    return Reach.PRIVATE if any(address in network for network in _NOT_PUBLIC_4) else Reach.PUBLIC


def _wrapped(address: IPv6Address) -> Iterator[IPv4Address]:
    """Every IPv4 address that `address` may stand for."""
    raw = address.packed
    if any(address in network for network in _WRAPPERS):
        yield IPv4Address(raw[12:])
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()
    if int.from_bytes(raw[8:12], "big") in _ISATAP:
        yield IPv4Address(raw[12:])
    if address in _LOCAL_NAT64:
        # RFC 6052, section 2.2: for prefixes of 48, 56, 64 and 96 bits; the ninth byte is left out.
        for packed in (raw[6:8] + raw[9:11], raw[7:8] + raw[9:12], raw[9:13], raw[12:]):
            yield IPv4Address(packed)
