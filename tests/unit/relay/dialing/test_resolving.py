"""Names: asked once at a time, remembered briefly, asked anew where what was said does not answer."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from threading import Event

import pytest

from tests.unit.relay.dialing.parts import PATIENT, Noting, at, nobody, refused
from tests.unit.relay.dialing.parts import Names as Answers
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.resolving import Names, system_lookup
from zai_gateway.relay.upstream import Blame, Timeouts

ONE, TWO = ip_address("192.0.2.1"), ip_address("192.0.2.2")


async def greet(line: Line) -> None:
    await line.send(b"hi")
    await line.gone()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_an_address_is_not_asked_for(host: str):
    lookup = Answers({})
    assert await Names(lookup).resolve(host) == (ip_address(host),)
    assert lookup.asked == []


async def test_an_answer_is_remembered():
    lookup = Answers({"a.example": [["192.0.2.1", "192.0.2.2", "192.0.2.1"], ["192.0.2.2"]]})
    names = Names(lookup)
    for _ in range(3):
        assert await names.resolve("a.example") == (ONE, TWO)
    assert lookup.asked == ["a.example"]


async def test_but_not_for_ever():
    lookup = Answers({"a.example": [["192.0.2.1"], ["192.0.2.2"]]})
    names = Names(lookup, remembered=0)
    assert await names.resolve("a.example") == (ONE,)
    assert await names.resolve("a.example") == (TWO,)


async def test_a_failure_is_not_remembered():
    lookup = Answers({})
    names = Names(lookup)
    for _ in range(2):
        with pytest.raises(socket.gaierror, match="not known"):
            await names.resolve("a.example")
    assert lookup.asked == ["a.example"] * 2


async def test_a_name_without_an_address_is_a_failure():
    with pytest.raises(socket.gaierror, match="no address"):
        await Names(Answers({"a.example": [[]]})).resolve("a.example")


async def test_only_so_many_are_remembered_and_the_oldest_goes_first():
    asked: list[str] = []

    def lookup(name: str) -> Sequence[str]:
        asked.append(name)
        return ["192.0.2.1"]

    names = Names(lookup)
    for number in range(1_001):
        await names.resolve(f"{number}.example")
    await names.resolve("1.example")
    await names.resolve("1000.example")
    assert len(asked) == 1_001
    await names.resolve("0.example")
    assert asked[1_001:] == ["0.example"]


class Slow:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let = Event()

    def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        self.let.wait()
        return ["192.0.2.1"]


async def test_a_name_is_asked_once_at_a_time_and_who_leaves_takes_it_from_nobody():
    slow = Slow()
    names = Names(slow)
    waiting = [asyncio.ensure_future(names.resolve("a.example")) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    slow.let.set()
    assert await asyncio.gather(*waiting[1:]) == [(ONE,)] * 4
    assert slow.asked == ["a.example"]


async def test_a_hundred_names_that_hang_are_as_many_questions_as_threads_may_be():
    slow = Slow()
    names = Names(slow)
    waiting = [asyncio.ensure_future(names.resolve(f"{number}.example")) for number in range(100)]
    while len(slow.asked) < 32:
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(slow.asked) == 32
    slow.let.set()
    assert await asyncio.gather(*waiting) == [(ONE,)] * 100


async def test_what_hangs_is_given_up_at_the_end():
    slow = Slow()
    names = Names(slow)
    waiting = asyncio.ensure_future(names.resolve("a.example"))
    while not slow.asked:
        await asyncio.sleep(0)
    names.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    slow.let.set()
    assert await names.resolve("a.example") == (ONE,)


async def test_a_resolver_that_hangs_is_given_up_in_time():
    slow = Slow()
    error = await refused(Dialer(lookup=slow), at("a.example", 80), Timeouts(connect=0.05))
    slow.let.set()
    assert error.blame is Blame.CONNECT
    assert error.message == "no connection to a.example:80 within the time allowed"


async def test_a_name_whose_address_does_not_answer_is_asked_for_anew():
    lookup = Answers({"a.example": [["127.0.0.2"], ["127.0.0.1"]]})
    dialer = Dialer(lookup=lookup)
    async with ScriptedServer(greet) as server:
        await refused(dialer, at("a.example", server.port))
        for _ in range(2):
            protocol = await dialer.dial(at("a.example", server.port), PATIENT, Noting)
            await protocol.until(b"hi")
            protocol.transport.abort()
    assert lookup.asked == ["a.example"] * 2


async def test_a_name_that_does_not_resolve_says_so():
    error = await refused(Dialer(lookup=Answers({})), at("a.example", 81))
    assert error.message == "cannot connect to a.example:81: name or service not known"


def test_the_system_knows_this_machine():
    assert {"127.0.0.1", "::1"} & set(system_lookup("localhost"))


@pytest.mark.parametrize("name", [f"{'x' * 64}.invalid", "a..invalid"])
def test_a_name_that_cannot_be_spelled_is_a_failure_like_others(name: str):
    with pytest.raises(socket.gaierror):
        system_lookup(name)


async def test_the_systems_answer_is_dialled():
    with nobody() as port:
        error = await refused(Dialer(), at("localhost", port))
    assert error.message == f"cannot connect to localhost:{port}: connection refused"
