"""The routes of usage: sums, timelines, how long answers took, and single entries, as JSON and as CSV."""

from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Query
from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.csv_export import breakdown_csv, recent_csv, timeline_csv
from zai_gateway.accounts.usage import MOST_IDS
from zai_gateway.accounts.usage_books import DAY_MS, Dimension, Span, UsageQuery
from zai_gateway.documents.moments import iso
from zai_gateway.documents.usage_reports import (
    LatencySliceDocument,
    LedgerLineDocument,
    UsageRowDocument,
    UsageSliceDocument,
    latency_slice_document,
    ledger_line_document,
    usage_row_document,
    usage_slice_document,
)
from zai_gateway.edge.control.acting import Here, InWorkspace
from zai_gateway.edge.control.forms import past_ms
from zai_gateway.edge.control.routing import Routes

USAGE = Routes("Usage")

_USAGE = "/workspaces/{workspace}/usage"
_CSV = "text/csv"


def _query(
    here: Here,
    since: Annotated[
        str | None, Query(description="ISO 8601, or as 7d; 30d unless said.", max_length=100)
    ] = None,
    until: Annotated[str | None, Query(description="Before this; now unless said.", max_length=100)] = None,
    key: Annotated[
        list[str] | None, Query(description="Of this API key's id; repeatable.", max_length=100)
    ] = None,
    model: Annotated[str | None, Query(description="That this model answered.", max_length=500)] = None,
    provider: Annotated[str | None, Query(description="That this provider answered.", max_length=500)] = None,
) -> UsageQuery:
    now = here.clock.now_ms()
    until_ms = past_ms(until, "until", now, now + 1)
    return UsageQuery(
        since_ms=past_ms(since, "since", now, max(0, until_ms - 30 * DAY_MS)),
        until_ms=until_ms,
        keys=None if key is None else tuple(key),
        model=model,
        provider=provider,
    )


Asked = Annotated[UsageQuery, Depends(_query)]
By = Annotated[Dimension, Query(description="By what it is taken apart.")]
MaybeBy = Annotated[Dimension | None, Query(description="By what it is taken apart; by nothing unless said.")]
Spans = Annotated[Span, Query(description="How long each part is (UTC); hours for up to 7 days.")]


class UsageTotalsDocument(Struct, frozen=True, kw_only=True):
    """What was booked in a time, all together."""

    since: str
    until: str
    totals: UsageRowDocument


class UsageBreakdownDocument(Struct, frozen=True, kw_only=True):
    """A row for each key, model or provider, the dearest first."""

    since: str
    until: str
    rows: tuple[UsageRowDocument, ...]


class UsageTimelineDocument(Struct, frozen=True, kw_only=True):
    """A timeline; spans in which nothing was booked are left out."""

    since: str
    until: str
    slices: tuple[UsageSliceDocument, ...]


class UsageLatencyDocument(Struct, frozen=True, kw_only=True):
    """How long answers took over time; spans in which nothing was answered are left out."""

    since: str
    until: str
    slices: tuple[LatencySliceDocument, ...]


class Sheet(StrEnum):
    """What a CSV file holds."""

    BREAKDOWN = "breakdown"
    TIMELINE = "timeline"
    RECENT = "recent"
    """Single entries of the ledger; 10,000 at most, and none where there are more."""


class RecentDocument(Struct, frozen=True, kw_only=True):
    """A page of the ledger, the newest first."""

    entries: tuple[LedgerLineDocument, ...]
    next: str | None
    """What `before` takes for the next page; null on the last one."""


@USAGE.get(f"{_USAGE}/totals")
def show_usage_totals(at: InWorkspace, asked: Asked) -> UsageTotalsDocument:
    """What was booked in a time, all together."""
    row = at.accounts.usage.totals(at.actor, at.workspace, asked)
    return UsageTotalsDocument(
        since=iso(asked.since_ms), until=iso(asked.until_ms), totals=usage_row_document(row)
    )


@USAGE.get(f"{_USAGE}/breakdown")
def show_usage_breakdown(at: InWorkspace, asked: Asked, by: By = Dimension.KEY) -> UsageBreakdownDocument:
    """What was booked by key, model or provider, the dearest first."""
    rows = at.accounts.usage.breakdown(at.actor, at.workspace, asked, by)
    return UsageBreakdownDocument(
        since=iso(asked.since_ms), until=iso(asked.until_ms), rows=tuple(map(usage_row_document, rows))
    )


@USAGE.get(f"{_USAGE}/timeline")
def show_usage_timeline(
    at: InWorkspace,
    asked: Asked,
    by: MaybeBy = None,
    span: Spans = Span.DAY,
    most: Annotated[int, Query(description="How many ids apart; the rest as one.", ge=1, le=MOST_IDS)] = 8,
) -> UsageTimelineDocument:
    """What was booked by hour or day."""
    slices = at.accounts.usage.timeline(at.actor, at.workspace, asked, by=by, span=span, most=most)
    return UsageTimelineDocument(
        since=iso(asked.since_ms), until=iso(asked.until_ms), slices=tuple(map(usage_slice_document, slices))
    )


@USAGE.get(f"{_USAGE}/latency")
def show_usage_latency(at: InWorkspace, asked: Asked, span: Spans = Span.DAY) -> UsageLatencyDocument:
    """How long answers took by hour or day."""
    slices = at.accounts.usage.latency(at.actor, at.workspace, asked, span=span)
    return UsageLatencyDocument(
        since=iso(asked.since_ms),
        until=iso(asked.until_ms),
        slices=tuple(map(latency_slice_document, slices)),
    )


@USAGE.get(f"{_USAGE}/recent")
def list_recent_entries(
    at: InWorkspace,
    asked: Asked,
    limit: Annotated[int, Query(description="How many on a page.", ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(description="Where the page before ended.", max_length=300)] = None,
) -> RecentDocument:
    """List single entries of the ledger, the newest first; never a text of a request."""
    found = at.accounts.usage.recent(at.actor, at.workspace, asked, most=limit + 1, before=before)
    shown = found[:limit]
    return RecentDocument(
        entries=tuple(map(ledger_line_document, shown)),
        next=shown[-1].cursor if len(found) > limit else None,
    )


@USAGE.get("/workspaces/{workspace}/usage.csv", text=_CSV)
def export_usage(
    at: InWorkspace,
    asked: Asked,
    of: Annotated[Sheet, Query(description="What the file holds.")] = Sheet.BREAKDOWN,
    by: MaybeBy = None,
    span: Spans = Span.DAY,
) -> Response:
    """Usage as CSV for spreadsheets, which take nothing in it for a formula."""
    usage = at.accounts.usage
    match of:
        case Sheet.BREAKDOWN:
            apart = by or Dimension.KEY
            lines = breakdown_csv(usage.breakdown(at.actor, at.workspace, asked, apart), apart)
        case Sheet.TIMELINE:
            slices = usage.timeline(at.actor, at.workspace, asked, by=by, span=span, most=MOST_IDS)
            lines = timeline_csv(slices, by)
        case Sheet.RECENT:
            lines = recent_csv(usage.all_recent(at.actor, at.workspace, asked))
    named = {"content-disposition": f'attachment; filename="usage-{of.value}.csv"'}
    return Response("".join(lines), media_type=_CSV, headers=named)
