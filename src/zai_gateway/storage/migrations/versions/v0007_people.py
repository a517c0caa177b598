"""People who sign in: their accounts, sessions, the links that let them in once, and their tries."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("password_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("email", name="uq_person_email"),
    )
    op.add_column("member", sa.Column("person", sa.Text(), nullable=True))
    op.create_index("ix_member_person", "member", ["person"], unique=False)
    _create_sessions()
    _create_links()
    op.create_table(
        "sign_in_try",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_try"),
    )
    op.create_index("ix_sign_in_try_last_ms", "sign_in_try", ["last_ms"], unique=False)


def _create_sessions() -> None:
    op.create_table(
        "sign_in_session",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_sign_in_session_person"),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_in_session"),
    )
    op.create_index("ix_sign_in_session_person", "sign_in_session", ["person"], unique=False)
    op.create_index("ix_sign_in_session_ends_ms", "sign_in_session", ["ends_ms"], unique=False)


def _create_links() -> None:
    op.create_table(
        "one_time_link",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=True),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name="fk_one_time_link_member"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_one_time_link_person"),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name="fk_one_time_link_workspace"),
        sa.PrimaryKeyConstraint("digest", name="pk_one_time_link"),
    )
    for column in ("member", "person", "made_by", "expires_ms"):
        op.create_index(f"ix_one_time_link_{column}", "one_time_link", [column], unique=False)
