"""The escrow of one worker: what of its leases is free, held, and spent but not flushed; pure.

For each window, `granted = spent + risk + unflushed + held + free` (spend.md, "State"); the store keeps the
first three terms, and this keeps the others. Amounts are in nano-USD, moments in seconds of one clock.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from zai_gateway.spend.sizes import FULL_SECONDS, IDLE_SECONDS, LEASE_SECONDS, LOW_SECONDS

_RECENT_SECONDS = 4 * LEASE_SECONDS


class Lease(Struct):
    """One worker's part of one window, without what the store has booked already."""

    free: int = 0
    """Negative after an overrun, until a flush has it granted."""
    held: int = 0
    unflushed: int = 0
    """Cost and risk that are settled here and not known to be booked in the store."""
    touched: float = 0.0
    """When something was last held of it."""
    began: float = 0.0
    """Since when `settled` is summed."""
    settled: int = 0
    """Cost and risk since then; of what is longer ago, half of both counts."""
    largest: int = 0
    """The largest hold of late."""

    def lasting(self, seconds: float, now: float) -> int:
        """What lasts for so long at the recent pace."""
        return round(self.settled * seconds / max(now - self.began, 1.0))

    def lacking(self, now: float) -> int:
        """What fills it up, so that the largest hold finds room to the end; 0 where it lasts, or is idle."""
        if now - self.touched > IDLE_SECONDS or self.free >= self.largest + self.lasting(LOW_SECONDS, now):
            return 0
        return max(0, self.largest + self.lasting(FULL_SECONDS, now) - self.free)

    def look_less_far_back(self, now: float) -> None:
        """Half of what is known of its use counts from now on; nothing of what is not recent at all."""
        known = now - self.began
        kept = known / 2 if known <= _RECENT_SECONDS else 0.0
        self.began, self.largest = now - kept, self.largest // 2
        self.settled = self.settled // 2 if kept else 0

    def want(self, need: int, now: float) -> int:
        """What would last for LEASE_SECONDS at the recent pace.

        As much as is held now is asked for beside it: under a burst of which nothing has ended yet there is
        no pace, and a lease that doubles keeps the store from being asked for each request.
        """
        return need + self.held + self.lasting(LEASE_SECONDS, now)


class Escrow:
    """Every lease of one worker. It tests no limit: what was not granted cannot be held.

    No move costs more where there are more leases.
    """

    def __init__(self) -> None:
        self._leases: OrderedDict[str, Lease] = OrderedDict()
        """Those that were looked at longest ago, for being idle, are first."""
        self._overdrawn: set[str] = set()
        self._used: set[str] = set()
        """Those of which something was booked since it was last looked who runs low."""
        self.doubtful = False
        """A commit's reply was lost: nothing is held until `reread`."""

    def __len__(self) -> int:
        """How many leases there are."""
        return len(self._leases)

    def lease(self, window: str) -> Lease | None:
        """The lease on a window; None where the store was never asked for one."""
        return self._leases.get(window)

    def free(self, window: str) -> int:
        """What is free of a window here."""
        lease = self._leases.get(window)
        return 0 if lease is None else lease.free

    def hold(self, windows: Sequence[str], amount: int, now: float) -> bool:
        """Holds `amount` in all windows, or in none: then it says False."""
        if self.doubtful:
            return False
        leases = self._leases
        for window in windows:
            lease = leases.get(window)
            if lease is None or lease.free < amount:
                return False
        for window in windows:
            lease = leases[window]
            lease.free -= amount
            lease.held += amount
            lease.touched = now
            if amount > lease.largest:  # noqa: PLR1730 -- max() takes twice as long, on the hot path
                lease.largest = amount
        return True

    def settle(self, windows: Sequence[str], held: int, spent: int) -> None:
        """Closes a hold: `spent` (cost and risk) is booked, the rest is free again."""
        for window in windows:
            # A hold of nothing keeps no lease from being forgotten.
            lease = self._leases.get(window) or self._made(window)
            lease.held -= held
            lease.unflushed += spent
            lease.settled += spent
            lease.free += held - spent
            if lease.free < 0:
                self._overdrawn.add(window)

    def granted(self, amounts: Mapping[str, int], now: float) -> None:
        """A GRANT came through."""
        for window, amount in amounts.items():
            lease = self._made(window, now)
            lease.free += amount
            if now - lease.began > LEASE_SECONDS:
                lease.look_less_far_back(now)

    def running_low(self, now: float) -> dict[str, int]:
        """What would fill up each lease that runs low, of those that were used since this was last asked."""
        used, self._used = self._used, set()
        leases = ((window, self._leases.get(window)) for window in used)
        lacking = {window: lease.lacking(now) for window, lease in leases if lease is not None}
        return {window: amount for window, amount in lacking.items() if amount}

    def use(self, windows: Iterable[str]) -> None:
        """Has it looked next time whether these run low."""
        self._used.update(windows)

    def shortfalls(self) -> dict[str, int]:
        """What was spent beyond the leases, by window: a flush has it granted."""
        short = {window: -self._leases[window].free for window in self._overdrawn}
        return {window: amount for window, amount in short.items() if amount > 0}

    def take_back(self, windows: Iterable[str]) -> dict[str, int]:
        """Takes all that is free of these windows out of the leases, so that it can be given back."""
        back: dict[str, int] = {}
        if self.doubtful:
            return back
        for window in windows:
            lease = self._leases.get(window)
            if lease is not None and lease.free > 0:
                back[window], lease.free = lease.free, 0
        return back

    def everything(self) -> tuple[str, ...]:
        """Every window with a lease."""
        return tuple(self._leases)

    def idle(self, since: float, most: int) -> list[str]:
        """The windows of which nothing was held since then, and something is free; the rest is forgotten.

        It looks at `most` leases, at others each time.
        """
        found: list[str] = []
        for _ in range(min(most, len(self._leases))):
            window = next(iter(self._leases))
            lease = self._leases[window]
            if lease.touched < since and not (lease.free or lease.held or lease.unflushed):
                del self._leases[window]
                self._overdrawn.discard(window)
                continue
            self._leases.move_to_end(window)
            if lease.touched < since and lease.free > 0:
                found.append(window)
        return found

    def flushed(self, spent: Mapping[str, int], shortfall: Mapping[str, int]) -> None:
        """A FLUSH came through: `spent` (cost and risk) is in the store, and so is the shortfall."""
        self.use(spent)
        for window, amount in spent.items():
            self._made(window).unflushed -= amount
        for window, amount in shortfall.items():
            lease = self._leases[window]
            lease.free += amount
            if lease.free >= 0:
                self._overdrawn.discard(window)

    def failed(self, back: Mapping[str, int]) -> None:
        """A FLUSH did not happen: what it would have given back is free again."""
        for window, amount in back.items():
            self._made(window).free += amount

    def reread(self, remains: Mapping[str, int], unflushed: Mapping[str, int]) -> None:
        """The end of DOUBT: what the store has granted beyond spent and risk, and what it has not booked.

        Both by window; what is held is known here alone.
        """
        there = {window for window, amount in remains.items() if amount}
        self._overdrawn.clear()
        for window in {*self._leases, *there, *unflushed}:
            lease = self._made(window)
            lease.unflushed = unflushed.get(window, 0)
            lease.free = remains.get(window, 0) - lease.unflushed - lease.held
            if lease.free < 0:
                self._overdrawn.add(window)
        self.doubtful = False

    def _made(self, window: str, now: float = 0.0) -> Lease:
        found = self._leases.get(window)
        if found is None:
            found = self._leases[window] = Lease(touched=now)
        return found
