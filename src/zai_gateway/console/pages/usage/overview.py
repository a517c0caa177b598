"""The overview of usage: sums, charts with their numbers, and a row for each key, model or provider."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import Response

from zai_gateway.accounts.usage_books import Dimension
from zai_gateway.console.pages.connect import connection
from zai_gateway.console.pages.usage.asking import Asked, asked_of, choices, key_names
from zai_gateway.console.pages.usage.charting import (
    count_charts,
    latency_chart,
    spend_chart,
)
from zai_gateway.console.pages.usage.gathering import taken_apart
from zai_gateway.console.pages.usage.ranking import ranking
from zai_gateway.console.visit import Visit

_NOUNS = {Dimension.KEY: "API key", Dimension.MODEL: "Model", Dimension.PROVIDER: "Provider"}


def overview(visit: Visit) -> Response:
    """The page; for its filters what is below them alone."""
    asked = asked_of(visit)
    names = key_names(visit)
    template = "usage/figures.html" if visit.is_partial else "usage/overview.html"
    status = 422 if asked.problems else 200
    values: Mapping[str, Any] = {} if asked.problems else _figures(visit, asked, names)
    response = visit.render(template, status, **choices(visit, asked, names=names), **values)
    if visit.is_partial:
        response.headers["hx-replace-url"] = visit.path("/usage") + asked.query()
    return response


def named(by: Dimension, names: Mapping[str, str]) -> Callable[[str], str]:
    """How an id of that dimension is called."""
    if by is not Dimension.KEY:
        return lambda name: name or "unknown"
    return lambda key: names.get(key, "Another key")


def _figures(visit: Visit, asked: Asked, names: Mapping[str, str]) -> Mapping[str, Any]:
    usage, actor, workspace = visit.services.accounts.usage, visit.actor, visit.workspace
    books, span, called = asked.books, asked.span, named(asked.by, names)
    whole = usage.totals(actor, workspace, books)
    pending = usage.pending(actor, workspace)
    if not whole.sums.attempts and not whole.sums.cost:
        # To whoever never sent a request, how to send one is told.
        begins = not asked.narrow and not pending.attempts
        return {
            "whole": None,
            "pending": pending,
            "connection": connection(visit) if begins and _is_new(visit) else None,
        }
    rows = usage.breakdown(actor, workspace, books, asked.by)
    slices, spans = taken_apart(visit, asked, rows)
    requests, tokens = count_charts(spans)
    return {
        "whole": whole,
        "pending": pending,
        "span": span,
        "spend": spend_chart(slices, called),
        "requests": requests,
        "tokens": tokens,
        "latency": latency_chart(usage.latency(actor, workspace, books, span=span)),
        "ranking": ranking(visit, rows, called),
        "called": called,
        "noun": _NOUNS[asked.by],
    }


def _is_new(visit: Visit) -> bool:
    keys = visit.services.accounts.api_keys.list(visit.actor, visit.workspace)
    return all(key.last_used_ms is None for key in keys)
