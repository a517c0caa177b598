"""CSV of usage and of the audit: lines of RFC 4180 in which no spreadsheet finds a formula; pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.usage_books import (
    Dimension,
    LatencySlice,
    LedgerLine,
    Percentiles,
    Row,
    Slice,
    Sums,
)
from zai_gateway.money import micro_from_nano

Cell = str | int | None
Names = Mapping[str, str]
"""How API keys are called, by id: where it is given there is a column for it."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet might carry out (OWASP, "CSV Injection")."""
_QUOTED = frozenset(',"\r\n')
_SUMS = (
    *("requests", "errors", "attempts"),
    *("input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_long_tokens"),
    *("output_tokens", "reasoning_tokens", "searches"),
    *("cost_micro_usd", "risk_micro_usd", "estimated", "overruns", "written_off"),
)
_LATENCIES = ("first_token_p50_ms", "first_token_p95_ms", "total_p50_ms", "total_p95_ms")
_LEDGER = (
    *("at", "request", "attempt", "correction", "key", "requested_model", "answering_model", "provider"),
    *("streamed", "status", "failure", "certainty", "flags", "input_tokens", "cache_read_tokens"),
    *("cache_write_tokens", "cache_write_long_tokens", "output_tokens", "reasoning_tokens", "searches"),
    *("cost_micro_usd", "risk_micro_usd", "first_token_ms", "total_ms"),
)
_AUDIT = (
    *("at", "id", "deed", "actor_kind", "actor_id", "actor", "address"),
    *("object_kind", "object_id", "object", "changes"),
)


def breakdown_csv(rows: Iterable[Row], by: Dimension, names: Names | None = None) -> Iterator[str]:
    """A line for each row, with the percentiles, behind one that names the columns."""
    told = names if by is Dimension.KEY else None
    yield line((by.value, *_named(told), *_SUMS, *_LATENCIES))
    for row in rows:
        times = (*_times(row.first_token), *_times(row.total))
        yield line((row.id, *_name(told, row.id), *_sums(row.sums), *times))


def timeline_csv(slices: Iterable[Slice], by: Dimension | None, names: Names | None = None) -> Iterator[str]:
    """A line for each slice, behind one that names the columns; `(others)` stands for ids not told apart."""
    told = names if by is Dimension.KEY else None
    yield line(("start", *(() if by is None else (by.value,)), *_named(told), *_SUMS))
    for each in slices:
        id = () if by is None else (each.id or "(others)",)
        yield line((iso(each.start_ms), *id, *_name(told, each.id or ""), *_sums(each.sums)))


def latency_csv(slices: Iterable[LatencySlice]) -> Iterator[str]:
    """A line for each slice, behind one that names the columns."""
    yield line(("start", "answers", *_LATENCIES))
    for each in slices:
        times = (*_times(each.first_token), *_times(each.total))
        yield line((iso(each.start_ms), each.total.count, *times))


def recent_csv(lines: Iterable[LedgerLine], names: Names | None = None) -> Iterator[str]:
    """A line for each entry of the ledger, behind one that names the columns."""
    yield line((*_LEDGER, *_named(names)))
    for each in lines:
        used = each.usage
        tokens: tuple[Cell, ...] = (None,) * 7
        if used is not None:
            tokens = (
                *(used.input, used.cache_read, used.cache_write, used.cache_write_long),
                *(used.output, used.reasoning, used.searches),
            )
        yield line(
            (
                *(iso(each.at_ms), each.request, each.attempt, each.seq, each.key, each.requested_model),
                *(each.answering_model, each.provider, "yes" if each.streamed else "no", each.status),
                *(each.failure, each.certainty, " ".join(each.flags), *tokens),
                *(micro_from_nano(each.cost), micro_from_nano(each.risk), each.first_token_ms, each.total_ms),
                *_name(names, each.key),
            )
        )


def audit_csv(records: Iterable[AuditRecord]) -> Iterator[str]:
    """A line for each record, behind one that names the columns; what changed is JSON, as `/api` tells it."""
    yield line(_AUDIT)
    for each in records:
        changes = msgspec.json.encode(each.changes).decode()
        yield line(
            (
                *(iso(each.at_ms), each.id, each.deed.value),
                *(each.actor_kind.value, each.actor_id, each.actor_name, each.address),
                *(each.object_kind, each.object_id, each.object_name, changes),
            )
        )


def line(cells: Iterable[Cell]) -> str:
    """A line with its end. Numbers stay numbers, also those below zero; None is empty."""
    return ",".join(map(_cell, cells)) + "\r\n"


def iso(ms: int) -> str:
    """A moment in milliseconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(ms // 1_000, UTC).replace(microsecond=ms % 1_000 * 1_000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _named(names: Names | None) -> tuple[str, ...]:
    return () if names is None else ("key_name",)


def _name(names: Names | None, id: str) -> tuple[Cell, ...]:
    return () if names is None else (names.get(id),)


def _times(of: Percentiles) -> tuple[Cell, Cell]:
    return of.p50_ms, of.p95_ms


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int):
        return str(cell)
    # Where the comma is the decimal sign, a spreadsheet begins a cell behind each semicolon.
    safe = ";".join(map(_guarded, cell.split(";")))
    return '"' + safe.replace('"', '""') + '"' if _QUOTED.intersection(safe) else safe


def _guarded(text: str) -> str:
    # Also behind what a spreadsheet passes over.
    return f"'{text}" if text.lstrip(" \n").startswith(_FORMULAS) else text


def _sums(sums: Sums) -> tuple[Cell, ...]:
    used = sums.usage
    return (
        *(sums.requests, sums.errors, sums.attempts),
        *(used.input, used.cache_read, used.cache_write, used.cache_write_long),
        *(used.output, used.reasoning, used.searches),
        *(
            micro_from_nano(sums.cost),
            micro_from_nano(sums.risk),
            sums.estimated,
            sums.overruns,
            sums.written_off,
        ),
    )
