"""Spending what a key has left, request by request, until its cap says no."""

import asyncio
import time
from itertools import count

from tests.torture.customers import Customers, Seen
from tests.torture.orders import NANO_PER_TOKEN, Order

PATIENCE = 60.0


async def spend_the_rest(
    customers: Customers, base_url: str, secret: str, account: str, least: int = 0
) -> list[Seen]:
    """Asks until it is 402, which is true for good; every request bills all that it holds.

    At least so many have to be served: until then a 402 may be one that was true a moment ago.
    """
    seen: list[Seen] = []
    give_up = time.monotonic() + PATIENCE
    for number in count():
        order = Order(tag=f"{account} rest {time.monotonic_ns()} {number}", account=account)
        one = await customers.ask(base_url, secret, order, streamed=number % 2 == 0)
        if one.whole:
            seen.append(one)
        elif one.status == 402 and len(seen) >= least:
            return seen
        else:
            assert one.status in (402, 429, 503), one
            assert time.monotonic() < give_up, f"{len(seen)} of {least} were served: {one}"
            await asyncio.sleep(0.05)
    raise AssertionError


def nano(tokens: int) -> int:
    """What so many tokens cost, in nano-USD."""
    return tokens * NANO_PER_TOKEN
