"""Traffic: every key asks at an even pace, whatever it is told."""

import asyncio
import time
from collections.abc import Sequence

from tests.torture.books import Key
from tests.torture.customers import TOKENS, Customers, Seen
from tests.torture.orders import Order
from zai_gateway.accounts import keys

PACE = 0.1
"""Seconds between two requests with one key."""
BILLED = TOKENS // 2
PATIENCE = 60.0
STRANGER = "a stranger"


class Traffic:
    """Requests of one gateway. Each is on its key's account at the bank, and bills half of what it holds."""

    def __init__(self, crowd: Customers, base_url: str) -> None:
        self._crowd = crowd
        self._base_url = base_url
        self.seen: list[Seen] = []

    async def ask(self, key: Key) -> Seen:
        """One request."""
        return await self._ask(key.secret, key.id)

    async def ask_stranger(self) -> Seen:
        """One request with a key that nobody ever made."""
        return await self._ask(keys.new_secret(), STRANGER)

    async def flow(self, seconds: float, asked: Sequence[Key], *, strangers: bool = False) -> list[Seen]:
        """Begins a request with each key at each beat, and a stranger's; what all of them were told."""
        under_way: list[asyncio.Task[Seen]] = []
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            under_way += [asyncio.create_task(self.ask(key)) for key in asked]
            if strangers:
                under_way.append(asyncio.create_task(self.ask_stranger()))
            await asyncio.sleep(PACE)
        return list(await asyncio.gather(*under_way))

    async def until_served(self, key: Key) -> None:
        """Asks until it is answered."""
        give_up = time.monotonic() + PATIENCE
        while not (one := await self.ask(key)).whole:
            assert one.status == 503, one
            assert time.monotonic() < give_up, one
            await asyncio.sleep(PACE)

    async def _ask(self, secret: str, account: str) -> Seen:
        order = Order(tag=f"{account} {time.monotonic_ns()}", account=account, bills=BILLED)
        one = await self._crowd.ask(self._base_url, secret, order, streamed=len(self.seen) % 2 == 0)
        self.seen.append(one)
        return one
