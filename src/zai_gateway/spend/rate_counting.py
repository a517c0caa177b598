"""Counting: what one exchange makes of the tallies, whoever keeps them; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from zai_gateway.spend.rate_store import Answer, Exchange, Part, Reading
from zai_gateway.spend.rates import RateLimit, Tally, charged, current, reserve


class Counted(Struct, frozen=True, kw_only=True):
    """What came of an exchange, and is to be kept."""

    answer: Answer
    tallies: Mapping[str, Tally]
    """Of limits a minute, by id."""
    held: Mapping[str, int]
    """What the worker holds now of limits on requests at once, by id."""


def limits_of(exchange: Exchange) -> dict[str, RateLimit]:
    """Every limit that is named in it, by id, in the order of the ids."""
    asked = (part for ask in exchange.asks for part in ask)
    named: Iterable[RateLimit] = (each.limit for each in (*exchange.charges, *exchange.held, *asked))
    return dict(sorted({limit.id: limit for limit in named}.items()))


def counted(
    exchange: Exchange, tallies: Mapping[str, Tally], others: Mapping[str, int], now_ms: int, workers: int
) -> Counted:
    """Carries out an exchange at `now_ms` of the store's clock, while so many workers live.

    `tallies` are those that were kept last; `others` is what other workers hold of limits on requests at
    once.
    """
    return _Counting(exchange, tallies, others, now_ms, workers).counted()


class _Counting:
    def __init__(
        self,
        exchange: Exchange,
        tallies: Mapping[str, Tally],
        others: Mapping[str, int],
        now_ms: int,
        workers: int,
    ) -> None:
        self._exchange = exchange
        self._now_ms = now_ms
        self._workers = workers
        self._limits = limits_of(exchange)
        self._held = Counter({part.limit.id: part.amount for part in exchange.held})
        self._tallies = {
            id: Tally(now_ms, others.get(id, 0) + self._held[id])
            if limit.is_gauge
            else current(tallies.get(id, Tally()), limit.limit, now_ms)
            for id, limit in self._limits.items()
        }
        self._granted: Counter[str] = Counter()

    def counted(self) -> Counted:
        for charge in self._exchange.charges:
            tally = self._tallies[charge.limit.id]
            if charge.amount > 0 or charge.start_ms == tally.start_ms:
                self._tallies[charge.limit.id] = charged(tally, charge.limit.limit, charge.amount)
        admitted = tuple(self._admit(ask) for ask in self._exchange.asks)
        served = (ask for ask, fits in zip(self._exchange.asks, admitted, strict=True) if fits)
        for id in {part.limit.id for ask in served for part in ask}:
            self._lease(id)
        return Counted(
            answer=Answer(
                admitted=admitted,
                readings={id: self._reading(id) for id in self._limits},
            ),
            tallies={id: self._tallies[id] for id, limit in self._limits.items() if not limit.is_gauge},
            held={
                id: self._held[id] + self._granted[id] for id, limit in self._limits.items() if limit.is_gauge
            },
        )

    def _admit(self, ask: tuple[Part, ...]) -> bool:
        if any(self._free(part.limit.id) < part.amount for part in ask):
            return False
        for part in ask:
            self._grant(part.limit.id, part.amount)
        return True

    def _lease(self, id: str) -> None:
        """Beside what was asked for, so that the next requests need not ask."""
        self._grant(id, max(0, min(self._reserve(id), self._free(id))))

    def _grant(self, id: str, amount: int) -> None:
        tally = self._tallies[id]
        self._tallies[id] = Tally(tally.start_ms, tally.taken + amount, tally.debt)
        self._granted[id] += amount

    def _free(self, id: str) -> int:
        return self._limits[id].limit - self._tallies[id].taken

    def _reserve(self, id: str) -> int:
        return reserve(self._limits[id].limit, self._workers)

    def _reading(self, id: str) -> Reading:
        return Reading(
            tally=self._tallies[id],
            now_ms=self._now_ms,
            granted=self._granted[id],
            reserve=self._reserve(id),
        )
