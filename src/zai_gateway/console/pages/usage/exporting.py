"""Usage as CSV: each table of its pages, whole or not at all, for spreadsheets."""

from collections.abc import Iterable, Mapping

from starlette.responses import Response

from zai_gateway.accounts.csv_export import breakdown_csv, latency_csv, recent_csv, timeline_csv
from zai_gateway.accounts.usage import MOST_IDS
from zai_gateway.console.pages.usage.asking import Asked, asked_of, key_names
from zai_gateway.console.visit import Visit
from zai_gateway.errors import OperatorError


def export(visit: Visit) -> Response:
    """The file; `of` is `breakdown`, `timeline`, `latency` or `requests`. Raises OperatorError."""
    asked, of = asked_of(visit), visit.query("of") or "breakdown"
    if asked.problems:
        raise OperatorError(next(iter(asked.problems.values())))
    lines = _lines(visit, asked, of, key_names(visit))
    days = f"{asked.time.first_day}-{asked.time.last_day}"
    name = f"usage-{of}-{asked.by.value}-{days}" if of in ("breakdown", "timeline") else f"usage-{of}-{days}"
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    # Whole: the door would not send it in parts, and a store that fails midway must not look like an end.
    return Response("".join(lines), media_type="text/csv", headers=headers)


def _lines(visit: Visit, asked: Asked, of: str, names: Mapping[str, str]) -> Iterable[str]:
    usage, actor, workspace = visit.services.accounts.usage, visit.actor, visit.workspace
    books, span = asked.books, asked.span
    match of:
        case "breakdown":
            return breakdown_csv(usage.breakdown(actor, workspace, books, asked.by), asked.by, names)
        case "timeline":
            slices = usage.timeline(actor, workspace, books, by=asked.by, span=span, most=MOST_IDS)
            return timeline_csv(slices, asked.by, names)
        case "latency":
            return latency_csv(usage.latency(actor, workspace, books, span=span))
        case "requests":
            return recent_csv(usage.all_recent(actor, workspace, books), names)
        case _:
            raise OperatorError("of: breakdown, timeline, latency or requests.")
