"""Who gives up a dial, at whatever station, leaves no socket and no protocol behind."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from threading import Event

import pytest
from msgspec import Struct

from tests.unit.relay.dialing.parts import PATIENT, Names, Noting, at, black_hole, open_sockets, until_sockets
from tests.unit.relay.dialing.proxy import ESTABLISHED
from tests.upstreams.certificates import SelfSigned
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.origin import Origin
from zai_gateway.relay.network.proxies import Proxies, Proxy

FAR = at("llm.example", 443, tls=True)


class Station(Struct, frozen=True):
    """A dial that gets no further, and what tells that it has got so far."""

    dialer: Dialer
    origin: Origin
    reached: Callable[[], Awaitable[object]]


Place = Callable[[Path], AbstractAsyncContextManager[Station]]


@asynccontextmanager
async def resolving(_folder: Path) -> AsyncGenerator[Station]:
    asked, let = asyncio.Event(), Event()
    loop = asyncio.get_running_loop()

    def lookup(_name: str) -> Sequence[str]:
        loop.call_soon_threadsafe(asked.set)
        let.wait()
        return ["127.0.0.1"]

    yield Station(Dialer(lookup=lookup), FAR, asked.wait)
    let.set()


@asynccontextmanager
async def connecting(_folder: Path) -> AsyncGenerator[Station]:
    with black_hole() as port:
        expected = open_sockets() + 2
        names = Names({"llm.example": [["127.0.0.1", "127.0.0.1", "::ffff:127.0.0.1"]]})
        origin = at("llm.example", port, tls=True)
        yield Station(Dialer(lookup=names, stagger=0), origin, lambda: until_sockets(expected))


@asynccontextmanager
async def silent_after(
    received: int, answer: bytes = b"", certificate: SelfSigned | None = None
) -> AsyncGenerator[tuple[int, asyncio.Event]]:
    """A server that answers so after so many pieces, and then lets one wait. Its port, and when it has."""
    reached = asyncio.Event()

    async def script(line: Line) -> None:
        for _ in range(received):
            await line.some()
        await line.send(answer)
        if answer:
            await line.some()  # of the handshake that follows
        reached.set()
        await line.gone()

    async with ScriptedServer(script, certificate.server() if certificate else None) as server:
        yield server.port, reached
        await server.played(1)


@asynccontextmanager
async def shaking_hands(_folder: Path) -> AsyncGenerator[Station]:
    async with silent_after(1) as (port, reached):
        yield Station(Dialer(), at("127.0.0.1", port, tls=True), reached.wait)


@asynccontextmanager
async def shaking_hands_with_the_proxy(_folder: Path) -> AsyncGenerator[Station]:
    async with silent_after(1) as (port, reached):
        yield Station(_through(Proxy(True, "127.0.0.1", port)), FAR, reached.wait)


@asynccontextmanager
async def waiting_for_the_proxy(_folder: Path) -> AsyncGenerator[Station]:
    async with silent_after(1) as (port, reached):
        yield Station(_through(Proxy(False, "127.0.0.1", port)), FAR, reached.wait)


@asynccontextmanager
async def waiting_for_the_https_proxy(folder: Path) -> AsyncGenerator[Station]:
    certificate = SelfSigned(folder)
    async with silent_after(1, certificate=certificate) as (port, reached):
        yield Station(_through(Proxy(True, "127.0.0.1", port), certificate), FAR, reached.wait)


@asynccontextmanager
async def shaking_hands_in_the_tunnel(_folder: Path) -> AsyncGenerator[Station]:
    async with silent_after(1, ESTABLISHED) as (port, reached):
        yield Station(_through(Proxy(False, "127.0.0.1", port)), FAR, reached.wait)


@asynccontextmanager
async def shaking_hands_in_the_tunnel_in_tls(folder: Path) -> AsyncGenerator[Station]:
    certificate = SelfSigned(folder)
    async with silent_after(1, ESTABLISHED, certificate) as (port, reached):
        yield Station(_through(Proxy(True, "127.0.0.1", port), certificate), FAR, reached.wait)


def _through(proxy: Proxy, certificate: SelfSigned | None = None) -> Dialer:
    tls = certificate.client() if certificate else None
    return Dialer(tls, Proxies(https=proxy), Names({}))


@pytest.mark.parametrize(
    "place",
    [
        resolving,
        connecting,
        shaking_hands,
        shaking_hands_with_the_proxy,
        waiting_for_the_proxy,
        waiting_for_the_https_proxy,
        shaking_hands_in_the_tunnel,
        shaking_hands_in_the_tunnel_in_tls,
    ],
)
async def test_a_dial_that_is_given_up_leaves_nothing_open(place: Place, tmp_path: Path):
    made: list[Noting] = []

    def make() -> Noting:
        made.append(Noting())
        return made[-1]

    before = open_sockets()
    async with place(tmp_path) as station:
        dialing = asyncio.ensure_future(station.dialer.dial(station.origin, PATIENT, make))
        await station.reached()
        assert not dialing.done()
        dialing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialing
    await until_sockets(before)
    assert not any(protocol.made for protocol in made)


async def test_a_hundred_dials_that_are_given_up_leave_nothing_open(tmp_path: Path):
    certificate = SelfSigned(tmp_path)

    async def greet(line: Line) -> None:
        await line.gone()

    before = open_sockets()
    async with ScriptedServer(greet, certificate.server()) as server:
        dialer = Dialer(certificate.client())
        origin = at("127.0.0.1", server.port, tls=True)
        for steps in range(100):
            dialing = asyncio.ensure_future(dialer.dial(origin, PATIENT, Noting))
            for _ in range(steps):
                await asyncio.sleep(0)
            if dialing.done():
                dialing.result().transport.abort()
            else:
                dialing.cancel()
                await asyncio.wait([dialing])
                assert dialing.cancelled()
    await until_sockets(before)
