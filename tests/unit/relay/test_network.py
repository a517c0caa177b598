"""What is the network upstream's own: what it sends again, what it takes from its surroundings."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from tests.upstreams.calls import PATIENT, chat, failure, post, whole
from tests.upstreams.openai_stub import OpenAIStub
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.origin import Origin
from zai_gateway.relay.network.pool import Limits
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.upstream import Blame, Outbound, Timeouts

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"

P = TypeVar("P", bound=asyncio.BaseProtocol)


@asynccontextmanager
async def opened(limits: Limits | None = None) -> AsyncGenerator[NetworkUpstream]:
    upstream = NetworkUpstream(limits=limits or Limits())
    try:
        yield upstream
    finally:
        await upstream.close()


def sent(
    upstream: NetworkUpstream, server: ScriptedServer, timeouts: Timeouts = PATIENT
) -> "asyncio.Task[bytes]":
    async def exchange() -> bytes:
        return await whole(await upstream.send(post(server.url), timeouts))

    return asyncio.ensure_future(exchange())


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


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_only_what_changes_nothing_is_sent_again(method: str, reset: bool):
    """And only where the server gave up an idle connection in the moment in which it was used."""
    requests = list[bytes]()

    async def script(line: Line) -> None:
        requests.append(await line.request())
        if len(requests) != 2:
            await line.send(NO_CONTENT)
            requests.append(await line.request())
        if reset:
            line.reset()

    async with ScriptedServer(script) as server, opened() as upstream:
        request = Outbound(method=method, url=server.url, headers=(), body=b"", private=True)
        await whole(await upstream.send(request, PATIENT))
        if method == "GET":
            assert (await upstream.send(request, PATIENT)).status == 204
            assert (server.connections, len(requests)) == (2, 3)
        else:
            assert (await failure(upstream, request)).blame is Blame.BROKEN
            assert (server.connections, len(requests)) == (1, 2)


async def test_what_is_lost_with_a_new_connection_is_not_sent_again():
    async def script(line: Line) -> None:
        await line.request()

    async with ScriptedServer(script) as server, opened() as upstream:
        request = Outbound(method="GET", url=server.url, headers=(), body=b"", private=True)
        assert (await failure(upstream, request)).blame is Blame.BROKEN
        assert server.connections == 1


async def test_a_word_unasked_ends_a_connection_that_is_idle():
    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK)
        await now.wait()
        await line.send(OK.replace(b"ok", b"no"))
        await line.gone()

    now = asyncio.Event()
    async with ScriptedServer(script) as server, opened() as upstream:
        assert await sent(upstream, server) == b"ok"
        now.set()
        await server.played(1)
        assert await sent(upstream, server) == b"ok"
        assert server.connections == 2


async def test_an_answer_before_the_request_is_all_sent_ends_its_connection():
    async def script(line: Line) -> None:
        await line.head()
        await line.send(OK)
        await line.gone()

    async with ScriptedServer(script) as server, opened() as upstream:
        assert await whole(await upstream.send(post(server.url, bytes(8 * 2**20)), PATIENT)) == b"ok"
        await server.played(1)


async def test_an_answer_to_head_has_a_length_and_no_body():
    async def script(line: Line) -> None:
        await line.request()
        await line.send(OK.removesuffix(b"ok"))
        await line.gone()

    async with ScriptedServer(script) as server, opened() as upstream:
        request = Outbound(method="HEAD", url=server.url, headers=(), body=b"", private=True)
        inbound = await upstream.send(request, PATIENT)
        assert (inbound.headers["content-length"], await whole(inbound)) == ("2", b"")


async def test_packets_are_not_held_back_to_be_joined():
    async with ScriptedServer(_keeps_answering) as server:
        made = list[asyncio.BaseTransport]()

        class Watching(Dialer):
            async def dial(self, origin: Origin, timeouts: Timeouts, make: Callable[[], P]) -> P:
                protocol = await super().dial(origin, timeouts, make)
                made.append(vars(protocol)["_transport"])
                return protocol

        upstream = NetworkUpstream(dialer=Watching())
        assert await sent(upstream, server) == b"ok"
        plain = made[0].get_extra_info("socket")
        assert plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await upstream.close()


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


async def _keeps_answering(line: Line) -> None:
    while True:
        await line.request()
        await line.send(OK)
