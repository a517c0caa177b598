"""The six deliberate mistakes that the model must catch, each in one part that is passed in."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from tests.spend.memory_store import MemoryStore
from tests.spend.model.link import Link
from zai_gateway.errors import StoreInDoubt, StoreUnavailable
from zai_gateway.spend.escrow import Escrow
from zai_gateway.spend.ledger import Entry
from zai_gateway.spend.spending import Spending
from zai_gateway.spend.store import Batch, Grant, Need, OpenHold

T = TypeVar("T")

_SILENT_MS = 45_000


class ReclaimsByTime(MemoryStore):
    """Takes back the leases of a worker that was silent for a while, though it may live."""

    def grant(self, worker: str, needs: Sequence[Need]) -> Grant:
        for (window, holder), lease in self.leases.items():
            row = self.workers[holder]
            if row.state == "live" and self._now_ms() - row.life.seen > _SILENT_MS:
                self._grant(holder, {window: -lease.left})
        return super().grant(worker, needs)


class EstimatesRisk(MemoryStore):
    """Books an uncertain outcome at its estimate, and frees the rest at once."""

    def _book(self, worker: str, entries: Iterable[Entry]) -> None:
        super()._book(worker, map(_estimated, entries))


class FlushesUnguarded(MemoryStore):
    """Books a batch without asking whether it is the next one."""

    def flush(self, batch: Batch) -> None:
        self.workers[batch.worker].applied = batch.start
        super().flush(batch)


class ChecksSettlements(MemoryStore):
    """Refuses what was spent where it does not fit into what was granted."""

    def flush(self, batch: Batch) -> None:
        self._check(batch, batch.entries)
        super().flush(batch)

    def adopt(self, batch: Batch, left: Sequence[OpenHold]) -> None:
        self._check(batch, (*batch.entries, *(each.entry for each in left)))
        super().adopt(batch, left)

    def _check(self, batch: Batch, entries: Iterable[Entry]) -> None:
        used = Counter[str]()
        for entry in entries:
            used.update(dict.fromkeys(entry.windows, entry.outcome.cost + entry.outcome.risk))
        for window, amount in used.items():
            if amount > self._lease(window, batch.worker).left:
                raise StoreUnavailable("CHECK (granted >= spent + risk)")


class _ReturnsLateEscrow(Escrow):
    def __init__(self) -> None:
        super().__init__()
        self._going: dict[str, int] = {}

    def take_back(self, windows: Iterable[str]) -> dict[str, int]:
        back = super().take_back(windows)
        super().failed(back)
        self._going = back
        return back

    def flushed(self, spent: Mapping[str, int], shortfall: Mapping[str, int]) -> None:
        super().flushed(spent, shortfall)
        for window, amount in self._going.items():
            if (lease := self.lease(window)) is not None:
                lease.free -= amount
        self._going = {}

    def failed(self, back: Mapping[str, int]) -> None:
        self._going = {}


class ReturnsLate(Spending):
    """Money that is given back leaves the worker's memory only once the transaction has ended."""

    async def start(self) -> None:
        await super().start()
        self._tills.now.purse.escrow = _ReturnsLateEscrow()


class GoesOnInDoubt(Link):
    """Where a commit's reply is lost, the worker takes it for failed, and goes on."""

    def _move(self, call: str, worker: str, do: Callable[[], T], *, locks: bool = False) -> T:
        try:
            return super()._move(call, worker, do, locks=locks)
        except StoreInDoubt:
            raise StoreUnavailable("It will have failed.") from None


def _estimated(entry: Entry) -> Entry:
    what = entry.outcome
    return replace(entry, outcome=replace(what, cost=what.cost + min(what.estimate, what.risk), risk=0))
