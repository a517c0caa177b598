"""SIGSTOP of one of two hosts, at every point of a request, while the other one serves on."""

import asyncio
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.postgresql.server import PostgresServer
from tests.torture.books import Key
from tests.torture.conftest import Form
from tests.torture.customers import TOKENS, Customers, Seen, customers
from tests.torture.door import DOOR_MODEL, silent_door
from tests.torture.orders import MODEL, Order
from tests.torture.places import on_postgresql
from tests.torture.points import Point, Scene, Standing
from tests.torture.spending import PATIENCE, nano, spend_the_rest
from tests.torture.teller import Teller

CAP = 4 * TOKENS
HALF = TOKENS // 2
WIDE = 10_000 * TOKENS
SHORT_SECONDS, FULL_SECONDS = 4, 60
_PAUSE = 0.05


@pytest.mark.parametrize("severed", [False, True], ids=["stopped", "stopped and cut off"])
async def test_a_host_that_stands_still_makes_nobody_s_cap_look_spent(
    tmp_path: Path, postgres: PostgresServer, teller: Teller, form: Form, *, severed: bool
) -> None:
    with on_postgresql(tmp_path, postgres) as place:
        books = place.host.books
        books.provide(MODEL, teller.base_url)
        async with silent_door() as door, customers() as crowd:
            books.provide(DOOR_MODEL, door.base_url)
            scene = Scene(teller=teller, door=door, customers=crowd, books=books)
            still, other = place.host.start(), place.another("there").start()
            standing = Standing(scene, "still", books.new_keys(len(Point), CAP), HALF)
            (wide,) = books.new_keys(1, WIDE)
            await standing.begin([still.base_url])
            # A lease on the wide key stands still too.
            seen = [await crowd.ask(still.base_url, wide.secret, _order("wide"))]
            with place.stopped():
                await standing.write()
                still.tell(signal.SIGSTOP)
            if severed:
                place.severed()
            await standing.bill()
            # Nobody else has leased anything yet. A lease is filled up ahead of need: it may be more than was
            # held of it.
            free = {standing.account(point): books.unleased(standing.keys[point]) for point in Point}
            assert min(free.values()) >= nano(TOKENS), free
            there_is = {account: amount // nano(TOKENS) for account, amount in free.items()}
            traffic = Traffic(standing, crowd, other.base_url, wide, there_is)
            await traffic.flow(form.of(SHORT_SECONDS, FULL_SECONDS))
            still.tell(signal.SIGCONT)
            door.close()
            for point in Point:
                seen += await standing.seen(point)
            assert {each.status for each in seen} <= {200, 502}
            for point in Point:
                key, account = standing.keys[point], standing.account(point)
                seen += await spend_the_rest(crowd, still.base_url, key.secret, account)
                assert (await teller.until_all_billed(account)).billed == nano(CAP), point
            still.stop()
            other.stop()
            books.check([*seen, *traffic.seen])


class Traffic:
    """What the host that lives is asked meanwhile, and says."""

    def __init__(
        self, standing: Standing, crowd: Customers, base_url: str, wide: Key, there_is: dict[str, int]
    ) -> None:
        """`there_is`: how many requests the store has money for, beside what the other host has leased."""
        self._there_is = there_is
        self._crowd = crowd
        self._base_url = base_url
        self._secrets = {standing.account(point): standing.keys[point].secret for point in Point}
        self._secrets["wide"] = wide.secret
        self.seen: list[Seen] = []

    async def flow(self, seconds: float) -> None:
        """Asks with every key again and again. What a cap leaves is served, and none of them is spent."""
        served: Counter[str] = Counter()
        there_is = self._there_is
        until = time.monotonic() + seconds
        while time.monotonic() < until or any(served[each] < number for each, number in there_is.items()):
            assert time.monotonic() < until + PATIENCE, served
            asked = (
                self._crowd.ask(self._base_url, secret, _order(account))
                for account, secret in self._secrets.items()
            )
            for each in await asyncio.gather(*asked):
                # The rest of the cap may be what the other host does not use, or have in flight.
                assert each.whole or each.status in (429, 503), each
                served[each.order.account] += each.whole
                self.seen.append(each)
            await asyncio.sleep(_PAUSE)
        assert served.pop("wide") > 0
        assert served == there_is


def _order(account: str) -> Order:
    return Order(tag=f"{account} beside {time.monotonic_ns()}", account=account)
