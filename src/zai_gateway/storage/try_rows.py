"""Tries at a password as rows: charged before they are made, and given back where they were right."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, delete, select

from zai_gateway.accounts.sign_in_store import Allowance
from zai_gateway.accounts.sign_in_tries import Tries, is_of_email
from zai_gateway.storage.rows import add, put, record_of, row_of
from zai_gateway.storage.sign_in_tables import sign_in_try
from zai_gateway.storage.spelling import in_order

_MOST_FORGOTTEN = 100
"""Rows that one try clears away."""


def charge(connection: Connection, allowances: Mapping[str, Allowance], now_ms: int) -> int:
    """Counts a try under each id, or gives the milliseconds that one of them has to wait; 0 for none."""
    if not allowances:
        return 0
    add(connection, sign_in_try, *({"id": id, **row_of(Tries())} for id in sorted(allowances)))
    tries = _locked(connection, allowances)
    wait_ms = max(each.until_ms for each in tries.values()) - now_ms
    if wait_ms > 0:
        return wait_ms
    for id, allowance in sorted(allowances.items()):
        put(connection, sign_in_try, {"id": id, **row_of(tries[id].charged(allowance, now_ms))})
    _forget(connection, now_ms - max(each.forgotten_after_ms for each in allowances.values()))
    return 0


def forgive(connection: Connection, ids: Collection[str]) -> None:
    """Gives back one try of each id, and all of an e-mail's."""
    for id, tries in _locked(connection, ids).items():
        if is_of_email(id):
            connection.execute(delete(sign_in_try).where(sign_in_try.c.id == id))
        else:
            put(connection, sign_in_try, {"id": id, **row_of(tries.given_back())})


def _locked(connection: Connection, ids: Iterable[str]) -> dict[str, Tries]:
    """Those that are there, which nobody else changes before the transaction ends."""
    wanted = select(sign_in_try).where(sign_in_try.c.id.in_(list(ids)))
    wanted = wanted.order_by(in_order(connection.dialect.name, sign_in_try.c.id)).with_for_update()
    return {row["id"]: record_of(Tries, row) for row in connection.execute(wanted).mappings()}


def _forget(connection: Connection, before_ms: int) -> None:
    old = select(sign_in_try.c.id).where(sign_in_try.c.last_ms < before_ms).limit(_MOST_FORGOTTEN)
    # Who charges one of them at this moment has its lock, and may wait for ours.
    old = old.with_for_update(skip_locked=True)
    connection.execute(delete(sign_in_try).where(sign_in_try.c.id.in_(old)))
