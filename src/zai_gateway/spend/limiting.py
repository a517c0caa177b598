"""Limiting: the door to the rate limits, for one worker process."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

from zai_gateway.clock import Clock
from zai_gateway.errors import Code, Failure
from zai_gateway.spend.rate_asking import RateAsker, Rhythm
from zai_gateway.spend.rate_lease import RateLease
from zai_gateway.spend.rate_store import RateStore
from zai_gateway.spend.rates import RateLimit, Resource, spelled

_HEADERS: Mapping[Resource, tuple[str, ...]] = {
    resource: tuple(f"x-ratelimit-{what}-{resource.value}" for what in ("limit", "remaining", "reset"))
    for resource in (Resource.REQUESTS, Resource.TOKENS)
}
_MOST_LEASES = 10_000
"""Then those that nothing would be lost with are forgotten."""


class Limits:
    """Admits requests under their rate limits. Belongs to one event loop; store calls run off it.

    A request whose leases suffice asks the store nothing, and one without limits never does. `worker` says
    the id under which this worker is registered now.
    """

    def __init__(
        self,
        store: RateStore,
        worker: Callable[[], str],
        clock: Clock,
        executor: Executor,
        rhythm: Rhythm | None = None,
    ) -> None:
        self._clock = clock
        self._asker = RateAsker(store, worker, clock, executor, rhythm or Rhythm())
        self._leases: dict[str, RateLease] = {}
        self._sweep_at = _MOST_LEASES

    def admission(self, limits: Sequence[RateLimit], tokens: int) -> "Admission":
        """A request that counts in these limits, and is estimated to have so many input tokens."""
        return Admission(self, limits, tokens)

    async def close(self, seconds: float) -> None:
        """Tells the store what it has not heard, if it answers in that time. Every admission has ended."""
        await self._asker.close(seconds)

    # What an Admission asks for

    def now(self) -> float:
        """Seconds of the clock."""
        return self._clock.monotonic()

    def lease(self, limit: RateLimit) -> RateLease:
        """This worker's part of a limit."""
        found = self._leases.get(limit.id)
        if found is None:
            if len(self._leases) >= self._sweep_at:
                self._sweep()
            found = self._leases[limit.id] = RateLease(limit)
        elif found.limit.limit != limit.limit:
            found.relimit(limit)
        return found

    async def take(self, needs: Sequence[tuple[RateLease, int]]) -> Sequence[int]:
        """Takes all that a request needs, or nothing, and says in which minute each was taken.

        Does not suspend where its leases suffice. Raises Failure (RATE_LIMITED) or StoreUnavailable.
        """
        now = self._clock.monotonic()
        if all(lease.spare(now) >= amount for lease, amount in needs):
            for lease, amount in needs:
                lease.take(amount, now)
            return [lease.start_ms for lease, _ in needs]
        if any(lease.refuses(amount, now) for lease, amount in needs):
            raise _refusal(needs, now)
        starts = await self._asker.ask(needs)
        if starts is None:
            raise _refusal(needs, self._clock.monotonic())
        return starts

    def told(self, needs: Sequence[tuple[RateLease, int]]) -> None:
        """What a request has used is known."""
        self._asker.told(lease for lease, _ in needs)

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        self._leases = {
            id: lease
            for id, lease in self._leases.items()
            if self._asker.keeps(lease) or not lease.is_idle(now)
        }
        self._sweep_at = max(_MOST_LEASES, 2 * len(self._leases))


class Admission:
    """One request under its rate limits. To be entered before its first attempt is sent, and ended once."""

    __slots__ = ("_limits", "_needs", "_of", "_refusal", "_spent", "_starts", "_tokens", "is_limited")

    def __init__(self, limits: Limits, of: Sequence[RateLimit], tokens: int) -> None:
        self._limits = limits
        self._of = of
        self._tokens = tokens
        self._spent = 0
        self._needs: list[tuple[RateLease, int]] = []
        self._starts: Sequence[int] = ()
        """Empty until it is admitted, and after its end."""
        self._refusal: Failure | None = None
        self.is_limited = bool(of)
        """Whether there is a limit at all."""

    async def enter(self) -> None:
        """Counts the request, however many attempts it takes.

        Does not suspend where the leases suffice. Raises Failure (RATE_LIMITED, which carries `headers`), and
        StoreUnavailable, and then nothing is counted.
        """
        if self._starts or not self._of:
            return
        if self._refusal is not None:
            raise self._refusal
        self._needs = [
            (lease, self._tokens if lease.limit.resource is Resource.TOKENS else 1)
            for lease in map(self._limits.lease, self._of)
        ]
        try:
            self._starts = await self._limits.take(self._needs)
        except Failure as refusal:
            refusal.notices = self.headers()
            self._refusal = refusal
            raise

    def spent(self, tokens: int) -> None:
        """One of its attempts used so many tokens, in and out."""
        self._spent += tokens

    def end(self) -> None:
        """It is not under way any more; the tokens that it used are counted in the place of the estimate."""
        starts, self._starts = self._starts, ()
        if not starts:
            return
        now = self._limits.now()
        for (lease, amount), start_ms in zip(self._needs, starts, strict=True):
            if lease.limit.is_gauge:
                lease.put_back(amount, start_ms, now)
            elif lease.limit.resource is Resource.TOKENS:
                lease.settle(amount, start_ms, self._spent, now)
        self._limits.told(self._needs)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """`x-ratelimit-*` (wire.md 21), each of whichever limit has less left, as far as is known here."""
        if not self._needs:
            return ()
        now = self._limits.now()
        found: list[tuple[str, str]] = []
        for resource, (of, remaining, reset) in _HEADERS.items():
            known = [
                (*lease.left(now), lease.limit.limit)
                for lease, _ in self._needs
                if lease.limit.resource is resource
            ]
            if known:
                left, full_ms, limit = min(known)
                found += ((of, str(limit)), (remaining, str(left)), (reset, spelled(full_ms)))
        return tuple(found)


def _refusal(needs: Sequence[tuple[RateLease, int]], now: float) -> Failure:
    reached = [need for need in needs if need[0].refuses(need[1], now)] or needs
    lease, amount = max(reached, key=lambda need: need[0].wait(need[1], now))
    wait = lease.wait(amount, now)
    called = lease.limit.called
    if amount > lease.limit.limit:
        message = (
            f"This request's input alone is about {amount} tokens, more than {called}. Send a shorter one."
        )
    elif lease.limit.is_gauge:
        message = f"{_sentence(called)} is reached. Try again when one of them has ended."
    else:
        message = f"{_sentence(called)} is reached. Try again in {spelled(max(1_000, round(wait * 1_000)))}."
    return Failure(Code.RATE_LIMITED, message, detail="Rate limit exceeded", retry_after=wait or 1.0)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
