"""Rate limits: on keys and workspaces, and what is taken of them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_LIMITS = ("rpm", "tpm", "concurrency")


def upgrade() -> None:
    for table in ("api_key", "workspace"):
        for name in _LIMITS:
            op.add_column(table, sa.Column(name, sa.BigInteger()))
    op.create_table(
        "rate",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rate"),
    )
    op.create_table(
        "rate_slot",
        sa.Column("rate", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rate", "worker", name="pk_rate_slot"),
    )
