"""One worker's part of one rate limit: what it may use without asking, and what the store last said; pure.

Moments are in seconds of a clock that goes on while the machine sleeps.
"""

from zai_gateway.spend.rate_store import Charge, Part, Reading
from zai_gateway.spend.rates import MINUTE_MS, SILENCE_MS, RateLimit, Tally, current, full_ms, wait_ms

_REMEMBERED_SECONDS = 0.25
"""For so long what the store said is good enough to refuse by."""
_SLOT_SECONDS = 1.0
"""After which it may help to ask again for one of the requests at once."""


class RateLease:
    """What a worker has of one limit, and knows of it."""

    __slots__ = ("_known_until", "_read_at", "_reading", "_until", "limit", "owed", "room", "used")

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self.room = 0
        """Leased and unused; worth nothing after `_until`."""
        self.used = 0
        """Requests under way, of a limit on requests at once."""
        self.owed = 0
        """Used beyond what was leased, which the store was not told of yet."""
        self._until = 0.0
        self._reading: Reading | None = None
        self._read_at = 0.0
        self._known_until = 0.0

    def spare(self, now: float) -> int:
        """What may be used without asking."""
        return self.room if now < self._until else 0

    def take(self, amount: int, now: float) -> int:
        """Uses as much of `amount` as is spare, and says how much that is."""
        spare = self.spare(now)
        taken = min(spare, amount)
        self.room = spare - taken
        if self.limit.is_gauge:
            self.used += taken
        return taken

    def put_back(self, amount: int, start_ms: int, now: float) -> None:
        """What was taken in that minute is not used, or not any more: it may be taken again."""
        if self.limit.is_gauge:
            self.used -= amount
            self.room = self.spare(now) + amount
        elif start_ms == self.start_ms and now < self._until:
            self.room += amount

    def settle(self, taken: int, start_ms: int, used: int, now: float) -> None:
        """What was taken in that minute turned out to be so much."""
        if used <= taken:
            self.put_back(taken - used, start_ms, now)
            return
        more = used - taken
        self.owed += more - self.take(more, now)

    @property
    def start_ms(self) -> int:
        """The minute in which it may use what it has; 0 before the first reading."""
        return self._reading.tally.start_ms if self._reading else 0

    def has_news(self, now: float) -> bool:
        """Whether there is something to tell the store soon."""
        return self.owed > 0 or self.spare(now) > self._reserve

    def is_idle(self, now: float) -> bool:
        """Whether nothing would be lost with it."""
        return not (self.used or self.owed or self.spare(now) or now < self._known_until)

    def charges(self, now: float) -> tuple[Charge, ...]:
        """What was used beyond what was taken, or taken and not used: it leaves the lease with this."""
        owed, self.owed = self.owed, 0
        found = (Charge(self.limit, owed),) if owed else ()
        surplus = self.spare(now) - self._reserve
        if surplus > 0:
            self.room -= surplus
            found = (*found, Charge(self.limit, -surplus, self.start_ms))
        return found

    def held(self, now: float) -> Part:
        """What it goes on holding of a limit on requests at once: what is spare beyond that leaves it."""
        # Where nothing is under way, nothing is kept: this is said seldom enough.
        self.room = min(self.spare(now), self._reserve) if self.used else 0
        return Part(self.limit, self.used + self.room)

    def read(self, reading: Reading, asked_at: float) -> None:
        """The store answered to what it was asked at that moment."""
        if self.limit.is_gauge:
            self._until = asked_at + SILENCE_MS / 1_000
        else:
            # The store's clock stood there after it was asked, so that its minute ends no sooner.
            until = asked_at + (reading.tally.start_ms + MINUTE_MS - reading.now_ms) / 1_000
            if reading.tally.start_ms == self.start_ms:
                until = max(until, self._until)
            else:
                self.room = 0
            self._until = until
        self.room += reading.granted
        self._reading, self._read_at = reading, asked_at
        self._known_until = 0.0

    def remember(self, now: float) -> None:
        """The store refused: for a moment it need not be asked again."""
        self._known_until = now + _REMEMBERED_SECONDS

    def relimit(self, limit: RateLimit) -> None:
        """Another limit from now on. What was leased of a minute under the old one is used by nobody."""
        self.limit = limit
        self._known_until = 0.0
        if not limit.is_gauge:
            self.room = 0

    def refuses(self, amount: int, now: float) -> bool:
        """Whether the store would refuse that, by what it said just now."""
        if amount > self.limit.limit:
            return True
        if now >= self._known_until:
            return False
        missing = amount - self.spare(now)
        return missing > 0 and self._tally(now).taken + missing > self.limit.limit

    def wait(self, amount: int, now: float) -> float:
        """Seconds after which so much may be admitted; infinity where it never is."""
        limit = self.limit.limit
        if self.limit.is_gauge and amount <= limit:
            return _SLOT_SECONDS
        missing = amount if amount > limit else amount - self.spare(now)
        return wait_ms(self._tally(now), limit, missing, self._store_ms(now)) / 1_000

    def left(self, now: float) -> tuple[int, int]:
        """What is left, as far as is known here, and in how many milliseconds all of it is left again."""
        limit, tally = self.limit.limit, self._tally(now)
        remaining = max(0, limit - tally.taken + self.spare(now) - self.owed)
        return remaining, full_ms(tally, limit, self._store_ms(now))

    @property
    def _reserve(self) -> int:
        return self._reading.reserve if self._reading else 0

    def _store_ms(self, now: float) -> int:
        """Where the store's clock stands at most."""
        told = self._reading.now_ms if self._reading else 0
        return told + round((now - self._read_at) * 1_000)

    def _tally(self, now: float) -> Tally:
        """Where it stood, and stands if nobody else has taken anything since."""
        reading = self._reading
        if reading is None or self.limit.is_gauge:
            return reading.tally if reading else Tally()
        return current(reading.tally, self.limit.limit, self._store_ms(now))
