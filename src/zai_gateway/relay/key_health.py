"""The health of provider keys as this worker met it: which rest for a while, and which are refused."""

from collections.abc import Callable

from msgspec import Struct

from zai_gateway.clock import Clock
from zai_gateway.relay.routing import Route
from zai_gateway.relay.setbacks import Cause, Setback

AFTER_LIMIT_SECONDS = 10.0
"""How long a key rests for a model after a rate limit that did not say."""
LONGEST_SECONDS = 300.0
"""No upstream's word makes a key rest for longer."""
AFTER_FAILURES = 3
"""How many failures in a row make a key rest: one alone may be the request's own."""
AFTER_FAILURES_SECONDS = 30.0
_MOST_KEPT = 10_000

_EVERY = ""
"""In place of a model."""

Refused = Callable[[Route, str], None]
"""Told of a provider key that its provider does not take any more, and in which words. Must not block."""


class _Rest(Struct, frozen=True):
    """Both on the monotonic clock."""

    since: float
    until: float


class KeyHealth:
    """Belongs to one event loop. Another worker finds out for itself."""

    def __init__(self, clock: Clock, on_refused: Refused) -> None:
        self._clock = clock
        self._on_refused = on_refused
        self._rests: dict[tuple[str, str], _Rest] = {}
        """By key and model."""
        self._failures: dict[str, int] = {}
        """In a row, by key."""

    def now(self) -> float:
        """A moment for `well`."""
        return self._clock.monotonic()

    def rests(self, provider_key: str, model: str) -> bool:
        """Whether the key should not be tried for the model while there is another way."""
        if not self._rests:
            return False
        now = self._clock.monotonic()
        found = (self._rests.get((provider_key, each)) for each in (model, _EVERY))
        return any(rest is not None and rest.until > now for rest in found)

    def well(self, route: Route, began: float) -> None:
        """The route gave a whole answer to a request that began at this moment.

        An answer that was under way when the key was told to rest says nothing against that.
        """
        key = route.provider_key.id
        if self._failures:
            self._failures.pop(key, None)
        if not self._rests:
            return
        for at in ((key, route.name), (key, _EVERY)):
            if (rest := self._rests.get(at)) and rest.since < began:
                del self._rests[at]

    def failed(self, route: Route, setback: Setback) -> None:
        """The route failed in a way that lies with its provider or its key."""
        key, model = route.provider_key.id, route.name
        if setback.cause is Cause.LIMITED:
            wait = setback.failure.retry_after
            self._rest(key, model, AFTER_LIMIT_SECONDS if wait is None else wait)
        elif setback.cause is Cause.KEY:
            # With 403 the key may be good for other models.
            self._rest(key, model if setback.meant == 403 else _EVERY, AFTER_FAILURES_SECONDS)
            if setback.meant == 401:
                self._on_refused(route, setback.failure.message)
        elif setback.cause is Cause.PROVIDER:
            if len(self._failures) >= _MOST_KEPT:
                self._failures.clear()
            self._failures[key] = self._failures.get(key, 0) + 1
            if self._failures[key] >= AFTER_FAILURES:
                self._rest(key, _EVERY, AFTER_FAILURES_SECONDS)

    def _rest(self, key: str, model: str, seconds: float) -> None:
        now = self._clock.monotonic()
        if len(self._rests) >= _MOST_KEPT:
            self._rests = {at: rest for at, rest in self._rests.items() if rest.until > now}
        if len(self._rests) >= _MOST_KEPT:
            self._rests.clear()
        until = now + min(max(seconds, 0.0), LONGEST_SECONDS)
        known = self._rests.get((key, model))
        self._rests[key, model] = _Rest(now, max(until, known.until if known else until))
