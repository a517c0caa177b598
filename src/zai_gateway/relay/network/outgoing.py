"""The head of a request as it goes out: what is the same for all requests to one address, and the rest."""

import re
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from msgspec import Struct

from zai_gateway import __version__
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.origin import Origin, origin_of
from zai_gateway.relay.upstream import Blame, Outbound, UpstreamError

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a header's value, or is not allowed in it (RFC 9110, section 5.5)."""
_OURS = frozenset({"accept-encoding", "connection", "content-length", "host", "transfer-encoding"})
"""Headers that the connection needs, and no request may set."""
_TARGET = "!#$%&'()*+,/:;=?@[]~-._"
"""What stands in a target as it is; `#` never gets there."""
_USER_AGENT = f"user-agent: zai-gateway/{__version__}\r\n"
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_LINE_END = b"\r\n"
_REMEMBERED = 1_000


class Route(Struct, frozen=True):
    """An address and how it is asked."""

    origin: Origin
    opening: str
    """The request line, and the headers that are the same for every request to it."""


class Writing(Struct, frozen=True):
    """A head but for its length; requests with the same secret to one address have the same."""

    origin: Origin
    begun: bytes
    ended: bytes
    """What follows the number."""

    def head(self, request: Outbound) -> bytes:
        """The head of `request`, whole."""
        if request.body or request.method not in _WITHOUT_BODY:
            return b"%bcontent-length: %d%b" % (self.begun, len(request.body), self.ended)
        return self.begun + self.ended[len(_LINE_END) :]


class Heads:
    """Writes the heads of requests; `private_for_all`: every request may go to private addresses."""

    def __init__(self, dialer: Dialer, *, private_for_all: bool) -> None:
        self._dialer = dialer
        self._private_for_all = private_for_all
        self._routes: dict[tuple[str, str, bool], Route] = {}
        self._names: dict[str, str | None] = {}
        """By the name of a header as it is spelled: how its line begins; None where it is not sent."""
        self._writings: dict[tuple[str, str, bool, Sequence[tuple[str, str]]], Writing] = {}

    def writing(self, request: Outbound) -> Writing:
        """How the request's head is written.

        Raises UpstreamError for what is no address of HTTP, and where a header would break the head.
        """
        key = (request.method, request.url, request.private, request.headers)
        return self._writings.get(key) or self._remember_writing(key)

    def _remember_writing(self, key: tuple[str, str, bool, Sequence[tuple[str, str]]]) -> Writing:
        method, url, private, headers = key
        route = self._routes.get((method, url, private)) or self._remember_route((method, url, private))
        text, agent = route.opening, _USER_AGENT
        for name, value in headers:
            if (begun := self._names.get(name, "")) == "":
                begun = self._remember_name(name, route)
            if begun is None:
                continue
            if not value.isprintable() and _UNSENDABLE.search(value):
                raise _unsendable(name, route)
            if begun == "user-agent: ":
                agent = ""
            text += f"{begun}{value}\r\n"
        try:
            writing = Writing(route.origin, text.encode(), _LINE_END + f"{agent}\r\n".encode())
        except UnicodeEncodeError:
            raise _unsendable("", route) from None
        if len(self._writings) >= _REMEMBERED:
            self._writings.clear()
        self._writings[key] = writing
        return writing

    def _remember_route(self, key: tuple[str, str, bool]) -> Route:
        method, url, private = key
        origin = origin_of(url, private=private or self._private_for_all)
        parts = urlsplit(url)
        target = quote(parts.path or "/", safe=_TARGET) + (
            f"?{quote(parts.query, safe=_TARGET)}" if parts.query else ""
        )
        host = _host(origin)
        headers = [("host", host), ("accept-encoding", "identity")]
        if self._dialer.forwards(origin):
            target = f"http://{host}{target}"
            headers += self._dialer.proxy_headers(origin)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        route = Route(origin, f"{method} {target} HTTP/1.1\r\n{lines}")
        if not _NAME.fullmatch(method):
            raise UpstreamError(Blame.CONNECT, f"the request to {origin.name} has a malformed method")
        if len(self._routes) >= _REMEMBERED:
            self._routes.clear()
        self._routes[key] = route
        return route

    def _remember_name(self, name: str, route: Route) -> str | None:
        if not _NAME.fullmatch(name):
            raise _unsendable(name, route)
        if len(self._names) >= _REMEMBERED:
            self._names.clear()
        lower = name.lower()
        begun = None if lower in _OURS else f"{lower}: "
        self._names[name] = begun
        return begun


def _host(origin: Origin) -> str:
    """As the Host header has it: without the port where it is the scheme's own (RFC 9110, section 4.2.3)."""
    if origin.port == (443 if origin.tls else 80):
        return f"[{origin.host}]" if ":" in origin.host else origin.host
    return origin.name


def _unsendable(name: str, route: Route) -> UpstreamError:
    return UpstreamError(
        Blame.CONNECT,
        f"the request to {route.origin.name} was not sent: a character that none may have in header {name!r}",
    )
