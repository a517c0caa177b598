"""The home of a workspace: what is left to do until the first request, then what was spent."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.records import ApiKey, BudgetOwner
from zai_gateway.accounts.usage_books import (
    DAY_MS,
    LedgerLine,
    Pending,
    Row,
    Slice,
    Span,
    Standing,
    Standings,
    UsageQuery,
)
from zai_gateway.console.needs import READ, Needs, Page
from zai_gateway.console.notices import Notice
from zai_gateway.console.onboarding import progress
from zai_gateway.console.pages.connect import connection
from zai_gateway.console.visit import Visit

_DAYS = 30
_LINES = 8
_MOST_NEAR = 5
_NEAR = 0.8
"""Of a limit, from where on it is worth a look."""


class Near(Struct, frozen=True, kw_only=True):
    """A budget whose limit is near."""

    name: str
    path: str | None
    """Where more is told of whose it is; None: nowhere."""
    standing: Standing


class Picture(Struct, frozen=True, kw_only=True):
    """What was spent of late, as far as the visitor may know."""

    month: Row
    days: Sequence[tuple[int, int]]
    """When each of the last days began, in milliseconds since 1970, and its nano-USD; today is the last."""
    near: Sequence[Near]
    lines: Sequence[LedgerLine]
    pending: Pending


def home(visit: Visit) -> Response:
    """The page."""
    keys = visit.services.accounts.api_keys.list(visit.actor, visit.workspace)
    state = progress(visit, keys)
    return visit.render(
        "home.html",
        state=state,
        keys={each.id: each for each in keys},
        picture=None if state.request is None else _picture(visit, keys),
        connection=None if state.complete else connection(visit),
        news=None,
    )


def tick(visit: Visit) -> Response:
    """The part of the page that changes by itself; nothing while it would look as it does.

    `mark` is what the page looks like: a Progress' own.
    """
    keys = visit.services.accounts.api_keys.list(visit.actor, visit.workspace)
    state = progress(visit, keys)
    if state.mark == visit.query("mark"):
        return Response(status_code=204)
    seen = visit.query("requests") == "none" and state.answered is not None
    return visit.render(
        "home_part.html",
        state=state,
        keys={each.id: each for each in keys},
        picture=None if state.request is None else _picture(visit, keys),
        news=Notice(text="Your first request is here.") if seen else None,
    )


def _picture(visit: Visit, keys: Sequence[ApiKey]) -> Picture:
    usage, actor, workspace = visit.services.accounts.usage, visit.actor, visit.workspace
    now = visit.services.clock.now_ms()
    today = now - now % DAY_MS
    first = today - (_DAYS - 1) * DAY_MS
    late = UsageQuery(since_ms=first, until_ms=now + 1)
    timeline = usage.timeline(actor, workspace, late, by=None, span=Span.DAY)
    return Picture(
        month=usage.totals(actor, workspace, UsageQuery(since_ms=_month(now), until_ms=now + 1)),
        days=_days(timeline, first),
        near=_near(visit, keys, usage.standings(actor, workspace)),
        lines=usage.recent(actor, workspace, late, most=_LINES),
        pending=usage.pending(actor, workspace),
    )


def _days(slices: Sequence[Slice], first_ms: int) -> list[tuple[int, int]]:
    spent = {each.start_ms: each.sums.cost for each in slices}
    starts = (first_ms + number * DAY_MS for number in range(_DAYS))
    return [(start, spent.get(start, 0)) for start in starts]


def _month(now_ms: int) -> int:
    """When the month began (UTC), in milliseconds since 1970."""
    first = datetime.fromtimestamp(now_ms / 1_000, UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return int(first.timestamp() * 1_000)


def _near(visit: Visit, keys: Sequence[ApiKey], standings: Standings) -> list[Near]:
    """Those with the least left first."""
    valid = {each.id: each.name for each in keys if each.revoked_ms is None}
    parts = [
        ((each.spent + each.risk) / each.limit, each)
        for each in standings.values()
        if each.limit and (each.owner_kind is not BudgetOwner.KEY or each.owner in valid)
    ]
    near = sorted(((part, each) for part, each in parts if part >= _NEAR), key=lambda pair: -pair[0])
    return [_named(visit, each, valid) for _, each in near[:_MOST_NEAR]]


def _named(visit: Visit, standing: Standing, keys: Mapping[str, str]) -> Near:
    match standing.owner_kind:
        case BudgetOwner.KEY:
            path = visit.path(f"/keys/{standing.owner}")
            return Near(name=keys[standing.owner], path=path, standing=standing)
        case BudgetOwner.MEMBER:
            members = visit.services.accounts.members.list(visit.actor, visit.workspace)
            name = next((each.name for each in members if each.id == standing.owner), "A member")
            return Near(name=name, path=visit.path(f"/members/{standing.owner}"), standing=standing)
        case BudgetOwner.WORKSPACE:
            return Near(name="The whole workspace", path=visit.path("/members/budgets"), standing=standing)


PAGES: Sequence[Page] = (
    ("/w/{slug}", READ, Needs.WORKSPACE, home),
    ("/w/{slug}/tick", READ, Needs.WORKSPACE, tick),
)
