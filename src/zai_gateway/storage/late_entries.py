"""Late entries: what comes into the ledger behind the rollup's fence is listed, and counted beside it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text

from zai_gateway.spend.ledger import Entry
from zai_gateway.storage.spelling import POSTGRESQL
from zai_gateway.storage.tables import ledger
from zai_gateway.storage.usage_tables import rollup_late, rollup_progress

_FENCE_LOCK = 0x7A61695F66656E63
"""The advisory lock of a PostgreSQL database that whoever writes entries shares, and that moves the fence."""


def list_late(connection: Connection, entries: Sequence[Entry]) -> None:
    """Lists what of these entries, which are yet to be written, is from before the fence.

    The fence stands until the transaction ends. Nearly always this is one look at one row.
    """
    if connection.dialect.name == POSTGRESQL:
        connection.execute(_SHARED)
    fence = connection.execute(_FENCE).scalar_one()
    rows = [
        _row(of.request, of.number, entry.seq, of.workspace, entry.at_ms)
        for entry in entries
        if entry.at_ms < fence and (of := entry.attempt).key
    ]
    again = {entry.attempt.request: entry.attempt.number for entry in entries if _tried_again(entry)}
    if again:
        rows += _superseded(connection, again, fence)
    if rows:
        connection.execute(insert(rollup_late), rows)


def lock_fence(connection: Connection) -> None:
    """Waits until nobody writes entries that took the fence to stand where it does.

    Whoever calls it moves the fence in the same transaction, and does nothing else there.
    """
    if connection.dialect.name == POSTGRESQL:
        connection.execute(_ALONE)


def _tried_again(entry: Entry) -> bool:
    return entry.attempt.number > 1 and entry.seq == 0


def _superseded(connection: Connection, again: dict[str, int], fence: int) -> list[dict[str, Any]]:
    """The entries that ended these requests until now, where they are from before the fence."""
    last: dict[str, dict[str, Any]] = {}
    for row in connection.execute(_FIRSTS, {"ids": list(again)}).mappings():
        if row["attempt"] > last.get(row["request"], {"attempt": 0})["attempt"]:
            last[row["request"]] = _row(
                row["request"], row["attempt"], 0, row["workspace"], row["at_ms"], superseded=True
            )
    return [row for id, row in last.items() if row["attempt"] < again[id] and row["at_ms"] < fence]


def _row(
    request: str, attempt: int, seq: int, workspace: str, at_ms: int, *, superseded: bool = False
) -> dict[str, Any]:
    return {
        "request": request,
        "attempt": attempt,
        "seq": seq,
        "superseded": superseded,
        "workspace": workspace,
        "at_ms": at_ms,
    }


_SHARED = text(f"SELECT pg_advisory_xact_lock_shared({_FENCE_LOCK})")
_ALONE = text(f"SELECT pg_advisory_xact_lock({_FENCE_LOCK})")
_FENCE = select(rollup_progress.c.fence_ms)
_FIRSTS = select(ledger.c.request, ledger.c.attempt, ledger.c.workspace, ledger.c.at_ms).where(
    ledger.c.request.in_(bindparam("ids", expanding=True)),
    ledger.c.attempt > 0,
    ledger.c.seq == 0,
    ledger.c.key != "",
)
