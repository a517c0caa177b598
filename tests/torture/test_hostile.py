"""A hostile world: a provider that bills too much, a client that lies, and a cap that falls."""

import json
from collections.abc import AsyncGenerator

import pytest

from tests.torture.books import Key
from tests.torture.customers import TOKENS, Customers, Seen, customers
from tests.torture.orders import MODEL, Order
from tests.torture.places import Place
from tests.torture.spending import nano, spend_the_rest
from tests.torture.teller import Teller

CAP = 4 * TOKENS


@pytest.fixture
async def crowd() -> AsyncGenerator[Customers]:
    async with customers() as crowd:
        yield crowd


@pytest.fixture
def keys(place: Place, teller: Teller) -> list[Key]:
    """Two, with the same cap."""
    place.host.books.provide(MODEL, teller.base_url)
    return place.host.books.new_keys(2, CAP)


async def _spent(crowd: Customers, teller: Teller, door: str, key: Key, seen: list[Seen]) -> int:
    """What the bank has billed when the cap says no, in nano-USD."""
    seen += await spend_the_rest(crowd, door, key.secret, key.id)
    return (await teller.until_all_billed(key.id)).billed


async def test_a_bill_above_the_hold_is_booked_in_full_and_touches_no_other_key(
    place: Place, teller: Teller, crowd: Customers, keys: list[Key]
) -> None:
    books, gateway, (greedy, other) = place.host.books, place.host.start(), keys
    order = Order(tag="greedy", account=greedy.id, bills=10 * TOKENS)
    seen = [await crowd.ask(gateway.base_url, greedy.secret, order)]
    assert seen[0].whole
    assert (await crowd.ask(gateway.base_url, greedy.secret, order)).status == 402
    assert await _spent(crowd, teller, gateway.base_url, other, seen) == nano(CAP)
    gateway.stop()
    books.check(seen)
    (entry,) = books.entries(greedy)
    assert (entry["cost"], json.loads(entry["flags"])) == (nano(10 * TOKENS), ["overrun"])


async def test_a_client_that_repeats_its_request_id_pays_each_time(
    place: Place, teller: Teller, crowd: Customers, keys: list[Key]
) -> None:
    books, gateway, key = place.host.books, place.host.start(), keys[0]
    same = {"x-request-id": "req_01m8388eyxe8p1h3dhqe6mvx3d", "idempotency-key": "the same"}
    orders = [Order(tag=f"again {n}", account=key.id) for n in range(CAP // TOKENS)]
    asked = [crowd.begin(gateway.base_url, key.secret, each, headers=same) for each in orders]
    seen = [await each.seen() for each in asked]
    assert all(each.whole for each in seen)
    assert len({each.request for each in seen} - {same["x-request-id"]}) == len(orders)
    assert await _spent(crowd, teller, gateway.base_url, key, seen) == nano(CAP)
    gateway.stop()
    books.check(seen)


async def test_a_cap_that_falls_below_what_is_held_lets_nothing_more_pass(
    place: Place, teller: Teller, crowd: Customers, keys: list[Key]
) -> None:
    books, gateway, key = place.host.books, place.host.start(), keys[0]
    orders = [Order(tag=f"held {n}", account=key.id, gate="later") for n in range(3)]
    asked = [crowd.begin(gateway.base_url, key.secret, each) for each in orders]
    await teller.until_arrived(key.id, len(orders))
    books.set_cap(key, TOKENS)
    teller.open("later")
    seen = [await each.seen() for each in asked]
    assert all(each.whole for each in seen)
    assert await _spent(crowd, teller, gateway.base_url, key, seen) == nano(3 * TOKENS)
    books.set_cap(key, CAP + 2 * TOKENS)
    seen += await spend_the_rest(crowd, gateway.base_url, key.secret, key.id, 3)
    assert (await teller.until_all_billed(key.id)).billed == nano(CAP + 2 * TOKENS)
    gateway.stop()
    books.check(seen)
