"""Happy eyeballs: the order of addresses, when the next one is tried, and that every loser is closed."""

import asyncio
import errno
import socket
from ipaddress import ip_address

import pytest

from tests.unit.relay.dialing.parts import PATIENT, Names, Noting, at, black_hole, nobody, refused
from tests.upstreams.scripted import Line, ScriptedServer
from zai_gateway.accounts.reach import Address
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.racing import first_connected, interleaved
from zai_gateway.relay.upstream import Blame, Timeouts

NEVER = 3_600.0
"""Seconds between two addresses that no test waits for."""


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        ("", ""),
        ("::1", "::1"),
        ("10.0.0.1 10.0.0.2", "10.0.0.1 10.0.0.2"),
        ("::1 ::2 10.0.0.1 10.0.0.2", "::1 10.0.0.1 ::2 10.0.0.2"),
        ("10.0.0.1 10.0.0.2 ::1", "10.0.0.1 ::1 10.0.0.2"),
        ("::1 ::2 ::3 10.0.0.1", "::1 10.0.0.1 ::2 ::3"),
    ],
)
def test_families_take_turns(given: str, tried: str):
    assert interleaved(map(ip_address, given.split())) == list(map(ip_address, tried.split()))


class Network:
    """Places that take a connection, refuse it or never answer, by the addresses' last number."""

    def __init__(self, **places: str) -> None:
        self._places = places
        self.begun: list[str] = []
        self.given_up: list[str] = []
        self.open: list[socket.socket] = []
        self.answer = asyncio.Event()
        """Makes those that wait answer."""

    async def connect(self, address: Address) -> socket.socket:
        name = "abcdefg"[int(address) % 16]
        self.begun.append(name)
        match self._places[name]:
            case "hangs":
                try:
                    await asyncio.Event().wait()
                finally:
                    self.given_up.append(name)
            case "waits":
                await self.answer.wait()
            case "refuses":
                raise ConnectionRefusedError(errno.ECONNREFUSED, name)
            case "is unreachable":
                raise OSError(errno.EHOSTUNREACH, name)
            case _:
                pass
        self.open.append(socket.socket())
        return self.open[-1]


ALL = [ip_address(f"10.0.0.{number}") for number in range(7)]


@pytest.mark.parametrize(
    ("places", "stagger", "begun"),
    [
        (["takes"], NEVER, "a"),
        (["takes", "takes"], NEVER, "a"),
        (["hangs", "takes"], 0, "ab"),
        (["refuses", "takes"], NEVER, "ab"),
        (["refuses", "is unreachable", "takes", "takes"], NEVER, "abc"),
        (["hangs", "hangs", "refuses", "takes"], 0, "abcd"),
        (["hangs", "refuses", "takes"], 0, "abc"),
    ],
)
async def test_the_first_that_takes_it_wins(places: list[str], stagger: float, begun: str):
    network = Network(**dict(zip("abcdefg", places, strict=False)))
    won = await first_connected(ALL[: len(places)], network.connect, stagger)
    assert "".join(network.begun) == begun
    assert network.open == [won]
    won.close()
    hanging = [name for name in network.begun if places["abcdefg".index(name)] == "hangs"]
    while sorted(network.given_up) != hanging:
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("places", "first"),
    [(["refuses"], "a"), (["refuses", "is unreachable"], "a"), (["is unreachable", "refuses"], "a")],
)
async def test_where_all_fail_the_first_says_why(places: list[str], first: str):
    network = Network(**dict(zip("abcdefg", places, strict=False)))
    with pytest.raises(OSError, match=first):
        await first_connected(ALL[: len(places)], network.connect, NEVER)
    assert len(network.begun) == len(places)


async def test_of_two_that_take_it_at_once_one_is_closed():
    network = Network(a="waits", b="waits", c="hangs")
    racing = asyncio.ensure_future(first_connected(ALL[:3], network.connect, 0))
    while len(network.begun) < 3:
        await asyncio.sleep(0)
    network.answer.set()
    won = await racing
    while sum(each.fileno() >= 0 for each in network.open) > 1:
        await asyncio.sleep(0)
    assert len(network.open) == 2
    assert won.fileno() >= 0
    won.close()


async def test_a_race_that_is_cancelled_at_its_end_leaves_nothing_open():
    made: list[socket.socket] = []

    async def connect(_address: Address) -> socket.socket:
        racing.cancel()
        made.append(socket.socket())
        return made[-1]

    racing = asyncio.ensure_future(first_connected(ALL[:1], connect, NEVER))
    with pytest.raises(asyncio.CancelledError):
        await racing
    while made[0].fileno() >= 0:
        await asyncio.sleep(0)


async def greet(line: Line) -> None:
    await line.send(b"hi")
    await line.gone()


async def test_behind_an_address_that_never_answers_stands_one_that_does():
    names = Names({"both.example": [["::1", "127.0.0.1"]]})
    async with ScriptedServer(greet) as server:
        with black_hole("::1", server.port):
            protocol = await Dialer(lookup=names, stagger=0.01).dial(
                at("both.example", server.port), PATIENT, Noting
            )
            assert protocol.transport.get_extra_info("peername")[0] == "127.0.0.1"
            await protocol.until(b"hi")
            protocol.transport.abort()


async def test_behind_an_address_that_refuses_stands_one_that_does_not():
    names = Names({"both.example": [["::1", "127.0.0.1"]]})
    async with ScriptedServer(greet) as server:
        dialer = Dialer(lookup=names, stagger=NEVER)
        protocol = await dialer.dial(at("both.example", server.port), PATIENT, Noting)
        await protocol.until(b"hi")
        protocol.transport.abort()


async def test_ipv6_is_dialled():
    async with ScriptedServer(greet, host="::1") as server:
        protocol = await Dialer().dial(at("::1", server.port), PATIENT, Noting)
        await protocol.until(b"hi")
        assert protocol.transport.get_extra_info("peername")[:2] == ("::1", server.port)
        protocol.transport.abort()


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
async def test_a_port_that_refuses(host: str, shown: str):
    with nobody(host) as port:
        error = await refused(Dialer(), at(host, port))
    assert error.blame is Blame.CONNECT
    assert error.message == f"cannot connect to {shown}:{port}: connection refused"


async def test_a_place_that_never_answers_is_given_up_in_time():
    with black_hole() as port:
        error = await refused(Dialer(), at("127.0.0.1", port), Timeouts(connect=0.05, tls=30))
    assert error.blame is Blame.CONNECT
    assert error.message == f"no connection to 127.0.0.1:{port} within the time allowed"


async def test_of_a_name_with_very_many_addresses_some_are_tried():
    names = Names({"many.example": [[f"127.0.0.{number}" for number in range(2, 200)] + ["127.0.0.1"]]})
    async with ScriptedServer(greet) as server:
        error = await refused(Dialer(lookup=names), at("many.example", server.port))
        assert server.connections == 0
    assert error.message == f"cannot connect to many.example:{server.port}: connection refused"


async def test_connections_are_kept_alive_and_do_not_wait_to_fill_a_packet():
    async with ScriptedServer(greet) as server:
        protocol = await Dialer().dial(at("127.0.0.1", server.port), PATIENT, Noting)
        sock = protocol.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        protocol.transport.abort()
