"""Leases and recalls; the holds that workers of earlier releases left open become unconfirmed entries."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_CLOSED = "closed"


def upgrade() -> None:
    op.add_column("lease", sa.Column("answered", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("worker", sa.Column("numbers", sa.JSON(none_as_null=True)))
    op.add_column("ledger", sa.Column("estimate", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "recall",
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["window"], ["window.id"], name="fk_recall_window"),
        sa.PrimaryKeyConstraint("window", name="pk_recall"),
    )
    op.create_index("ix_recall_until_ms", "recall", ["until_ms"], unique=False)
    op.create_table(
        "unconfirmed",
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("request", "attempt", name="pk_unconfirmed"),
    )
    order = ["at_ms", "request", "attempt"]
    op.create_index("ix_unconfirmed_at_ms_request_attempt", "unconfirmed", order, unique=False)
    op.create_index("ix_unconfirmed_workspace_at_ms", "unconfirmed", ["workspace", "at_ms"], unique=False)
    connection = op.get_bind()
    _adopt(connection)
    op.drop_table("hold")
    _fold(connection)
    # Nobody has estimated them: once nobody confirms them either, they count as they stand.
    op.execute("UPDATE ledger SET estimate = risk WHERE certainty = 'unconfirmed'")
    op.execute(
        "INSERT INTO unconfirmed (request, attempt, workspace, at_ms) "
        "SELECT request, attempt, min(workspace), min(at_ms) FROM ledger "
        "GROUP BY request, attempt HAVING sum(risk) > 0"
    )


def _adopt(connection: sa.Connection) -> None:
    """Every open hold becomes an entry of unconfirmed cost: its worker keeps no row for it any more."""
    hold = _table("hold", "request", "attempt", "worker", "amount", "created_ms", windows=True, record=True)
    lease = _table("lease", "window", "worker", "risk")
    ledger = _table("ledger", *_ledger_columns(), windows=True, tags=True, flags=True)
    risen = lease.c.risk + sa.bindparam("more")
    mine = sa.and_(lease.c.window == sa.bindparam("of"), lease.c.worker == sa.bindparam("by"))
    for row in connection.execute(sa.select(hold).order_by(hold.c.request, hold.c.attempt)).mappings().all():
        connection.execute(sa.insert(ledger), _entry(row))
        leases = [{"of": window, "by": row["worker"], "more": row["amount"]} for window in row["windows"]]
        if leases:
            connection.execute(sa.update(lease).where(mine).values(risk=risen), leases)


def _entry(row: sa.RowMapping) -> dict[str, Any]:
    record: dict[str, Any] = dict(row["record"])
    unpriced = () if record["price_version"] else ("unpriced",)
    return {
        **{name: record[name] for name in _OF_THE_ATTEMPT},
        "request": row["request"],
        "attempt": row["attempt"],
        "seq": 0,
        "windows": row["windows"],
        "worker": row["worker"],
        "cost": 0,
        "risk": row["amount"],
        "certainty": "unconfirmed",
        "flags": ["interrupted", *unpriced],
        "status": 0,
        "total_ms": 0,
        "at_ms": row["created_ms"],
    }


def _fold(connection: sa.Connection) -> None:
    """All workers are closed, and what they spent of a window stands in one lease from now on."""
    worker = _table("worker", "id", "host", "boot", "applied", "seen", "state")
    row = {"id": _CLOSED, "host": "", "boot": "", "applied": 0, "seen": 0, "state": _CLOSED}
    connection.execute(sa.insert(worker), row)
    lease = _table("lease", "window", "worker", "granted", "spent", "risk")
    sums = (sa.func.sum(lease.c[name]) for name in ("granted", "spent", "risk"))
    folded = sa.select(lease.c.window, sa.literal(_CLOSED), *sums).group_by(lease.c.window)
    names = ["window", "worker", "granted", "spent", "risk"]
    connection.execute(sa.insert(lease).from_select(names, folded))
    connection.execute(sa.delete(lease).where(lease.c.worker != _CLOSED))
    connection.execute(sa.delete(worker).where(worker.c.id != _CLOSED))


_OF_THE_ATTEMPT = (
    *("workspace", "key", "member", "tags", "provider", "provider_key", "requested_model"),
    *("answering_model", "price_version", "streamed", "started_ms"),
)


def _ledger_columns() -> tuple[str, ...]:
    own = ("request", "attempt", "seq", "worker", "cost", "risk", "certainty", "status", "total_ms", "at_ms")
    return (*own, *(name for name in _OF_THE_ATTEMPT if name != "tags"))


def _table(name: str, *columns: str, **of_json: bool) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns), *(sa.column(each, sa.JSON()) for each in of_json))
