"""The demo's upstream: a provider inside the process, which is free and answers without an account."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from zai_gateway.clock import Clock
from zai_gateway.relay.demo import shapes
from zai_gateway.relay.demo.asked import Asked, read
from zai_gateway.relay.demo.failing import fail
from zai_gateway.relay.demo.inbound import DemoInbound, Pacing, Sleep
from zai_gateway.relay.demo.models import complete
from zai_gateway.relay.demo.shapes import RequestError
from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, unnoticed

_ADDRESS = "demo:/chat/completions"
_WORDS_A_SECOND = 20
_JSON = "application/json"
_SSE = "text/event-stream; charset=utf-8"


class DemoUpstream:
    """Answers OpenAI's chat requests for the models `echo`, `slow`, `tool` and `fail`.

    `sleep` waits for so many seconds: it paces `slow`, and gives other work its turn between all pieces.
    """

    def __init__(self, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep

    async def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Inbound:
        """As `Upstream.send`; it keeps within any timeouts, and fails only as it is asked to."""
        sending()
        try:
            if (request.method, request.url) != ("POST", _ADDRESS):
                raise RequestError("The demo answers POST /chat/completions and nothing else.", status=404)
            return self._answer(read(request.body), request.body)
        except RequestError as failure:
            return self._refuse(failure)

    def _answer(self, asked: Asked, body: bytes) -> Inbound:
        completion = complete(asked, body, self._clock.now_ms() // 1_000)
        kind = _SSE if asked.stream else _JSON
        if asked.model == "fail":
            broken = fail(asked, completion)
            return DemoInbound(200, _headers(kind), broken.pieces, self._pacing(0), broken.error)
        words = 0 if asked.model != "slow" else 1 if asked.stream else completion.output_tokens
        pieces: Iterable[bytes] = (
            shapes.events(completion, asked.wants_usage) if asked.stream else (shapes.whole(completion),)
        )
        return DemoInbound(200, _headers(kind), pieces, self._pacing(words / _WORDS_A_SECOND))

    def _refuse(self, failure: RequestError) -> Inbound:
        headers = _headers(_JSON)
        if failure.status == 429:
            headers["retry-after"] = "1"
        body = msgspec.json.encode(shapes.error(failure))
        return DemoInbound(failure.status, headers, (body,), self._pacing(0))

    def _pacing(self, pause: float) -> Pacing:
        return Pacing(self._clock, self._sleep, pause)


def _headers(content_type: str) -> dict[str, str]:
    return {"content-type": content_type}
