"""A request's body: what may stand in its headers, and how it is read without ever holding too much."""

import asyncio

from zai_gateway.edge.asgi import Page, Receive, Scope, Send, framed, headers_named
from zai_gateway.errors import Code, Failure

_LINGER_SECONDS = 5.0


class ClientLeft(Exception):
    """The client left while it was sending; there is nobody to answer."""


async def read_json_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The request's body, at most `limit` bytes.

    Raises Failure: UNSUPPORTED_MEDIA_TYPE for anything but plain JSON, REQUEST_TOO_LARGE. Raises ClientLeft.
    """
    _check_encodings(scope)
    _check_media_type(scope)
    announced = headers_named(scope, b"content-length")
    if announced and int(announced[0]) > limit:
        raise _too_large(limit)
    pieces: list[bytes] = []
    room = limit
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece: bytes = message.get("body", b"")
        room -= len(piece)
        if room < 0:
            raise _too_large(limit)
        pieces.append(piece)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def refuse_unread(receive: Receive, send: Send, page: Page, request_id: str) -> None:
    """Answers a request whose body was not read to its end, and closes the connection.

    A close while bytes still arrive resets the connection, and the reset can overtake the answer on its way
    (RFC 9112, section 9.6); so the answer goes out whole, and the rest of the body is read and thrown away
    for at most 5 seconds before the close.
    """
    headers = [*framed(page, request_id), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": page.status, "headers": headers})
    await send({"type": "http.response.body", "body": page.body, "more_body": True})
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    except (TimeoutError, asyncio.CancelledError):
        pass  # the answer is out; there is nothing left to do but to close
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def expects_go_ahead(scope: Scope) -> bool:
    """Whether the client waits for `100 Continue`: refused, it may send its body all the same, or not."""
    return bool(headers_named(scope, b"expect"))


def _check_media_type(scope: Scope) -> None:
    for value in headers_named(scope, b"content-type"):
        media_type = value.partition(";")[0].strip().lower()
        if media_type not in ("application/json", ""):
            raise Failure(
                Code.UNSUPPORTED_MEDIA_TYPE,
                f"content-type: {media_type[:100]!r} is not read here. Send the body as application/json.",
                param="content-type",
            )


def _check_encodings(scope: Scope) -> None:
    for name, plain in ((b"content-encoding", "identity"), (b"transfer-encoding", "chunked")):
        for value in headers_named(scope, name):
            if value.strip().lower() not in (plain, ""):
                raise Failure(
                    Code.UNSUPPORTED_MEDIA_TYPE,
                    f"{name.decode()}: compressed bodies are not read here. Send the JSON as it is.",
                    param=name.decode(),
                )


def _too_large(limit: int) -> Failure:
    return Failure(
        Code.REQUEST_TOO_LARGE,
        f"The body is larger than the {limit} bytes that this gateway takes. Send less at once: fewer or "
        "smaller images, or a shorter conversation.",
    )
