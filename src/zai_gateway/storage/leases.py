"""Leases: each worker's part of a window, and the one in which those of closed workers are added up."""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, case, delete, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from zai_gateway.spend.ledger import Entry
from zai_gateway.storage.spelling import Spelt, in_order, upsert
from zai_gateway.storage.tables import lease, worker
from zai_gateway.storage.windows import commit

CLOSED = "closed"
"""The state of a worker that ended, and the id under which the leases of all those are kept as one."""


class Change(Struct, kw_only=True):
    """What is added to a lease, in nano-USD, and the number of the recall that it answers."""

    granted: int = 0
    spent: int = 0
    risk: int = 0
    answered: int = 0


class Changes:
    """What one transaction adds to the leases of one worker, by window."""

    def __init__(self) -> None:
        self.by_window: dict[str, Change] = {}

    def of(self, id: str) -> Change:
        """The change of a window's lease."""
        found = self.by_window.get(id)
        if found is None:
            found = self.by_window[id] = Change()
        return found

    def grant(self, amounts: Mapping[str, int], sign: int = 1) -> None:
        """Grants these amounts, or takes them back where `sign` is -1."""
        for id, amount in amounts.items():
            self.of(id).granted += sign * amount

    def book(self, entries: Iterable[Entry]) -> None:
        """Counts what the entries cost and risk, each in all of its windows."""
        for entry in entries:
            cost, risk = entry.outcome.cost, entry.outcome.risk
            if cost or risk:
                for id in entry.windows:
                    change = self.of(id)
                    change.spent += cost
                    change.risk += risk


def write_changes(connection: Connection, changes: Mapping[str, Changes]) -> None:
    """Adds to the leases of these workers, and what is granted to the windows.

    Leases that are missing are made. The windows' rows are locked first, then the leases', in id order.
    """
    granted: Counter[str] = Counter()
    rows: list[dict[str, str | int]] = []
    for holder, its in changes.items():
        for id, each in its.by_window.items():
            granted[id] += each.granted
            rows.append({"window": id, "worker": holder, **asdict(each)})
    commit(connection, granted)
    if rows:
        rows.sort(key=lambda row: (row["window"], row["worker"]))
        connection.execute(_ADDING.to(connection), rows)


def fold(connection: Connection, holder: str) -> None:
    """Closes a worker, whose row is locked: returns what its leases have left, and keeps them in one.

    Where more was spent than granted, that is granted unasked. Of the worker no row is kept, so that starts
    leave nothing behind that would pile up.
    """
    left = lease.c.granted - lease.c.spent - lease.c.risk
    uneven = select(lease.c.window, left).where(_OWN, left != 0)
    mine = {"holder": holder}
    commit(connection, {id: -amount for id, amount in connection.execute(uneven, mine)})
    connection.execute(_FOLDING.to(connection), mine)
    connection.execute(delete(lease).where(_OWN), mine)
    connection.execute(delete(worker).where(worker.c.id == bindparam("holder")), mine)


_OWN = lease.c.worker == bindparam("holder")


def _added(insert: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    """Adds to the lease that is there already."""
    new = insert.excluded
    sums = {name: lease.c[name] + new[name] for name in ("granted", "spent", "risk")}
    latest = case((new.answered > lease.c.answered, new.answered), else_=lease.c.answered)
    key = [lease.c.window, lease.c.worker]
    return insert.on_conflict_do_update(index_elements=key, set_=sums | {"answered": latest})


def _folding(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Adds the leases of a worker to those that are kept for all that are closed."""
    rows = (
        select(
            *(lease.c.window, literal(CLOSED), lease.c.spent + lease.c.risk),
            *(lease.c.spent, lease.c.risk, literal(0)),
        )
        .where(_OWN, or_(lease.c.spent != 0, lease.c.risk != 0))
        .order_by(in_order(dialect, lease.c.window))
    )
    names = ["window", "worker", "granted", "spent", "risk", "answered"]
    return _added(upsert(dialect, lease).from_select(names, rows))


_ADDING = Spelt(lambda dialect: _added(upsert(dialect, lease)))
_FOLDING = Spelt(_folding)
