"""The bridge to ASGI: a request of the door as applications take them, and their answer as a page."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from zai_gateway.edge.page import Page
from zai_gateway.edge.request import Request

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
"""An ASGI application (its specification, version 3.0)."""

_OUR_OWN = frozenset({b"content-length", b"transfer-encoding", b"connection", b"date", b"server"})
"""Headers that the door writes itself."""
_CLIENT_PORT = 0
"""Nobody needs it, and what is behind a proxy has none."""


class Inquiry(Struct, frozen=True, array_like=True):
    """A request, whole."""

    method: str
    scheme: str
    path: bytes
    """As it came."""
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    client: str | None
    """Its address."""
    request_id: str
    body: bytes


async def answered(application: Application, inquiry: Inquiry) -> Page:
    """The page that the application answers with. Raises what it raises."""
    asked: list[Message] = [{"type": "http.request", "body": inquiry.body, "more_body": False}]
    begun: list[Message] = []
    pieces: list[bytes] = []

    async def receive() -> Message:
        # Whether the client has left is seen when the answer goes to it.
        return asked.pop() if asked else await asyncio.Future()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            begun.append(message)
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))

    await application(_scope(inquiry), receive, send)
    return Page(begun[0]["status"], _headers(begun[0].get("headers", ())), b"".join(pieces))


def inquiry_of(request: Request, request_id: str, body: bytes) -> Inquiry:
    """The request with its body, which was read before."""
    return Inquiry(
        method=request.method,
        scheme=request.scheme,
        path=request.path,
        query=request.target.partition(b"?")[2],
        headers=tuple(request.headers),
        client=request.client,
        request_id=request_id,
        body=body,
    )


def _scope(inquiry: Inquiry) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": inquiry.method,
        "scheme": inquiry.scheme,
        "path": unquote(inquiry.path.decode("latin-1")),
        "raw_path": inquiry.path,
        "query_string": inquiry.query,
        "root_path": "",
        "headers": list(inquiry.headers),
        "client": None if inquiry.client is None else (inquiry.client, _CLIENT_PORT),
        "server": None,
        "state": {"request_id": inquiry.request_id},
    }


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    lowered = [(name.lower(), value) for name, value in raw]
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in lowered if name not in _OUR_OWN
    )
