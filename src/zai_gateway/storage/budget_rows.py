"""Budgets as accounts keep them: those that stand, by whom they limit."""

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, SpendBudget
from zai_gateway.storage.key_rows import SPEND
from zai_gateway.storage.rows import record_of, row_of
from zai_gateway.storage.tables import api_key, budget, member

_IS_A_CAP = and_(budget.c.owner_kind == BudgetOwner.KEY.value, budget.c.period == BudgetPeriod.TOTAL.value)
"""A key's own total stands in the key itself."""


def standing_budgets(connection: Connection, workspace: str) -> tuple[SpendBudget, ...]:
    """Those with a limit, of keys and members that are there, caps of keys among them."""
    return _budgets(connection, and_(budget.c.workspace == workspace, _limits_somebody()))


def shared_budgets(connection: Connection, workspace: str) -> dict[str, tuple[SpendBudget, ...]]:
    """The same by owner, without the caps of keys."""
    found: dict[str, tuple[SpendBudget, ...]] = {}
    for each in _budgets(connection, and_(budget.c.workspace == workspace, _limits_somebody(), ~_IS_A_CAP)):
        found[each.owner] = (*found.get(each.owner, ()), each)
    return found


def budget_of(connection: Connection, owner: str, period: BudgetPeriod) -> SpendBudget | None:
    """The one that stands for an owner and a period."""
    own = and_(budget.c.owner == owner, budget.c.period == period.value, _limits_somebody())
    return next(iter(_budgets(connection, own)), None)


def insert_budget(connection: Connection, new: SpendBudget) -> None:
    """Writes a new one."""
    connection.execute(insert(budget), row_of(new) | {"resource": SPEND})


def limit_budget(connection: Connection, id: str, limit: int | None, ended_ms: int | None = None) -> None:
    """Writes its limit in nano-USD, and when it ended."""
    connection.execute(update(budget).where(budget.c.id == id).values(limit=limit, ended_ms=ended_ms))


def _budgets(connection: Connection, condition: ColumnElement[bool]) -> tuple[SpendBudget, ...]:
    rows = select(budget).where(condition).order_by(budget.c.owner_kind, budget.c.owner, budget.c.period)
    return tuple(record_of(SpendBudget, row) for row in connection.execute(rows).mappings())


def _limits_somebody() -> ColumnElement[bool]:
    gone = or_(
        budget.c.owner.in_(select(api_key.c.id).where(api_key.c.revoked_ms.is_not(None))),
        budget.c.owner.in_(select(member.c.id).where(member.c.removed_ms.is_not(None))),
    )
    return and_(budget.c.resource == SPEND, budget.c.limit.is_not(None), budget.c.ended_ms.is_(None), ~gone)
