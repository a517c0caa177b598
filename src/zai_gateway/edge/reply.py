"""A reply over ASGI: the client's side of one exchange, and the watch over whether it is still there."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from zai_gateway.edge.asgi import Page, Receive, Send, encoded, send_page, signs

_STREAM = "text/event-stream"
_STREAM_HEADERS = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
"""Without them a proxy may hold events back, or keep them for the next client."""


class AsgiReply:
    """Implements `relay.reply.Reply`. To be entered after the request's body was read whole.

    An event stream goes out as it is written. Any other answer goes out whole when it is finished, with its
    length; so until then an error can still take its place, and `started` stays False.
    """

    def __init__(self, request_id: str, receive: Receive, send: Send) -> None:
        self.request_id = request_id
        self.started = False
        self.gone = False
        self.finished = False
        self._receive = receive
        self._send = send
        self._callback: Callable[[], None] | None = None
        self._status = 0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._whole: list[bytes] = []
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait((self._watcher,))

    def when_gone(self, callback: Callable[[], None] | None) -> None:
        """Calls `callback` once when the client leaves, at once if it has left; None takes it back."""
        self._callback = callback
        if self.gone:
            self._call_back()

    async def start(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Takes the status and the headers; an event stream's go out at once."""
        self._status, self._headers = status, tuple(headers)
        self._whole.clear()
        if not self._is_stream():
            return
        self.started = True
        if not self.gone:
            given = {name for name, _ in headers}
            missing = (header for header in _STREAM_HEADERS if header[0] not in given)
            all_headers = encoded((*headers, *missing, *signs(self.request_id)))
            await self._send({"type": "http.response.start", "status": status, "headers": all_headers})

    async def write(self, data: bytes) -> None:
        """Sends a piece of a stream, or keeps a piece of a whole answer; nothing once the client has left."""
        if self.gone or self.finished or not data:
            return
        if self.started:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        else:
            self._whole.append(data)

    async def finish(self) -> None:
        """Ends a stream, or sends a whole answer."""
        if self.finished or not self._status:
            return
        streamed = self.started
        self.started = self.finished = True
        if self.gone:
            return
        if streamed:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            page = Page(self._status, self._headers, b"".join(self._whole))
            await send_page(self._send, page, self.request_id)

    def _is_stream(self) -> bool:
        return any(name == "content-type" and value.startswith(_STREAM) for name, value in self._headers)

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        # The server says "disconnect" after a whole answer too, whether or not the client stays.
        if not self.finished:
            self.gone = True
            self._call_back()

    def _call_back(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()
