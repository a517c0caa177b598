"""Proxies on the way to providers: which one a connection goes through, and what goes past them."""

import re
from base64 import b64encode
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote_to_bytes, urlsplit

from msgspec import Struct

from zai_gateway.errors import OperatorError
from zai_gateway.relay.network.origin import Origin, authority

_PORTS = {"http": 80, "https": 443}
_MOST_CHARACTERS = 2_000
_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without a backslash, which some clients take for a slash."""
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_ENTRY = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<plain>[^:\[\]]*))(?::(?P<port>[0-9]{1,5}))?")


class Proxy(Struct, frozen=True):
    """One proxy."""

    tls: bool
    """Whether the proxy itself is spoken to over TLS."""
    host: str
    port: int
    authorization: str | None = None
    """A secret, the value of `Proxy-Authorization`: no error and no log may show it."""

    @property
    def name(self) -> str:
        """What an error may show."""
        return f"the proxy {authority(self.host, self.port)}"

    def __repr__(self) -> str:
        return f"Proxy({authority(self.host, self.port)!r})"


class Bypass(Struct, frozen=True):
    """Origins that are connected to directly: one entry of NO_PROXY."""

    port: int | None = None
    """None: any."""
    network: IPv4Network | IPv6Network | None = None
    """Of hosts that are given as addresses: names are not resolved for this."""
    domain: str | None = None
    """A name, which covers those below it too; empty: every host."""

    def covers(self, origin: Origin) -> bool:
        """Whether it speaks of `origin`."""
        if self.port is not None and self.port != origin.port:
            return False
        if self.domain == "":
            return True
        host = origin.host.lower().removesuffix(".")
        try:
            address = ip_address(host)
        except ValueError:
            return self.domain is not None and f".{host}".endswith(f".{self.domain}")
        return self.network is not None and address in self.network


class Proxies(Struct, frozen=True):
    """The proxies for plain and for encrypted origins, and what goes past both."""

    http: Proxy | None = None
    https: Proxy | None = None
    bypasses: tuple[Bypass, ...] = ()

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """The one that connections to `origin` go through; None to go directly, as to this machine always."""
        proxy = self.https if origin.tls else self.http
        if proxy is None or _is_here(origin.host) or any(each.covers(origin) for each in self.bypasses):
            return None
        return proxy


DIRECT = Proxies()
"""No proxy for anything."""


def proxy_of(url: str, variable: str) -> Proxy:
    """The proxy at `url`, `[http[s]://][user:password@]host[:port]`; user and password percent-encoded.

    Raises OperatorError, which names `variable` and shows nothing of the URL: it may hold a password.
    """
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _no_proxy_url(variable) from None
    if parts.scheme not in _PORTS:
        raise OperatorError(f"{variable}: proxies are spoken to over http:// and https:// only, not SOCKS.")
    host = parts.hostname or ""
    misplaced = parts.path.strip("/") or parts.query or parts.fragment or "?" in url or "#" in url
    if len(url) > _MOST_CHARACTERS or not _PLAIN.fullmatch(url) or misplaced or port == 0:
        raise _no_proxy_url(variable)
    if not (_NAME.fullmatch(host) or _address_in_brackets(host, parts.netloc)):
        raise _no_proxy_url(variable)
    return Proxy(parts.scheme == "https", host, port or _PORTS[parts.scheme], _basic(parts.netloc))


def bypasses_of(text: str, variable: str) -> tuple[Bypass, ...]:
    """The entries of a NO_PROXY, with commas or spaces between.

    An entry is a domain, with or without a dot or `*.` before it, an address, a network (`10.0.0.0/8`), or
    `*`; a port may follow after a colon, but not after a network. Raises OperatorError, naming `variable`.
    """
    return tuple(_bypass(entry, variable) for entry in text.replace(",", " ").lower().split())


def _bypass(entry: str, variable: str) -> Bypass:
    try:
        if "/" in entry or (entry.count(":") > 1 and not entry.startswith("[")):
            return Bypass(network=ip_network(entry, strict=False))
        parts = _ENTRY.fullmatch(entry)
        if parts is not None:
            port = int(parts["port"]) if parts["port"] else None
            if parts["bracketed"] is not None:
                return Bypass(port, ip_network(parts["bracketed"]))
            return _bypass_of_host(parts["plain"], port)
    except ValueError:
        pass
    raise OperatorError(
        f"{variable}: {entry[:80]!r} is no domain, address or network: write .example.com, 10.0.0.7 or "
        "10.0.0.0/8."
    )


def _bypass_of_host(host: str, port: int | None) -> Bypass:
    """Raises ValueError."""
    if host == "*":
        return Bypass(port, domain="")
    domain = host.removeprefix("*").removeprefix(".").removesuffix(".")
    if domain.replace(".", "").isdecimal():
        return Bypass(port, ip_network(domain))
    if not _NAME.fullmatch(domain):
        raise ValueError
    return Bypass(port, domain=domain)


def _address_in_brackets(host: str, netloc: str) -> bool:
    try:
        return ip_address(host).version == 6 and f"[{host}]" in netloc.lower()
    except ValueError:
        return False


def _basic(netloc: str) -> str | None:
    """RFC 7617, with the credentials as they were before they were percent-encoded."""
    credentials, at, _ = netloc.rpartition("@")
    if not at:
        return None
    user, _, password = credentials.partition(":")
    pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return f"Basic {b64encode(pair).decode('ascii')}"


def _no_proxy_url(variable: str) -> OperatorError:
    return OperatorError(
        f"{variable}: it is not a proxy's URL such as http://proxy.example.com:3128; in a user and a "
        "password, write signs that mean something in a URL as %-codes."
    )


def _is_here(host: str) -> bool:
    """Whether `host` is this machine by its very spelling: no proxy leads to it."""
    host = host.lower().removesuffix(".")
    try:
        address = ip_address(host)
    except ValueError:
        return host.rpartition(".")[2] == "localhost"  # RFC 6761, section 6.3
    return address.is_loopback or address.is_unspecified
