"""The network's upstream: HTTP/1.1 over pooled connections, carried by aiohttp."""

import asyncio
import io
import re
import ssl
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.http_exceptions import HttpProcessingError

from zai_gateway import __version__
from zai_gateway.relay.addresses import guarded_sockets
from zai_gateway.relay.faults import Place, after_sending, before_sending, place_of
from zai_gateway.relay.upstream import Blame, Inbound, Outbound, Timeouts, UpstreamError, unnoticed

_KEPT_IDLE = 15.0
"""Seconds that an idle connection is kept: servers mostly keep theirs for longer, so few get lost."""
_MAX_HEADER_LINE = 16_384
"""Bytes of the status line, and of each header."""
_MAX_HEADERS = 100
_READ_AHEAD = 65_536
"""Bytes of an answer held for a client that reads slowly; at twice that the upstream has to wait."""
_MAX_AT_ONCE = 1_000_000
"""Bytes of a request written in one go; aiohttp warns of larger ones, which go in pieces."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a header's value, or is not allowed in it (RFC 9110, section 5.5)."""
_OURS = frozenset({"accept-encoding", "connection", "content-length", "host", "transfer-encoding"})
"""Headers that the connection needs, and no request may set."""


class NetworkUpstream:
    """Sends requests over the network.

    `tls` verifies certificates; by default against the machine's own authorities. Nothing is read from the
    environment. `resolver` finds the addresses of names; by default the system's. With `private_for_all`,
    every request may go to private addresses. `close` ends idle connections and those in use.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        max_connections: int = 1000,
        resolver: AbstractResolver | None = None,
        private_for_all: bool = False,
    ) -> None:
        self._tls = tls or ssl.create_default_context()
        self._max_connections = max_connections
        self._resolver = resolver
        self._private_for_all = private_for_all
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        """By `Outbound.private`: a connection to a private address is never lent to a request that may not
        make one."""

    async def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Inbound:
        """As `Upstream.send`. A POST is never sent twice: a lost connection is reported, not mended."""
        place = place_of(request.url)
        headers = _headers(request, place)
        progress = _Progress(timeouts.first_byte, sending)
        try:
            async with progress.first_byte:
                response = await self._request(request, headers, timeouts, progress)
        except (OSError, ValueError, aiohttp.ClientError) as error:
            raise (after_sending if progress.sent else before_sending)(error, place) from None
        return _NetworkInbound(response, place, timeouts.silence)

    async def close(self) -> None:
        """Closes every connection; the next request would open new ones. Answers in flight are broken off."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _request(
        self, request: Outbound, headers: list[tuple[str, str]], timeouts: Timeouts, progress: "_Progress"
    ) -> aiohttp.ClientResponse:
        large = len(request.body) > _MAX_AT_ONCE
        return await self._opened(request.private or self._private_for_all).request(
            request.method,
            request.url,
            headers=headers,
            data=(io.BytesIO(request.body) if large else request.body) or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(connect=timeouts.connect),
            trace_request_ctx=progress,
        )

    def _opened(self, private: bool) -> aiohttp.ClientSession:
        """The session, which aiohttp ties to the loop in which it is made."""
        if private not in self._sessions:
            connector = aiohttp.TCPConnector(
                ssl=self._tls,
                limit=self._max_connections,
                keepalive_timeout=_KEPT_IDLE,
                resolver=self._resolver,
                socket_factory=guarded_sockets(private=private),
            )
            self._sessions[private] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("accept", "content-type", "user-agent"),
                read_bufsize=_READ_AHEAD,
                max_line_size=_MAX_HEADER_LINE,
                max_field_size=_MAX_HEADER_LINE,
                max_headers=_MAX_HEADERS,
                trace_configs=[_progress_traced()],
            )
        return self._sessions[private]


class _Progress:
    """How far a request got, which decides what its failure may have cost."""

    def __init__(self, first_byte: float, told: Callable[[], None]) -> None:
        self.sent = False
        self.first_byte = asyncio.timeout(None)
        self._allowed = first_byte
        self._told = told

    def sending(self) -> None:
        self.sent = True
        self._told()
        self.first_byte.reschedule(asyncio.get_running_loop().time() + self._allowed)


def _progress_traced() -> aiohttp.TraceConfig:
    async def sending(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
        context.trace_request_ctx.sending()

    traced = aiohttp.TraceConfig()
    traced.on_request_headers_sent.append(sending)
    return traced


class _NetworkInbound:
    """An answer that arrives over a connection, which goes back to the pool at its end.

    `silence` is in seconds. Raises UpstreamError for an answer in a form that was not asked for.
    """

    def __init__(self, response: aiohttp.ClientResponse, place: Place, silence: float) -> None:
        _refuse_what_nobody_asked_for(response, place)
        self.status = response.status
        self.headers: Mapping[str, str] = _first_of_each(response)
        self._response = response
        self._place = place
        self._silence = silence
        self._silent_at = asyncio.get_running_loop().time() + silence
        self._error: UpstreamError | None = None
        self._delimited = "content-length" in self.headers or "transfer-encoding" in self.headers
        self._ended = _end_of_connection(response)
        if self._ended is not None:
            self._ended.add_done_callback(self._wake)

    async def read(self) -> bytes:
        """As `Inbound.read`: what a cancelled call would have returned stays in aiohttp's buffer."""
        if self._error is not None:
            raise self._error
        try:
            # A deadline, not a duration: it holds over calls that were cancelled.
            async with asyncio.timeout_at(self._silent_at):
                piece = await self._response.content.readany()
            self._silent_at = asyncio.get_running_loop().time() + self._silence
            if not piece:
                self._finish()
        except (OSError, RuntimeError, aiohttp.ClientError, HttpProcessingError) as error:
            # A RuntimeError is what aiohttp raises where the connection was lost since the last read.
            self._error = after_sending(error, self._place)
            piece = self._overtaken()
            self._let_go()
            self._response.close()
            if not piece:
                raise self._error from None
        return piece

    async def close(self) -> None:
        """As `Inbound.close`."""
        if not self._response.content.at_eof() and self._error is None:
            self._error = UpstreamError(
                Blame.BROKEN, f"the answer of {self._place.name} was closed before its end"
            )
        self._let_go()
        self._response.close()

    def _overtaken(self) -> bytes:
        """What had arrived before the connection broke: aiohttp tells the error first."""
        buffered = self._response.content._buffer  # pyright: ignore[reportPrivateUsage] -- no other way to it
        return b"".join(buffered)

    def _wake(self, _ended: asyncio.Future[None]) -> None:
        """Tells a reader of the connection's end where aiohttp forgets to: after a malformed chunk."""
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientConnectionError())

    def _finish(self) -> None:
        """A body that only the connection's end delimits looks whole after a reset, unless one asks."""
        ended = self._ended
        self._let_go()
        if not self._delimited and ended is not None and ended.done() and ended.exception() is not None:
            raise ConnectionResetError

    def _let_go(self) -> None:
        if self._ended is not None:
            self._ended.remove_done_callback(self._wake)
            self._ended = None


def _end_of_connection(response: aiohttp.ClientResponse) -> asyncio.Future[None] | None:
    """What is done when the connection is lost; None where it has gone back to the pool already."""
    connection = response.connection
    ended = connection.protocol.closed if connection is not None and connection.protocol is not None else None
    if ended is not None:
        # Exactly one: the connection may carry many answers, and asyncio complains of what nobody looks at.
        ended.remove_done_callback(_looked_at)
        ended.add_done_callback(_looked_at)
    return ended


def _looked_at(ended: asyncio.Future[None]) -> None:
    ended.exception()


def _first_of_each(response: aiohttp.ClientResponse) -> dict[str, str]:
    first: dict[str, str] = {}
    for name, value in response.raw_headers:
        first.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return first


def _refuse_what_nobody_asked_for(response: aiohttp.ClientResponse, place: Place) -> None:
    fault: str | None = None
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        fault = "sent a compressed answer, which was not asked for"
    transfer = response.headers.get("transfer-encoding", "chunked").strip().lower()
    if transfer != "chunked":
        fault = "sent its answer in an unknown transfer encoding"
    if response.status == 101:
        fault = "switched to a protocol that was not asked for"
    if fault is not None:
        response.close()
        raise UpstreamError(Blame.BROKEN, f"{place.name} {fault}")


def _headers(request: Outbound, place: Place) -> list[tuple[str, str]]:
    for name, value in request.headers:
        if _UNSENDABLE.search(value) or not _NAME.fullmatch(name):
            raise UpstreamError(
                Blame.CONNECT,
                f"the request to {place.name} was not sent: a control character in header {name!r}",
            )
    given = [(name, value) for name, value in request.headers if name.lower() not in _OURS]
    if not any(name.lower() == "user-agent" for name, _ in given):
        given.append(("user-agent", f"zai-gateway/{__version__}"))
    given.append(("accept-encoding", "identity"))
    return given
