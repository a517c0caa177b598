"""Clients that leave: what they asked for is billed and booked all the same, and nobody waits behind them."""

import asyncio

import pytest

from tests.torture.books import Key
from tests.torture.conftest import Form
from tests.torture.crowd import Crowd, Told, Wanted
from tests.torture.orders import NANO_PER_TOKEN, Kind, Order
from tests.torture.places import Place
from tests.torture.stand import PATIENT, Stand, standing
from tests.torture.teller import PATIENCE, Teller
from zai_gateway.catalogue.quote import FLOOR

HALF = FLOOR // 2
CAP = 3 * FLOOR + HALF
"""Three requests, and half of what a fourth one needs at least."""
POINTS = ("whole", "stream", "midway")


@pytest.mark.parametrize("goes_on", [True, False], ids=["the bank goes on", "the bank is told"])
async def test_who_leaves_is_booked_and_keeps_nobody_waiting(
    place: Place, teller: Teller, form: Form, goes_on: bool
) -> None:
    gateways, workers = (2, 1) if place.shared else (1, 2)
    with standing(place, teller, *PATIENT, gateways=gateways, workers=workers) as stand:
        keys = stand.books.new_keys(form.of(2, 20), CAP)
        async with stand.crowd() as crowd:
            for key in keys:
                await _leave(crowd, teller, key, leaves=not goes_on)
                await _settle(stand, teller, key)
        stand.stop()
        for key in keys:
            assert teller.account(key.id).most_exposed <= (key.cap or 0)


async def _leave(crowd: Crowd, teller: Teller, key: Key, *, leaves: bool) -> None:
    """Clients leave before the first byte, in the midst of a stream, and in the line behind them."""
    orders = {
        point: Order(
            tag=f"{key.id}-{point}",
            account=key.id,
            bills=HALF,
            leaves=leaves,
            gate=None if point == "midway" else key.id,
            midway=key.id if point == "midway" else None,
        )
        for point in POINTS
    }
    gone = [_asked(crowd, key, order, door) for door, order in enumerate(orders.values())]
    await teller.until_arrived(key.id, len(POINTS))
    while not teller.events(key.id, Kind.MIDWAY):
        await asyncio.sleep(0.02)
    in_line = Order(tag=f"{key.id}-line", account=key.id)
    gone += [_asked(crowd, key, in_line, door) for door in range(2)]
    # It does no harm if they are not there yet: then there is nobody to leave the line.
    await asyncio.sleep(1.5)
    assert not any(each.done() for each in gone)
    for each in gone:
        each.cancel()
    await asyncio.wait(gone)
    # It fits into what is left, and the others would be in its way for two minutes.
    small = Wanted(
        order=Order(tag=f"{key.id}-small", account=key.id, bills=1), key=key.secret, max_tokens=HALF
    )
    async with asyncio.timeout(PATIENCE):
        assert (await crowd.ask(small)).what == "answered"


async def _settle(stand: Stand, teller: Teller, key: Key) -> None:
    """All that was sent is in the ledger: streams were let go, and nobody knows what they cost."""
    await stand.books.until_booked(key, 3)
    teller.open(key.id)
    bill = await teller.until_all_billed(key.id)
    assert bill.arrived == len(POINTS) + 1
    await stand.books.until_booked(key, bill.arrived)
    booked = stand.booked(key)
    assert booked.rows == bill.arrived
    assert bill.billed <= booked.cost + booked.risk <= (key.cap or 0)
    billed = {each.tag: each.billed for each in teller.events(key.id, Kind.BILLED)}
    # Whole answers are read to their end, whoever waits for them.
    assert billed[f"{key.id}-whole"] == HALF * NANO_PER_TOKEN
    costs = sorted((each["cost"] + each["risk"], each["risk"] > 0) for each in stand.books.entries(key))
    assert costs == [
        (NANO_PER_TOKEN, False),
        (HALF * NANO_PER_TOKEN, False),
        *[(FLOOR * NANO_PER_TOKEN, True)] * 2,
    ]


def _asked(crowd: Crowd, key: Key, order: Order, door: int) -> asyncio.Task[Told]:
    wanted = Wanted(
        order=order,
        key=key.secret,
        max_tokens=FLOOR,
        streamed=not order.tag.endswith("whole"),
        door=door,
    )
    return asyncio.create_task(crowd.ask(wanted))
