"""The tables of usage: the ledger added up by the hour, day and week, how far, and what came too late."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from zai_gateway.storage.tables import metadata

SUMS = (
    "requests",
    "attempts",
    "errors",
    "input",
    "cache_read",
    "cache_write",
    "cache_write_long",
    "output",
    "reasoning",
    "searches",
    "cost",
    "risk",
    "estimated",
    "overruns",
    "written_off",
)
"""What is added up, as `accounts.usage_books.Sums` has it."""
HISTOGRAMS = ("first_token", "total")
"""What is counted in steps (`storage.histograms`)."""

# A row says what was booked in the `span` (hour, day or week) from `start_ms` on. Its `grain` says what it
# tells apart: `key`, `model` (with its provider), `key_provider` or `model_key`; other names are empty.
usage_rollup = Table(
    "usage_rollup",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("grain", Text, primary_key=True),
    Column("span", Text, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("model", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in SUMS),
    *(Column(name, LargeBinary) for name in HISTOGRAMS),
    sqlite_with_rowid=False,
)

# The same of each key with each model, looked up by the one or the other.
usage_of_each = Table(
    "usage_of_each",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("span", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("model", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in SUMS),
    *(Column(name, LargeBinary) for name in HISTOGRAMS),
    Index(None, "workspace", "span", "model", "start_ms"),
    sqlite_with_rowid=False,
)

# One row. The rollup has every entry from before `rolled_ms` but those in `rollup_late`. No entry from before
# `fence_ms` comes into the ledger any more without a row there. Whoever writes to the rollup moves `version`.
rollup_progress = Table(
    "rollup_progress",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("rolled_ms", BigInteger, nullable=False),
    Column("fence_ms", BigInteger, nullable=False),
)

# Entries that came behind the fence; and, `superseded`, those from before it that ended their request until a
# later attempt of it came, so that they are one request less.
rollup_late = Table(
    "rollup_late",
    metadata,
    Column("request", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("superseded", Boolean, primary_key=True),
    Column("workspace", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "workspace", "at_ms"),
    Index(None, "at_ms"),
)
