"""Streaming: an upstream's events to the client, held back until the first content, kept alive in silence."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from zai_gateway.dialects.openai_chat import StreamDecoder
from zai_gateway.errors import Failure
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.upstream import Inbound
from zai_gateway.wire.events import Chunk, Finished, Reported, UpstreamProblem
from zai_gateway.wire.failure import error_event
from zai_gateway.wire.sse import DONE, KEEP_ALIVE, frame

_HEAD_SECONDS = 10.0
"""The status is held back for so long, so that an early failure gets a real one (wire.md 4)."""
_SILENCE_SECONDS = 15.0
"""Proxies cut connections that are silent for longer (wire.md 14)."""
_MOST_HELD_BYTES = 256 * 1024
"""Of events without content: a provider that sends more of them is answering."""


class StreamWriter:
    """Writes an event stream to the client, whichever attempt it comes from.

    Until the first content no event goes out, so that another attempt may still be made; the status does when
    the client has to hear something. Of an answer in one piece (not `streamed`) it only keeps the headers.
    """

    def __init__(
        self,
        reply: Reply,
        *,
        streamed: bool = True,
        head_seconds: float = _HEAD_SECONDS,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        self._reply = reply
        self._streamed = streamed
        self._silence_seconds = silence_seconds
        self.headers: list[tuple[str, str]] = []
        self._early: Sequence[tuple[str, str]] = ()
        self.committed = False
        """Whether content went out: after that no other attempt can be made."""
        self._on_content: Callable[[], None] | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._due = asyncio.get_running_loop().time() + head_seconds
        """When the client has to hear something, on the loop's clock."""

    def begin(
        self,
        notices: Sequence[tuple[str, str]],
        early: Sequence[tuple[str, str]],
        on_content: Callable[[], None],
    ) -> None:
        """Forgets what an earlier attempt said; `on_content` is called when this one cannot be forgotten.

        Of the `notices` only the `early` ones go out while another attempt may still answer.
        """
        self.headers, self._early = list(notices), early
        self._held, self._held_bytes = [], 0
        self._on_content = on_content

    def add_headers(self, headers: Sequence[tuple[str, str]]) -> None:
        """More headers; those that come after the status went out are lost."""
        self.headers.extend(headers)

    async def until_done(self, work: "asyncio.Future[Any]") -> None:
        """Waits for `work`, and keeps the client's connection alive meanwhile."""
        loop = asyncio.get_running_loop()
        while not (await asyncio.wait({work}, timeout=self._patience(loop.time())))[0]:
            await self._keep_alive()

    def _patience(self, now: float) -> float | None:
        """Seconds until the client has to hear something: of an answer in one piece it never can."""
        return max(self._due - now, 0.0) if self._streamed else None

    async def read(self, inbound: Inbound) -> bytes:
        """The next piece of the answer; meanwhile the client's connection is kept alive."""
        while True:
            try:
                async with asyncio.timeout_at(self._due):
                    return await inbound.read()
            except TimeoutError:
                await self._keep_alive()

    async def write(self, frames: list[bytes], has_content: bool) -> None:
        """Passes frames on, or holds them back where no content came yet."""
        self._held += frames
        self._held_bytes += sum(map(len, frames))
        if has_content or self.committed or self._held_bytes > _MOST_HELD_BYTES:
            await self._flush()

    async def end(self, usage: bytes | None) -> None:
        """The usage chunk, where there is one, and the end of a stream that is whole."""
        self._held += [frame(usage), DONE] if usage is not None else [DONE]
        await self._flush()
        await self._reply.finish()

    async def fail(self, failure: Failure) -> None:
        """The end of a stream that is not whole: an error event, and no `[DONE]` (wire.md 5).

        What was held back of an attempt without content is no part of any answer.
        """
        self._held = []
        await self._start(self._early)
        await self._say(frame(error_event(failure)))
        await self._reply.finish()

    async def _keep_alive(self) -> None:
        await self._start(self.headers if self.committed else self._early)
        await self._say(KEEP_ALIVE)

    def commit(self) -> None:
        """The answer is this attempt's: no other will be made."""
        if not self.committed:
            self.committed = True
            if self._on_content is not None:
                self._on_content()

    async def _flush(self) -> None:
        self.commit()
        await self._start(self.headers)
        data, self._held = b"".join(self._held), []
        if data:
            await self._say(data)

    async def _say(self, data: bytes) -> None:
        await self._reply.write(data)
        self._due = asyncio.get_running_loop().time() + self._silence_seconds

    async def _start(self, headers: Sequence[tuple[str, str]]) -> None:
        if not self._reply.started:
            await self._reply.start(200, [("content-type", "text/event-stream; charset=utf-8"), *headers])


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
