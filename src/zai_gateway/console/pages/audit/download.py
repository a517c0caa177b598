"""The audit as CSV: all that matches, or nothing where that is more than a file holds."""

from collections.abc import Iterator, Mapping

from starlette.responses import Response

from zai_gateway.accounts.audit import MOST
from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.csv_export import iso, line
from zai_gateway.console.pages.audit.changes import Line, Part, lines
from zai_gateway.console.pages.audit.listing import Filters, filters_of, member_names
from zai_gateway.console.pages.audit.words import WORDS
from zai_gateway.console.visit import Visit

_COLUMNS = (
    *("at", "id", "deed", "what", "actor_kind", "actor_id", "actor", "address"),
    *("object_kind", "object_id", "object", "changes"),
)


def download(visit: Visit) -> Response:
    """The file."""
    filters, names = filters_of(visit), member_names(visit)
    return Response(
        "".join(_written(visit, filters, names)),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="audit-{visit.membership.workspace.slug}.csv"'
        },
    )


def _written(visit: Visit, filters: Filters, names: Mapping[str, str]) -> Iterator[str]:
    yield line(_COLUMNS)
    search = filters.search(visit.services.clock.now_ms(), MOST, None)
    for record in visit.services.accounts.audit.every(visit.actor, visit.workspace, search):
        yield _line(record, names)


def _line(record: AuditRecord, names: Mapping[str, str]) -> str:
    return line(
        (
            *(iso(record.at_ms), record.id, record.deed.value),
            WORDS[record.deed].replace("{}", record.object_name),
            *(record.actor_kind.value, record.actor_id, record.actor_name, record.address),
            *(record.object_kind, record.object_id, record.object_name),
            "; ".join(_change(each) for each in lines(record, names)),
        )
    )


def _change(change: Line) -> str:
    before, after = _text(change.before), _text(change.after)
    return f"{change.label}: {after}" if change.before.none else f"{change.label}: {before} -> {after}"


def _text(part: Part) -> str:
    if part.moment_ms is not None:
        return iso(part.moment_ms)
    return part.text or "none"
