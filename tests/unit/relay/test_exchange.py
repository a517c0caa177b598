"""One exchange: however it is broken off, no answer of the upstream stays open."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.clocks import HeldClock
from tests.unit.relay.examples import chosen
from tests.unit.relay.parts import SeenInbound, SeenReply, SeenUpstream, UnreachedUpstream
from zai_gateway.dialects import openai_chat
from zai_gateway.providers.provider import Dialect
from zai_gateway.relay.exchange import Errand, Exchange
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.setbacks import Setback
from zai_gateway.relay.streaming import StreamWriter
from zai_gateway.relay.upstream import Inbound, Outbound, Timeouts, Upstream, unnoticed
from zai_gateway.relay.voices import voice_of
from zai_gateway.spend.store import Granted
from zai_gateway.wire.chat import parse
from zai_gateway.wire.fronts import Front

BODY = b'{"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hi"}]}'


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_that_comes_together_with_the_cancellation_is_closed(streamed: bool) -> None:
    inbound = SeenInbound()
    carrying: list[asyncio.Task[None]] = []
    upstream = SeenUpstream(inbound, lambda: _cancel(carrying[0]))
    meter = Meter(chosen(), None, parse(BODY), HeldClock())
    exchange = _exchange(upstream, meter, SeenReply())
    carrying.append(asyncio.create_task(exchange.carry_out(_errand(streamed))))
    await asyncio.wait(carrying)
    assert carrying[0].cancelled()
    assert inbound.closed
    assert meter.sent


async def test_a_client_that_left_before_anything_was_sent_costs_nothing() -> None:
    reply = SeenReply()
    reply.gone = True
    meter = Meter(chosen(), None, parse(BODY), HeldClock())
    upstream = SeenUpstream(SeenInbound(), lambda: pytest.fail("the request was sent"))
    await _exchange(upstream, meter, reply).carry_out(_errand(True))
    assert meter.outcome(Granted((), 0, None)) is None


async def test_what_is_answered_was_sent_though_its_upstream_forgot_to_say_so() -> None:
    inbound, meter = SeenInbound(), Meter(chosen(), None, parse(BODY), HeldClock())
    with pytest.raises(Setback):
        await _exchange(Forgetful(inbound), meter, SeenReply()).carry_out(_errand(False))
    assert meter.outcome(Granted((), 5, None)) is not None


class Forgetful:
    """An upstream that never says when it sends."""

    def __init__(self, inbound: SeenInbound) -> None:
        self._inbound = inbound

    async def send(
        self, request: Outbound, timeouts: Timeouts, sending: Callable[[], None] = unnoticed
    ) -> Inbound:
        return self._inbound


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_is_cancelled_before_a_byte_was_sent_costs_nothing(streamed: bool) -> None:
    upstream, meter = UnreachedUpstream(), Meter(chosen(), None, parse(BODY), HeldClock())
    exchange = _exchange(upstream, meter, SeenReply())
    carrying = asyncio.create_task(exchange.carry_out(_errand(streamed)))
    await upstream.asked.wait()
    carrying.cancel()
    await asyncio.wait([carrying])
    assert carrying.cancelled()
    assert meter.outcome(Granted((), 5, None)) is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("req_01ABC", "req_01ABC"),
        ("x" * 16_000, "x" * 200),
        ("\x1b[2Jreq", None),
        ("r\xe9q", None),
        ("", None),
    ],
)
async def test_of_the_provider_s_request_id_only_words_get_into_the_books(
    given: str, kept: str | None
) -> None:
    inbound, meter = SeenInbound(), Meter(chosen(), None, parse(BODY), HeldClock())
    inbound.headers = {"x-request-id": given}
    with pytest.raises(Setback):
        await _exchange(SeenUpstream(inbound, lambda: None), meter, SeenReply()).carry_out(_errand(False))
    outcome = meter.outcome(Granted((), 5, None))
    assert outcome is not None
    assert outcome.provider_request_id == kept


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def _exchange(upstream: Upstream, meter: Meter, reply: SeenReply) -> Exchange:
    return Exchange(upstream, meter, Untaken(), reply, StreamWriter(reply))


class Untaken:
    """A hold of nothing."""

    def settle(self) -> None:
        pass


def _errand(streamed: bool) -> Errand:
    return Errand(
        outbound=Outbound(method="POST", url="http://127.0.0.1:1/v1/chat/completions", headers=(), body=BODY),
        provider="OpenAI",
        secret="sk-secret",
        streamed=streamed,
        voice=voice_of(Front.OPENAI, Dialect.OPENAI_CHAT),
        habits=openai_chat.Habits(),
        naming=openai_chat.Naming(id="cmpl_1", model="openai/gpt-4o", created=0),
        plan=openai_chat.StreamPlan(),
        notices=(),
    )
