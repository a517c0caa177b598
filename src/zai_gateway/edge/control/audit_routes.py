"""The routes of the audit."""

from typing import Annotated

from fastapi import Query
from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.audit_record import AuditSearch
from zai_gateway.accounts.csv_export import audit_csv
from zai_gateway.documents.workspaces import AuditDocument, audit_document
from zai_gateway.edge.control.acting import InWorkspace
from zai_gateway.edge.control.forms import past_ms
from zai_gateway.edge.control.routing import Routes

AUDIT = Routes("Audit")

_CSV = "text/csv"
Done = Annotated[str | None, Query(description="What was done, such as key.create.", max_length=100)]
By = Annotated[str | None, Query(description="Who: an id or a name.", max_length=200)]
To = Annotated[str | None, Query(description="To what: an id or a name.", max_length=200)]
Part = Annotated[str | None, Query(description="A part of a name or deed.", max_length=200)]
Since = Annotated[str | None, Query(description="ISO 8601, or as 7d.", max_length=100)]


class AuditPage(Struct, frozen=True, kw_only=True):
    """A page of the audit, the newest first."""

    records: tuple[AuditDocument, ...]
    next: str | None
    """What `before` takes for the next page; null on the last one."""


@AUDIT.get("/workspaces/{workspace}/audit")
def list_audit(  # noqa: PLR0913 -- a query's parameters
    at: InWorkspace,
    *,
    deed: Done = None,
    actor: By = None,
    object: To = None,
    search: Part = None,
    since: Since = None,
    before: Annotated[str | None, Query(description="Where the page before ended.", max_length=100)] = None,
    limit: Annotated[int, Query(description="How many on a page.", ge=1, le=500)] = 100,
) -> AuditPage:
    """List what was done to the workspace, and by whom."""
    sought = AuditSearch(
        deed=deed,
        actor=actor,
        object=object,
        text=search,
        since_ms=past_ms(since, "since", at.now_ms, 0),
        before=before,
        most=limit + 1,
    )
    found = at.accounts.audit.list(at.actor, at.workspace, sought)
    shown = found[:limit]
    return AuditPage(
        records=tuple(map(audit_document, shown)), next=shown[-1].id if len(found) > limit else None
    )


@AUDIT.get("/workspaces/{workspace}/audit.csv", text=_CSV)
def export_audit(
    at: InWorkspace,
    *,
    deed: Done = None,
    actor: By = None,
    object: To = None,
    search: Part = None,
    since: Since = None,
) -> Response:
    """The audit as CSV for spreadsheets, which take nothing in it for a formula; 50,000 records at most."""
    since_ms = past_ms(since, "since", at.now_ms, 0)
    sought = AuditSearch(deed=deed, actor=actor, object=object, text=search, since_ms=since_ms)
    lines = audit_csv(at.accounts.audit.every(at.actor, at.workspace, sought))
    named = {"content-disposition": 'attachment; filename="audit.csv"'}
    return Response("".join(lines), media_type=_CSV, headers=named)
