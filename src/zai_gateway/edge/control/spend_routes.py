"""The routes of what is pending, unconfirmed or flagged, and of saying what it cost."""

from typing import Annotated

from fastapi import Depends, Query
from msgspec import Struct

from zai_gateway.documents.spend import (
    FlaggedDocument,
    ResolvedDocument,
    UnconfirmedDocument,
    flagged_document,
    resolved_document,
    unconfirmed_document,
)
from zai_gateway.documents.usage_reports import PendingDocument, pending_document
from zai_gateway.edge.control.acting import InWorkspace
from zai_gateway.edge.control.forms import MicroUsd, Text, nano, past_ms
from zai_gateway.edge.control.routing import Form, Routes
from zai_gateway.spend.ledger import Flag

SPEND = Routes("Spend")

_SPEND = "/workspaces/{workspace}/spend"
_WEEK_MS = 7 * 86_400_000
Most = Annotated[int, Query(description="How many at most.", ge=1, le=1_000)]


class ResolutionForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an unconfirmed attempt cost, by the provider's bill."""

    request_id: Text
    attempt: int | None = None
    """Needed where more than one attempt of the request is unconfirmed."""
    cost_micro_usd: MicroUsd


class UnconfirmedPage(Struct, frozen=True, kw_only=True):
    """What may have been spent and nobody confirmed, the oldest first."""

    unconfirmed: tuple[UnconfirmedDocument, ...]


class FlaggedPage(Struct, frozen=True, kw_only=True):
    """Entries of the ledger that an owner should look at, the newest first."""

    flagged: tuple[FlaggedDocument, ...]


@SPEND.get(f"{_SPEND}/pending")
def show_pending(at: InWorkspace) -> PendingDocument:
    """What is not settled now."""
    return pending_document(at.accounts.usage.pending(at.actor, at.workspace))


@SPEND.get(f"{_SPEND}/unconfirmed")
def list_unconfirmed(at: InWorkspace, limit: Most = 100) -> UnconfirmedPage:
    """List what may have been spent and nobody confirmed, the oldest first."""
    found = at.accounts.spend.unconfirmed(at.actor, at.workspace, limit)
    return UnconfirmedPage(unconfirmed=tuple(map(unconfirmed_document, found)))


@SPEND.get(f"{_SPEND}/flagged")
def list_flagged(
    at: InWorkspace,
    flag: Annotated[
        list[Flag] | None, Query(description="With any of these; repeatable.", max_length=20)
    ] = None,
    since: Annotated[str | None, Query(description="ISO 8601, or as 7d.", max_length=100)] = None,
    limit: Most = 100,
) -> FlaggedPage:
    """List entries of the ledger that an owner should look at, of the last week unless said otherwise."""
    now = at.now_ms
    flags = [each.value for each in flag or (Flag.OVERRUN, Flag.WRITTEN_OFF)]
    since_ms = past_ms(since, "since", now, now - _WEEK_MS)
    found = at.accounts.spend.flagged(at.actor, at.workspace, flags, since_ms, limit)
    return FlaggedPage(flagged=tuple(map(flagged_document, found)))


@SPEND.post(f"{_SPEND}/resolve", status=200)
def resolve_attempt(
    at: InWorkspace, form: Annotated[ResolutionForm, Depends(Form(ResolutionForm))]
) -> ResolvedDocument:
    """Say what an unconfirmed attempt cost by the provider's bill: its risk ends."""
    cost = nano(form.cost_micro_usd)
    before = at.accounts.spend.resolve(at.actor, at.workspace, form.request_id, form.attempt, cost)
    return resolved_document(before, cost)
