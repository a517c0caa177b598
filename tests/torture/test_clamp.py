"""Near the cap: a remainder that is the floor or more is sent with exactly the output that it buys."""

from tests.torture.books import Key
from tests.torture.crowd import Crowd, Told, Wanted
from tests.torture.orders import MODEL, NANO_PER_TOKEN, Kind, Order
from tests.torture.places import Place
from tests.torture.stand import PATIENT, Booked, Stand, standing
from tests.torture.teller import Teller
from zai_gateway.catalogue.quote import FLOOR

LONG = 8 * FLOOR
"""More output than any remainder here buys."""
DISHONOURED = "xai/grok-4"
"""A model of a provider that keeps no output limit."""
MOST = 256_000
"""The most that it answers, in tokens, for nobody published less than its context window."""


class Customer:
    """Asks for answers of one key, each of which bills all that it may."""

    def __init__(self, crowd: Crowd, teller: Teller, key: Key, model: str = MODEL) -> None:
        self._crowd = crowd
        self._teller = teller
        self._key = key
        self._model = model
        self._asked = 0

    async def ask(self, max_tokens: int, *, door: int = 0, bills: int | None = None) -> Told:
        self._asked += 1
        order = Order(tag=f"{self._key.id}-{self._asked}", account=self._key.id, bills=bills)
        return await self._crowd.ask(
            Wanted(
                order=order,
                key=self._key.secret,
                model=self._model,
                max_tokens=max_tokens,
                streamed=self._asked % 2 == 0,
                door=door,
            )
        )

    def sent(self) -> list[int]:
        """The output limits that reached the upstream, in tokens."""
        arrived = self._teller.events(self._key.id, Kind.ARRIVED)
        return [event.hold // NANO_PER_TOKEN for event in arrived]


async def test_a_remainder_is_sent_with_what_it_buys_if_that_is_the_floor_or_more(
    place: Place, teller: Teller
) -> None:
    remainders = (FLOOR - 1, FLOOR, FLOOR + 1, 3 * FLOOR - 1)
    with standing(place, teller, *PATIENT, gateways=2) as stand:
        keys = [stand.books.new_keys(1, 2 * FLOOR + remainder)[0] for remainder in remainders]
        async with stand.crowd() as crowd:
            for key, remainder in zip(keys, remainders, strict=True):
                await _spend_to(Customer(crowd, teller, key), remainder)
        stand.stop()
        for key, remainder in zip(keys, remainders, strict=True):
            cost = (2 * FLOOR + remainder) * NANO_PER_TOKEN
            assert stand.booked(key) == Booked(rows=2, cost=cost, risk=0)


async def _spend_to(customer: Customer, remainder: int) -> None:
    """Leaves so much of a cap, and then spends that too, at another worker."""
    first = await customer.ask(2 * FLOOR)
    assert (first.what, first.max_tokens) == ("answered", None)
    if remainder < FLOOR:
        for door in (0, 1):
            refused = await customer.ask(LONG, door=door)
            assert (refused.status, refused.code) == (402, "spend_cap_reached")
        last = await customer.ask(remainder, door=1)
        assert (last.what, last.max_tokens) == ("answered", None)
    else:
        last = await customer.ask(LONG, door=1)
        assert (last.what, last.max_tokens) == ("answered", remainder)
    assert customer.sent() == [2 * FLOOR, remainder]
    assert (await customer.ask(LONG)).status == (await customer.ask(1, door=1)).status == 402


async def test_a_remainder_that_is_spread_over_four_workers_is_recalled_first(
    place: Place, teller: Teller
) -> None:
    with standing(place, teller, *PATIENT, gateways=4) as stand:
        keys = stand.books.new_keys(2, 400 * FLOOR)
        async with stand.crowd() as crowd:
            clamped, fitting = [Customer(crowd, teller, key) for key in keys]
            for key, customer in zip(keys, (clamped, fitting), strict=True):
                await _spread(stand, customer, key)
            left = _remainder(teller, keys[0])
            told = await clamped.ask(left + LONG)
            assert (told.what, told.max_tokens, clamped.sent()[-1]) == ("answered", left, left)
            # A request that needs all of it, and no more, is not clamped.
            left = _remainder(teller, keys[1])
            told = await fitting.ask(left, door=3)
            assert (told.what, told.max_tokens, fitting.sent()[-1]) == ("answered", None, left)
            assert (await clamped.ask(1, door=2)).status == (await fitting.ask(1, door=1)).status == 402
        stand.stop()
        for key in keys:
            assert stand.booked(key).cost == key.cap == teller.account(key.id).billed


async def _spread(stand: Stand, customer: Customer, key: Key) -> None:
    """Asks at each worker until each has more of the key than it uses."""
    for door in range(4):
        for _ in range(40):
            if sum(lease > 0 for lease in stand.free_leases(key)) > door:
                break
            assert (await customer.ask(FLOOR, door=door, bills=FLOOR // 8)).what == "answered"
    assert sum(lease > 0 for lease in stand.free_leases(key)) == 4


def _remainder(teller: Teller, key: Key) -> int:
    """Tokens that the key can still be billed."""
    return ((key.cap or 0) - teller.account(key.id).billed) // NANO_PER_TOKEN


async def test_where_limits_are_not_honoured_nothing_is_clamped(place: Place, teller: Teller) -> None:
    with standing(place, teller, *PATIENT, gateways=2, model=DISHONOURED) as stand:
        (enough,), (too_little,) = stand.books.new_keys(1, MOST), stand.books.new_keys(1, MOST - 1)
        async with stand.crowd() as crowd:
            refused = Customer(crowd, teller, too_little, DISHONOURED)
            for door in (0, 1):
                assert (await refused.ask(FLOOR, door=door)).code == "spend_cap_reached"
            assert refused.sent() == []
            served = Customer(crowd, teller, enough, DISHONOURED)
            told = await served.ask(FLOOR)
            assert (told.what, told.max_tokens, served.sent()) == ("answered", None, [FLOOR])
