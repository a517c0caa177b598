"""What the tests of dialing are made of: a protocol that notes, names that move, places that never answer."""

import asyncio
import os
import socket
import ssl
import stat
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import pytest

from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.origin import Origin
from zai_gateway.relay.upstream import Timeouts, UpstreamError

PATIENT = Timeouts(connect=30, tls=30)
"""No test waits for these: they only turn a test that hangs into one that fails."""


class Noting(asyncio.Protocol):
    """Notes what happens to it."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.made = 0
        self.read = b""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._more = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made += 1
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.read += data
        self._more.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(None)
        self._more.set()

    async def until(self, wanted: bytes) -> None:
        """Waits until `wanted` is what was read."""
        while self.read != wanted:
            assert not self.lost.done()
            self._more.clear()
            await self._more.wait()

    @property
    def tls(self) -> ssl.SSLObject:
        found: object = self.transport.get_extra_info("ssl_object")
        assert isinstance(found, ssl.SSLObject)
        return found


class Names:
    """Says of each name what a test wants it to: the next answer at each question, and the last for ever."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        answers = self._answers.get(name)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def at(host: str, port: int, *, tls: bool = False, private: bool = True) -> Origin:
    """An origin, of the operator's unless said otherwise."""
    return Origin(tls, host, port, private)


async def refused(
    dialer: Dialer,
    origin: Origin,
    timeouts: Timeouts = PATIENT,
    make: Callable[[], asyncio.BaseProtocol] = Noting,
) -> UpstreamError:
    """The error in which dialing ends: definite, whatever it is."""
    with pytest.raises(UpstreamError) as raised:
        await dialer.dial(origin, timeouts, make)
    assert raised.value.definite
    assert raised.value.__cause__ is None
    return raised.value


@contextmanager
def black_hole(host: str = "127.0.0.1", port: int = 0) -> Generator[int]:
    """A port at `host` that takes no connection and refuses none: its queue is full."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as full, socket.socket(family) as first:
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind((host, port))
        full.listen(0)
        found: int = full.getsockname()[1]
        first.connect((host, found))
        yield found


@contextmanager
def nobody(host: str = "127.0.0.1") -> Generator[int]:
    """A port at `host` that refuses: it is taken, and nobody listens."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as taken:
        taken.bind((host, 0))
        yield taken.getsockname()[1]


def open_sockets() -> int:
    """How many sockets this process has."""
    count = 0
    for each in Path("/dev/fd").iterdir():
        with suppress(OSError):  # the folder's own is closed by now
            count += stat.S_ISSOCK(os.fstat(int(each.name)).st_mode)
    return count


async def until_sockets(count: int) -> None:
    """Waits until this process has so many sockets."""
    while open_sockets() != count:
        await asyncio.sleep(0.001)
