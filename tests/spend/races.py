"""Races for the last of a cap: many requests at once, over several workers of one store."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from tests.spend.working import Working, fixed, spend, told
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.store import Granted

W = 30_000_000
"""Nano-USD: the worst case of a request, and what it is billed where that is exact."""
A = W // 3
"""What it is billed where that is less."""


async def exact(workers: Sequence[Working], budget: Budget, asked_for: int = 1_000) -> None:
    """The budget holds 100 W: that many arrive, and are answered once all have; the others are told 402."""
    arrived, answer = list[Granted](), asyncio.Event()

    def arrive(granted: Granted) -> None:
        arrived.append(granted)
        if len(arrived) == 100:
            answer.set()

    asked = [
        asyncio.ensure_future(
            spend(workers[number % len(workers)].spending, (budget,), fixed(W), W, arrive, answer)
        )
        for number in range(asked_for)
    ]
    told_all = Counter(await asyncio.gather(*(told(each) for each in asked)))
    assert told_all == {"ok": 100, "spend_cap_reached": asked_for - 100}
    assert len(arrived) == 100
    assert all([await each.spending.flushed() for each in workers])


async def loose(workers: Sequence[Working], budget: Budget, asked_for: int = 400) -> None:
    """The budget holds 99 A + W: 100 are answered, for each leaves most of its hold to those who wait."""
    asked = [
        asyncio.ensure_future(spend(workers[number % len(workers)].spending, (budget,), fixed(W), A))
        for number in range(asked_for)
    ]
    told_all = Counter(await asyncio.gather(*(told(each) for each in asked)))
    assert told_all == {"ok": 100, "spend_cap_reached": asked_for - 100}
    assert all([await each.spending.flushed() for each in workers])
