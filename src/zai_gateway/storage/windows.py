"""Windows: budgets in their periods, and what is granted of each in all."""

from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace
from sqlalchemy import BigInteger, Connection, RowMapping, bindparam, select, update

from zai_gateway.spend.budgets import Budget, window_parts
from zai_gateway.storage.rows import add, put, record_of, row_of
from zai_gateway.storage.tables import budget, window

LIVE = "live"
"""The state of a worker that may be granted money."""


def put_budget(connection: Connection, wanted: Budget) -> None:
    """Writes a budget; of one that is there already, its limit."""
    put(connection, budget, row_of(wanted), ["limit"])


def budgets_of(connection: Connection, owner: str) -> tuple[Budget, ...]:
    """Every budget of `owner`."""
    rows = connection.execute(select(budget).where(budget.c.owner == owner)).mappings()
    return tuple(record_of(Budget, row) for row in rows)


def stored_budgets(connection: Connection, budgets: Collection[str]) -> dict[str, Budget]:
    """The budgets of these ids. Raises LookupError where one is not stored."""
    rows = connection.execute(select(budget).where(budget.c.id.in_(budgets))).mappings()
    stored = {row["id"]: stored_budget(row) for row in rows}
    if missing := set(budgets) - set(stored):
        raise LookupError(f"These budgets are not stored: {', '.join(sorted(missing))}.")
    return stored


def stored_budget(row: RowMapping) -> Budget:
    """The budget that a row holds; one that has ended limits nobody."""
    stored = record_of(Budget, row)
    return stored if row["ended_ms"] is None else replace(stored, limit=None)


def commit(connection: Connection, amounts: Mapping[str, int]) -> None:
    """Adds to what is granted of the windows in all, in nano-USD; the rows are locked in id order."""
    changes = [{"of": id, "more": amount} for id, amount in sorted(amounts.items()) if amount]
    if changes:
        connection.execute(_COMMITTING, changes)


def make_missing(connection: Connection, windows: Mapping[str, tuple[str, int]]) -> None:
    """Makes windows, of budgets and from times on (ms since 1970), that nobody made yet.

    Raises LookupError for a budget that is not stored.
    """
    stored_budgets(connection, {name for name, _ in windows.values()})
    rows = (
        {"id": id, "budget": name, "start": start, "committed": 0}
        for id, (name, start) in sorted(windows.items())
    )
    add(connection, window, *rows)


def make_named(connection: Connection, windows: Iterable[str]) -> None:
    """Makes windows that nobody made yet, by what their ids say. Raises LookupError as `make_missing`."""
    make_missing(connection, {id: window_parts(id) for id in windows})


_COMMITTING = (
    update(window)
    .where(window.c.id == bindparam("of"))
    .values(committed=window.c.committed + bindparam("more", type_=BigInteger))
)
