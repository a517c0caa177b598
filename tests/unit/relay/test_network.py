"""What is the network upstream's own: its limit on connections, and what it takes from its surroundings."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.upstreams.calls import PATIENT, chat, failure, post, whole
from tests.upstreams.openai_stub import OpenAIStub
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.network import NetworkUpstream
from zai_gateway.relay.upstream import Blame, Timeouts

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def opened(max_connections: int = 1000) -> AsyncGenerator[NetworkUpstream]:
    upstream = NetworkUpstream(max_connections=max_connections)
    try:
        yield upstream
    finally:
        await upstream.close()


async def test_a_request_that_finds_no_free_connection_in_time_costs_nothing():
    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK[:-1])
        await line.gone()

    async with ScriptedServer(script) as server, opened(1) as upstream:
        busy = await upstream.send(post(server.url), PATIENT)
        error = await failure(upstream, post(server.url), Timeouts(connect=0.05))
        await busy.close()
        assert server.connections == 1
    assert error.blame is Blame.CONNECT
    assert error.definite


async def test_more_than_a_hundred_answers_may_be_open_at_once():
    asked = 0
    all_asked = asyncio.Event()

    async def script(line: Line) -> None:
        nonlocal asked
        await line.request()
        asked += 1
        if asked == 120:
            all_asked.set()
        await all_asked.wait()
        await line.send(OK)

    async with ScriptedServer(script) as server, opened() as upstream:
        inbounds = await asyncio.gather(*(upstream.send(post(server.url), PATIENT) for _ in range(120)))
        assert {await whole(inbound) for inbound in inbounds} == {b"ok"}


async def test_it_opens_again_after_it_was_closed():
    upstream = NetworkUpstream()
    await upstream.close()
    async with OpenAIStub() as stub:
        for _ in range(2):
            inbound = await upstream.send(chat(stub.base_url, model="gpt-5.4-mini"), PATIENT)
            assert b'"Hello!"' in await whole(inbound)
            await upstream.close()
        assert stub.connections == 2


async def test_the_environment_names_no_proxy_for_it(monkeypatch: pytest.MonkeyPatch):
    """Only settings.py reads the environment; a proxy in it must not see the requests."""
    async with ScriptedServer(_unasked) as proxy, OpenAIStub() as stub:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with opened() as upstream:
            await whole(await upstream.send(chat(stub.base_url, model="gpt-5.4-mini"), PATIENT))
        assert (proxy.connections, len(stub.requests)) == (0, 1)


async def _unasked(line: Line) -> None:
    await line.gone()
