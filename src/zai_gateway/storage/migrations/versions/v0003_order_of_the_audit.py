"""A number for each record of the audit, for ids do not tell the order of those of one millisecond."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("audit", sa.Column("seq", sa.BigInteger(), nullable=False, server_default="0"))
    audit = sa.table("audit", sa.column("id", sa.Text()), sa.column("seq", sa.BigInteger()))
    connection = op.get_bind()
    # Until now their order was that of their ids.
    ids = connection.scalars(sa.select(audit.c.id).order_by(audit.c.id)).all()
    if ids:
        numbered = sa.update(audit).where(audit.c.id == sa.bindparam("of")).values(seq=sa.bindparam("number"))
        connection.execute(numbered, [{"of": id, "number": number} for number, id in enumerate(ids, 1)])
    op.create_index("ix_audit_seq", "audit", ["seq"], unique=True)
    op.create_index("ix_audit_workspace_seq", "audit", ["workspace", "seq"], unique=False)
    op.drop_index("ix_audit_workspace_id", "audit")
