"""Virtual models, allowances, why a provider key is disabled, imported prices, providers' lists, searches."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("unbounded_allowance", sa.BigInteger()))
    op.add_column("provider_key", sa.Column("disabled_why", sa.Text()))
    op.add_column("ledger", sa.Column("searches", sa.BigInteger()))
    op.create_table(
        "virtual_model",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name="fk_virtual_model_workspace"),
        sa.PrimaryKeyConstraint("workspace", "name", name="pk_virtual_model"),
    )
    op.create_table(
        "imported_prices",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("imported_ms", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imported_prices"),
    )
    op.create_table(
        "listing",
        sa.Column("provider_key", sa.Text(), nullable=False),
        sa.Column("fetched_ms", sa.BigInteger(), nullable=False),
        sa.Column("trouble", sa.Text()),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("provider_key", name="pk_listing"),
    )
