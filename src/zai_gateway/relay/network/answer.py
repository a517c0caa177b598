"""An answer that arrives over a connection: its head, the pieces of its body as they come, its end."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from zai_gateway.relay.network.faults import closed_early
from zai_gateway.relay.upstream import UpstreamError

_NONE: Mapping[str, str] = MappingProxyType({})


class Carrier(Protocol):
    """What an answer arrives over, until its end."""

    loop: asyncio.AbstractEventLoop
    """The one that it belongs to."""

    def took(self) -> None:
        """What was there has been taken."""
        ...

    def drop(self) -> None:
        """Closes it at once."""
        ...


class Answer:
    """Implements `Inbound`. The carrier puts `pieces` of the body in; errors call the server `name`."""

    # What an answer begins with stands on the class: it costs nothing to make.
    status = 0
    """0 until the head is here."""
    headers: Mapping[str, str] = _NONE
    unheard = False
    """Whether the connection ended before a byte of the answer."""
    error: UpstreamError | None = None
    """Why nothing more comes, though the answer is not whole."""
    _whole = False
    _waiter: asyncio.Future[bool] | None = None
    """Who reads. It is told whether `_take` has said that it wants no more."""
    _take: Callable[[bytes], bool] | None = None
    """Takes what comes, while whoever reads sleeps on."""

    def __init__(self, name: str, carrier: Carrier, pieces: list[bytes]) -> None:
        self._name = name
        self._carrier: Carrier | None = carrier
        self._loop = carrier.loop
        self._pieces = pieces

    def coming(self) -> asyncio.Future[bool]:
        """What to wait for, once: that the head is here, or an error in its place."""
        self._waiter = waiter = self._loop.create_future()
        if self.status or self.error is not None:
            waiter.set_result(False)
        return waiter

    async def read(self) -> bytes:
        """As `Inbound.read`: at once where something is there."""
        while not self._pieces:
            if self.error is not None:
                raise self.error
            if self._whole:
                return b""
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._taken()

    async def pour(self, take: Callable[[bytes], bool]) -> bool:
        """As `Inbound.pour`."""
        while True:
            if self._pieces:
                if not take(self._taken()):
                    return False
            elif self.error is not None:
                raise self.error
            elif self._whole:
                return True
            else:
                self._take = take
                self._waiter = self._loop.create_future()
                try:
                    if await self._waiter:
                        return False
                finally:
                    self._take = None

    async def close(self) -> None:
        """As `Inbound.close`."""
        self.drop()

    def drop(self) -> None:
        """As `close`, which has nothing to wait for."""
        if self._whole and not self._pieces:
            return
        if self.error is None:
            self.error = closed_early(self._name)
        self._pieces.clear()
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            carrier.drop()
        self.wake()

    def arrived(self) -> None:
        """Something came: the head, or bytes of the body."""
        take, waiter = self._take, self._waiter
        if take is None or waiter is None:
            self.wake()
        elif self._pieces and not waiter.done():
            # What comes when the task is to wake already is kept for whoever reads next.
            pieces = self._pieces
            piece = pieces.pop() if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            try:
                if not take(piece):
                    waiter.set_result(True)
            except Exception as trouble:
                waiter.set_exception(trouble)

    def wake(self) -> None:
        """Whoever reads has to look."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(False)

    def _taken(self) -> bytes:
        pieces = self._pieces
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        if self._carrier is not None:
            self._carrier.took()
        return piece

    def end(self, error: UpstreamError | None) -> None:
        """Nothing more will come: the answer is whole, or ends in an error."""
        self._carrier = None
        self._whole = error is None
        self.error = error
        self.wake()
