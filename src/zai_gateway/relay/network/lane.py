"""A lane: the connections to one origin, and the requests that wait for one of them."""

import asyncio
from collections import OrderedDict
from typing import Protocol

from zai_gateway.relay.network.connection import Connection
from zai_gateway.relay.network.origin import Origin

Turn = asyncio.Future[Connection | None]
"""What a request waits for: a connection, or leave to make one."""


class LaneKeeper(Protocol):
    """Who counts the connections of all lanes."""

    def take_back(self, lane: "Lane", connection: Connection) -> None:
        """It can carry another request."""
        ...

    def dropped(self, lane: "Lane", connection: Connection) -> None:
        """It carries none any more."""
        ...

    def gone(self, connection: Connection) -> None:
        """It is closed."""
        ...


class Lane:
    """Implements `Keeper` for the connections to `origin`."""

    __slots__ = ("_keeper", "idle", "open", "origin", "waiting")

    def __init__(self, origin: Origin, keeper: LaneKeeper) -> None:
        self._keeper = keeper
        self.origin = origin
        self.open = 0
        """Connections, those in the making included."""
        self.idle: dict[Connection, float] = {}
        """Since when each carries nothing, on the loop's clock; oldest first."""
        self.waiting: OrderedDict[Turn, int] = OrderedDict()
        """Requests in their order, by their number among those of all lanes."""

    def next_turn(self) -> Turn | None:
        """The turn of the request that waits for longest, which waits no longer."""
        while self.waiting:
            turn, _ = self.waiting.popitem(last=False)
            if not turn.done():
                return turn
        return None

    def first_arrival(self) -> int:
        """The number of the request that waits for longest."""
        return next(iter(self.waiting.values()))

    def take_back(self, connection: Connection) -> None:
        """As `Keeper.take_back`."""
        self._keeper.take_back(self, connection)

    def dropped(self, connection: Connection) -> None:
        """As `Keeper.dropped`."""
        self._keeper.dropped(self, connection)

    def gone(self, connection: Connection) -> None:
        """As `Keeper.gone`."""
        self._keeper.gone(connection)
