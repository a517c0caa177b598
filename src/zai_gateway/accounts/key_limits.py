"""What an API key may spend by day, week and month, and how it looked to whoever is about to change it."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts import terms
from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed
from zai_gateway.accounts.desk import Desk
from zai_gateway.accounts.records import ApiKey, BudgetOwner, BudgetPeriod, SpendBudget
from zai_gateway.accounts.store import BudgetChange
from zai_gateway.errors import OperatorError
from zai_gateway.ids import new_id

Standing = Mapping[BudgetPeriod, SpendBudget]


class KeySight(Struct, frozen=True, kw_only=True):
    """A key as somebody sees it who is about to change it."""

    key: ApiKey
    limits: Mapping[BudgetPeriod, int]
    """Nano-USD by day, week and month, where there is such a limit."""

    @property
    def terms(self) -> "KeySight":
        """The same but for when it was used and what opens it, which no change overwrites."""
        plain = replace(self.key, prefix="", digest=b"", predecessors=(), last_used_ms=None)
        return replace(self, key=plain)


class KeyLimits:
    """The budgets of keys but their totals, which are terms of the keys themselves."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def standing(self, key: ApiKey) -> Standing:
        """Those that the key has."""
        every = self._desk.store.budgets(key.workspace)
        own = (each for each in every if each.owner == key.id and each.period is not BudgetPeriod.TOTAL)
        return {budget.period: budget for budget in own}

    def changes(
        self, actor: Actor, key: ApiKey, wanted: Mapping[BudgetPeriod, int | None], standing: Standing
    ) -> tuple[BudgetChange, ...]:
        """What is to be written so that the key has the limits that are wanted.

        Raises Failure (FORBIDDEN) where the actor may not, and OperatorError.
        """
        every = (
            self._change(actor, key, period, limit, standing.get(period)) for period, limit in wanted.items()
        )
        return tuple(change for change in every if change is not None)

    def _change(
        self, actor: Actor, key: ApiKey, period: BudgetPeriod, limit: int | None, seen: SpendBudget | None
    ) -> BudgetChange | None:
        if period is BudgetPeriod.TOTAL:
            raise OperatorError("period: the total of a key is its spend cap.")
        terms.checked_cap(limit, "limit")
        if limit == (seen.limit if seen else None):
            return None
        deed = Deed.BUDGET_REMOVE if limit is None else Deed.BUDGET_SET
        self._desk.admit(actor, deed, key.workspace)
        after = None if limit is None else replace(seen or self._new(key, period), limit=limit)
        record = self._desk.record(actor, deed, key.workspace, subject(key), seen, after)
        return BudgetChange(seen=seen, wanted=after, audit=record)

    def _new(self, key: ApiKey, period: BudgetPeriod) -> SpendBudget:
        return SpendBudget(
            id=new_id("budget", self._desk.clock.now_ms()),
            workspace=key.workspace,
            owner_kind=BudgetOwner.KEY,
            owner=key.id,
            period=period,
            limit=None,
        )


def seen_key(key: ApiKey, standing: Standing) -> KeySight:
    """The key with its limits, as it is now."""
    limits = {period: standing[period].limit or 0 for period in BudgetPeriod if period in standing}
    return KeySight(key=key, limits=limits)


def subject(key: ApiKey) -> Subject:
    """The key as the audit names it."""
    return Subject("api_key", key.id, key.name)
