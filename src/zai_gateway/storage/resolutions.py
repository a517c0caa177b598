"""Resolutions: what becomes of money of which nobody knew whether it was spent."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from zai_gateway.errors import Code, Failure
from zai_gateway.spend.ledger import Entry, Flag
from zai_gateway.storage.cases import Case, Name, cases, close_cases, locked_cases
from zai_gateway.storage.database import Database
from zai_gateway.storage.entries import add_entries
from zai_gateway.storage.leases import CLOSED, Changes, write_changes
from zai_gateway.storage.tables import unconfirmed
from zai_gateway.storage.worker_register import keep_worker

_AT_ONCE = 500


class SqlResolutions:
    """Implements `spend.store.Resolutions`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def resolve(self, request: str, attempt: int, cost: int, now_ms: int) -> None:
        with self._database.write() as connection:
            case = open_case(connection, (request, attempt))
            if case is None:
                raise Failure(
                    Code.NOT_FOUND,
                    f"Nothing is unconfirmed of attempt {attempt} of {request}: it was confirmed or written "
                    "off before, or it never was.",
                )
            if case.cost + cost < 0:
                raise Failure(
                    Code.INVALID_REQUEST,
                    f"cost: attempt {attempt} of {request} is booked with {case.cost} nano-USD, and cannot "
                    f"have cost {-cost} less.",
                    param="cost",
                )
            end_case(connection, case, cost, now_ms)

    def write_off(self, before_ms: int, now_ms: int) -> int:
        old = (
            select(unconfirmed.c.request, unconfirmed.c.attempt)
            .where(unconfirmed.c.at_ms < before_ms)
            .order_by(unconfirmed.c.at_ms, unconfirmed.c.request, unconfirmed.c.attempt)
            .limit(_AT_ONCE)
        )
        with self._database.write() as connection:
            names = [(request, attempt) for request, attempt in connection.execute(old)]
            found = _locked(connection, names, wait=False)
            rows = [
                each.corrected(each.estimate, each.risk, now_ms, Flag.WRITTEN_OFF) for each in found.values()
            ]
            _end(connection, found, rows)
            return len(rows)

    def unconfirmed(self, workspace: str | None, limit: int) -> tuple[Entry, ...]:
        oldest = (
            select(unconfirmed.c.request, unconfirmed.c.attempt)
            .order_by(unconfirmed.c.at_ms, unconfirmed.c.request, unconfirmed.c.attempt)
            .limit(limit)
        )
        if workspace is not None:
            oldest = oldest.where(unconfirmed.c.workspace == workspace)
        with self._database.read() as connection:
            names = [(request, attempt) for request, attempt in connection.execute(oldest)]
            return tuple(each.summed for each in cases(connection, names).values())


def open_case(connection: Connection, name: Name) -> Case | None:
    """The case of that name, which nobody else ends before this transaction does; None where it is over."""
    return _locked(connection, [name], wait=True).get(name)


def end_case(connection: Connection, case: Case, cost: int, now_ms: int) -> None:
    """RESOLVE: books `cost` nano-USD beside what is booked of a case that `open_case` gave, and ends it."""
    _end(connection, {case.name: case}, [case.corrected(cost, case.risk, now_ms)])


def _locked(connection: Connection, names: Collection[Name], *, wait: bool) -> dict[Name, Case]:
    """Those of the cases that are open, and stay so until this transaction ends them.

    Their workers are kept first, as whoever adopts one locks it before anything else.
    """
    _holders(connection, cases(connection, names).values())
    return locked_cases(connection, names, wait=wait)


def _end(connection: Connection, ended: Mapping[Name, Case], rows: Sequence[Entry]) -> None:
    """Writes the rows that end these cases, and moves what they say in the leases and windows."""
    holders = _holders(connection, ended.values())
    moves: defaultdict[str, Changes] = defaultdict(Changes)
    for row in rows:
        changes = moves[holders[row.worker]]
        changes.book([row])
        changes.grant(dict.fromkeys(row.windows, row.outcome.cost + row.outcome.risk))
    close_cases(connection, ended)
    write_changes(connection, moves)
    add_entries(connection, rows)


def _holders(connection: Connection, some: Iterable[Case]) -> dict[str, str]:
    """In whose leases the entries of each worker stand: its own, or the one of all that are closed."""
    workers = sorted({case.entries[0].worker for case in some})
    return {each: CLOSED if keep_worker(connection, each) == CLOSED else each for each in workers}
