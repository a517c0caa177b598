"""The register of workers: which live, what the store has of each, and how each of them ends."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Connection, RowMapping, and_, bindparam, case, select, update

from zai_gateway.spend.budgets import Period
from zai_gateway.spend.ledger import Attempt, Certainty, Entry, Flag, Outcome, lost_request
from zai_gateway.spend.store import (
    Batch,
    LeaseLevel,
    OpenHold,
    OutOfStep,
    WorkerLevel,
    WorkerLife,
    WorkerLost,
)
from zai_gateway.storage import tables
from zai_gateway.storage.cases import take_from_lost
from zai_gateway.storage.database import Database
from zai_gateway.storage.entries import add_entries
from zai_gateway.storage.leases import CLOSED, Changes, fold, write_changes
from zai_gateway.storage.rows import add, record_of, row_of
from zai_gateway.storage.windows import LIVE, make_named

LOST = "lost"
"""The state of a worker whose leases' rest became risk."""

_worker = tables.worker
_named = _worker.c.id == bindparam("of")
_LOCKED = select(_worker.c.state, _worker.c.applied).where(_named).with_for_update()
_KEPT = select(_worker.c.state).where(_named).with_for_update(read=True, key_share=True)
_at_ms = bindparam("at_ms", type_=BigInteger)
_ADVANCE = (
    update(_worker)
    .where(_named, _worker.c.applied == bindparam("start"))
    .values(applied=bindparam("end"), seen=case((_at_ms > _worker.c.seen, _at_ms), else_=_worker.c.seen))
)
_ADVANCE_OF_THE_LIVING = _ADVANCE.where(_worker.c.state == LIVE)


class SqlWorkerRegister:
    """Implements `spend.store.WorkerRegister`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_worker(self, worker: WorkerLife) -> None:
        with self._database.write() as connection:
            add(connection, _worker, row_of(worker) | {"applied": 0, "state": LIVE})

    def live_workers(self) -> tuple[WorkerLife, ...]:
        live = select(_worker).where(_worker.c.state == LIVE).order_by(_worker.c.id)
        with self._database.read() as connection:
            return tuple(record_of(WorkerLife, row) for row in connection.execute(live).mappings())

    def worker(self, worker: str) -> WorkerLevel:
        # A writer's transaction, for what it waits for are the locks of a late commit.
        with self._database.write() as connection:
            state, applied = lock_worker(connection, worker)
            return WorkerLevel(state=state, applied=applied, leases=_leases(connection, worker))

    def saw(self, worker: str, now_ms: int) -> None:
        one = and_(_worker.c.id == worker, _worker.c.state == LIVE)
        with self._database.write() as connection:
            if not connection.execute(update(_worker).where(one).values(seen=now_ms)).rowcount:
                raise not_live(connection, worker)

    def close_worker(self, worker: str) -> None:
        with self._database.write() as connection:
            state, _ = lock_worker(connection, worker)
            if state != CLOSED:
                _end(connection, worker, state, ())

    def adopt(self, batch: Batch, left: Sequence[OpenHold]) -> None:
        with self._database.write() as connection:
            state, applied = lock_worker(connection, batch.worker)
            if state == CLOSED:
                return
            if applied != batch.start:
                raise out_of_step(batch, applied)
            _end(connection, batch.worker, state, (*batch.entries, *(hold.entry for hold in left)))

    def lose(self, worker: str, now_ms: int) -> int:
        with self._database.write() as connection:
            return lose_worker(connection, worker, now_ms) or 0


def lose_worker(connection: Connection, worker: str, now_ms: int) -> int | None:
    """LOST: what its leases have left becomes risk; says how much. None for one that is not live."""
    state, _ = lock_worker(connection, worker)
    if state != LIVE:
        return None
    entries = _what_is_lost(connection, worker, now_ms)
    changes = Changes()
    changes.book(entries)
    write_changes(connection, {worker: changes})
    add_entries(connection, entries)
    connection.execute(update(_worker).where(_worker.c.id == worker).values(state=LOST))
    return sum(each.outcome.risk for each in entries)


def lock_worker(connection: Connection, worker: str) -> tuple[str, int]:
    """The worker's state, and what was applied of its journal; nobody changes either before the end.

    Waits for its grants and flushes under way: what its process left at the server may still be committed.
    """
    row = connection.execute(_LOCKED, {"of": worker}).one_or_none()
    return (row.state, row.applied) if row is not None else (CLOSED, 0)


def keep_worker(connection: Connection, worker: str) -> str:
    """The worker's state, which nobody changes before the end; its flushes do not wait for it."""
    return connection.scalar(_KEPT, {"of": worker}) or CLOSED


def advance(connection: Connection, batch: Batch) -> str:
    """Applies the batch's part of the journal; says the worker's state. Raises OutOfStep, or WorkerLost."""
    part = {"of": batch.worker, "start": batch.start, "end": batch.end, "at_ms": batch.at_ms}
    if connection.execute(_ADVANCE_OF_THE_LIVING, part).rowcount:
        return LIVE
    state, applied = lock_worker(connection, batch.worker)
    if state == CLOSED:
        raise not_live(connection, batch.worker)
    if applied != batch.start:
        raise out_of_step(batch, applied)
    connection.execute(_ADVANCE, part)
    return state


def not_live(connection: Connection, worker: str) -> WorkerLost:
    """Says that a worker may hold nothing."""
    state = connection.scalar(select(_worker.c.state).where(_worker.c.id == worker))
    return WorkerLost(f"The worker {worker} may hold nothing: it is {state or CLOSED}.")


def out_of_step(batch: Batch, applied: int) -> OutOfStep:
    """Says that a batch does not go on where the store is."""
    return OutOfStep(f"The store has {applied} settlements of the worker {batch.worker}, not {batch.start}.")


def _end(connection: Connection, worker: str, state: str, entries: Sequence[Entry]) -> None:
    """Books the last entries, returns all that is left, and closes the worker, whose row is locked."""
    if state == LOST:
        at_ms = max((each.at_ms for each in entries), default=0)
        risks = dict.fromkeys(each.window for each in _leases(connection, worker))
        entries = (*entries, *take_from_lost(connection, worker, risks, at_ms))
    changes = Changes()
    changes.book(entries)
    make_named(connection, changes.by_window)
    write_changes(connection, {worker: changes})
    add_entries(connection, entries)
    fold(connection, worker)


def _leases(connection: Connection, worker: str) -> tuple[LeaseLevel, ...]:
    own = select(tables.lease).where(tables.lease.c.worker == worker).order_by(tables.lease.c.window)
    return tuple(record_of(LeaseLevel, row) for row in connection.execute(own).mappings())


def _what_is_lost(connection: Connection, worker: str, now_ms: int) -> tuple[Entry, ...]:
    """An entry for what is left of each of a worker's leases."""
    lease, window, budget = tables.lease, tables.window, tables.budget
    left = lease.c.granted - lease.c.spent - lease.c.risk
    rows = (
        select(lease.c.window, left.label("left"), budget.c.owner, budget.c.workspace, _is_a_keys_own)
        .join_from(lease, window, window.c.id == lease.c.window)
        .join(budget, budget.c.id == window.c.budget)
        .where(lease.c.worker == worker, left > 0)
        .order_by(lease.c.window)
    )
    return tuple(_lost(worker, row, now_ms) for row in connection.execute(rows).mappings())


def _lost(worker: str, row: RowMapping, now_ms: int) -> Entry:
    """The entry for what a lost worker's lease had left, which is the rest of no single request.

    One dollar of it may stand in several windows, as that of a request does, and here each window has an
    entry of its own: only that of a key's own total names a key, so that those with a key add up.
    """
    return Entry(
        attempt=Attempt(
            request=lost_request(worker, row["window"]),
            number=0,
            workspace=row["workspace"] or "",
            key=row["owner"] if row["own"] else "",
            member=None,
            tags=(),
            provider="",
            provider_key=None,
            requested_model="",
            answering_model="",
            price_version=None,
            streamed=False,
            started_ms=now_ms,
        ),
        seq=0,
        outcome=Outcome(
            cost=0,
            risk=row["left"],
            certainty=Certainty.UNCONFIRMED,
            flags=(Flag.INTERRUPTED,),
            status=0,
            total_ms=0,
        ),
        windows=(row["window"],),
        worker=worker,
        at_ms=now_ms,
    )


_is_a_keys_own = and_(
    tables.budget.c.owner_kind == "key", tables.budget.c.period == Period.TOTAL.value
).label("own")
