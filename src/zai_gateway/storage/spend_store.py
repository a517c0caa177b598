"""The spend store: the moves of a living worker on its leases, each one transaction."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace
from sqlalchemy import BigInteger, Connection, bindparam, case, literal, select
from sqlalchemy.sql.dml import ReturningInsert

from zai_gateway.money import MAX_NANO
from zai_gateway.spend.ledger import Entry
from zai_gateway.spend.sizes import granted
from zai_gateway.spend.store import Batch, Grant, Level, Need, Standing
from zai_gateway.storage.cases import take_from_lost
from zai_gateway.storage.entries import add_entries
from zai_gateway.storage.leases import Changes, write_changes
from zai_gateway.storage.levels import (
    NotMade,
    Standpoint,
    current_levels,
    empty_levels,
    locked_standpoints,
    standpoints,
    with_silent,
)
from zai_gateway.storage.spelling import Spelt, in_order, store_now, upsert
from zai_gateway.storage.tables import lease, recall, window
from zai_gateway.storage.windows import LIVE, budgets_of, make_missing, make_named
from zai_gateway.storage.worker_register import SqlWorkerRegister, advance, keep_worker, not_live

_LONGEST_RECALL_MS = 60_000


class _Refused(Exception):
    """A window has too little: undoes the transaction."""

    def __init__(self, levels: tuple[Level, ...]) -> None:
        self.levels = levels


class SqlSpendStore(SqlWorkerRegister):
    """Implements `spend.store.SpendStore`, which says what the calls do."""

    def grant(self, worker: str, needs: Sequence[Need]) -> Grant:
        try:
            return self._grant(worker, needs, make=False)
        except NotMade:
            return self._grant(worker, needs, make=True)

    def flush(self, batch: Batch) -> None:
        with self._database.write() as connection:
            live = advance(connection, batch) == LIVE
            entries = batch.entries if live else (*batch.entries, *_found_again(connection, batch))
            changes = Changes()
            changes.book(entries)
            if live:
                if batch.shortfall:
                    # More may be spent of a window than was ever granted of it.
                    make_named(connection, batch.shortfall)
                changes.grant(batch.shortfall)
                changes.grant(batch.back, -1)
                for id, number in batch.answers.items():
                    changes.of(id).answered = number
            else:
                # All that it was granted is spent or at risk, since it was lost.
                make_named(connection, changes.by_window)
                for change in changes.by_window.values():
                    change.granted = change.spent + change.risk
            write_changes(connection, {batch.worker: changes})
            add_entries(connection, entries)

    def recall(self, windows: Sequence[str], for_ms: int) -> Mapping[str, int]:
        asked = {"ids": list(windows), "for_ms": min(for_ms, _LONGEST_RECALL_MS)}
        with self._database.write() as connection:
            rows = connection.execute(_RECALLING.to(connection), asked)
            return {row.window: row.number for row in rows}

    def recalled(self, worker: str) -> Mapping[str, int]:
        with self._database.read() as connection:
            rows = connection.execute(_RECALLED.to(connection), {"holder": worker})
            return {row.window: row.number for row in rows}

    def levels(
        self, windows: Sequence[str], asking: str, recalls: Mapping[str, int] | None = None
    ) -> tuple[Level, ...]:
        with self._database.read() as connection:
            found = standpoints(connection, windows)
            levels = {each.window: each for each in with_silent(connection, found, asking, recalls)}
            if missing := set(windows) - set(levels):
                levels |= empty_levels(connection, missing)
        return tuple(levels[id] for id in sorted(levels))

    def standings(self, owner: str, now_ms: int) -> tuple[Standing, ...]:
        with self._database.read() as connection:
            levels = current_levels(connection, budgets_of(connection, owner), now_ms)
        return tuple(
            Standing(
                each.budget, each.start_ms, each.spent, each.risk, each.committed - each.spent - each.risk
            )
            for each in levels
        )

    def _grant(self, worker: str, needs: Sequence[Need], *, make: bool) -> Grant:
        try:
            with self._database.write() as connection:
                if keep_worker(connection, worker) != LIVE:
                    raise not_live(connection, worker)
                if make:
                    make_missing(connection, {need.window: (need.budget, need.start_ms) for need in needs})
                found = locked_standpoints(connection, needs)
                amounts = _amounts(needs, found)
                if amounts is None:
                    raise _Refused(with_silent(connection, found, worker, None))
                changes = Changes()
                changes.grant(amounts)
                write_changes(connection, {worker: changes})
        except _Refused as refused:
            return Grant(amounts=None, levels=refused.levels)
        return Grant(
            amounts=amounts, levels=tuple(_granted(each.level, amounts[id]) for id, each in found.items())
        )


def _amounts(needs: Sequence[Need], found: Mapping[str, Standpoint]) -> dict[str, int] | None:
    """How much each window grants; None where one has too little."""
    amounts: dict[str, int] = {}
    for need in needs:
        stands = found[need.window]
        limit, committed = stands.level.budget.limit, stands.level.committed
        # While others are asked to give back what they do not use, nobody takes more than it uses.
        want = need.need if stands.recalled else need.want
        amount = granted(need.need, want, None if limit is None else limit - committed)
        if amount is None or committed + need.need > MAX_NANO:
            return None
        amounts[need.window] = min(amount, MAX_NANO - committed)
    return amounts


def _granted(level: Level, amount: int) -> Level:
    return replace(level, committed=level.committed + amount)


def _found_again(connection: Connection, batch: Batch) -> tuple[Entry, ...]:
    """The rows by which as much of a lost worker's risk ends as it turns out to have spent or not used."""
    known = Changes()
    known.book(batch.entries)
    most = {id: each.spent + each.risk for id, each in known.by_window.items()}
    for id, amount in batch.back.items():
        most[id] = most.get(id, 0) + amount
    at_ms = batch.at_ms or max((each.at_ms for each in batch.entries), default=0)
    return take_from_lost(connection, batch.worker, most, at_ms)


def _recalling(dialect: str) -> ReturningInsert[str, int]:
    """Makes a recall of each window, or another one, and says their numbers."""
    made = (
        select(window.c.id, literal(1), store_now(dialect) + bindparam("for_ms", type_=BigInteger))
        .where(window.c.id.in_(bindparam("ids", expanding=True)))
        .order_by(in_order(dialect, window.c.id))
    )
    insert = upsert(dialect, recall).from_select(["window", "number", "until_ms"], made)
    new = insert.excluded.until_ms
    later = case((new > recall.c.until_ms, new), else_=recall.c.until_ms)
    again = {"number": recall.c.number + 1, "until_ms": later}
    return insert.on_conflict_do_update(index_elements=[recall.c.window], set_=again).returning(
        recall.c.window, recall.c.number
    )


_RECALLING = Spelt(_recalling)
_RECALLED = Spelt(
    lambda dialect: (
        select(recall.c.window, recall.c.number)
        .join(lease, lease.c.window == recall.c.window)
        .where(lease.c.worker == bindparam("holder"), recall.c.until_ms > store_now(dialect))
    )
)
