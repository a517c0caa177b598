"""One exchange: however it is broken off, no answer of the upstream stays open."""

import asyncio
from typing import Any

import pytest

from tests.clocks import HeldClock
from tests.unit.relay.examples import chosen
from tests.unit.relay.parts import SeenInbound, SeenReply, SeenUpstream
from zai_gateway.dialects import openai_chat
from zai_gateway.relay.exchange import Errand, Exchange
from zai_gateway.relay.meter import Meter
from zai_gateway.relay.upstream import Outbound
from zai_gateway.spend.spending import Hold
from zai_gateway.spend.store import Granted
from zai_gateway.wire.chat import parse

BODY = b'{"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hi"}]}'


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_that_comes_together_with_the_cancellation_is_closed(streamed: bool) -> None:
    inbound = SeenInbound()
    carrying: list[asyncio.Task[None]] = []
    upstream = SeenUpstream(inbound, lambda: _cancel(carrying[0]))
    meter = Meter(chosen(), None, parse(BODY), HeldClock())
    exchange = Exchange(upstream, meter, _hold(), SeenReply())
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
    await Exchange(upstream, meter, _hold(), reply).carry_out(_errand(True))
    assert meter.outcome(Granted((), 0, None)) is None


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def _hold() -> Hold:
    return Hold(Granted((), 0, None), lambda: asyncio.create_task(asyncio.sleep(0)), 5.0)


def _errand(streamed: bool) -> Errand:
    return Errand(
        outbound=Outbound(method="POST", url="http://127.0.0.1:1/v1/chat/completions", headers=(), body=BODY),
        provider="OpenAI",
        secret="sk-secret",
        streamed=streamed,
        naming=openai_chat.Naming(id="cmpl_1", model="openai/gpt-4o", created=0),
        plan=openai_chat.StreamPlan(),
        notices=(),
    )
