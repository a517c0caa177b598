"""A rate store in memory, whose clock a test holds."""

from collections import Counter
from threading import Lock

from tests.clocks import HeldClock
from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.spend.rate_counting import counted
from zai_gateway.spend.rate_store import Answer, Exchange
from zai_gateway.spend.rates import SILENCE_MS, Tally


class MemoryRates:
    """Implements `RateStore`. `workers` is how many live."""

    def __init__(self, clock: HeldClock, workers: int = 1) -> None:
        self.workers = workers
        self.exchanges: list[Exchange] = []
        self.tallies: dict[str, Tally] = {}
        self.slots: dict[tuple[str, str], tuple[int, int]] = {}
        """What is held, and when it was said, by limit and worker."""
        self.down = self.in_doubt = False
        self._clock = clock
        self._lock = Lock()

    def exchange(self, exchange: Exchange) -> Answer:
        with self._lock:
            if self.down:
                raise StoreUnavailable("down")
            self.exchanges.append(exchange)
            now = self._clock.now_ms()
            others: Counter[str] = Counter()
            for (id, worker), (held, seen) in self.slots.items():
                if worker != exchange.worker and now - seen <= SILENCE_MS:
                    others[id] += held
            done = counted(exchange, self.tallies, others, now, self.workers)
            self.tallies.update(done.tallies)
            self.slots.update({(id, exchange.worker): (held, now) for id, held in done.held.items()})
        if self.in_doubt:
            raise StoreInDoubt("no reply")
        return done.answer

    def held(self, id: str) -> int:
        """What all workers have said that they hold."""
        return sum(held for (of, _), (held, _) in self.slots.items() if of == id)
