"""Usage standings: where every budget of a workspace stands now, and what of its money is not settled."""

from collections.abc import Sequence

from sqlalchemy import and_, exists, func, or_, select, true

from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod
from zai_gateway.accounts.usage_books import Pending, Standing
from zai_gateway.spend.budgets import Period, window_end, window_start
from zai_gateway.storage.database import Database
from zai_gateway.storage.rows import total
from zai_gateway.storage.tables import budget, lease, ledger, unconfirmed, window

_OWN_TOTAL = and_(budget.c.owner_kind == BudgetOwner.KEY.value, budget.c.period == Period.TOTAL.value)
"""Each request holds the same in all of its windows, and one of them is its key's own total."""


class SqlUsageStandings:
    """Implements `standings` and `pending` of `accounts.usage_books.UsageReports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def standings(self, workspace: str, now_ms: int) -> tuple[Standing, ...]:
        """As the protocol says."""
        starts = {period.value: window_start(period, now_ms) for period in Period}
        ends = {period.value: window_end(period, now_ms) for period in Period}
        current = or_(
            *(and_(budget.c.period == period, window.c.start == start) for period, start in starts.items())
        )
        rows = (
            select(
                *(budget.c.id, budget.c.owner_kind, budget.c.owner, budget.c.period, budget.c.limit),
                total(lease.c.spent).label("spent"),
                total(lease.c.risk).label("risk"),
            )
            .select_from(budget)
            .outerjoin(window, and_(window.c.budget == budget.c.id, current))
            .outerjoin(lease, lease.c.window == window.c.id)
            .where(budget.c.workspace == workspace, budget.c.ended_ms.is_(None))
            .group_by(budget.c.id)
            .order_by(budget.c.id)
        )
        with self._database.read() as connection:
            found = connection.execute(rows).all()
        return tuple(
            Standing(
                budget=id,
                owner_kind=BudgetOwner(kind),
                owner=owner,
                period=BudgetPeriod(period),
                limit=limit,
                spent=spent,
                risk=risk,
                since_ms=starts[period],
                resets_ms=ends[period],
            )
            for id, kind, owner, period, limit, spent, risk in found
        )

    def pending(self, workspace: str, keys: Sequence[str] | None) -> Pending:
        """As the protocol says."""
        theirs = true() if keys is None else budget.c.owner.in_(keys)
        leased = (
            select(total(lease.c.granted - lease.c.spent - lease.c.risk))
            .join_from(lease, window, window.c.id == lease.c.window)
            .join(budget, budget.c.id == window.c.budget)
            .where(budget.c.workspace == workspace, _OWN_TOTAL, theirs)
        )
        this = and_(ledger.c.request == unconfirmed.c.request, ledger.c.attempt == unconfirmed.c.attempt)
        # What a lost worker left stands in an entry for each of its windows, and one of them names the key.
        counts = and_(ledger.c.key != "", true() if keys is None else ledger.c.key.in_(keys))
        of_these = unconfirmed.c.workspace == workspace
        risk = select(total(ledger.c.risk)).join_from(unconfirmed, ledger, this).where(of_these, counts)
        attempts = (
            select(func.count())
            .select_from(unconfirmed)
            .where(of_these, unconfirmed.c.attempt > 0, exists().where(this, counts))
        )
        with self._database.read() as connection:
            return Pending(
                leased=connection.execute(leased).scalar_one(),
                unconfirmed=connection.execute(risk).scalar_one(),
                attempts=connection.execute(attempts).scalar_one(),
            )
