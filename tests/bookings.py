"""Bookings for tests of what stands on the ledger: attempts that were spent, a worker that holds money."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts.records import ApiKey
from zai_gateway.spend.budgets import window_id
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Outcome
from zai_gateway.spend.store import Batch, Need, SpendStore, WorkerLife


class Booker(Struct, frozen=True):
    """A worker that leases, spends and books on one API key, in nano-USD."""

    spend: SpendStore
    key: ApiKey
    worker: str = "worker_1"

    def open(self, now_ms: int, host: str = "host") -> None:
        """Begins to live."""
        life = WorkerLife(id=self.worker, host=host, boot="boot", journal="/nowhere", seen=now_ms)
        self.spend.open_worker(life)

    def lease(self, amount: int) -> None:
        """Leases exactly so much."""
        window = window_id(self.key.budget, 0)
        need = Need(window=window, budget=self.key.budget, start_ms=0, need=amount, want=amount)
        assert self.spend.grant(self.worker, [need]).amounts == {window: amount}

    def book(self, request: str, outcome: Outcome, at_ms: int, number: int = 1) -> Entry:
        """Leases and books what came of an attempt that began then."""
        if held := outcome.cost + outcome.risk:
            self.lease(held)
        attempt = Attempt(
            request=request,
            number=number,
            workspace=self.key.workspace,
            key=self.key.id,
            member=self.key.member,
            tags=(),
            provider="openai",
            provider_key=None,
            requested_model="openai/gpt-5.4",
            answering_model="openai/gpt-5.4",
            price_version=None,
            streamed=False,
            started_ms=at_ms,
        )
        entry = Entry(
            attempt=attempt,
            seq=0,
            outcome=outcome,
            windows=(window_id(self.key.budget, 0),),
            worker=self.worker,
            at_ms=at_ms,
        )
        self.flush([entry])
        return entry

    def flush(self, entries: Sequence[Entry]) -> None:
        """Books the entries, whose money is leased."""
        applied = self.spend.worker(self.worker).applied
        batch = Batch(
            worker=self.worker,
            start=applied,
            end=applied + len(entries),
            entries=tuple(entries),
            shortfall={},
            back={},
            answers={},
        )
        self.spend.flush(batch)


def outcome(cost: int, risk: int = 0, estimate: int = 0, provider_id: str | None = None) -> Outcome:
    """What an attempt cost and may have cost beside that, in nano-USD."""
    known = Outcome(cost=cost, status=200, total_ms=5, provider_request_id=provider_id)
    if not risk:
        return known
    return replace(known, risk=risk, estimate=estimate, certainty=Certainty.UNCONFIRMED)
