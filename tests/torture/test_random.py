"""At random: whatever requests cost, the cap is never at stake, and no refusal is untrue."""

import asyncio
import random

from tests.torture.books import Key
from tests.torture.conftest import Form
from tests.torture.crowd import Crowd, Told, Wanted, counted
from tests.torture.orders import NANO_PER_TOKEN, Order
from tests.torture.places import Place
from tests.torture.stand import IMPATIENT, Booked, standing
from tests.torture.teller import Teller
from tests.torture.truth import Truth, deals_of
from zai_gateway.catalogue.quote import FLOOR

CAP = 60 * FLOOR
CLIENTS = 60


async def test_at_random_no_cap_is_at_stake_and_every_refusal_is_true(
    place: Place, teller: Teller, form: Form
) -> None:
    gateways, workers = (2, 1) if place.shared else (1, 4)
    with standing(place, teller, *IMPATIENT, gateways=gateways, workers=workers) as stand:
        keys = stand.books.new_keys(form.of(1, 10), CAP)
        for seed, key in enumerate(keys):
            draw = random.Random(seed)
            async with stand.crowd() as crowd, asyncio.timeout(600):
                clients = [_ask_on(crowd, key, draw, f"{key.id}-{n}") for n in range(CLIENTS)]
                told = [each for its in await asyncio.gather(*clients) for each in its]
            came = counted(told)
            assert came["answered"] > 0 < came["spend_cap_reached"]
            truth = Truth(key.cap or 0, deals_of(teller.events(key.id)), told)
            truth.of_arrivals()
            truth.of_refusals({each.wanted.order.tag: _least(each.wanted) for each in told})
        stand.stop()
        for key in keys:
            bill = teller.account(key.id)
            assert bill.most_exposed <= (key.cap or 0)
            assert stand.booked(key) == Booked(rows=bill.arrived, cost=bill.billed, risk=0)


async def _ask_on(crowd: Crowd, key: Key, draw: random.Random, name: str) -> list[Told]:
    """One client, who asks again and again, until it is told that there is nothing left for it."""
    told: list[Told] = []
    for number in range(20):
        wanted = Wanted(
            order=Order(tag=f"{name}-{number}", account=key.id, at_random=True, seconds=0.2),
            key=key.secret,
            max_tokens=draw.choice([None, draw.randint(1, FLOOR), draw.randint(FLOOR, 8 * FLOOR)]),
            streamed=draw.random() < 0.5,
            door=draw.randrange(8),
        )
        told.append(await crowd.ask(wanted))
        await asyncio.sleep(draw.random() / 20)
    return told


def _least(wanted: Wanted) -> int:
    """Nano-USD that it holds at the shortest answer that is worth sending."""
    return min(FLOOR, wanted.max_tokens or FLOOR) * NANO_PER_TOKEN


async def test_what_is_merely_held_is_429_which_is_true_when_it_is_told(
    place: Place, teller: Teller, form: Form
) -> None:
    with standing(place, teller, *IMPATIENT, gateways=2) as stand:
        (key,) = stand.books.new_keys(1, 10 * FLOOR)

        def wanted(name: str, number: int) -> Wanted:
            order = Order(tag=f"{name}-{number}", account=key.id, gate="held", bills=FLOOR // 2)
            return Wanted(
                order=order, key=key.secret, max_tokens=FLOOR, streamed=number % 2 == 0, door=number
            )

        async with stand.crowd() as crowd:
            # One after the other, so that none of them is in the way of the next.
            served: list[asyncio.Task[Told]] = []
            for number in range(10):
                served.append(asyncio.create_task(crowd.ask(wanted("served", number))))
                await teller.until_arrived(key.id, number + 1)
            refused = await crowd.ask_all(wanted("refused", number) for number in range(form.of(40, 400)))
            assert counted(refused) == {"budget_busy": len(refused)}
            assert all(int(each.retry_after or 0) >= 1 for each in refused)
            teller.open("held")
            assert counted(await asyncio.gather(*served)) == {"answered": 10}
            # What they left of their holds is there for others now.
            more = [await crowd.ask(wanted("more", number)) for number in range(9)]
            assert counted(more) == {"answered": 9}
        stand.stop()
        assert stand.booked(key) == Booked(rows=19, cost=19 * FLOOR // 2 * NANO_PER_TOKEN, risk=0)
