"""One exchange with an upstream: the request out, the answer read, metered, settled and handed on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from zai_gateway.dialects.dialect import StreamPlan
from zai_gateway.dialects.naming import Naming
from zai_gateway.dialects.openai_chat import Habits
from zai_gateway.errors import Code, Failure
from zai_gateway.money import micro_from_nano
from zai_gateway.relay.cutoff import Cutoff, Leash
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.passage import pump
from zai_gateway.relay.reply import Reply
from zai_gateway.relay.setbacks import Setback, broken_off, refused, too_slow, unusable
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, Upstream, UpstreamError, unnoticed
from zai_gateway.relay.voices import Voice
from zai_gateway.wire.events import UpstreamProblem

_AFTER_DONE_SECONDS = 0.25
"""The last bytes of a stream, which say nothing, come a moment after `[DONE]`."""
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_REFUSAL_BYTES = 1024 * 1024
_LONGEST_REQUEST_ID = 200
_PASSED_HEADERS = ("openai-processing-ms", "openai-version")
_TIMEOUTS = Timeouts()
_JSON = ("content-type", "application/json")


class Errand(Struct, frozen=True, kw_only=True):
    """What to fetch from whom, and how the client is to get it."""

    streamed: bool
    outbound: Outbound
    provider: str
    secret: str
    """Struck out wherever the provider repeats it."""
    voice: Voice
    """Between the upstream's dialect and the client's protocol."""
    naming: Naming
    plan: StreamPlan
    """Its stop sequences hold for an answer in one piece too."""
    habits: Habits
    """What the streams of its route have in common."""
    notices: tuple[tuple[str, str], ...]
    """Headers that tell the client what was changed for it."""
    early: tuple[tuple[str, str], ...] = ()
    """Those of them that hold whichever attempt answers: they may go out before it is known."""
    timeout: float | None = None
    """Seconds to the first content, or to the end of an answer in one piece; None: as long as any."""


class Held(Protocol):
    """The money of the attempt: a `spend.spending.Hold`."""

    def settle(self) -> None:
        """Books what came of the attempt, before the client gets the end of its answer."""
        ...


class Exchange:
    """Carries out one attempt. Whatever happens is left in its meter, from which the hold is settled."""

    __slots__ = ("_hold", "_meter", "_reply", "_upstream", "_writer")

    def __init__(
        self, upstream: Upstream, meter: Meter, hold: Held, reply: Reply, writer: StreamWriter
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
        try:
            if errand.timeout is not None:
                await self._fetch_within(errand.timeout, errand)
            elif errand.streamed:
                await self._fetch_stream(errand)
            else:
                await self._fetch_whole(errand)
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

    async def _fetch_within(self, seconds: float, errand: Errand) -> None:
        with Cutoff() as patience:
            patience.after(seconds)
            await (self._fetch_stream if errand.streamed else self._fetch_whole)(errand, patience.lift)
            return
        definite = self._meter.unbilled or not self._meter.sent
        self._meter.broke_off(definite=definite)
        raise too_slow(errand.provider, seconds, self._meter.status, definite=definite)

    async def _fetch_whole(self, errand: Errand, on_content: Callable[[], None] = unnoticed) -> None:
        self._writer.begin(errand.notices, errand.early, on_content)
        inbound = await self._upstream.send(errand.outbound, _TIMEOUTS, self._meter.sending)
        try:
            if not self._accepts(inbound):
                raise await self._refused(errand, inbound)
            body = await inbound.read()
            if body and (more := await inbound.read()):
                body = await read_whole(inbound, _MAX_ANSWER_BYTES, [body, more])
        finally:
            await inbound.close()
        answer = self._decoded(errand, body)
        self._hold.settle()
        await self._reply.start(200, self._headers())
        await self._reply.write(answer)
        await self._reply.finish()

    async def _fetch_stream(self, errand: Errand, on_content: Callable[[], None] = unnoticed) -> None:
        """Fetches a stream, which is read on for a moment only where nobody waits for it any more."""
        self._writer.begin(errand.notices, errand.early, on_content)
        with Leash() as leash:
            self._reply.when_gone(leash.let_go)
            try:
                inbound = await self._upstream.send(errand.outbound, _TIMEOUTS, self._meter.sending)
                try:
                    if not self._accepts(inbound):
                        raise await self._refused(errand, inbound)
                    await self._stream(errand, inbound, leash)
                finally:
                    await inbound.close()
            finally:
                self._reply.when_gone(None)

    def _accepts(self, inbound: Inbound) -> bool:
        """Reads the head of the answer; says whether it is one."""
        meter, headers = self._meter, inbound.headers
        meter.sending()  # whoever carried it: what is answered was sent
        meter.status = inbound.status
        meter.provider_request_id = _request_id(headers)
        if inbound.status != 200:
            return False
        for name in _PASSED_HEADERS:
            if name in headers:
                self._writer.headers.append((name, headers[name]))
        return True

    async def _stream(self, errand: Errand, inbound: Inbound, leash: Leash) -> None:
        decoder = errand.voice.decoder(errand.naming, errand.plan, errand.habits)
        problem = await pump(inbound, decoder, self._meter, self._writer)
        if problem is not None:
            raise refused(problem, errand.provider, errand.secret, self._meter.status, definite=False)
        self._writer.commit()
        self._hold.settle()
        await self._writer.end(errand.voice.ending(decoder, errand.plan, self._meter.reported))
        # A connection whose answer was read to its very end can carry the next request.
        leash.after(_AFTER_DONE_SECONDS)
        try:
            while await inbound.read():
                pass
        except UpstreamError:
            pass  # the answer is whole all the same

    def _decoded(self, errand: Errand, body: bytes) -> bytes:
        """What the client gets of an answer in one piece. Raises Setback."""
        answer = errand.voice.answer(body, errand.naming, errand.plan)
        if isinstance(answer, UpstreamProblem):
            self._meter.reported = answer.reported
            raise refused(answer, errand.provider, errand.secret, self._meter.status, definite=False)
        meter = self._meter
        meter.reported = answer.reported
        meter.saw_content(answer.content_bytes)
        meter.complete = True
        self._writer.commit()
        return answer.json

    def _headers(self) -> list[tuple[str, str]]:
        headers = [_JSON, *self._writer.headers]
        cost = self._meter.cost()
        if cost is not None:
            headers.append(("x-zai-cost-micro-usd", str(micro_from_nano(cost))))
        return headers

    async def _refused(self, errand: Errand, inbound: Inbound) -> Setback:
        body = await read_whole(inbound, _MAX_REFUSAL_BYTES)
        self._meter.refused(inbound.status)
        problem = errand.voice.error(inbound.status, inbound.headers, body)
        return refused(
            problem, errand.provider, errand.secret, self._meter.status, definite=self._meter.unbilled
        )


def _request_id(headers: Mapping[str, str]) -> str | None:
    """The provider's id of the request, for the ledger: words that a row and a terminal can hold."""
    id = headers.get("x-request-id") or headers.get("request-id")
    return id[:_LONGEST_REQUEST_ID] if id and id.isascii() and id.isprintable() else None


async def read_whole(inbound: Inbound, limit: int, read: Sequence[bytes] = ()) -> bytes:
    """The body in one piece, what was `read` of it included.

    Raises UpstreamError, and Failure where it has more than `limit` bytes.
    """
    pieces = list(read)
    size = sum(map(len, pieces))
    while piece := await inbound.read():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise Failure(Code.UPSTREAM_FAILED, f"The provider's answer is larger than {limit} bytes.")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
