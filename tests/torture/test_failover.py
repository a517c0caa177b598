"""Failover: who takes too long to answer is left, and bills all the same; both bills are inside the cap."""

import json
from collections import Counter

from tests.torture.books import Key
from tests.torture.conftest import Form
from tests.torture.crowd import Wanted
from tests.torture.orders import MODEL, NANO_PER_TOKEN, Order
from tests.torture.places import Place
from tests.torture.stand import PATIENT, Booked, Stand, standing
from tests.torture.teller import Teller, bank

W = 16
"""Tokens that a request allows, and both attempts at it are billed: so little that nothing is clamped."""
W_NANO = W * NANO_PER_TOKEN


async def test_an_attempt_that_is_billed_after_its_timeout_is_inside_the_cap(
    place: Place, teller: Teller, form: Form
) -> None:
    gateways, workers = (2, 1) if place.shared else (1, 4)
    fit = form.of(20, 100)
    with bank() as slow:
        slow.rule(Order(tag="", account="slow", gate="late"))
        teller.rule(Order(tag="", account="quick"))
        # Whose provider key was made first is asked first.
        place.host.books.provide(MODEL, slow.base_url)
        impatient = (*PATIENT, "--impatient-with", slow.base_url)
        with standing(place, teller, *impatient, gateways=gateways, workers=workers) as stand:
            # One more attempt fits than there are second ones for.
            (key,) = stand.books.new_keys(1, (2 * fit + 1) * W)
            async with stand.crowd() as crowd:
                told = await crowd.ask_all(_wanted(key, number) for number in range(fit + 1))
                assert Counter(each.status for each in told) == {200: fit, 504: 1}
                assert (await crowd.ask(_wanted(key, fit + 1))).code == "spend_cap_reached"
                slow.open("late")
                bills = [await slow.until_all_billed("slow"), teller.account("quick")]
                assert [each.billed for each in bills] == [(fit + 1) * W_NANO, fit * W_NANO]
                await stand.books.until_booked(key, 2 * fit + 1)
                _check_rows(stand, key, fit)
                # All of it was billed, so that nothing is free again.
                stand.books.resolve(key, W_NANO)
                assert stand.booked(key).cost == key.cap == sum(each.billed for each in bills)
                assert (await crowd.ask(_wanted(key, fit + 2))).code == "spend_cap_reached"
            stand.stop()


def _wanted(key: Key, number: int) -> Wanted:
    # An order without an account: the two banks have rules of their own for it.
    order = Order(tag=f"{key.id}-{number}")
    return Wanted(order=order, key=key.secret, max_tokens=W, streamed=number % 2 == 0, door=number)


def _check_rows(stand: Stand, key: Key, fit: int) -> None:
    """Each request has a row for each of its attempts."""
    assert stand.booked(key) == Booked(rows=2 * fit + 1, cost=fit * W_NANO, risk=(fit + 1) * W_NANO)
    attempts: dict[str, list[int]] = {}
    for entry in stand.books.entries(key):
        attempts.setdefault(entry["request"], []).append(entry["attempt"])
        first = entry["attempt"] == 1
        assert (entry["cost"], entry["risk"]) == ((0, W_NANO) if first else (W_NANO, 0))
        assert json.loads(entry["flags"]) == (["interrupted"] if first else [])
    assert sorted(map(sorted, attempts.values())) == [[1], *[[1, 2]] * fit]
