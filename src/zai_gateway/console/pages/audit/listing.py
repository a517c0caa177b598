"""The audit log: who did what, to what, when and from where; filtered and paged by what stands in its URL."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import asdict, replace
from starlette.responses import Response

from zai_gateway.accounts.actor import ActorKind
from zai_gateway.accounts.audit_record import AuditRecord, AuditSearch
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.expiry import moment_ms, span_ms
from zai_gateway.console.pages.audit.changes import Line, lines
from zai_gateway.console.pages.audit.words import FILTERED, around, kind_of, names_object, title_of
from zai_gateway.console.visit import Visit
from zai_gateway.errors import OperatorError

_ON_A_PAGE = 50
_MOST_TEXT = 200
_INLINE = 6
"""So many changes are told at once, more of them when they are asked for."""
SPANS = (
    ("", "At any time"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
    ("90d", "Last 90 days"),
)


class Filters(Struct, frozen=True, kw_only=True):
    """What is to be shown, as the URL says; empty takes nothing away."""

    q: str = ""
    deed: str = ""
    actor: str = ""
    object: str = ""
    since: str = ""
    before: str = ""

    @property
    def query(self) -> str:
        """As a URL has it, without what is empty."""
        said = {name: value for name, value in asdict(self).items() if value}
        return f"?{urlencode(said)}" if said else ""

    @property
    def narrow(self) -> bool:
        """Whether records may be left out that would be shown else."""
        return replace(self, before="") != Filters()

    def at(self, **changed: str) -> str:
        """The query with something else in it, on its first page unless that is what changes."""
        return replace(self, **{"before": "", **changed}).query or "?"

    def search(self, now_ms: int, most: int, before: str | None = None) -> AuditSearch:
        """What the services are asked. Raises OperatorError for a moment that is none."""
        span = span_ms(self.since)
        since = 0
        if self.since:
            since = moment_ms(self.since, "since") if span is None else max(0, now_ms - span)
        return AuditSearch(
            deed=self.deed or None,
            actor=self.actor or None,
            object=self.object or None,
            text=self.q or None,
            since_ms=since,
            before=before or self.before or None,
            most=most,
        )


class ShownRecord(Struct, frozen=True, kw_only=True):
    """A record with what a person reads of it."""

    record: AuditRecord
    words: tuple[str, str]
    names_object: bool
    actor_kind: str
    lines: tuple[Line, ...]
    made: bool
    """Whether nothing was there before: then only what it was made with is told."""
    folded: bool


def log(visit: Visit) -> Response:
    """The page; for its search the table alone."""
    filters, trouble = filters_of(visit), ""
    found: Sequence[AuditRecord] = ()
    try:
        search = filters.search(visit.services.clock.now_ms(), _ON_A_PAGE + 1)
        found = visit.services.accounts.audit.list(visit.actor, visit.workspace, search)
    except OperatorError as wrong:
        trouble = str(wrong)
    names = member_names(visit)
    response = visit.render(
        "audit/table.html" if visit.is_partial else "audit/log.html",
        422 if trouble else 200,
        trouble=trouble,
        filters=filters,
        rows=[_shown(record, names) for record in found[:_ON_A_PAGE]],
        older=_last_of_page(found),
        actors=_actors(names, filters.actor, found),
        deeds=[(deed.value, title_of(deed)) for deed in FILTERED],
        spans=_spans(filters.since),
        object_name=next((each.object_name for each in found if each.object_id == filters.object), ""),
    )
    if visit.is_partial:
        response.headers["hx-replace-url"] = visit.path("/audit") + filters.query
    return response


def filters_of(visit: Visit) -> Filters:
    """What the URL says, as far as it can be asked."""
    said = {name: visit.query(name)[:_MOST_TEXT] for name in Filters.__struct_fields__}
    deed = said.pop("deed")
    return Filters(deed=deed if deed in set(Deed) else "", **said)


def member_names(visit: Visit) -> Mapping[str, str]:
    """What the members are called, by id."""
    members = visit.services.accounts.members.list(visit.actor, visit.workspace)
    return {each.id: each.name for each in sorted(members, key=lambda each: each.name.lower())}


def _last_of_page(found: Sequence[AuditRecord]) -> str:
    """Behind which record the next page begins; empty where there is none."""
    return found[_ON_A_PAGE - 1].id if len(found) > _ON_A_PAGE else ""


def _shown(record: AuditRecord, names: Mapping[str, str]) -> ShownRecord:
    told = lines(record, names)
    made = all(line.before.none for line in told)
    return ShownRecord(
        record=record,
        words=around(record.deed),
        names_object=names_object(record.deed),
        actor_kind=kind_of(record.actor_kind),
        lines=told,
        made=made,
        folded=len(told) > _INLINE,
    )


def _actors(names: Mapping[str, str], chosen: str, found: Sequence[AuditRecord]) -> list[tuple[str, str]]:
    """Who can be asked for, with whoever is."""
    hosts = {ActorKind.OPERATOR.value: "The operator", ActorKind.GATEWAY.value: "The gateway itself"}
    known = {**names, **hosts}
    called = next((each.actor_name for each in found if each.actor_id == chosen), chosen)
    others = {chosen: called} if chosen and chosen not in known else {}
    return [("", "Everybody"), *known.items(), *others.items()]


def _spans(chosen: str) -> list[tuple[str, str]]:
    others = [] if any(chosen == value for value, _ in SPANS) else [(chosen, f"Since {chosen}")]
    return [*SPANS, *others]
