"""The points at which a gateway is killed or stopped: requests that stand at each of them at once.

What is held, and of which nothing was sent, waits in a TLS handshake at a door behind which nobody speaks.
"""

import asyncio
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from tests.torture.books import Books, Key
from tests.torture.customers import Asked, Customers, Seen
from tests.torture.door import DOOR_MODEL, SilentDoor
from tests.torture.orders import MODEL, Order
from tests.torture.teller import Teller

PER_POINT = 2
"""Requests that stand at each."""


class Point(StrEnum):
    """How far a request has come."""

    HELD = "held"
    SENT = "sent"
    FIRST_BYTE = "first byte"
    """Its client has the first content."""
    WRITTEN = "written"
    """Its client has all of the answer, so that its settlement is in the journal; the store does not."""
    FLUSHED = "flushed"
    """The store has the settlement too."""


UNCERTAIN = (Point.HELD, Point.SENT, Point.FIRST_BYTE)
"""Where nobody knows what it costs, once the gateway is gone."""


class Scene(Struct, frozen=True, kw_only=True):
    """Who plays."""

    teller: Teller
    door: SilentDoor
    customers: Customers
    books: Books
    """Of the store, past whatever stops it."""


class Standing:
    """Requests at every point, each point with a key of its own."""

    def __init__(self, scene: Scene, title: str, keys: Sequence[Key], bills: int) -> None:
        """`title` is what nothing else is called; each request bills so many tokens, if it was sent."""
        self._scene = scene
        self._title = title
        self._bills = bills
        self._asked: dict[Point, list[Asked]] = {}
        self.keys = dict(zip(Point, keys, strict=True))

    def account(self, point: Point) -> str:
        """At the bank."""
        return f"{self._title} {point}"

    async def begin(self, doors: Sequence[str]) -> None:
        """Has all of them come as far as they come while the store answers; `doors` are asked in turn."""
        scene = self._scene
        came = scene.door.came
        for point in Point:
            self._asked[point] = [
                scene.customers.begin(
                    doors[number % len(doors)],
                    self.keys[point].secret,
                    self._order(point, number),
                    model=DOOR_MODEL if point is Point.HELD else MODEL,
                    streamed=point is Point.FIRST_BYTE or number % 2 == 0,
                )
                for number in range(PER_POINT)
            ]
        await scene.door.until_came(came + PER_POINT)
        for point in (Point.SENT, Point.WRITTEN):
            await scene.teller.until_arrived(self.account(point), PER_POINT)
        for asked in self._asked[Point.FIRST_BYTE]:
            await asked.content.wait()
        for seen in await self.seen(Point.FLUSHED):
            assert seen.whole, seen
        await scene.books.until_booked(self.keys[Point.FLUSHED], PER_POINT)

    async def write(self) -> list[Seen]:
        """The rest, to be done while the store is stopped: answers that reach their clients to the end."""
        self._scene.teller.open(self._gate(Point.WRITTEN))
        written = await self.seen(Point.WRITTEN)
        for seen in written:
            assert seen.whole, seen
        return written

    async def seen(self, point: Point) -> list[Seen]:
        """What became of those at one point."""
        return await asyncio.gather(*(asked.seen() for asked in self._asked[point]))

    async def bill(self) -> None:
        """The bank goes on with what it was sent, and bills it."""
        for point in (Point.SENT, Point.FIRST_BYTE):
            self._scene.teller.open(self._gate(point))
            await self._scene.teller.until_all_billed(self.account(point))

    def billed(self, point: Point) -> int:
        """What each of those at a point was billed, in tokens."""
        return 0 if point is Point.HELD else self._bills

    def _order(self, point: Point, number: int) -> Order:
        gate = self._gate(point)
        return Order(
            tag=f"{gate} {number}",
            account=self.account(point),
            bills=self._bills,
            gate=gate if point in (Point.SENT, Point.WRITTEN) else None,
            midway=gate if point is Point.FIRST_BYTE else None,
        )

    def _gate(self, point: Point) -> str:
        return self.account(point)
