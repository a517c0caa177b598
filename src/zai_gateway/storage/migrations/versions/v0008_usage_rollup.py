"""Usage rollups: the ledger added up by the hour, day and week; the first rounds after it catch up."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ROLLUP = ("workspace", "grain", "span", "start_ms", "model", "provider", "key")
_EACH = ("workspace", "span", "key", "start_ms", "model", "provider")
_SUMS = (
    *("requests", "attempts", "errors"),
    *("input", "cache_read", "cache_write", "cache_write_long", "output", "reasoning", "searches"),
    *("cost", "risk", "estimated", "overruns", "written_off"),
)


def upgrade() -> None:
    for table, names in (("usage_rollup", _ROLLUP), ("usage_of_each", _EACH)):
        op.create_table(
            table,
            *(
                sa.Column(name, sa.BigInteger() if name == "start_ms" else sa.Text(), nullable=False)
                for name in names
            ),
            *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SUMS),
            sa.Column("first_token", sa.LargeBinary()),
            sa.Column("total", sa.LargeBinary()),
            sa.PrimaryKeyConstraint(*names, name=f"pk_{table}"),
            sqlite_with_rowid=False,
        )
    op.create_index(
        "ix_usage_of_each_workspace_span_model_start_ms",
        "usage_of_each",
        ["workspace", "span", "model", "start_ms"],
    )
    progress = op.create_table(
        "rollup_progress",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("rolled_ms", sa.BigInteger(), nullable=False),
        sa.Column("fence_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rollup_progress"),
    )
    op.bulk_insert(progress, [{"id": 1, "version": 0, "rolled_ms": 0, "fence_ms": 0}])
    op.create_table(
        "rollup_late",
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("request", "attempt", "seq", "superseded", name="pk_rollup_late"),
    )
    op.create_index("ix_rollup_late_workspace_at_ms", "rollup_late", ["workspace", "at_ms"])
    op.create_index("ix_rollup_late_at_ms", "rollup_late", ["at_ms"])
