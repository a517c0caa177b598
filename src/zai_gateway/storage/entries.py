"""Entries: what the ledger keeps of an attempt, as rows of its table and back."""

from typing import Any

from sqlalchemy import RowMapping

from zai_gateway.spend.ledger import Attempt, Entry, Outcome
from zai_gateway.storage.rows import record_of, row_of
from zai_gateway.wire.usage import Usage

BUCKETS = ("input", "cache_read", "cache_write", "cache_write_long", "output", "reasoning", "searches")


def ledger_row(entry: Entry) -> dict[str, Any]:
    """The entry's columns. An attempt whose usage nobody knows has no numbers in its buckets, not zeros."""
    attempt, outcome = row_of(entry.attempt), row_of(entry.outcome)
    number = attempt.pop("number")
    buckets = outcome.pop("usage") or dict.fromkeys(BUCKETS)
    row = {
        **attempt,
        **outcome,
        **buckets,
        "attempt": number,
        "seq": entry.seq,
        "windows": list(entry.windows),
        "worker": entry.worker,
        "at_ms": entry.at_ms,
    }
    return {name: _storable(value) for name, value in row.items()}


def entry_of(row: RowMapping) -> Entry:
    """The entry that a row of the ledger holds."""
    usage = None if row["input"] is None else record_of(Usage, row, searches=row["searches"] or 0)
    return record_of(
        Entry,
        row,
        attempt=record_of(Attempt, row, number=row["attempt"]),
        outcome=record_of(Outcome, row, usage=usage),
    )


def _storable(value: object) -> object:
    """A text without NUL, which PostgreSQL refuses: whatever a client called its model has to be booked."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
