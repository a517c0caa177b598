"""The books of spend as accounts see them: what bookkeeping asks of the store, and what it is told."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from zai_gateway.accounts.audit_record import AuditRecord


class UnconfirmedAttempt(Struct, frozen=True, kw_only=True):
    """An attempt of which something may have been spent that nobody confirmed. Amounts are in nano-USD."""

    request: str
    attempt: int
    """0 for what was left of a lost worker's lease, which is of no single request."""
    workspace: str
    key: str
    """The id of the API key; empty for a lost lease on the budget of a member or workspace."""
    provider: str
    model: str
    """The canonical name of the model that was asked; empty for a lost lease."""
    provider_request_id: str | None
    worker: str
    since_ms: int
    """When it was booked first."""
    cost: int
    """What is booked."""
    risk: int
    """What may have been spent beside that."""
    estimate: int
    """What of the risk is booked where nobody ever confirms it."""


class FlaggedEntry(Struct, frozen=True, kw_only=True):
    """A row of the ledger that an owner should look at. Amounts are in nano-USD."""

    request: str
    attempt: int
    workspace: str
    key: str
    provider: str
    model: str
    provider_request_id: str | None
    flags: tuple[str, ...]
    """As of `spend.ledger.Flag`."""
    at_ms: int
    cost: int
    risk: int
    """Below zero in a row that ended so much of the risk of an earlier one."""


class Booked(Struct, frozen=True, kw_only=True):
    """What the ledger has of requests to one provider that began in a span of time, in nano-USD."""

    attempts: int
    cost: int
    written_off: int
    """What stands in `cost` only because nobody confirmed it in time."""
    risk: int
    """Unconfirmed, beside `cost`."""
    lost: int
    """What workers that were lost in that time may have spent beside that, at whichever provider."""


class WorkerStanding(Struct, frozen=True, kw_only=True):
    """A worker that was not closed, as the store has it. Amounts are in nano-USD."""

    id: str
    host: str
    state: str
    """`live`, or `lost`: it was given up, and may still say what it spent."""
    seen_ms: int
    """When it was last heard of."""
    leased: int
    """What it may spend without asking; 0 of one that is lost."""
    risk: int
    """What it booked as unconfirmed, or what was left of its leases when it was lost."""
    numbers: Mapping[str, int | float] | None
    """What it said of itself last (`spend.spending.Numbers`), with `at_ms`; None where it did not yet."""


class SpendAdministration(Protocol):
    """What bookkeeping asks of the store. All calls raise StoreUnavailable.

    A write is one transaction with its audit record, and happens only where what was seen is so still: else
    nothing is written and the answer is False.
    """

    def unconfirmed_attempts(
        self, workspace: str | None, request: str | None, most: int
    ) -> tuple[UnconfirmedAttempt, ...]:
        """Oldest first; None for every workspace, or every request."""
        ...

    def flagged_entries(
        self, workspace: str | None, flags: Sequence[str], since_ms: int, most: int
    ) -> tuple[FlaggedEntry, ...]:
        """The rows with any of the flags that were booked from `since_ms` on, newest first."""
        ...

    def booked(self, workspace: str, provider: str, since_ms: int, until_ms: int) -> Booked:
        """Of the attempts that began from `since_ms` on and before `until_ms`."""
        ...

    def resolve_attempt(self, seen: UnconfirmedAttempt, cost: int, now_ms: int, audit: AuditRecord) -> bool:
        """RESOLVE: it cost `cost` altogether, and its risk ends."""
        ...

    def worker_standings(self) -> tuple[WorkerStanding, ...]:
        """By id."""
        ...

    def lose_worker(self, worker: str, now_ms: int, audit: AuditRecord) -> bool:
        """LOST: what its leases have left becomes risk. False for one that is not live."""
        ...
