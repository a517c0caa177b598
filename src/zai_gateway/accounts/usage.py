"""The usage of a workspace: what the books of spending say of its keys, to whoever may know it."""

from collections.abc import Iterator

from msgspec.structs import replace

from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.authorization import Deed, only_own
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.records import BudgetOwner
from zai_gateway.accounts.terms import LAST_MS
from zai_gateway.accounts.usage_books import (
    BY_THE_HOUR_MS,
    DAY_MS,
    Dimension,
    LatencySlice,
    LedgerLine,
    Pending,
    Row,
    Slice,
    Span,
    Standings,
    UsageQuery,
    UsageReports,
    UsageRow,
)
from zai_gateway.errors import OperatorError

LONGEST_MS = 400 * DAY_MS
MOST_LINES = 500
MOST_IN_FILE = 10_000
"""Lines of the ledger: a file that a spreadsheet opens, and that no page waits for."""
MOST_IDS = 50
"""How many keys, models or providers a timeline takes apart at most."""
_LONGEST_NAME = 500


class Usage:
    """Blocking calls that only read, one or two statements each. Raises as `Accounts` says.

    A member sees what the keys did that are the member's own now, as if there were no others. Queries that
    are too long or have impossible times or names raise OperatorError, naming the field.
    """

    def __init__(self, desk: Desk, reports: UsageReports) -> None:
        self._desk = desk
        self._reports = reports

    def read(self, actor: Actor, workspace: str, since_ms: int, until_ms: int) -> tuple[UsageRow, ...]:
        """What was booked from `since_ms` on and before `until_ms`, both in milliseconds since 1970.

        By key and model, sorted by both; to the millisecond, and straight from the ledger.
        """
        own = self._own(actor, workspace)
        if min(since_ms, until_ms) < 0 or max(since_ms, until_ms) > LAST_MS:
            raise OperatorError("since, until: moments from 1970 to 9999.")
        rows = tuple(self._reports.usage(workspace, since_ms, until_ms))
        return rows if own is None else tuple(row for row in rows if row.key in own)

    def totals(self, actor: Actor, workspace: str, query: UsageQuery) -> Row:
        """All together, under an empty id."""
        return self._reports.totals(workspace, self._admitted(actor, workspace, query))

    def timeline(
        self,
        actor: Actor,
        workspace: str,
        query: UsageQuery,
        *,
        by: Dimension | None,
        span: Span,
        most: int = 8,
    ) -> tuple[Slice, ...]:
        """By start, then the dearest of the whole time first; empty spans are left out.

        What is behind the `most` dearest ids comes as one slice of each span, with an empty id.
        """
        if not 1 <= most <= MOST_IDS:
            raise OperatorError(f"most: a number from 1 to {MOST_IDS}.")
        asked = self._admitted(actor, workspace, query, span)
        return self._reports.timeline(workspace, asked, by=by, span=span, most=most)

    def breakdown(self, actor: Actor, workspace: str, query: UsageQuery, by: Dimension) -> tuple[Row, ...]:
        """A row for each id of which something was booked, the dearest first.

        Percentiles are told of the first `usage_books.MOST_TIMED` rows only.
        """
        return self._reports.breakdown(workspace, self._admitted(actor, workspace, query), by)

    def latency(
        self, actor: Actor, workspace: str, query: UsageQuery, *, span: Span
    ) -> tuple[LatencySlice, ...]:
        """By start; spans in which nothing was answered are left out."""
        return self._reports.latency(workspace, self._admitted(actor, workspace, query, span), span=span)

    def recent(
        self, actor: Actor, workspace: str, query: UsageQuery, *, most: int = 50, before: str | None = None
    ) -> tuple[LedgerLine, ...]:
        """The newest entries of the ledger first, `before` being the cursor of the last line that is known.

        Its times are to the millisecond.
        """
        if not 1 <= most <= MOST_LINES:
            raise OperatorError(f"most: a number from 1 to {MOST_LINES}.")
        asked = self._admitted(actor, workspace, query)
        try:
            return self._reports.recent(workspace, asked, most=most, before=before)
        except ValueError:
            raise OperatorError("before: the cursor of a line that was read before.") from None

    def all_recent(
        self, actor: Actor, workspace: str, query: UsageQuery, *, most: int = MOST_IN_FILE
    ) -> Iterator[LedgerLine]:
        """As `recent`, all of them, a part at a time. Raises OperatorError at last where there are more."""
        before, left = None, most
        while True:
            part = self.recent(actor, workspace, query, most=min(MOST_LINES, left or 1), before=before)
            if part and not left:
                raise OperatorError(
                    f"There are more than {most:,} requests in this time, more than one file holds. Choose a "
                    "shorter time, or one key, model or provider."
                )
            yield from part
            if not part:
                return
            left, before = left - len(part), part[-1].cursor

    def standings(self, actor: Actor, workspace: str) -> Standings:
        """Where every budget stands, by its id: each key's own total, which has one, and all others.

        A member sees its own and those of its keys.
        """
        own = self._own(actor, workspace)
        every = self._reports.standings(workspace, self._desk.clock.now_ms())
        if own is None:
            return {each.budget: each for each in every}
        seen = {BudgetOwner.KEY: own, BudgetOwner.MEMBER: {actor.id}, BudgetOwner.WORKSPACE: set[str]()}
        return {each.budget: each for each in every if each.owner in seen[each.owner_kind]}

    def pending(self, actor: Actor, workspace: str) -> Pending:
        """What is not settled now."""
        own = self._own(actor, workspace)
        return self._reports.pending(workspace, None if own is None else sorted(own))

    def _own(self, actor: Actor, workspace: str) -> set[str] | None:
        """The keys that the actor may know of; None: all."""
        owner = actor.id if only_own(actor, Deed.USAGE_READ) else None
        self._desk.admit(actor, Deed.USAGE_READ, workspace, owner=owner)
        if owner is None:
            return None
        return set(self._desk.store.key_names(workspace, owner))

    def _admitted(self, actor: Actor, workspace: str, query: UsageQuery, span: Span = Span.DAY) -> UsageQuery:
        """The query, as far as the actor may ask it."""
        own = self._own(actor, workspace)
        _check(query, span)
        if own is None:
            return query
        keys = own if query.keys is None else own & set(query.keys)
        return replace(query, keys=tuple(sorted(keys)))


def _check(query: UsageQuery, span: Span) -> None:
    since, until = query.since_ms, query.until_ms
    if min(since, until) < 0 or max(since, until) > LAST_MS:
        raise OperatorError("since, until: moments from 1970 to 9999.")
    if until <= since:
        raise OperatorError("until: it comes after since.")
    if until - since > LONGEST_MS:
        raise OperatorError("since, until: at most 400 days.")
    if span is Span.HOUR and until - since > BY_THE_HOUR_MS:
        raise OperatorError("span: by the hour at most 7 days; ask for days.")
    for name, text in (("model", query.model), ("provider", query.provider)):
        if text is not None and (len(text) > _LONGEST_NAME or "\0" in text):
            raise OperatorError(f"{name}: at most {_LONGEST_NAME} characters, and no NUL.")
