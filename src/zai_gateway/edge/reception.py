"""The reception: what the connections of one server share, and what of it has to end before it does."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from zai_gateway.clock import Clock
from zai_gateway.edge.letterhead import Letterhead
from zai_gateway.edge.patience import Patience, Timers
from zai_gateway.edge.refusals import HeadLimits
from zai_gateway.edge.reply import ClientReply
from zai_gateway.edge.request import Request
from zai_gateway.ids import Ids

if TYPE_CHECKING:
    from zai_gateway.edge.connection import Connection

Work = Coroutine[Any, Any, None]


class Serving(Struct, frozen=True, kw_only=True):
    """How the door is served."""

    head: HeadLimits = HeadLimits()
    patience: Patience = Patience()
    connections: int = 10_000
    """Those of all clients together."""
    requests: int = 10_000
    """Those of one connection: then it ends, and the client's next one may find another gateway."""
    drain_delay_seconds: float = 0.0
    """How long requests are served after SIGTERM or SIGINT as before, while `/readyz` says no."""
    drain_seconds: float = 10.0
    """How long requests under way may go on after that."""


class Doorkeeper(Protocol):
    """What answers requests: implemented by the door."""

    def begin(self, request: Request, reply: ClientReply) -> Work | None:
        """Answers at once, or gives the work that will."""
        ...


class Reception:
    """Belongs to one event loop."""

    def __init__(self, door: Doorkeeper, clock: Clock, serving: Serving, timers: Timers) -> None:
        self.door = door
        self.letterhead = Letterhead(clock)
        self.head = serving.head
        self.patience = serving.patience
        self.most_requests = serving.requests
        self.most_connections = serving.connections
        self.most_turned_away = serving.connections + serving.connections // 10 + 1
        """Connections above this number are dropped without a word."""
        self.timers = timers
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        """Requests under way."""
        self.leaving = False
        """Whether each answer is to be the last of its connection."""
        self.closed = False
        """Whether no request is begun any more."""
        self._clock = clock
        self._ids = Ids("req")
        self._loop = asyncio.get_running_loop()
        self.soon = self._loop.call_soon

    def new_request_id(self) -> str:
        """An id for a request."""
        return self._ids.new(self._clock.now_ms())

    def carry(self, work: Work) -> None:
        """Has the work done."""
        task = self._loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
