"""Races for the last of a cap by workers that each reach one real database by connections of their own."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager, closing

from tests.spend.races import A, W, exact, loose
from tests.spend.working import Working, cap, tables
from tests.storage.places import Place
from tests.storage.samples import add_budget, audit
from zai_gateway.spend.spending import Patience


@asynccontextmanager
async def working(place: Place, number: int) -> AsyncGenerator[list[Working]]:
    """So many workers, each with a store of its own."""
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(place.open(busy_seconds=20.0))) for _ in range(number)]
        async with tables(stores[0].spend, patience=Patience(store=30.0, line=60.0)) as opened:
            yield [await opened.open(store.spend) for store in stores]


async def test_exactly_what_a_cap_holds_passes(place: Place) -> None:
    budget = add_budget(place, cap(100 * W))
    async with working(place, 3) as workers:
        await exact(workers, budget, 300)
        audit(place)
    assert place.rows('SELECT committed FROM "window"') == [(100 * W,)]
    audit(place)


async def test_all_that_requests_leave_of_their_holds_is_spent(place: Place) -> None:
    budget = add_budget(place, cap(99 * A + W))
    async with working(place, 3) as workers:
        await loose(workers, budget, 250)
        audit(place)
    assert place.rows('SELECT committed FROM "window"') == [(100 * A,)]
    audit(place)
