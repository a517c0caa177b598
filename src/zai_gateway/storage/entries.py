"""Entries: what the ledger keeps of an attempt, as rows of its table and back."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict
from sqlalchemy import Connection, RowMapping, insert

from zai_gateway.spend.ledger import Attempt, Entry, Outcome
from zai_gateway.storage.late_entries import list_late
from zai_gateway.storage.rows import record_of
from zai_gateway.storage.spelling import SQLITE
from zai_gateway.storage.tables import ledger, unconfirmed
from zai_gateway.wire.usage import Usage

BUCKETS = ("input", "cache_read", "cache_write", "cache_write_long", "output", "reasoning", "searches")
_NO_USAGE: dict[str, Any] = dict.fromkeys(Usage.__struct_fields__)


def add_entries(connection: Connection, entries: Sequence[Entry]) -> None:
    """Writes entries of the ledger, and which of their attempts have risk from now on."""
    if entries:
        list_late(connection, entries)
        # Said to the driver itself: of all that a flush does, only this grows with the number of requests.
        if connection.dialect.name == SQLITE:
            rows = [ledger_row(entry, _json_text) for entry in entries]
            # By their places, which are the same in each row: SQLite would look up every name in every row.
            connection.exec_driver_sql(_row_by_row(rows[0]), [tuple(row.values()) for row in rows])
        else:
            rows = [ledger_row(entry, list) for entry in entries]
            connection.exec_driver_sql(_ALL_AS_ONE, {"rows": msgspec.json.encode(rows).decode()})
    unsure = [each for each in entries if each.outcome.risk > 0]
    if unsure:
        connection.execute(
            insert(unconfirmed),
            [
                {
                    "request": each.attempt.request,
                    "attempt": each.attempt.number,
                    "workspace": each.attempt.workspace,
                    "at_ms": each.at_ms,
                }
                for each in unsure
            ],
        )


def ledger_row(entry: Entry, listed: Callable[[Sequence[str]], object]) -> dict[str, Any]:
    """The entry's columns, always in one order; `listed` makes what a column of JSON is written as.

    An attempt whose usage nobody knows has no numbers in its buckets, not zeros.
    """
    of, what = entry.attempt, entry.outcome
    return {
        "request": of.request,
        "attempt": of.number,
        "seq": entry.seq,
        "workspace": of.workspace,
        "key": of.key,
        "member": of.member,
        "tags": listed([_storable(tag) for tag in of.tags]),
        "provider": of.provider,
        "provider_key": of.provider_key,
        "requested_model": _storable(of.requested_model),
        "answering_model": _storable(of.answering_model),
        "windows": listed(entry.windows),
        "worker": entry.worker,
        "cost": what.cost,
        "risk": what.risk,
        "certainty": what.certainty.value,
        "price_version": of.price_version,
        "status": what.status,
        "failure": what.failure,
        "flags": listed([flag.value for flag in what.flags]),
        **(_NO_USAGE if what.usage is None else asdict(what.usage)),
        "streamed": of.streamed,
        "first_token_ms": what.first_token_ms,
        "total_ms": what.total_ms,
        "provider_request_id": None if (id := what.provider_request_id) is None else _storable(id),
        "started_ms": of.started_ms,
        "at_ms": entry.at_ms,
        "estimate": what.estimate,
    }


def entry_of(row: RowMapping) -> Entry:
    """The entry that a row of the ledger holds."""
    usage = None if row["input"] is None else record_of(Usage, row, searches=row["searches"] or 0)
    return record_of(
        Entry,
        row,
        attempt=record_of(Attempt, row, number=row["attempt"]),
        outcome=record_of(Outcome, row, usage=usage),
    )


def _storable(text: str) -> str:
    """A text without NUL, which PostgreSQL refuses: whatever a client called its model has to be booked."""
    return text.replace("\0", "\ufffd")


def _row_by_row(columns: Collection[str]) -> str:
    names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
    return f"INSERT INTO ledger ({names}) VALUES ({places})"  # noqa: S608  # names of columns


def _json_text(texts: Sequence[str]) -> str:
    return msgspec.json.encode(texts).decode() if texts else "[]"


_NAMES = ", ".join(f'"{column.name}"' for column in ledger.c)
_ALL_AS_ONE = (
    f"INSERT INTO ledger ({_NAMES}) SELECT {_NAMES} "  # noqa: S608  # names of columns
    "FROM json_populate_recordset(NULL::ledger, %(rows)s::json)"
)
