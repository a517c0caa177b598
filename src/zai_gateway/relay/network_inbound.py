"""An answer from the network: its body piece by piece, and what becomes of its connection."""

import asyncio
from collections.abc import Mapping

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from zai_gateway.relay.faults import Place, after_sending
from zai_gateway.relay.upstream import Blame, UpstreamError


class NetworkInbound:
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
            async with asyncio.timeout(self._silence):
                piece = await self._response.content.readany()
            if not piece:
                self._finish()
        except (OSError, RuntimeError, aiohttp.ClientError, HttpProcessingError) as error:
            # A RuntimeError is what aiohttp raises where the connection was lost since the last read.
            self._error = after_sending(error, self._place)
            self._let_go()
            self._response.close()
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
