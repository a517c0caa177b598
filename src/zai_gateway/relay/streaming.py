"""Streaming: an upstream's events to the client, held back until the first content, kept alive in silence."""

import asyncio
from collections.abc import Callable, Sequence

from zai_gateway.errors import Failure
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.upstream import unnoticed
from zai_gateway.relay.voices import failing, silence
from zai_gateway.wire.fronts import Front

_HEAD_SECONDS = 10.0
"""The status is held back for so long, so that an early failure gets a real one (wire.md 4)."""
_SILENCE_SECONDS = 15.0
"""Proxies cut connections that are silent for longer (wire.md 14)."""
_MOST_HELD_BYTES = 256 * 1024
"""Of events without content: a provider that sends more of them is answering."""
_CONTENT_TYPE = ("content-type", "text/event-stream; charset=utf-8")


class StreamWriter:
    """Writes an event stream to the client, whichever attempt it comes from, until it is stopped.

    Until the first content no event goes out, so that another attempt may still be made; the status does when
    the client has to hear something. Of an answer in one piece (not `streamed`) it only keeps the headers.

    One timer watches over the silence. A write moves nothing but the moment until which the client need not
    hear more, which the timer looks at when it goes off.
    """

    # What most writers never change stands on the class: it costs nothing to make.
    committed = False
    """Whether content went out: after that no other attempt can be made."""
    _early: Sequence[tuple[str, str]] = ()
    _held_bytes = 0
    _watching = False
    _flowing = False
    """Whether the client has all that came before, so that what comes can follow at once."""
    _timer: asyncio.TimerHandle | None = None
    _comment: asyncio.Task[None] | None = None
    """Under way to the client: whoever writes waits for it."""

    def __init__(
        self,
        reply: Reply,
        *,
        front: Front = Front.OPENAI,
        streamed: bool = True,
        head_seconds: float = _HEAD_SECONDS,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        self._reply = reply
        self._front = front
        self._silence_seconds = silence_seconds
        self._on_content = unnoticed
        self.headers: list[tuple[str, str]] = []
        """Those of this attempt; any that is added after the status went out is lost."""
        self._held: list[bytes] = []
        if streamed:
            self._loop = asyncio.get_running_loop()
            self._due = self._loop.time() + head_seconds
            """When the client has to hear something, on the loop's clock."""
            self._watching = True
            self._timer = self._loop.call_at(self._due, self._look)

    def begin(
        self,
        notices: Sequence[tuple[str, str]],
        early: Sequence[tuple[str, str]],
        on_content: Callable[[], None] = unnoticed,
    ) -> None:
        """Forgets what an earlier attempt said; `on_content` is called when this one cannot be forgotten.

        Of the `notices` only the `early` ones go out while another attempt may still answer.
        """
        self.headers, self._early, self._on_content = list(notices), early, on_content
        if self._held:
            self._held, self._held_bytes = [], 0

    def hold(self, frames: list[bytes]) -> None:
        """Keeps frames for the next write."""
        self._held += frames

    def put(self, frames: bytes, has_content: bool) -> bool:
        """Passes frames on, or holds them back where no content came yet; says whether more may follow.

        Where it may not, `room` has to be waited for.
        """
        if self._flowing:
            self._due = self._loop.time() + self._silence_seconds
            return self._reply.put(frames)
        self._held.append(frames)
        if has_content or self.committed:
            self.commit()
            return False
        self._held_bytes += len(frames)
        return self._held_bytes <= _MOST_HELD_BYTES

    async def room(self) -> None:
        """Sends what `put` could not, and returns when the client can take more."""
        if not self.committed and self._held_bytes <= _MOST_HELD_BYTES:
            return
        if self._held:
            await self._flush()
        else:
            await self._reply.room()

    async def end(self, ending: bytes) -> None:
        """The end of a stream that is whole."""
        self._held.append(ending)
        self._disarm()
        await self._flush()
        await self._reply.finish()

    async def fail(self, failure: Failure) -> None:
        """The end of a stream that is not whole: an error event, and no `[DONE]` (wire.md 5).

        What was held back of an attempt without content is no part of any answer.
        """
        self._held = []
        await self.hush()
        await self._start(self._early)
        await self._reply.write(failing(self._front, failure, self._reply.request_id))
        await self._reply.finish()

    def commit(self) -> None:
        """The answer is this attempt's: no other will be made."""
        if not self.committed:
            self.committed = True
            self._on_content()

    async def hush(self) -> None:
        """Says no more in silence: where it returns, whether the status went out is decided."""
        self._disarm()
        if self._comment is not None:
            await self._comment

    def stop(self) -> None:
        """Lets go of the client, to whom nothing is written any more."""
        self._disarm()
        if self._comment is not None:
            self._comment.cancel()

    async def _flush(self) -> None:
        if not self.committed:
            self.commit()
        if self._comment is not None:
            await self._comment
        reply, held = self._reply, self._held
        if not reply.started:
            await reply.start(200, [_CONTENT_TYPE, *self.headers])
        if held:
            self._held = []
            await reply.write(held[0] if len(held) == 1 else b"".join(held))
            if self._watching:
                self._due = self._loop.time() + self._silence_seconds
                self._flowing = self._comment is None

    async def _start(self, headers: Sequence[tuple[str, str]]) -> None:
        if not self._reply.started:
            await self._reply.start(200, [_CONTENT_TYPE, *headers])

    def _look(self) -> None:
        """Says something where the client has heard nothing for too long, else looks again in time."""
        if self._due > self._loop.time():
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._timer = None
            self._flowing = False
            self._comment = self._loop.create_task(self._keep_alive())

    async def _keep_alive(self) -> None:
        try:
            await self._start(self.headers if self.committed else self._early)
            await self._reply.write(silence(self._front, committed=self.committed))
        finally:
            self._comment = None
        self._due = self._loop.time() + self._silence_seconds
        if self._watching:
            self._timer = self._loop.call_at(self._due, self._look)

    def _disarm(self) -> None:
        self._watching = self._flowing = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
