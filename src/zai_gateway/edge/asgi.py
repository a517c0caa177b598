"""ASGI's words, and the two things that are said in them: a header that came, and a page that goes out."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import quote

from msgspec import Struct

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


class Page(Struct, frozen=True):
    """A whole answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case; `content-length` and `signs` are added on the way out."""
    body: bytes


def headers_named(scope: Scope, name: bytes) -> list[str]:
    """The values of every header called `name` (in lower case), as they came."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as bytes. What may not stand in a value is percent-encoded, so that no value can break out."""
    return [(name.encode("ascii"), _safe(value).encode("ascii")) for name, value in headers]


def framed(page: Page, request_id: str) -> list[tuple[bytes, bytes]]:
    """The page's headers with those that every answer has."""
    length = ("content-length", str(len(page.body)))
    return encoded((*page.headers, length, *signs(request_id)))


def signs(request_id: str) -> tuple[tuple[str, str], ...]:
    """What stands on every answer: its id, and that no browser may guess another type for it."""
    return ("x-request-id", request_id), ("x-content-type-options", "nosniff")


async def send_page(send: Send, page: Page, request_id: str) -> None:
    """Sends a whole answer."""
    await send({"type": "http.response.start", "status": page.status, "headers": framed(page, request_id)})
    await send({"type": "http.response.body", "body": page.body, "more_body": False})


def _safe(value: str) -> str:
    return value if value.isascii() and value.isprintable() else quote(value, safe=_PRINTABLE)
