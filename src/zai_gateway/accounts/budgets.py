"""The budgets of a workspace: how much one key, one member or all of it may spend in a period."""

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.accounts import terms
from zai_gateway.accounts.actor import Actor
from zai_gateway.accounts.audit_record import Subject
from zai_gateway.accounts.authorization import Deed, only_own
from zai_gateway.accounts.choosing import chosen
from zai_gateway.accounts.desk import Desk, until_written
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, SpendBudget
from zai_gateway.accounts.sights import refuse_unseen
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.ids import new_id


class Holder(Struct, frozen=True):
    """Whose budget it is: a key or member by id or unique name, or the workspace itself."""

    kind: BudgetOwner
    ref: str = ""


class Budgets:
    """Blocking calls. A key's total is a term of the key, its cap. Raises as `Accounts` says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(self, actor: Actor, workspace: str) -> tuple[SpendBudget, ...]:
        """Every budget that has a limit, caps of keys too; a member sees its own and those of its keys."""
        owner = actor.id if only_own(actor, Deed.BUDGET_LIST) else None
        self._desk.admit(actor, Deed.BUDGET_LIST, workspace, owner=owner)
        every = self._desk.store.budgets(workspace)
        if owner is None:
            return every
        own = {owner, *(key.id for key in self._desk.store.keys(workspace) if key.member == owner)}
        return tuple(budget for budget in every if budget.owner in own)

    def set(
        self,
        actor: Actor,
        workspace: str,
        holder: Holder,
        period: BudgetPeriod,
        limit: int,
        *,
        seen: str | None = None,
    ) -> SpendBudget:
        """Sets what the holder may spend in each such period, in nano-USD.

        It counts from when it is first set; another limit later goes on counting. `seen` is the sight of the
        budget as the caller saw it, `NOTHING` where it saw none.
        """
        self._desk.admit(actor, Deed.BUDGET_SET, workspace)
        terms.checked_cap(limit, "limit")
        _refuse_cap(holder, period)
        subject = self._subject(workspace, holder)

        def attempt() -> SpendBudget | None:
            before = self._standing(workspace, subject, period)
            if before is not None and before.limit == limit:
                return before
            refuse_unseen(seen, before, f"The {period.value} budget of {subject.name}")
            after = replace(before or self._new(workspace, holder, subject, period), limit=limit)
            record = self._desk.record(actor, Deed.BUDGET_SET, workspace, subject, before, after)
            return after if self._desk.store.put_budget(before, after, record) else None

        return until_written(attempt)

    def remove(
        self,
        actor: Actor,
        workspace: str,
        holder: Holder,
        period: BudgetPeriod,
        *,
        seen: str | None = None,
    ) -> SpendBudget:
        """Takes a budget away, and gives what it was. One that is set later begins to count at zero.

        `seen` as for one that is set.
        """
        self._desk.admit(actor, Deed.BUDGET_REMOVE, workspace)
        _refuse_cap(holder, period)
        subject = self._subject(workspace, holder)

        def attempt() -> SpendBudget | None:
            before = self._standing(workspace, subject, period)
            if before is None:
                raise Failure(Code.NOT_FOUND, f"{subject.name} has no {period.value} budget.")
            refuse_unseen(seen, before, f"The {period.value} budget of {subject.name}")
            record = self._desk.record(actor, Deed.BUDGET_REMOVE, workspace, subject, before, None)
            return before if self._desk.store.put_budget(before, None, record) else None

        return until_written(attempt)

    def _subject(self, workspace: str, holder: Holder) -> Subject:
        store = self._desk.store
        match holder.kind:
            case BudgetOwner.KEY:
                living = tuple(key for key in store.keys(workspace) if key.revoked_ms is None)
                key = chosen(holder.ref, living, "API key")
                return Subject("api_key", key.id, key.name)
            case BudgetOwner.MEMBER:
                present = tuple(each for each in store.members(workspace) if each.removed_ms is None)
                member = chosen(holder.ref, present, "member")
                return Subject("member", member.id, member.name)
            case BudgetOwner.WORKSPACE:
                name = next(each.name for each in store.workspaces() if each.id == workspace)
                return Subject("workspace", workspace, name)

    def _standing(self, workspace: str, subject: Subject, period: BudgetPeriod) -> SpendBudget | None:
        return next(
            (
                budget
                for budget in self._desk.store.budgets(workspace)
                if budget.owner == subject.id and budget.period is period
            ),
            None,
        )

    def _new(self, workspace: str, holder: Holder, subject: Subject, period: BudgetPeriod) -> SpendBudget:
        return SpendBudget(
            id=new_id("budget", self._desk.clock.now_ms()),
            workspace=workspace,
            owner_kind=holder.kind,
            owner=subject.id,
            period=period,
            limit=None,
        )


def _refuse_cap(holder: Holder, period: BudgetPeriod) -> None:
    if holder.kind is BudgetOwner.KEY and period is BudgetPeriod.TOTAL:
        raise OperatorError("period: the total of a key is its spend cap; update the key instead.")
