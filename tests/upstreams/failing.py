"""Upstreams that fail in one way, each at an address of its own."""

import socket
from asyncio import Event
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path

from tests.upstreams.answers import Answer, Ending, completion, error_answer, json_answer, sse_answer, stream
from tests.upstreams.certificates import SelfSigned
from tests.upstreams.http1 import Received
from tests.upstreams.openai_stub import OpenAIStub
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, unnoticed

_HTML = b"<html><head><title>Oops</title></head><body>Something is wrong.</body></html>"


class Fault(StrEnum):
    """What an upstream does in place of an answer."""

    REFUSED = "refuses the connection"
    TLS = "fails the TLS handshake"
    NO_HEAD = "sends no head in time"
    NO_CONTENT = "sends a head, and no content in time"
    S408 = "408"
    S429_WAIT = "429 with `Retry-After: 7`"
    S429 = "429 without `Retry-After`"
    S500 = "500"
    S529 = "529"
    HTML_200 = "200 with a page of HTML"
    HTML_502 = "502 with a page of HTML"
    TRUNCATED = "ends in the middle"
    EMPTY = "200 with an empty body"


_STATUSES: Mapping[Fault, tuple[int, Mapping[str, str]]] = {
    Fault.S408: (408, {}),
    Fault.S429_WAIT: (429, {"retry-after": "7"}),
    Fault.S429: (429, {}),
    Fault.S500: (500, {}),
    Fault.S529: (529, {}),
}
_IMPATIENCE: Mapping[Fault, Timeouts] = {
    # These end a wait for what never comes: nothing races with them.
    Fault.NO_HEAD: Timeouts(connect=60, first_byte=0.05, silence=60),
    Fault.NO_CONTENT: Timeouts(connect=60, first_byte=60, silence=0.05),
}


class Impatient(NetworkUpstream):
    """The network, with less patience for the addresses that are known to let one wait for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.patience: dict[str, Timeouts] = {}
        """By the beginning of an address."""

    async def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Inbound:
        own = (each for url, each in self.patience.items() if request.url.startswith(url))
        return await super().send(request, next(own, timeouts), sending)


class _Constant(OpenAIStub):
    """Gives the same answer to every chat."""

    def __init__(self, whole: Answer, streamed: Answer) -> None:
        super().__init__()
        self._whole = whole
        self._streamed = streamed

    def _chat(self, request: Received) -> Answer:
        return self._streamed if request.json().get("stream") else self._whole


@asynccontextmanager
async def failing(fault: Fault, network: Impatient, folder: Path) -> AsyncGenerator[str]:
    """The base URL of an upstream that does nothing but fail so."""
    if fault is Fault.REFUSED:
        with socket.socket() as bound:  # and never listens
            bound.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    elif fault is Fault.TLS:
        async with ScriptedServer(_unasked, SelfSigned(folder).server()) as server:
            yield f"{server.url}/v1"
    else:
        async with _Constant(*_answers(fault)) as stub:
            if fault in _IMPATIENCE:
                network.patience[stub.base_url] = _IMPATIENCE[fault]
            yield stub.base_url


async def _unasked(line: Line) -> None:
    assert await line.gone() == b""


def _answers(fault: Fault) -> tuple[Answer, Answer]:
    """In one piece, and as a stream."""
    whole, events = json_answer(completion()), stream()
    begun = whole.body[:50]
    html = (("content-type", "text/html"),)
    match fault:
        case Fault.NO_HEAD:
            never = Answer(hold=Event())
            return never, never
        case Fault.NO_CONTENT:
            return Answer(headers=whole.headers, pieces=(begun, Event())), sse_answer(events[0], Event())
        case Fault.HTML_200 | Fault.HTML_502:
            page = Answer(status=502 if fault is Fault.HTML_502 else 200, headers=html, body=_HTML)
            return page, page
        case Fault.TRUNCATED:
            cut = Answer(headers=whole.headers, pieces=(begun,), ending=Ending.CUT)
            return cut, sse_answer(events[0], ending=Ending.CUT)
        case Fault.EMPTY:
            return Answer(headers=whole.headers), sse_answer()
        case _:
            status, headers = _STATUSES[fault]
            refusal = error_answer(status, "Something is wrong.", headers=headers)
            return refusal, refusal
