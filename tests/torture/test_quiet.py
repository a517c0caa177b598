"""Quiet: what the store is asked does not depend on how many requests there are."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.torture.books import Key
from tests.torture.conftest import Form
from tests.torture.crowd import Crowd, Told, Wanted, counted
from tests.torture.orders import Order
from tests.torture.places import Place
from tests.torture.stand import PATIENT, Stand, Transaction, standing
from tests.torture.teller import Teller
from zai_gateway.catalogue.quote import FLOOR

AT_ONCE = 32
DOORS = 2
LEFT = 100
"""Tokens that are left of a cap in a storm: less than any request needs."""
POLLS = {
    "generation": 4.0,
    "recalled": 4.0,
    "live_workers": 1 / 3,
    "imported_version": 1 / 10,
    "fetched": 1 / 10,
    "tell": 1 / 15,
    "saw": 1 / 30,
    "note_use": 1 / 60,
}
"""What is asked by the clock alone, in transactions a second of one worker."""
FLUSHES = 10.0
"""A second: there are 100 ms between two."""
GRANTS = 1.0
"""A second: a lease lasts for about ten."""
REFUSALS = 20.0
"""Transactions of a worker in a second of a storm, all together."""


async def test_warm_requests_ask_the_store_nothing(place: Place, teller: Teller, form: Form) -> None:
    with standing(place, teller, *PATIENT, gateways=DOORS) as stand:
        (key,) = stand.books.new_keys(1, 1_000_000 * FLOOR)
        async with stand.crowd() as crowd:
            await _asked(crowd, 200, lambda number: _served(key, f"cold-{number}", number))
            count = form.of(1_000, 10_000)
            watch = Watch(stand)
            told = await _asked(crowd, count, lambda number: _served(key, f"warm-{number}", number))
            seconds, transactions = watch.seen()
        assert counted(told) == {"answered": count}
        moves = Counter((each.process, each.move) for each in transactions)
        print(f"\n{count} warm requests in {seconds:.1f} s: {moves}")
        paces = {**POLLS, "flush": FLUSHES, "grant": GRANTS}
        for (_, move), times in moves.items():
            assert times <= paces.get(move, 0.0) * seconds + 2, f"{move}: {moves} in {seconds:.1f} s"
        # A transaction does not grow with what it books either.
        most = {each.move: each.statements for each in sorted(transactions, key=lambda each: each.statements)}
        assert max(most["flush"], most.get("grant", 0)) <= 12, most
        stand.stop()
        assert stand.booked(key).rows == 200 + count


async def test_a_storm_of_402_asks_the_store_a_few_times_a_second(
    place: Place, teller: Teller, form: Form
) -> None:
    with standing(place, teller, *PATIENT, gateways=DOORS) as stand:
        (key,) = stand.books.new_keys(1, DOORS * FLOOR + LEFT)
        async with stand.crowd() as crowd:
            for door in range(DOORS):
                order = Order(tag=f"all-{door}", account=key.id)
                served = await crowd.ask(Wanted(order=order, key=key.secret, max_tokens=FLOOR, door=door))
                assert served.what == "answered"
            count = form.of(2_000, 20_000)
            watch = Watch(stand)
            told = await _asked(crowd, count, lambda number: _refused(key, number))
            seconds, transactions = watch.seen()
        assert counted(told) == {"spend_cap_reached": count}
        assert teller.account(key.id).arrived == DOORS
        by_worker = Counter(each.process for each in transactions)
        moves = Counter(each.move for each in transactions)
        print(f"\n{count} refusals in {seconds:.1f} s: {by_worker} {moves}")
        for times in by_worker.values():
            assert times <= REFUSALS * seconds + 2, f"{moves} in {seconds:.1f} s"
        stand.stop()


class Watch:
    """What transactions there are from now on."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._before = len(stand.transactions())
        self._began = time.monotonic()

    def seen(self) -> tuple[float, Sequence[Transaction]]:
        """Those since then, and in how many seconds."""
        transactions = self._stand.transactions()[self._before :]
        return time.monotonic() - self._began, transactions


async def _asked(crowd: Crowd, count: int, wanted: Callable[[int], Wanted]) -> list[Told]:
    """So many requests, AT_ONCE of them at a time."""
    numbers = iter(range(count))

    async def client() -> list[Told]:
        return [await crowd.ask(wanted(number)) for number in numbers]

    return [each for its in await asyncio.gather(*(client() for _ in range(AT_ONCE))) for each in its]


def _served(key: Key, tag: str, number: int) -> Wanted:
    """It spends all that it holds: a lease that does not run ahead would be asked for each time."""
    order = Order(tag=tag, account=key.id)
    return Wanted(order=order, key=key.secret, max_tokens=FLOOR, streamed=number % 2 == 0, door=number // 2)


def _refused(key: Key, number: int) -> Wanted:
    """Each needs another amount, but more than there is."""
    order = Order(tag=f"storm-{number}", account=key.id)
    limit = LEFT + 1 + number % (3 * FLOOR)
    return Wanted(order=order, key=key.secret, max_tokens=limit, streamed=number % 2 == 0, door=number // 2)
