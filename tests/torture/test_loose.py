"""Loosely held: what requests leave of their holds is spent to the last by those who wait."""

import time

from tests.torture.books import Key
from tests.torture.conftest import Form
from tests.torture.crowd import Wanted, counted
from tests.torture.orders import NANO_PER_TOKEN, Kind, Order
from tests.torture.places import Place
from tests.torture.stand import FOR_A_MINUTE, Booked, standing
from tests.torture.teller import Teller
from tests.torture.truth import Truth, deals_of

W = 1_023
"""Tokens that a request allows, and holds: its own limit is below the floor, so that nothing is clamped."""
A = W // 3
"""Tokens that it is billed."""
FIT = 100
CAP = (FIT - 1) * A + W


async def test_what_requests_leave_of_their_holds_is_spent_by_those_who_wait(
    place: Place, teller: Teller, form: Form
) -> None:
    gateways, workers = (2, 1) if place.shared else (1, 4)
    with standing(place, teller, *FOR_A_MINUTE, gateways=gateways, workers=workers) as stand:
        asked_for = form.of(300, 1_000)
        (key,) = stand.books.new_keys(1, CAP)
        async with stand.crowd() as crowd:
            told = await crowd.ask_all(_wanted(key, number) for number in range(asked_for))
        assert counted(told) == {"answered": FIT, "spend_cap_reached": asked_for - FIT}
        events = teller.events(key.id)
        last = [event.at for event in events if event.kind is Kind.BILLED][FIT - 1]
        first_402 = min(each.told for each in told if each.status == 402)
        assert first_402 > last
        Truth(CAP * NANO_PER_TOKEN, deals_of(events), told).of_arrivals()
        stand.stop()
        # By the wall clock too, which the gateways settle by: whole milliseconds of it.
        settled_ms = max(row["at_ms"] for row in stand.books.entries(key))
        assert settled_ms <= (first_402 + time.time() - time.monotonic()) * 1_000
        assert stand.booked(key) == Booked(rows=FIT, cost=FIT * A * NANO_PER_TOKEN, risk=0)


def _wanted(key: Key, number: int) -> Wanted:
    order = Order(tag=f"{key.id}-{number}", account=key.id, bills=A, seconds=0.05)
    return Wanted(order=order, key=key.secret, max_tokens=W, streamed=number % 2 == 1, door=number // 2)
