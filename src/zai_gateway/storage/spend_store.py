"""The spend store: every move of the spend protocol, each one transaction.

Until workers keep a journal, each open hold is a row of its own here, and a lease is granted exactly what its
worker's holds, costs and risks add up to.
"""

from typing import Any

from msgspec import convert
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    delete,
    exists,
    insert,
    select,
    update,
)

from zai_gateway.catalogue.bound import Bound
from zai_gateway.errors import Code, Failure, StoreUnavailable
from zai_gateway.money import MAX_NANO
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.clamp import Share, share_of
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Flag, Outcome
from zai_gateway.spend.store import Granted, Standing, WorkerLife
from zai_gateway.storage import tables
from zai_gateway.storage.database import Database
from zai_gateway.storage.entries import ledger_row
from zai_gateway.storage.rows import add, row_of
from zai_gateway.storage.windows import Window, budgets_of, current_windows, move, open_windows

_LIVE = "live"
_CLOSED = "closed"


class SqlSpendStore:
    """Implements `spend.store.SpendStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_worker(self, worker: WorkerLife) -> None:
        row = row_of(worker) | {"applied": 0, "state": _LIVE}
        with self._database.write() as connection:
            connection.execute(insert(tables.worker), row)

    def hold(
        self, worker: str, attempt: Attempt, budgets: tuple[Budget, ...], bound: Bound | None
    ) -> Granted:
        with self._database.write() as connection:
            _require_live(connection, worker)
            windows = open_windows(connection, [each.id for each in budgets], attempt.started_ms)
            what = _what_fits(attempt, bound, windows)
            granted = Granted(tuple(window.id for window in windows), what.amount, what.output_limit)
            move(connection, worker, granted.windows, granted.amount)
            connection.execute(insert(tables.hold), _hold_row(worker, attempt, granted))
        return granted

    def settle(self, entry: Entry, held: int) -> None:
        # `held` is for a store that keeps no hold rows; here the row itself says what was held.
        cost, risk = entry.outcome.cost, entry.outcome.risk
        with self._database.write() as connection:
            row = _take_hold(connection, entry.attempt)
            if row is None and _is_booked(connection, entry.attempt):
                return
            # A cost that happened is booked, even where the hold is gone without an entry.
            windows, amount = (row["windows"], row["amount"]) if row else (entry.windows, 0)
            move(connection, entry.worker, windows, cost + risk - amount, spent=cost, risk=risk)
            connection.execute(insert(tables.ledger), ledger_row(entry))

    def release(self, worker: str, attempt: Attempt, granted: Granted | None) -> None:
        with self._database.write() as connection:
            if granted is None:
                _outlast_a_hold_in_doubt(connection, worker, attempt)
            row = _take_hold(connection, attempt)
            if row is not None:
                move(connection, worker, row["windows"], -row["amount"])

    def adopt(self, worker: str, now_ms: int) -> int:
        with self._database.write() as connection:
            _lock(connection, worker)
            mine = tables.hold.c.worker == worker
            # Locked: its last settlement may still be committed, and what that booked is not booked twice.
            its = select(tables.hold).where(mine).order_by(tables.hold.c.request, tables.hold.c.attempt)
            rows = connection.execute(its.with_for_update()).mappings().all()
            for row in rows:
                move(connection, worker, row["windows"], 0, risk=row["amount"])
                connection.execute(insert(tables.ledger), ledger_row(_interrupted(row, now_ms)))
            connection.execute(delete(tables.hold).where(mine))
            _close(connection, worker)
        return len(rows)

    def live_workers(self) -> tuple[str, ...]:
        live = select(tables.worker.c.id).where(tables.worker.c.state == _LIVE).order_by(tables.worker.c.id)
        with self._database.read() as connection:
            return tuple(connection.scalars(live))

    def close_worker(self, worker: str) -> None:
        with self._database.write() as connection:
            _lock(connection, worker)
            # With a hold open it stays live, so that the next start adopts it.
            if not connection.scalar(select(exists().where(tables.hold.c.worker == worker))):
                _close(connection, worker)

    def standings(self, owner: str, now_ms: int) -> tuple[Standing, ...]:
        with self._database.read() as connection:
            windows = current_windows(connection, budgets_of(connection, owner), now_ms)
        return tuple(
            Standing(
                each.budget, each.start_ms, each.spent, each.risk, each.committed - each.spent - each.risk
            )
            for each in windows
        )


def _what_fits(attempt: Attempt, bound: Bound | None, windows: tuple[Window, ...]) -> Share:
    rooms = [window.room for window in windows if window.room is not None]
    if bound is None:
        if rooms:  # a cap that was set since the caller was looked up
            raise Failure(
                Code.MODEL_UNPRICED,
                f"{attempt.answering_model} has no known price, and this API key has a spend cap. "
                f"Set a price with: zai admin price set {attempt.answering_model} --input USD --output USD",
            )
        return Share(0, None)
    what = share_of(bound, rooms)
    if what.amount > MAX_NANO - max((window.committed for window in windows), default=0):
        raise Failure(
            Code.INVALID_REQUEST,
            "This request could cost more than the books can hold. Lower max_tokens.",
            param="max_tokens",
        )
    return what


def _require_live(connection: Connection, worker: str) -> None:
    """Makes sure that the worker lives, and keeps it from being adopted before this transaction ends."""
    one = select(tables.worker.c.state).where(tables.worker.c.id == worker)
    state = connection.scalar(one.with_for_update(read=True, key_share=True))
    if state != _LIVE:
        raise StoreUnavailable(f"The worker {worker} may hold nothing: it is {state or 'not known'}.")


def _lock(connection: Connection, worker: str) -> None:
    """Waits for the worker's holds under way: what its process left at the server may still be committed."""
    connection.execute(select(tables.worker.c.id).where(tables.worker.c.id == worker).with_for_update())


def _close(connection: Connection, worker: str) -> None:
    one = tables.worker.c.id == worker
    connection.execute(update(tables.worker).where(one).values(state=_CLOSED))


def _hold_row(worker: str, attempt: Attempt, granted: Granted) -> dict[str, Any]:
    return {
        "request": attempt.request,
        "attempt": attempt.number,
        "worker": worker,
        "windows": list(granted.windows),
        "amount": granted.amount,
        "record": row_of(attempt),
        "created_ms": attempt.started_ms,
    }


def _outlast_a_hold_in_doubt(connection: Connection, worker: str, attempt: Attempt) -> None:
    """Waits for a hold of this attempt that the server may still be committing, which no query sees yet.

    Two rows of one key cannot be: the second waits for what becomes of the first.
    """
    add(connection, tables.hold, _hold_row(worker, attempt, Granted((), 0, None)))


def _take_hold(connection: Connection, attempt: Attempt) -> RowMapping | None:
    this = _of(tables.hold, attempt)
    row = connection.execute(select(tables.hold).where(this).with_for_update()).mappings().one_or_none()
    connection.execute(delete(tables.hold).where(this))
    return row


def _is_booked(connection: Connection, attempt: Attempt) -> bool:
    return bool(connection.scalar(select(exists().where(_of(tables.ledger, attempt)))))


def _of(table: Table, attempt: Attempt) -> ColumnElement[bool]:
    return and_(table.c.request == attempt.request, table.c.attempt == attempt.number)


def _interrupted(row: RowMapping, now_ms: int) -> Entry:
    attempt = convert(row["record"], Attempt)
    unpriced = () if attempt.price_version else (Flag.UNPRICED,)
    return Entry(
        attempt=attempt,
        seq=0,
        outcome=Outcome(
            cost=0,
            risk=row["amount"],
            certainty=Certainty.UNCONFIRMED,
            flags=(Flag.INTERRUPTED, *unpriced),
            status=0,
            total_ms=max(0, now_ms - attempt.started_ms),
        ),
        windows=tuple(row["windows"]),
        worker=row["worker"],
        at_ms=now_ms,
    )
