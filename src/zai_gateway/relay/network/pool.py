"""The connections that are open: lent to one request at a time, kept for the next, bounded in number."""

import asyncio
from contextlib import suppress
from functools import partial
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.relay.network.connection import Connection
from zai_gateway.relay.network.dialing import Dialer
from zai_gateway.relay.network.faults import unlent
from zai_gateway.relay.network.lane import Lane, Turn
from zai_gateway.relay.network.origin import Origin
from zai_gateway.relay.upstream import Timeouts, UpstreamError

_PARTING_SECONDS = 5.0
"""All that was closed is gone in the loop's next turn, unless something is very wrong."""


class Limits(Struct, frozen=True, kw_only=True):
    """How many connections there may be, and for how long."""

    connections: int = 10_000
    """In all, those in the making included."""
    per_origin: int = 6_000
    """One server that hangs leaves connections to the others."""
    waiting: int = 2_000
    """Requests that wait for a connection, in all; one more is refused."""
    idle: int = 1_000
    """Connections that carry nothing, in all."""
    idle_seconds: float = 15.0
    """How long such a one is kept: servers mostly keep theirs for longer, so few are lost with a request."""
    age_seconds: float = 600.0
    """How old a connection gets: a name may lead elsewhere by then."""


class Pool:
    """Lends connections. Belongs to the loop in which it is made; once closed it stays closed."""

    def __init__(self, dialer: Dialer, limits: Limits) -> None:
        self._dialer = dialer
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[Origin, Lane] = {}
        self._open = 0
        """Connections, those in the making included."""
        self._idle = 0
        self._waiting = 0
        self._arrivals = count()
        self._living: set[Connection] = set()
        """What was made, and is not closed to the end yet."""
        self._dialing: set[asyncio.Task[Connection]] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False
        self._all_gone: asyncio.Future[None] | None = None

    def idle(self, origin: Origin) -> Connection | None:
        """The connection that was used last, where one is there that the server did not close."""
        lane = self._lanes.get(origin)
        while lane is not None and lane.idle:
            connection, _ = lane.idle.popitem()
            self._idle -= 1
            if connection.ready():
                return connection
            connection.drop()
        return None

    async def connection(self, origin: Origin, timeouts: Timeouts, *, fresh: bool = False) -> Connection:
        """A connection that is ready: made where none is there, waited for where there are too many.

        `fresh`: one that has carried nothing. Raises UpstreamError, when nothing was sent.
        """
        until = self._loop.time() + timeouts.connect
        while not self._closed:
            if not fresh and (found := self.idle(origin)) is not None:
                return found
            lane = self._lanes.get(origin) or Lane(origin, self)
            self._lanes[origin] = lane
            if not self._reserve(lane) and (lent := await self._turn(lane, until)) is not None:
                if lent.ready() and not (fresh and lent.used):
                    return lent
                lent.drop()
                continue
            left = max(until - self._loop.time(), 0.0)
            return await self._dial(lane, replace(timeouts, connect=left))
        raise _stopped(origin)

    async def close(self) -> None:
        """Closes every connection, and waits until each is gone. Answers in flight are broken off."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for task in self._dialing:
            task.cancel()
        for lane in self._lanes.values():
            for turn in lane.waiting:
                _refuse(turn, _stopped(lane.origin))
        for connection in tuple(self._living):
            connection.break_off()
        if self._living:
            self._all_gone = self._loop.create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PARTING_SECONDS):
                    await self._all_gone

    def take_back(self, lane: Lane, connection: Connection) -> None:
        """Lends a connection on, or keeps it for a while."""
        now = self._loop.time()
        if self._closed or now - connection.opened_at > self._limits.age_seconds:
            connection.drop()
        elif self._waiting and (turn := lane.next_turn()) is not None:
            turn.set_result(connection)
        elif self._idle >= self._limits.idle or (self._waiting and self._is_missed()):
            connection.drop()
        else:
            lane.idle[connection] = now
            self._idle += 1
            if self._sweep is None:
                self._sweep = self._loop.call_later(self._limits.idle_seconds, self._close_idle)

    def dropped(self, lane: Lane, connection: Connection) -> None:
        """Counts one less; somebody else may make one."""
        if lane.idle.pop(connection, None) is not None:
            self._idle -= 1
        self._release(lane)

    def gone(self, connection: Connection) -> None:
        """Forgets it."""
        self._living.discard(connection)
        if not self._living and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)

    def _reserve(self, lane: Lane) -> bool:
        """Whether one more may be made, now; an idle one elsewhere is closed for it."""
        if lane.open >= self._limits.per_origin:
            return False
        if self._open >= self._limits.connections and (oldest := self._idle_for_longest()) is not None:
            oldest.drop()
        if self._open >= self._limits.connections:
            return False  # what was closed was due to somebody who waits
        self._lanes[lane.origin] = lane
        lane.open += 1
        self._open += 1
        return True

    def _release(self, lane: Lane) -> None:
        lane.open -= 1
        self._open -= 1
        if self._waiting and not self._closed:
            self._let_in()
        self._forget_unused(lane)

    def _let_in(self) -> None:
        """Gives the room for one more to the request that waits for longest, of those that it helps."""
        waiting = [each for each in self._lanes.values() if self._has_room(each)]
        for lane in sorted(waiting, key=Lane.first_arrival):
            if (turn := lane.next_turn()) is not None:
                lane.open += 1
                self._open += 1
                turn.set_result(None)
                return

    def _has_room(self, lane: Lane) -> bool:
        return bool(lane.waiting) and lane.open < self._limits.per_origin

    def _is_missed(self) -> bool:
        """Whether one connection less would let a request make one elsewhere."""
        full = self._open >= self._limits.connections
        return full and any(self._has_room(lane) for lane in self._lanes.values())

    def _idle_for_longest(self) -> Connection | None:
        oldest = [next(iter(lane.idle.items())) for lane in self._lanes.values() if lane.idle]
        return min(oldest, key=lambda each: each[1])[0] if oldest else None

    def _forget_unused(self, lane: Lane) -> None:
        if not lane.open and not lane.waiting:
            self._lanes.pop(lane.origin, None)

    async def _turn(self, lane: Lane, until: float) -> Connection | None:
        """Waits for a connection, or None: leave to make one, which is reserved. Raises UpstreamError."""
        if self._waiting >= self._limits.waiting:
            self._forget_unused(lane)
            raise unlent(lane.origin.name, "too many requests wait for one")
        turn: Turn = self._loop.create_future()
        lane.waiting[turn] = next(self._arrivals)
        self._waiting += 1
        late = unlent(lane.origin.name, "none was free within the time allowed")
        ring = self._loop.call_at(until, _refuse, turn, late)
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:  # it came together with the cancellation
                self._return(lane, turn.result())
            raise
        finally:
            ring.cancel()
            self._waiting -= 1
            lane.waiting.pop(turn, None)
            self._forget_unused(lane)

    def _return(self, lane: Lane, lent: Connection | None) -> None:
        if lent is None:
            self._release(lane)
        elif lent.ready():
            self.take_back(lane, lent)
        else:
            lent.drop()

    async def _dial(self, lane: Lane, timeouts: Timeouts) -> Connection:
        """Makes the connection that was reserved. A task of its own, so that `close` can end it."""
        origin = lane.origin
        task = self._loop.create_task(self._dialer.dial(origin, timeouts, partial(Connection, origin.name)))
        self._dialing.add(task)
        try:
            connection = await task
        except BaseException:
            if not task.cancelled() and task.exception() is None:  # it came together with the cancellation
                task.result().drop()
            self._release(lane)
            current = asyncio.current_task()
            if self._closed and current is not None and not current.cancelling():
                raise _stopped(origin) from None
            raise
        finally:
            self._dialing.discard(task)
        connection.keeper = lane
        if not connection.closed:
            self._living.add(connection)
        if connection.dropped:
            self._release(lane)  # there was nobody whom it could tell
        elif connection.ready() and not self._closed:
            return connection
        else:
            connection.drop()
        if self._closed:
            raise _stopped(origin)
        raise unlent(origin.name, "it closed the connection, or spoke, before it was asked")

    def _close_idle(self) -> None:
        """One look at all idle connections, rather than a timer for each."""
        now = self._loop.time()
        for lane in tuple(self._lanes.values()):
            for connection, since in tuple(lane.idle.items()):
                if now - since < self._limits.idle_seconds:
                    break
                connection.drop()
        oldest = [since for lane in self._lanes.values() for since in lane.idle.values()]
        soon = now + self._limits.idle_seconds / 10
        self._sweep = None
        if oldest:
            due = max(min(oldest) + self._limits.idle_seconds, soon)
            self._sweep = self._loop.call_at(due, self._close_idle)


def _refuse(turn: Turn, why: UpstreamError) -> None:
    if not turn.done():
        turn.set_exception(why)


def _stopped(origin: Origin) -> UpstreamError:
    return unlent(origin.name, "the gateway closes its connections")
