"""Requests without a connection, for what only looks at them."""

from zai_gateway.edge.head import Head, Headers
from zai_gateway.edge.request import Request


class Elsewhere:
    """Where such a request comes from."""

    def __init__(self, peer: str | None = None, bound: str | None = None) -> None:
        self._addresses = {"peername": peer, "sockname": bound}
        self.wants = 0

    def address(self, name: str) -> str | None:
        return self._addresses[name]

    def wanted(self, request: Request) -> None:
        self.wants += 1


def request(
    method: str = "GET", target: bytes = b"/v1/me", headers: Headers = (), source: Elsewhere | None = None
) -> Request:
    return Request(source or Elsewhere(), Head(method, target, headers))
