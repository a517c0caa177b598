"""Levels: where windows stand, with the limits that are stored now and who has not answered a recall."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, RowMapping, Select, bindparam, func, select

from zai_gateway.spend.budgets import Budget, window_id, window_parts, window_start
from zai_gateway.spend.store import Level, Need
from zai_gateway.storage.rows import total
from zai_gateway.storage.spelling import Spelt, in_order, store_now
from zai_gateway.storage.tables import budget, lease, recall, window, worker
from zai_gateway.storage.windows import LIVE, stored_budget, stored_budgets


class Standpoint(Struct, frozen=True, kw_only=True):
    """A window that was made, as it is stored."""

    level: Level
    """Without who is silent."""
    recall: int
    """The number of the last recall of it; 0 where there was none."""
    recalled: bool
    """Whether that one holds."""


def current_levels(connection: Connection, budgets: Iterable[Budget], at_ms: int) -> tuple[Level, ...]:
    """The window of each budget that `at_ms` falls in, in id order; one that nobody made yet is empty."""
    starts = ((each, window_start(each.period, at_ms)) for each in budgets)
    empty = (Level(window=window_id(each.id, start), budget=each, start_ms=start) for each, start in starts)
    levels = {each.window: each for each in empty}
    made = standpoints(connection, levels)
    return tuple(made[id].level if id in made else levels[id] for id in sorted(levels))


def standpoints(connection: Connection, windows: Collection[str]) -> dict[str, Standpoint]:
    """Where those of the windows stand that were made, by id."""
    rows = connection.execute(_STANDING.to(connection), {"ids": list(windows)}).mappings()
    return {row["window"]: _standpoint(row) for row in rows}


class NotMade(Exception):
    """A window that was to be locked is missing.

    It may not be made while others are locked: whoever makes it too could hold what waits for one of those.
    """


def locked_standpoints(connection: Connection, needs: Sequence[Need]) -> dict[str, Standpoint]:
    """Where the windows stand, in id order.

    Nobody else changes what is granted of them before the transaction ends. The limits are those that are
    stored now. Raises NotMade.
    """
    query, asked = _LOCKED.to(connection), {"ids": [need.window for need in needs]}
    rows = connection.execute(query, asked).mappings().all()
    if len(rows) < len(needs):
        raise NotMade
    return {row["window"]: _standpoint(row) for row in rows}


def empty_levels(connection: Connection, windows: Collection[str]) -> dict[str, Level]:
    """Windows that nobody made yet, as their ids say. Raises LookupError for budgets that are not stored."""
    named = {id: window_parts(id) for id in windows}
    stored = stored_budgets(connection, {name for name, _ in named.values()})
    return {id: Level(window=id, budget=stored[name], start_ms=start) for id, (name, start) in named.items()}


def with_silent(
    connection: Connection, found: Mapping[str, Standpoint], asking: str, recalls: Mapping[str, int] | None
) -> tuple[Level, ...]:
    """The levels with how many workers but `asking` have not answered these recalls, or the last ones."""
    numbers = {id: each.recall for id, each in found.items()} if recalls is None else recalls
    silent: Counter[str] = Counter()
    if any(numbers.values()):
        for id, answered in connection.execute(_HOLDERS, {"ids": list(found), "asking": asking}):
            silent[id] += answered < numbers.get(id, 0)
    return tuple(replace(each.level, silent=silent[id]) for id, each in found.items())


_HOLDERS = (
    select(lease.c.window, lease.c.answered)
    .join(worker, worker.c.id == lease.c.worker)
    .where(lease.c.window.in_(bindparam("ids", expanding=True)))
    .where(worker.c.state == LIVE, worker.c.id != bindparam("asking"))
    .where(lease.c.granted > lease.c.spent + lease.c.risk)
)


def _standing(dialect: str) -> Select[*tuple[Any, ...]]:
    leased = lease.c.window == window.c.id
    return (
        select(
            *(window.c.id.label("window"), window.c.start, window.c.committed),
            *(budget.c.id, budget.c.owner, budget.c.resource, budget.c.owner_kind),
            *(budget.c.period, budget.c.limit, budget.c.ended_ms),
            select(total(lease.c.spent)).where(leased).scalar_subquery().label("spent"),
            select(total(lease.c.risk)).where(leased).scalar_subquery().label("risk"),
            func.coalesce(recall.c.number, 0).label("recall"),
            func.coalesce(recall.c.until_ms > store_now(dialect), False).label("recalled"),
        )
        .join_from(window, budget, budget.c.id == window.c.budget)
        .outerjoin(recall, recall.c.window == window.c.id)
        .where(window.c.id.in_(bindparam("ids", expanding=True)))
        .order_by(in_order(dialect, window.c.id))
    )


_STANDING = Spelt(_standing)
# One writer at a time writes to SQLite anyway. In PostgreSQL the one order in which all lock keeps them from
# waiting for each other in a circle.
_LOCKED = Spelt(lambda dialect: _standing(dialect).with_for_update(of=window))


def _standpoint(row: RowMapping) -> Standpoint:
    level = Level(
        window=row["window"],
        budget=stored_budget(row),
        start_ms=row["start"],
        committed=row["committed"],
        spent=row["spent"],
        risk=row["risk"],
    )
    return Standpoint(level=level, recall=row["recall"], recalled=bool(row["recalled"]))
