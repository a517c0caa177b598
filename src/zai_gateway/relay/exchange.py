"""One exchange with an upstream: the request out, the answer read, metered, settled and handed on."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from msgspec import Struct

from zai_gateway.dialects import openai_chat
from zai_gateway.errors import Code, Failure
from zai_gateway.money import micro_from_nano
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.setbacks import Setback, broken_off, refused, too_slow, unusable
from zai_gateway.relay.streaming import StreamWriter, pump
from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, Upstream, UpstreamError
from zai_gateway.spend.spending import Hold
from zai_gateway.wire.events import UpstreamProblem

_AFTER_CLIENT_LEFT_SECONDS = 2.0
"""A stream whose client has left is read on for so long: its end, and its usage, may be near (wire.md 26)."""
_AFTER_DONE_SECONDS = 0.25
"""The last bytes of a stream, which say nothing, come a moment after `[DONE]`."""
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_REFUSAL_BYTES = 1024 * 1024
_LONGEST_REQUEST_ID = 200
_PASSED_HEADERS = ("openai-processing-ms", "openai-version")


class Errand(Struct, frozen=True, kw_only=True):
    """What to fetch from whom, and how the client is to get it."""

    streamed: bool
    outbound: Outbound
    provider: str
    secret: str
    """Struck out wherever the provider repeats it."""
    naming: openai_chat.Naming
    plan: openai_chat.StreamPlan
    """Its stop sequences hold for an answer in one piece too."""
    notices: tuple[tuple[str, str], ...]
    """Headers that tell the client what was changed for it."""
    early: tuple[tuple[str, str], ...] = ()
    """Those of them that hold whichever attempt answers: they may go out before it is known."""
    timeout: float | None = None
    """Seconds to the first content, or to the end of an answer in one piece; None: as long as any."""


class Exchange:
    """Carries out one attempt. Whatever happens is left in its meter, from which the hold is settled."""

    def __init__(
        self, upstream: Upstream, meter: Meter, hold: Hold, reply: Reply, writer: StreamWriter
    ) -> None:
        self._upstream = upstream
        self._meter = meter
        self._hold = hold
        self._reply = reply
        self._writer = writer

    async def carry_out(self, errand: Errand) -> None:
        """Sends the errand and answers the client. Raises Setback while the client has no content."""
        if self._reply.gone:
            return
        loop = asyncio.get_running_loop()
        leash = asyncio.timeout(None)
        try:
            async with leash:
                if errand.streamed:
                    self._reply.when_gone(lambda: leash.reschedule(loop.time() + _AFTER_CLIENT_LEFT_SECONDS))
                try:
                    await self._fetch(errand)
                finally:
                    self._reply.when_gone(None)
        except TimeoutError:
            if not leash.expired():
                raise

    async def _fetch(self, errand: Errand) -> None:
        patience = asyncio.timeout(errand.timeout)
        try:
            async with patience:
                self._writer.begin(errand.notices, errand.early, lambda: patience.reschedule(None))
                inbound = await self._send(errand)
                try:
                    await self._hand_on(errand, inbound)
                finally:
                    await inbound.close()
        except TimeoutError:
            if not patience.expired():
                raise
            definite = self._meter.unbilled or not self._meter.sent
            self._meter.broke_off(definite=definite)
            setback = too_slow(errand.provider, errand.timeout or 0, self._meter.status, definite=definite)
        except UpstreamError as error:
            self._meter.broke_off(definite=error.definite)
            setback = broken_off(error, errand.provider, self._meter.status)
        except Failure as failure:
            setback = unusable(failure, self._meter.status)
        except Setback as told:
            setback = told
        else:
            return
        self._meter.failure = setback.failure.code
        if not self._writer.committed:
            raise setback
        await self._writer.fail(setback.failure)

    async def _send(self, errand: Errand) -> Inbound:
        """The answer, once its head is here; whoever is cancelled meanwhile leaves no answer open behind."""
        sending = asyncio.ensure_future(self._upstream.send(errand.outbound, Timeouts(), self._meter.sending))
        try:
            await self._writer.until_done(sending)
            return sending.result()
        except BaseException:
            sending.cancel()
            [came] = await asyncio.gather(sending, return_exceptions=True)
            if not isinstance(came, BaseException):
                await came.close()
            raise

    async def _hand_on(self, errand: Errand, inbound: Inbound) -> None:
        self._meter.sending()  # whoever carried it: what is answered was sent
        self._meter.status = inbound.status
        self._meter.provider_request_id = _request_id(inbound.headers)
        if inbound.status != 200:
            raise await self._refused(errand, inbound)
        self._writer.add_headers(_passed(inbound.headers))
        if errand.streamed:
            await self._stream(errand, inbound)
        else:
            await self._whole(errand, inbound)

    async def _stream(self, errand: Errand, inbound: Inbound) -> None:
        decoder = openai_chat.StreamDecoder(errand.naming, errand.plan)
        problem = await pump(inbound, decoder, self._meter, self._writer)
        if problem is not None:
            raise refused(problem, errand.provider, errand.secret, self._meter.status, definite=False)
        self._writer.commit()
        await self._hold.settle()
        reported = self._meter.reported if errand.plan.include_usage else None
        await self._writer.end(reported.json if reported else None)
        await _read_to_the_end(inbound)

    async def _whole(self, errand: Errand, inbound: Inbound) -> None:
        body = await read_whole(inbound, _MAX_ANSWER_BYTES)
        answer = openai_chat.decode_answer(body, errand.naming, errand.plan.stop, errand.plan.counting)
        if isinstance(answer, UpstreamProblem):
            raise refused(answer, errand.provider, errand.secret, self._meter.status, definite=False)
        self._meter.reported = answer.reported
        self._meter.saw_content(answer.content_bytes)
        self._meter.complete = True
        self._writer.commit()
        await self._hold.settle()
        cost = self._meter.cost()
        headers = [("content-type", "application/json"), *self._writer.headers]
        if cost is not None:
            headers.append(("x-zai-cost-micro-usd", str(micro_from_nano(cost))))
        await self._reply.start(200, headers)
        await self._reply.write(answer.json)
        await self._reply.finish()

    async def _refused(self, errand: Errand, inbound: Inbound) -> Setback:
        body = await read_whole(inbound, _MAX_REFUSAL_BYTES)
        self._meter.refused(inbound.status)
        problem = openai_chat.decode_error(inbound.status, inbound.headers, body)
        return refused(
            problem, errand.provider, errand.secret, self._meter.status, definite=self._meter.unbilled
        )


def _passed(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, headers[name]) for name in _PASSED_HEADERS if name in headers)


def _request_id(headers: Mapping[str, str]) -> str | None:
    """The provider's id of the request, for the ledger: words that a row and a terminal can hold."""
    id = headers.get("x-request-id")
    return id[:_LONGEST_REQUEST_ID] if id and id.isascii() and id.isprintable() else None


async def _read_to_the_end(inbound: Inbound) -> None:
    """A connection whose answer was read to its very end can carry the next request."""
    with suppress(TimeoutError, UpstreamError):
        async with asyncio.timeout(_AFTER_DONE_SECONDS):
            while await inbound.read():
                pass


async def read_whole(inbound: Inbound, limit: int) -> bytes:
    """The body in one piece. Raises UpstreamError, and Failure where it has more than `limit` bytes."""
    pieces: list[bytes] = []
    size = 0
    while piece := await inbound.read():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise Failure(Code.UPSTREAM_FAILED, f"The provider's answer is larger than {limit} bytes.")
    return b"".join(pieces)
