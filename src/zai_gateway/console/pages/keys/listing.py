"""The list of API keys: sought, filtered, sorted and paged by what stands in its URL."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import asdict, replace
from starlette.responses import Response

from zai_gateway.accounts.api_keys import KeySearch
from zai_gateway.accounts.records import ApiKey
from zai_gateway.console.pages.keys.finding import NOBODYS, owners, sees_all
from zai_gateway.console.pages.keys.standing import EACH, KeyStanding, filled, standings_of
from zai_gateway.console.visit import Visit

_ON_A_PAGE = 50
_MOST_TEXT = 200

STATES = (
    ("", "Not revoked"),
    ("active", "Active"),
    ("near", "Near or at a limit"),
    ("expired", "Expired"),
    ("revoked", "Revoked"),
    ("all", "All, revoked ones too"),
)
ORDERS = (
    ("", "Newest first"),
    ("name", "By name"),
    ("spent", "Most spent first"),
    ("fullest", "Nearest to a limit first"),
    ("used", "Last used first"),
)

_SHOWN: Mapping[str, frozenset[str]] = {
    "": frozenset({"active", "near", "full", "expired"}),
    "active": frozenset({"active", "near", "full"}),
    "near": frozenset({"near", "full"}),
    "expired": frozenset({"expired"}),
    "revoked": frozenset({"revoked"}),
    "all": frozenset({"active", "near", "full", "expired", "revoked"}),
}
_ORDERED: Mapping[str, Callable[[KeyStanding], Any]] = {
    "": lambda each: (-each.key.created_ms, each.key.id),
    "name": lambda each: (each.key.name.lower(), each.key.id),
    "spent": lambda each: (-each.spent, each.key.id),
    "fullest": lambda each: (-filled(each.tightest) if each.tightest else 0.0, each.key.id),
    "used": lambda each: (-(each.key.last_used_ms or 0), each.key.id),
}


class Filters(Struct, frozen=True, kw_only=True):
    """What the list is to show, as its URL says; empty takes nothing away."""

    q: str = ""
    status: str = ""
    member: str = ""
    sort: str = ""
    page: int = 1

    @property
    def query(self) -> str:
        """As a URL has it, without what is empty."""
        said = {name: value for name, value in asdict(self).items() if value not in ("", 1)}
        return f"?{urlencode(said)}" if said else ""

    @property
    def narrow(self) -> bool:
        """Whether keys may be left out that would be shown else."""
        return bool(self.q or self.status not in ("", "all") or self.member)

    def at(self, page: int) -> str:
        """The query of another page."""
        return replace(self, page=page).query or "?"


def listing(visit: Visit) -> Response:
    """The page; for its search the table alone."""
    filters = _filters(visit)
    accounts = visit.services.accounts
    member = None if filters.member in ("", NOBODYS) else filters.member
    search = KeySearch(text=filters.q, member=member)
    found = accounts.api_keys.list(visit.actor, visit.workspace, search)
    every = standings_of(
        _without_member(found, filters),
        accounts.usage.standings(visit.actor, visit.workspace),
        visit.services.clock.now_ms(),
    )
    chosen = sorted(
        (each for each in every if each.state in _SHOWN[filters.status]), key=_ORDERED[filters.sort]
    )
    pages = max(1, -(-len(chosen) // _ON_A_PAGE))
    filters = replace(filters, page=min(filters.page, pages))
    start = (filters.page - 1) * _ON_A_PAGE
    response = visit.render(
        "keys/table.html" if visit.is_partial else "keys/list.html",
        filters=filters,
        rows=chosen[start : start + _ON_A_PAGE],
        start=start,
        count=len(chosen),
        pages=pages,
        owners=owners(visit),
        sees_all=sees_all(visit),
        no_keys=not chosen and not filters.narrow and filters.status != "all",
        has_revoked=bool(every),
        states=STATES,
        orders=ORDERS,
        each=EACH,
        nobodys=NOBODYS,
    )
    if visit.is_partial:
        response.headers["hx-replace-url"] = visit.path("/keys") + filters.query
    return response


def _filters(visit: Visit) -> Filters:
    """What the URL says, as far as it makes sense."""
    status, sort, page = visit.query("status"), visit.query("sort"), visit.query("page")
    return Filters(
        q=visit.query("q")[:_MOST_TEXT],
        status=status if status in _SHOWN else "",
        member=visit.query("member")[:_MOST_TEXT],
        sort=sort if sort in _ORDERED else "",
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    )


def _without_member(found: Sequence[ApiKey], filters: Filters) -> Sequence[ApiKey]:
    return found if filters.member != NOBODYS else [key for key in found if key.member is None]
