"""The rate store: what is taken of each limit in its minute, and what each worker holds of those at once."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from zai_gateway.spend.rate_counting import Counted, counted, limits_of
from zai_gateway.spend.rate_store import Answer, Exchange
from zai_gateway.spend.rates import SILENCE_MS, Tally
from zai_gateway.storage.database import Database
from zai_gateway.storage.rows import add, record_of, row_of
from zai_gateway.storage.spelling import Spelt, in_order, store_now, upsert
from zai_gateway.storage.tables import rate, rate_slot, worker
from zai_gateway.storage.windows import LIVE


class SqlRateStore:
    """Implements `spend.rate_store.RateStore`, which says what the call does."""

    def __init__(self, database: Database, clock: Callable[[str], ColumnElement[int]] = store_now) -> None:
        """`clock` gives the store's time, in milliseconds since 1970, as SQL of the dialect that is named."""
        self._database = database
        live = select(func.count()).select_from(worker).where(worker.c.state == LIVE).scalar_subquery()
        self._moment = Spelt(lambda dialect: select(clock(dialect), live))

    def exchange(self, exchange: Exchange) -> Answer:
        limits = limits_of(exchange)
        with self._database.write() as connection:
            tallies = _locked(connection, limits)
            # Once it has its turn: the minute may have turned while it waited.
            now_ms, workers = connection.execute(self._moment.to(connection)).one()
            gauges = [id for id, limit in limits.items() if limit.is_gauge]
            others = _others(connection, gauges, exchange.worker, now_ms)
            done = counted(exchange, tallies, others, now_ms, workers)
            _keep(connection, done, exchange.worker, now_ms, tallies)
        return done.answer


def _locked(connection: Connection, ids: Collection[str]) -> dict[str, Tally]:
    """The tallies of these limits, which nobody else changes before the transaction ends."""
    query, named = _LOCKED.to(connection), {"ids": list(ids)}
    rows = connection.execute(query, named).mappings().all()
    if len(rows) < len(ids):
        add(connection, rate, *({"id": id, **row_of(Tally())} for id in sorted(ids)))
        rows = connection.execute(query, named).mappings().all()
    return {row["id"]: record_of(Tally, row) for row in rows}


def _others(connection: Connection, ids: Collection[str], me: str, now_ms: int) -> Mapping[str, int]:
    """What other workers hold. What those held that have ended, or were silent too long, is forgotten."""
    held: Counter[str] = Counter()
    if not ids:
        return held
    dead: list[dict[str, str]] = []
    for row in connection.execute(_SLOTS, {"ids": list(ids), "me": me}):
        if row.is_live and now_ms - row.seen_ms <= SILENCE_MS:
            held[row.rate] += row.held
        else:
            dead.append({"of": row.rate, "by": row.worker})
    if dead:
        connection.execute(_FORGETTING, dead)
    return held


def _keep(connection: Connection, done: Counted, me: str, now_ms: int, before: Mapping[str, Tally]) -> None:
    rows = [{"id": id, **row_of(tally)} for id, tally in sorted(done.tallies.items()) if tally != before[id]]
    if rows:
        connection.execute(_PUTTING.to(connection), rows)
    held = [
        {"rate": id, "worker": me, "held": held, "seen_ms": now_ms} for id, held in done.held.items() if held
    ]
    if held:
        connection.execute(_HOLDING.to(connection), held)
    ended = [{"of": id, "by": me} for id, held in done.held.items() if not held]
    if ended:
        connection.execute(_FORGETTING, ended)


def _rows(dialect: str) -> Select[*tuple[Any, ...]]:
    wanted = rate.c.id.in_(bindparam("ids", expanding=True))
    return select(rate).where(wanted).order_by(in_order(dialect, rate.c.id)).with_for_update()


_LOCKED = Spelt(_rows)
_SLOTS = (
    select(rate_slot, worker.c.id.is_not(None).label("is_live"))
    .outerjoin(worker, (worker.c.id == rate_slot.c.worker) & (worker.c.state == LIVE))
    .where(rate_slot.c.rate.in_(bindparam("ids", expanding=True)), rate_slot.c.worker != bindparam("me"))
)
_FORGETTING = delete(rate_slot).where(
    rate_slot.c.rate == bindparam("of"), rate_slot.c.worker == bindparam("by")
)


def _putting(dialect: str) -> sqlite.Insert | postgresql.Insert:
    insert = upsert(dialect, rate)
    new = {name: insert.excluded[name] for name in ("start_ms", "taken", "debt")}
    return insert.on_conflict_do_update(index_elements=[rate.c.id], set_=new)


def _holding(dialect: str) -> sqlite.Insert | postgresql.Insert:
    insert = upsert(dialect, rate_slot)
    new = {name: insert.excluded[name] for name in ("held", "seen_ms")}
    key = [rate_slot.c.rate, rate_slot.c.worker]
    return insert.on_conflict_do_update(index_elements=key, set_=new)


_PUTTING = Spelt(_putting)
_HOLDING = Spelt(_holding)
