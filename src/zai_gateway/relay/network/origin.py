"""Where a request goes: the scheme, host and port that its connection is made for."""

import re
from urllib.parse import urlsplit

from msgspec import Struct

from zai_gateway.relay.upstream import Blame, UpstreamError

_PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"[!-~]+")
"""Hosts are written into requests: nothing in one may end a line or a word."""


class Origin(Struct, frozen=True):
    """One end of connections: two requests may share one where their origins are equal."""

    tls: bool
    host: str
    """A name, or an address without brackets, in lower case."""
    port: int
    private: bool
    """Whether it may be at a private address."""

    @property
    def name(self) -> str:
        """`host:port`: all of an address that an error may show, since the rest can hold a secret."""
        return authority(self.host, self.port)


def authority(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets (RFC 3986, section 3.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def origin_of(url: str, *, private: bool) -> Origin:
    """The origin that `url` names. Raises UpstreamError for what is no address of HTTP."""
    try:
        parts = urlsplit(url)
        host, tls = parts.hostname, parts.scheme == "https"
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except (KeyError, ValueError):
        host, port, tls = None, 0, False
    if not host or not port or not _PLAIN.fullmatch(host):
        raise UpstreamError(Blame.CONNECT, "the base URL is not an http:// or https:// address")
    return Origin(tls, host, port, private)
