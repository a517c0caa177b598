"""Streaming: an upstream's events to the client, held back until the first content, kept alive in silence."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from zai_gateway.dialects.openai_chat import StreamDecoder
from zai_gateway.errors import Failure
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.upstream import Inbound
from zai_gateway.wire.events import Chunk, Finished, Reported, UpstreamProblem
from zai_gateway.wire.failure import error_event
from zai_gateway.wire.sse import DONE, KEEP_ALIVE, frame

T = TypeVar("T")

_HEAD_SECONDS = 10.0
"""The status is held back for so long, so that an early failure gets a real one (wire.md 4)."""
_SILENCE_SECONDS = 15.0
"""Proxies cut connections that are silent for longer (wire.md 14)."""


class StreamWriter:
    """Writes an event stream to the client. Until the first content nothing goes out, not even the status."""

    def __init__(self, reply: Reply, notices: Sequence[tuple[str, str]]) -> None:
        self._reply = reply
        self.headers = list(notices)
        self._held: list[bytes] = []
        self._head_due = asyncio.get_running_loop().time() + _HEAD_SECONDS

    def add_headers(self, headers: Sequence[tuple[str, str]]) -> None:
        """More headers; those that come after the status went out are lost."""
        self.headers.extend(headers)

    async def wait_for(self, sending: "asyncio.Future[Inbound]") -> Inbound:
        """The head of the answer; meanwhile the client's connection is kept alive."""
        try:
            while not (await asyncio.wait({sending}, timeout=self._patience()))[0]:
                await self._keep_alive()
        except asyncio.CancelledError:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            raise
        return sending.result()

    async def read(self, inbound: Inbound) -> bytes:
        """The next piece of the answer; meanwhile the client's connection is kept alive."""
        while True:
            try:
                async with asyncio.timeout(self._patience()):
                    return await inbound.read()
            except TimeoutError:
                await self._keep_alive()

    async def write(self, frames: list[bytes], has_content: bool) -> None:
        """Passes frames on, or holds them back where no content came yet."""
        self._held += frames
        if has_content or self._reply.started:
            await self._flush()

    async def end(self, usage: bytes | None) -> None:
        """The usage chunk, where there is one, and the end of a stream that is whole."""
        self._held += [frame(usage), DONE] if usage is not None else [DONE]
        await self._flush()
        await self._reply.finish()

    async def fail(self, failure: Failure) -> None:
        """The end of a stream that is not whole: an error event, and no `[DONE]` (wire.md 5)."""
        self._held.append(frame(error_event(failure)))
        await self._flush()
        await self._reply.finish()

    def _patience(self) -> float:
        if self._reply.started:
            return _SILENCE_SECONDS
        return max(self._head_due - asyncio.get_running_loop().time(), 0.0)

    async def _keep_alive(self) -> None:
        await self._start()
        await self._reply.write(KEEP_ALIVE)

    async def _flush(self) -> None:
        await self._start()
        data, self._held = b"".join(self._held), []
        await self._reply.write(data)

    async def _start(self) -> None:
        if not self._reply.started:
            await self._reply.start(
                200,
                [
                    ("content-type", "text/event-stream; charset=utf-8"),
                    ("cache-control", "no-cache"),
                    ("x-accel-buffering", "no"),
                    *self.headers,
                ],
            )


async def pump(
    inbound: Inbound, decoder: StreamDecoder, meter: Meter, writer: StreamWriter
) -> UpstreamProblem | None:
    """Passes the whole stream on but for its end; gives the upstream's problem where it had one.

    Raises UpstreamError where the connection broke.
    """
    while True:
        data = await writer.read(inbound)
        frames: list[bytes] = []
        has_content = False
        for event in decoder.feed(data) if data else decoder.end():
            if isinstance(event, Chunk):
                frames.append(frame(event.json))
                if event.is_content:
                    has_content = True
                    meter.saw_content(event.content_bytes)
            elif isinstance(event, Reported):
                meter.reported = event
            elif isinstance(event, Finished):
                meter.complete = True
            else:
                await writer.write(frames, has_content)
                return event
        await writer.write(frames, has_content)
        if meter.complete:
            return None
