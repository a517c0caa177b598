"""The JSON documents of what is unconfirmed, flagged, leased or billed."""

from collections.abc import Mapping

from msgspec import Struct

from zai_gateway.accounts.spend_books import Booked, FlaggedEntry, UnconfirmedAttempt, WorkerStanding
from zai_gateway.care import Finding, Sums
from zai_gateway.documents.moments import iso
from zai_gateway.money import micro_from_nano, usd


class UnconfirmedDocument(Struct, frozen=True, kw_only=True):
    """An attempt of which something may have been spent that nobody confirmed."""

    request_id: str
    attempt: int
    """0 for what was left of a lost worker's lease."""
    workspace_id: str
    key_id: str
    provider: str
    model: str
    provider_request_id: str | None
    worker_id: str
    since: str
    cost_micro_usd: int
    cost_usd: str
    unconfirmed_micro_usd: int
    unconfirmed_usd: str
    estimate_micro_usd: int
    """What of that is booked where nobody ever confirms it."""


class ResolvedDocument(Struct, frozen=True, kw_only=True):
    """What became of an unconfirmed attempt."""

    request_id: str
    attempt: int
    cost_micro_usd: int
    cost_usd: str
    booked_before_micro_usd: int
    freed_micro_usd: int
    """What the caps count less than before; negative where the bill was above the worst case."""


class FlaggedDocument(Struct, frozen=True, kw_only=True):
    """A row of the ledger that an owner should look at."""

    request_id: str
    attempt: int
    workspace_id: str
    key_id: str
    provider: str
    model: str
    provider_request_id: str | None
    flags: tuple[str, ...]
    at: str
    cost_micro_usd: int
    unconfirmed_micro_usd: int


class WorkerDocument(Struct, frozen=True, kw_only=True):
    """A worker that was not closed."""

    id: str
    host: str
    state: str
    lives_here: bool
    """Whether its journal is in this data directory, locked."""
    seen_at: str
    leased_micro_usd: int
    unconfirmed_micro_usd: int
    numbers: Mapping[str, int | float | str] | None
    """What it said of itself last, with `at`; null where it did not yet."""


class SumsDocument(Struct, frozen=True, kw_only=True):
    """One workspace's spend in each of the books that have to agree."""

    workspace_id: str
    workspace_name: str
    agree: bool
    ledger_cost_micro_usd: int
    ledger_unconfirmed_micro_usd: int
    leases_spent_micro_usd: int
    leases_unconfirmed_micro_usd: int
    leases_granted_micro_usd: int
    windows_committed_micro_usd: int


class BillDocument(Struct, frozen=True, kw_only=True):
    """A provider's bill beside what was booked."""

    workspace_id: str
    provider: str
    since: str
    until: str
    attempts: int
    booked_micro_usd: int
    written_off_micro_usd: int
    """Of what is booked, at an estimate that nobody confirmed."""
    unconfirmed_micro_usd: int
    lost_micro_usd: int
    """What lost workers may have spent beside that, at whichever provider."""
    billed_micro_usd: int
    difference_micro_usd: int
    """Billed less booked."""
    within_unconfirmed: bool
    """Whether the bill is at least what is booked, and no more than what is unconfirmed may add to that."""


class ReconciliationDocument(Struct, frozen=True, kw_only=True):
    """Whether the books agree, and with a bill where there was one."""

    holds: bool
    findings: tuple[Finding, ...]
    workspaces: tuple[SumsDocument, ...]
    bill: BillDocument | None


def unconfirmed_document(attempt: UnconfirmedAttempt) -> UnconfirmedDocument:
    return UnconfirmedDocument(
        request_id=attempt.request,
        attempt=attempt.attempt,
        workspace_id=attempt.workspace,
        key_id=attempt.key,
        provider=attempt.provider,
        model=attempt.model,
        provider_request_id=attempt.provider_request_id,
        worker_id=attempt.worker,
        since=iso(attempt.since_ms),
        cost_micro_usd=micro_from_nano(attempt.cost),
        cost_usd=usd(attempt.cost),
        unconfirmed_micro_usd=micro_from_nano(attempt.risk),
        unconfirmed_usd=usd(attempt.risk),
        estimate_micro_usd=micro_from_nano(attempt.estimate),
    )


def resolved_document(before: UnconfirmedAttempt, cost: int) -> ResolvedDocument:
    """`cost` is what the attempt turned out to cost, in nano-USD."""
    return ResolvedDocument(
        request_id=before.request,
        attempt=before.attempt,
        cost_micro_usd=micro_from_nano(cost),
        cost_usd=usd(cost),
        booked_before_micro_usd=micro_from_nano(before.cost),
        freed_micro_usd=micro_from_nano(before.cost + before.risk - cost),
    )


def flagged_document(entry: FlaggedEntry) -> FlaggedDocument:
    return FlaggedDocument(
        request_id=entry.request,
        attempt=entry.attempt,
        workspace_id=entry.workspace,
        key_id=entry.key,
        provider=entry.provider,
        model=entry.model,
        provider_request_id=entry.provider_request_id,
        flags=entry.flags,
        at=iso(entry.at_ms),
        cost_micro_usd=micro_from_nano(entry.cost),
        unconfirmed_micro_usd=micro_from_nano(entry.risk),
    )


def worker_document(worker: WorkerStanding, *, lives_here: bool) -> WorkerDocument:
    numbers: dict[str, int | float | str] | None = None
    if worker.numbers is not None:
        numbers = {name: value for name, value in worker.numbers.items() if name != "at_ms"}
        numbers["at"] = iso(int(worker.numbers.get("at_ms", 0)))
    return WorkerDocument(
        id=worker.id,
        host=worker.host,
        state=worker.state,
        lives_here=lives_here,
        seen_at=iso(worker.seen_ms),
        leased_micro_usd=micro_from_nano(worker.leased),
        unconfirmed_micro_usd=micro_from_nano(worker.risk),
        numbers=numbers,
    )


def sums_document(sums: Sums) -> SumsDocument:
    return SumsDocument(
        workspace_id=sums.workspace,
        workspace_name=sums.name,
        agree=sums.agree,
        ledger_cost_micro_usd=micro_from_nano(sums.cost),
        ledger_unconfirmed_micro_usd=micro_from_nano(sums.risk),
        leases_spent_micro_usd=micro_from_nano(sums.spent),
        leases_unconfirmed_micro_usd=micro_from_nano(sums.at_risk),
        leases_granted_micro_usd=micro_from_nano(sums.granted),
        windows_committed_micro_usd=micro_from_nano(sums.committed),
    )


class Bill(Struct, frozen=True, kw_only=True):
    """What a provider billed for a span of time, as the operator says, and what is booked of it."""

    workspace: str
    provider: str
    since_ms: int
    until_ms: int
    billed: int
    """Nano-USD."""
    booked: Booked

    @property
    def difference(self) -> int:
        """Billed less booked, in nano-USD."""
        return self.billed - self.booked.cost

    @property
    def within_unconfirmed(self) -> bool:
        """Whether what is unconfirmed can explain the difference."""
        return 0 <= self.difference <= self.booked.risk + self.booked.lost


def bill_document(bill: Bill) -> BillDocument:
    booked = bill.booked
    return BillDocument(
        workspace_id=bill.workspace,
        provider=bill.provider,
        since=iso(bill.since_ms),
        until=iso(bill.until_ms),
        attempts=booked.attempts,
        booked_micro_usd=micro_from_nano(booked.cost),
        written_off_micro_usd=micro_from_nano(booked.written_off),
        unconfirmed_micro_usd=micro_from_nano(booked.risk),
        lost_micro_usd=micro_from_nano(booked.lost),
        billed_micro_usd=micro_from_nano(bill.billed),
        difference_micro_usd=micro_from_nano(bill.difference),
        within_unconfirmed=bill.within_unconfirmed,
    )
