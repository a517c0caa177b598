"""Members, management keys, several budgets, rotated secrets, the state of provider keys, and the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _widen_budgets()
    _widen_keys()
    _create_people()
    _create_audit()


def _widen_budgets() -> None:
    op.add_column("budget", sa.Column("owner_kind", sa.Text(), nullable=False, server_default="key"))
    op.add_column("budget", sa.Column("workspace", sa.Text(), nullable=True))
    op.add_column("budget", sa.Column("ended_ms", sa.BigInteger(), nullable=True))
    op.create_index("ix_budget_workspace", "budget", ["workspace"], unique=False)
    op.execute(
        "UPDATE budget SET workspace = "
        "(SELECT api_key.workspace FROM api_key WHERE api_key.id = budget.owner)"
    )


def _widen_keys() -> None:
    op.add_column("api_key", sa.Column("near_cap", sa.Text(), nullable=False, server_default="clamp"))
    op.add_column("api_key", sa.Column("last_used_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "predecessor",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("retires_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["api_key.id"], name="fk_predecessor_key"),
        sa.PrimaryKeyConstraint("digest", name="pk_predecessor"),
    )
    op.create_index("ix_predecessor_key", "predecessor", ["key"], unique=False)
    op.add_column(
        "provider_key", sa.Column("private", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("provider_key", sa.Column("disabled_ms", sa.BigInteger(), nullable=True))
    op.add_column("provider_key", sa.Column("health", sa.JSON(), nullable=True))


def _create_people() -> None:
    op.create_table(
        "member",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name="fk_member_workspace"),
        sa.PrimaryKeyConstraint("id", name="pk_member"),
    )
    op.create_index("ix_member_workspace", "member", ["workspace"], unique=False)
    op.create_table(
        "management_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=True),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name="fk_management_key_workspace"),
        sa.PrimaryKeyConstraint("id", name="pk_management_key"),
        sa.UniqueConstraint("digest", name="uq_management_key_digest"),
    )
    op.create_index("ix_management_key_workspace", "management_key", ["workspace"], unique=False)


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_workspace_id", "audit", ["workspace", "id"], unique=False)
