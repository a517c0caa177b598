"""API keys as rows: the key's own, its predecessors', and the budget that counts its spend."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from zai_gateway.accounts.records import ApiKey, BudgetOwner, BudgetPeriod, Predecessor
from zai_gateway.storage.rows import put, record_of, row_of
from zai_gateway.storage.tables import api_key, budget, member, predecessor

SPEND = "spend"
"""The resource that every budget of accounts limits."""


def keys_where(connection: Connection, condition: ColumnElement[bool]) -> tuple[ApiKey, ...]:
    """The keys that meet a condition on `api_key`, oldest first."""
    old = (
        select(predecessor)
        .join(api_key, api_key.c.id == predecessor.c.key)
        .where(condition)
        .order_by(predecessor.c.number)
    )
    predecessors: dict[str, list[Predecessor]] = {}
    for row in connection.execute(old).mappings():
        predecessors.setdefault(row["key"], []).append(record_of(Predecessor, row))
    rows = select(api_key).where(condition).order_by(api_key.c.created_ms, api_key.c.id)
    return tuple(
        record_of(ApiKey, row, predecessors=tuple(predecessors.get(row["id"], ())))
        for row in connection.execute(rows).mappings()
    )


def insert_key(connection: Connection, key: ApiKey, generation: int) -> None:
    """Writes a new key with its budget."""
    _put_own_budget(connection, key)
    connection.execute(insert(api_key), _row(key) | {"generation": generation})
    _insert_predecessors(connection, key.id, key.predecessors)


def update_key(connection: Connection, key: ApiKey, generation: int) -> None:
    """Writes every field of a key but when it was last used, and its budget's limit."""
    row = _row(key) | {"generation": generation}
    del row["last_used_ms"]
    connection.execute(update(api_key).where(api_key.c.id == key.id).values(row))
    connection.execute(delete(predecessor).where(predecessor.c.key == key.id))
    _insert_predecessors(connection, key.id, key.predecessors)
    _put_own_budget(connection, key)


def key_is_there(connection: Connection, id: str) -> bool:
    """Whether there is a key of this id, of whichever workspace."""
    return connection.scalar(select(api_key.c.id).where(api_key.c.id == id)) is not None


def member_is_there(connection: Connection, id: str | None, workspace: str) -> bool:
    """Whether the member may be named by something new; nobody (None) may."""
    there = (member.c.id == id) & (member.c.workspace == workspace) & member.c.removed_ms.is_(None)
    return id is None or connection.scalar(select(member.c.id).where(there)) is not None


def _row(key: ApiKey) -> dict[str, Any]:
    row = row_of(key)
    del row["predecessors"]
    return row


def _insert_predecessors(connection: Connection, key: str, every: Iterable[Predecessor]) -> None:
    rows = [row_of(each) | {"key": key, "number": number} for number, each in enumerate(every)]
    if rows:
        connection.execute(insert(predecessor), rows)


def _put_own_budget(connection: Connection, key: ApiKey) -> None:
    row = {
        "id": key.budget,
        "owner": key.id,
        "resource": SPEND,
        "period": BudgetPeriod.TOTAL.value,
        "limit": key.cap,
        "owner_kind": BudgetOwner.KEY.value,
        "workspace": key.workspace,
    }
    put(connection, budget, row, ["limit"])
