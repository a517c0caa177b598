"""Where a provider may be: the form of a base URL, and the addresses that no request may ever reach."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from zai_gateway.errors import OperatorError

_MOST_CHARACTERS = 2_000
_PLAIN = re.compile(r"[!-~]+")
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)")

# Link-local, where clouds hand out credentials (RFC 3927, RFC 4291 2.5.6), and the metadata services that
# stand elsewhere: AWS (two), Google, Alibaba, Oracle, Azure.
_NEVER = tuple(
    ip_network(network)
    for network in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::254/128",
        "fd00:ec2::23/128",
        "fd20:ce::254/128",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "168.63.129.16/32",
    )
)
# IPv6 addresses whose last 32 bits are an IPv4 address: mapped and compatible (RFC 4291 2.5.5), translated
# (RFC 2765 2.1), NAT64 (RFC 6052 2.1, RFC 8215).
_CARRY_IPV4 = tuple(
    ip_network(network)
    for network in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)


def is_forbidden(address: IPv4Address | IPv6Address) -> bool:
    """Whether `address` is link-local or a metadata service, also when an IPv6 address wraps it."""
    if any(address in network for network in _NEVER):
        return True
    if isinstance(address, IPv4Address):
        return False
    inner = address.sixtofour
    if inner is None and any(address in network for network in _CARRY_IPV4):
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    return inner is not None and is_forbidden(inner)


def checked_base_url(text: str, field: str) -> str:
    """A base URL in one spelling: scheme and host in lower case, no slash at the end.

    Private addresses are for the operator to choose. Raises OperatorError, naming `field`, for what is not
    `http(s)://host[:port][/path]`, and for link-local and metadata addresses. Names are not resolved here.
    """
    text = text.strip()
    parts = _split(text, field)
    host = (parts.hostname or "").removesuffix(".")
    if not host or "%" in host:
        raise OperatorError(f"{field}: {text!r} names no host; write https://host/path.")
    address = _literal(host, field)
    if address is not None and is_forbidden(address):
        raise OperatorError(
            f"{field}: {host} is a link-local or metadata address, which no request may reach; give the "
            "provider's own address."
        )
    place = f"[{host}]" if isinstance(address, IPv6Address) else host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{place}{port}{parts.path.rstrip('/')}"


def _split(text: str, field: str) -> SplitResult:
    # urlsplit drops tabs and line ends, and reads a backslash as part of a host: nothing may mean one thing
    # here and another to the client that connects.
    if len(text) > _MOST_CHARACTERS or not _PLAIN.fullmatch(text) or "\\" in text:
        raise OperatorError(f"{field}: not a URL of at most {_MOST_CHARACTERS} plain ASCII characters.")
    if "@" in text:
        # The text is not shown: what stands before the @ is a password.
        raise OperatorError(
            f"{field}: a user or password may not stand in a URL; give the provider key alone."
        )
    if "?" in text or "#" in text:
        raise OperatorError(f"{field}: {text!r} may have neither a query (?) nor a fragment (#).")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise OperatorError(f"{field}: {text!r} is not a URL such as https://host:8000/v1.") from None
    if parts.scheme not in ("http", "https"):
        raise OperatorError(f"{field}: {text!r} must begin with http:// or https://.")
    if port == 0:
        raise OperatorError(f"{field}: {text!r} names port 0, where nothing can listen.")
    return parts


def _literal(host: str, field: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        # Resolvers also read 2852039166 and 0xa9.254.169.254 as addresses; one spelling is enough
        # (https://url.spec.whatwg.org/#ends-in-a-number-checker).
        if _ENDS_IN_A_NUMBER.fullmatch(host):
            raise OperatorError(
                f"{field}: write the address {host} as four decimal numbers, such as 10.0.0.7."
            ) from None
        return None
