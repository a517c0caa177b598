"""Cases: attempts of which nobody knows whether all of their risk was spent, and the rows that end them."""

from collections.abc import Collection, Mapping

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, and_, bindparam, delete, select

from zai_gateway.spend.ledger import Certainty, Entry, Flag, Outcome, lost_request
from zai_gateway.storage.entries import entry_of
from zai_gateway.storage.spelling import in_order
from zai_gateway.storage.tables import ledger, unconfirmed

Name = tuple[str, int]
"""The request and the number of an attempt."""


class Case(Struct, frozen=True, kw_only=True):
    """An attempt with risk left: its rows of the ledger, in their order."""

    entries: tuple[Entry, ...]

    @property
    def cost(self) -> int:
        """What is booked of it, in nano-USD."""
        return sum(each.outcome.cost for each in self.entries)

    @property
    def risk(self) -> int:
        """What is left of its risk, in nano-USD."""
        return sum(each.outcome.risk for each in self.entries)

    @property
    def estimate(self) -> int:
        """What it is written off at, in nano-USD."""
        return max(0, min(sum(each.outcome.estimate for each in self.entries), self.risk))

    @property
    def name(self) -> Name:
        """Which attempt it is."""
        return self.entries[0].attempt.request, self.entries[0].attempt.number

    def corrected(self, cost: int, risk: int, at_ms: int, *flags: Flag) -> Entry:
        """A further row, which adds `cost` and takes `risk` away, both in nano-USD."""
        first, last = self.entries[0], self.entries[-1]
        outcome = Outcome(
            cost=cost,
            risk=-risk,
            certainty=Certainty.ESTIMATED if flags else Certainty.EXACT,
            flags=flags,
            status=first.outcome.status,
            total_ms=first.outcome.total_ms,
            provider_request_id=first.outcome.provider_request_id,
        )
        return replace(first, seq=last.seq + 1, outcome=outcome, at_ms=at_ms)

    @property
    def summed(self) -> Entry:
        """Its latest row, with the whole cost, risk and estimate."""
        last = self.entries[-1]
        outcome = replace(last.outcome, cost=self.cost, risk=self.risk, estimate=self.estimate)
        return replace(last, outcome=outcome)


def cases(connection: Connection, names: Collection[Name]) -> dict[Name, Case]:
    """The cases of these names, in their order."""
    ours = ledger.c.request.in_({request for request, _ in names})
    found: dict[Name, list[Entry]] = {name: [] for name in names}
    for row in connection.execute(select(ledger).where(ours).order_by(ledger.c.seq)).mappings():
        if (rows := found.get((row["request"], row["attempt"]))) is not None:
            rows.append(entry_of(row))
    return {name: Case(entries=tuple(entries)) for name, entries in found.items() if entries}


def locked_cases(connection: Connection, names: Collection[Name], *, wait: bool) -> dict[Name, Case]:
    """Those of the cases that are open, which nobody else ends before this transaction does.

    Those that another transaction is about to end are waited for, or left out.
    """
    if not names:
        return {}
    rows = (
        select(unconfirmed.c.request, unconfirmed.c.attempt)
        .where(unconfirmed.c.request.in_({request for request, _ in names}))
        .order_by(in_order(connection.dialect.name, unconfirmed.c.request), unconfirmed.c.attempt)
        .with_for_update(skip_locked=not wait)
    )
    there = {(request, attempt) for request, attempt in connection.execute(rows)}
    return cases(connection, [name for name in names if name in there])


def close_cases(connection: Connection, names: Collection[Name]) -> None:
    """Writes down that nothing of them is unconfirmed any more."""
    this = and_(unconfirmed.c.request == bindparam("of"), unconfirmed.c.attempt == bindparam("number"))
    if names:
        rows = [{"of": request, "number": attempt} for request, attempt in names]
        connection.execute(delete(unconfirmed).where(this), rows)


def take_from_lost(
    connection: Connection, worker: str, most: Mapping[str, int | None], at_ms: int
) -> tuple[Entry, ...]:
    """Ends what LOST booked of a worker's leases, `most` of each at the most; None ends all of it.

    Gives the rows that say so, which are yet to be written. Amounts are in nano-USD by window.
    """
    names = {(lost_request(worker, window), 0): most[window] for window in sorted(most)}
    found = locked_cases(connection, names, wait=True)
    takes = {name: _least(case.risk, names[name]) for name, case in found.items()}
    close_cases(connection, [name for name, case in found.items() if takes[name] == case.risk])
    return tuple(case.corrected(0, takes[name], at_ms) for name, case in found.items() if takes[name])


def _least(left: int, most: int | None) -> int:
    return left if most is None else min(left, most)
