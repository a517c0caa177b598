"""Windows: budgets, what is left of them, and the moves of money between a window and a worker's lease."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, select, update

from zai_gateway.spend.budgets import Budget, window_id, window_start
from zai_gateway.spend.clamp import Room
from zai_gateway.storage.rows import add, count_up, put, record_of, row_of, total
from zai_gateway.storage.tables import budget, lease, window


class Window(Struct, frozen=True, kw_only=True):
    """A budget's window and where it stands, in nano-USD."""

    id: str
    start_ms: int
    budget: Budget
    committed: int = 0
    spent: int = 0
    risk: int = 0

    @property
    def room(self) -> Room | None:
        """What is left of it; None where the budget has no limit."""
        limit = self.budget.limit
        if limit is None:
            return None
        return Room(
            limit=limit,
            free=limit - self.committed,
            unspent=limit - self.spent - self.risk,
            called=self.budget.called,
        )


def put_budget(connection: Connection, wanted: Budget) -> None:
    """Writes a budget; of one that is there already, its limit."""
    put(connection, budget, row_of(wanted), ["limit"])


def budgets_of(connection: Connection, owner: str) -> tuple[Budget, ...]:
    """Every budget of `owner`."""
    rows = connection.execute(select(budget).where(budget.c.owner == owner)).mappings()
    return tuple(record_of(Budget, row) for row in rows)


def current_windows(connection: Connection, budgets: Iterable[Budget], at_ms: int) -> tuple[Window, ...]:
    """The window of each budget that `at_ms` falls in, in id order; one that nobody made yet is empty."""
    windows = {each.id: each for each in _empty_windows(budgets, at_ms)}
    levels = (
        select(
            window.c.id,
            window.c.committed,
            total(lease.c.spent),
            total(lease.c.risk),
        )
        .outerjoin(lease, lease.c.window == window.c.id)
        .where(window.c.id.in_(windows))
        .group_by(window.c.id, window.c.committed)
    )
    for id, committed, spent, risk in connection.execute(levels):
        windows[id] = replace(windows[id], committed=committed, spent=spent, risk=risk)
    return tuple(windows.values())


def open_windows(connection: Connection, budgets: Sequence[str], at_ms: int) -> tuple[Window, ...]:
    """The current windows of the budgets of these ids, made where they are missing, and locked until commit.

    The limits are those that are stored now. Raises LookupError for a budget that is not stored.
    """
    rows = connection.execute(select(budget).where(budget.c.id.in_(budgets))).mappings()
    stored = {row["id"]: record_of(Budget, row) for row in rows}
    wanted = _empty_windows([stored[id] for id in budgets], at_ms)
    add(
        connection,
        window,
        *({"id": w.id, "budget": w.budget.id, "start": w.start_ms, "committed": 0} for w in wanted),
    )
    _lock(connection, [w.id for w in wanted])
    return current_windows(connection, stored.values(), at_ms)


def move(
    connection: Connection,
    worker: str,
    windows: Sequence[str],
    granted: int,
    *,
    spent: int = 0,
    risk: int = 0,
) -> None:
    """Adds to the worker's leases on the windows, in nano-USD, and what is granted to the windows as well."""
    if granted:
        _lock(connection, windows)
        committed = window.c.committed + granted
        connection.execute(update(window).where(window.c.id.in_(windows)).values(committed=committed))
    moved = {"worker": worker, "granted": granted, "spent": spent, "risk": risk}
    count_up(connection, lease, *({"window": id, **moved} for id in windows))


def _lock(connection: Connection, windows: Sequence[str]) -> None:
    """Keeps others from the windows until the transaction ends; SQLite's writer is alone anyway.

    In PostgreSQL the one order in which all lock keeps them from waiting for each other in a circle.
    """
    if connection.dialect.name != "sqlite":
        rows = select(window.c.id).where(window.c.id.in_(windows)).order_by(window.c.id)
        connection.execute(rows.with_for_update())


def _empty_windows(budgets: Iterable[Budget], at_ms: int) -> list[Window]:
    starts = ((each, window_start(each.period, at_ms)) for each in budgets)
    windows = (Window(id=window_id(each.id, start), start_ms=start, budget=each) for each, start in starts)
    return sorted(windows, key=lambda each: each.id)
