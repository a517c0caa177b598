"""Exactly what a cap holds: where each request is billed its whole hold, so many pass, and no one more."""

from collections import Counter

from tests.torture.books import Key
from tests.torture.conftest import Form
from tests.torture.crowd import Wanted, counted
from tests.torture.orders import NANO_PER_TOKEN, Order
from tests.torture.places import Place
from tests.torture.stand import PATIENT, Booked, standing
from tests.torture.teller import Teller
from tests.torture.truth import Truth, deals_of
from zai_gateway.catalogue.quote import FLOOR

W = FLOOR * NANO_PER_TOKEN
"""Nano-USD: what a request holds whose output limit is the floor, so that nothing can be clamped."""
FIT = 100
CROWD = 1_000


async def test_exactly_what_fits_a_cap_reaches_the_upstream_and_all_others_are_told_402(
    place: Place, teller: Teller, form: Form
) -> None:
    gateways, workers = (2, 1) if place.shared else (1, 4)
    with standing(place, teller, *PATIENT, gateways=gateways, workers=workers) as stand:
        keys = stand.books.new_keys(form.of(1, 5), FIT * FLOOR)
        for key in keys:
            async with stand.crowd() as crowd:
                told = await crowd.ask_all(_wanted(key, number) for number in range(CROWD))
            assert counted(told) == {"answered": FIT, "spend_cap_reached": CROWD - FIT}
            assert Counter(each.status for each in told) == {200: FIT, 402: CROWD - FIT}
            truth = Truth(FIT * W, deals_of(teller.events(key.id)), told)
            truth.of_refusals(dict.fromkeys((each.wanted.order.tag for each in told), W))
            bill = teller.account(key.id)
            assert (bill.arrived, bill.billed, bill.held) == (FIT, FIT * W, 0)
        stand.stop()
        for key in keys:
            assert stand.booked(key) == Booked(rows=FIT, cost=FIT * W, risk=0)


def _wanted(key: Key, number: int) -> Wanted:
    # The bank answers nobody before all that fit have come.
    order = Order(tag=f"{key.id}-{number}", account=key.id, gate=key.id, opens_at=FIT)
    streamed = number % 2 == 1
    return Wanted(order=order, key=key.secret, max_tokens=FLOOR, streamed=streamed, door=number // 2)
