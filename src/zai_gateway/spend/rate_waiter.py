"""A request that waits for the store to admit it, with what its leases had set aside for it."""

import asyncio
from collections.abc import Sequence

from zai_gateway.spend.rate_lease import RateLease
from zai_gateway.spend.rate_store import Part


class Waiter:
    """Has a part of what it needs, then all of it or nothing."""

    __slots__ = ("_has", "_needs", "admitted", "ask", "left", "short", "starts")

    def __init__(self, needs: Sequence[tuple[RateLease, int]], now: float) -> None:
        self._needs = needs
        self._has = [lease.take(amount, now) for lease, amount in needs]
        self.starts = [lease.start_ms for lease, _ in needs]
        """The minute in which each was taken; 0 where it was in two: there is none to give it back in."""
        lacking = [
            (lease, amount - has)
            for (lease, amount), has in zip(needs, self._has, strict=True)
            if amount > has
        ]
        self.short = tuple(lease for lease, _ in lacking)
        """The leases that have too little."""
        self.ask = tuple(Part(lease.limit, amount) for lease, amount in lacking)
        self.left = False
        self.admitted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def take(self, now: float) -> None:
        """Takes what the store granted to its leases for it."""
        for place, (lease, amount) in enumerate(self._needs):
            has = self._has[place]
            if has and self.starts[place] != lease.start_ms:
                self.starts[place] = 0
            elif not has:
                self.starts[place] = lease.start_ms
            self._has[place] = has + lease.take(amount - has, now)

    def put_back(self, now: float) -> None:
        """Leaves what it has to others."""
        for place, (lease, _) in enumerate(self._needs):
            lease.put_back(self._has[place], self.starts[place], now)
            self._has[place] = 0

    def answer(self, admitted: bool, now: float) -> None:
        """Tells it what the store said."""
        if self.left:
            return  # what it was granted is spare now
        if not admitted:
            self.put_back(now)
            # Meanwhile others may have left what suffices, or the store leased it before it came to this one.
            admitted = all(lease.spare(now) >= amount for lease, amount in self._needs)
        if admitted:
            self.take(now)
        if not self.admitted.done():
            self.admitted.set_result(admitted)

    def fail(self, trouble: Exception, now: float) -> None:
        """Tells it that the store said nothing."""
        if not self.left:
            self.put_back(now)
            if not self.admitted.done():
                self.admitted.set_exception(trouble)

    def leave(self, now: float) -> None:
        """Nobody waits for it any more."""
        self.left = True
        self.put_back(now)
