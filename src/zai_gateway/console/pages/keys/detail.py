"""One API key: its terms, what it spent, its latest requests, and the secrets before this one."""

from starlette.responses import Response

from zai_gateway.accounts.records import ApiKey, BudgetOwner
from zai_gateway.accounts.usage_books import DAY_MS, UsageQuery
from zai_gateway.console.pages.keys.finding import found_key, owners
from zai_gateway.console.pages.keys.standing import EACH, standings_of
from zai_gateway.console.visit import Visit

_DAYS = 30
_REQUESTS = 10
_RESTORED_WITHIN_MS = 60_000


def detail(visit: Visit) -> Response:
    """The page."""
    sight = found_key(visit)
    key = sight.key
    now = visit.services.clock.now_ms()
    usage = visit.services.accounts.usage
    query = UsageQuery(since_ms=now - _DAYS * DAY_MS, until_ms=now + 1, keys=(key.id,))
    standings = usage.standings(visit.actor, visit.workspace)
    (standing,) = standings_of((key,), standings, now)
    lines = usage.recent(visit.actor, visit.workspace, query, most=_REQUESTS)
    return visit.render(
        "keys/detail.html",
        key=key,
        standing=standing,
        shared=[
            each
            for each in standings.values()
            if each.owner_kind is not BudgetOwner.KEY
            and each.limit is not None
            and each.owner in (key.member, visit.workspace)
        ],
        member=BudgetOwner.MEMBER,
        totals=usage.totals(visit.actor, visit.workspace, query).sums,
        days=_DAYS,
        lines=lines,
        older=[old for old in reversed(key.predecessors) if old.retires_ms > now],
        owner=owners(visit).get(key.member or ""),
        each=EACH,
        can_restore=_can_restore(key, now),
    )


def _can_restore(key: ApiKey, now_ms: int) -> bool:
    """Whether its revocation is so new that it can be taken back, if the visitor may."""
    return key.revoked_ms is not None and now_ms - key.revoked_ms < _RESTORED_WITHIN_MS
