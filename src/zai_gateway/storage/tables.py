"""The tables: every row that is kept, with money and times as 64-bit integers (nano-USD, pico-USD, ms)."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    true,
)

metadata = MetaData(
    # Names that do not depend on the database, so that a later migration can name what it changes.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

workspace = Table(
    "workspace",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    # Rate limits: requests and tokens a minute, and requests at once.
    Column("rpm", BigInteger),
    Column("tpm", BigInteger),
    Column("concurrency", BigInteger),
)

generation = Table(
    "generation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", BigInteger, nullable=False),
)

vault = Table(
    "vault",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("canary", LargeBinary, nullable=False),
)

budget = Table(
    "budget",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False, index=True),
    Column("resource", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("limit", BigInteger),
    Column("owner_kind", Text, nullable=False, server_default="key"),
    Column("workspace", Text, index=True),
    # One that ended counts on for whoever has not heard of it yet, and limits nobody.
    Column("ended_ms", BigInteger),
)

member = Table(
    "member",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", Text, ForeignKey("workspace.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("removed_ms", BigInteger),
    # Who signs in as this member.
    Column("person", Text, index=True),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", Text, ForeignKey("workspace.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("member", Text),
    Column("tags", JSON, nullable=False),
    Column("allow", JSON, nullable=False),
    Column("fallback", Text),
    Column("cap", BigInteger),
    Column("budget", Text, ForeignKey("budget.id"), nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False, index=True),
    Column("near_cap", Text, nullable=False, server_default="clamp"),
    Column("last_used_ms", BigInteger),
    Column("unbounded_allowance", BigInteger),
    # Rate limits: requests and tokens a minute, and requests at once.
    Column("rpm", BigInteger),
    Column("tpm", BigInteger),
    Column("concurrency", BigInteger),
)

# Secrets that were rotated out, and open their key until they retire.
predecessor = Table(
    "predecessor",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("key", Text, ForeignKey("api_key.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("retires_ms", BigInteger, nullable=False),
)

management_key = Table(
    "management_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", Text, ForeignKey("workspace.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("made_by", Text),
    Column("expires_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
)

provider_key = Table(
    "provider_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", Text, ForeignKey("workspace.id"), nullable=False, index=True),
    Column("provider", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("position", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    # Those from before there were others than the operator are the operator's.
    Column("private", Boolean, nullable=False, server_default=true()),
    Column("disabled_ms", BigInteger),
    Column("health", JSON(none_as_null=True)),
    Column("disabled_why", Text),
)

virtual_model = Table(
    "virtual_model",
    metadata,
    Column("workspace", Text, ForeignKey("workspace.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

# Newer data for the catalogue, at most one row: a file that was imported, packed.
imported_prices = Table(
    "imported_prices",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Text, nullable=False),
    Column("imported_ms", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# What a provider listed of its models when it was last asked with a key; no foreign key, for the key may be
# removed while it is asked.
listing = Table(
    "listing",
    metadata,
    Column("provider_key", Text, primary_key=True),
    Column("fetched_ms", BigInteger, nullable=False),
    Column("trouble", Text),
    Column("models", JSON, nullable=False),
)

price = Table(
    "price",
    metadata,
    Column("workspace", Text, ForeignKey("workspace.id"), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("input", BigInteger, nullable=False),
    Column("cache_read", BigInteger, nullable=False),
    Column("cache_write", BigInteger, nullable=False),
    Column("cache_write_long", BigInteger, nullable=False),
    Column("output", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

window = Table(
    "window",
    metadata,
    Column("id", Text, primary_key=True),
    Column("budget", Text, ForeignKey("budget.id"), nullable=False, index=True),
    Column("start", BigInteger, nullable=False),
    Column("committed", BigInteger, nullable=False),
)

worker = Table(
    "worker",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("journal", Text),
    Column("applied", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    # What it said of itself the last time (`spend.watch`).
    Column("numbers", JSON(none_as_null=True)),
)

lease = Table(
    "lease",
    metadata,
    Column("window", Text, ForeignKey("window.id"), primary_key=True),
    Column("worker", Text, ForeignKey("worker.id"), primary_key=True, index=True),
    Column("granted", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("risk", BigInteger, nullable=False),
    # The number of the last recall that its worker has answered.
    Column("answered", BigInteger, nullable=False, server_default="0"),
)

# Asks the holders of leases for what they do not use of a window. Its numbers only grow.
recall = Table(
    "recall",
    metadata,
    Column("window", Text, ForeignKey("window.id"), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False, index=True),
)

# No foreign keys in the three that follow: what happened stays written when what it names is gone.
audit = Table(
    "audit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", Text),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("address", Text),
    Column("deed", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_name", Text, nullable=False),
    Column("changes", JSON, nullable=False),
    # In the order in which they were written, which is that in which they are read.
    Column("seq", BigInteger, nullable=False, server_default="0", index=True, unique=True),
    Index(None, "workspace", "seq"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("request", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("workspace", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("member", Text),
    Column("tags", JSON, nullable=False),
    Column("provider", Text, nullable=False),
    Column("provider_key", Text),
    Column("requested_model", Text, nullable=False),
    Column("answering_model", Text, nullable=False),
    Column("windows", JSON, nullable=False),
    Column("worker", Text, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("risk", BigInteger, nullable=False),
    Column("certainty", Text, nullable=False),
    Column("price_version", Text),
    Column("status", Integer, nullable=False),
    Column("failure", Text),
    Column("flags", JSON, nullable=False),
    Column("input", BigInteger),
    Column("cache_read", BigInteger),
    Column("cache_write", BigInteger),
    Column("cache_write_long", BigInteger),
    Column("output", BigInteger),
    Column("reasoning", BigInteger),
    Column("searches", BigInteger),
    Column("streamed", Boolean, nullable=False),
    Column("first_token_ms", BigInteger),
    Column("total_ms", BigInteger, nullable=False),
    Column("provider_request_id", Text),
    Column("started_ms", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("estimate", BigInteger, nullable=False, server_default="0"),
    Index(None, "workspace", "at_ms"),
    Index(None, "key", "at_ms"),
)

# The attempts whose rows of the ledger have risk left in their sum: few, where the ledger is long.
unconfirmed = Table(
    "unconfirmed",
    metadata,
    Column("request", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("workspace", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index(None, "at_ms", "request", "attempt"),
    Index(None, "workspace", "at_ms"),
)

# What is taken of a rate limit in a minute of the store's clock; for one on requests at once only a lock.
rate = Table(
    "rate",
    metadata,
    Column("id", Text, primary_key=True),
    Column("start_ms", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("debt", BigInteger, nullable=False),
)

# What a worker holds of a limit on requests at once. No foreign keys: who has ended holds nothing, and its
# rows go when they are next looked at.
rate_slot = Table(
    "rate_slot",
    metadata,
    Column("rate", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("held", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)
