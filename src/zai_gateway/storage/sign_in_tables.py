"""The tables of people who sign in: accounts, sessions, links that let somebody in once, and tries."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Table, Text

from zai_gateway.storage.tables import metadata

person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    # As argon2id spells a hash.
    Column("password", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("password_ms", BigInteger, nullable=False),
)

# Of a token only what it hashes to is kept, here and in the next.
sign_in_session = Table(
    "sign_in_session",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("person", Text, ForeignKey("person.id"), nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False, index=True),
    Column("address", Text),
    Column("agent", Text, nullable=False),
)

one_time_link = Table(
    "one_time_link",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("workspace", Text, ForeignKey("workspace.id")),
    Column("member", Text, ForeignKey("member.id"), index=True),
    Column("person", Text, ForeignKey("person.id"), index=True),
    Column("made_by", Text, nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
    Column("used_ms", BigInteger),
)

# Tries at a password by one address, or with one e-mail, that came to nothing; the id hashes which.
sign_in_try = Table(
    "sign_in_try",
    metadata,
    Column("id", Text, primary_key=True),
    Column("failures", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False, index=True),
    Column("until_ms", BigInteger, nullable=False),
)
