"""The routes of budgets."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Path
from msgspec import Struct

from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, SpendBudget
from zai_gateway.documents.workspaces import BudgetDocument, budget_document
from zai_gateway.edge.control.acting import At, InWorkspace
from zai_gateway.edge.control.forms import MicroUsd, nano
from zai_gateway.edge.control.routing import Form, Routes
from zai_gateway.errors import Code, Failure

BUDGETS = Routes("Budgets")

_BUDGETS = "/workspaces/{workspace}/budgets"
_ONE = f"{_BUDGETS}/{{owner_kind}}/{{owner}}/{{period}}"
OwnerKind = Annotated[BudgetOwner, Path(description="Whose spend it limits.")]
Owner = Annotated[str, Path(description="The id of that key, member or workspace.", max_length=300)]
Period = Annotated[BudgetPeriod, Path(description="Days begin at midnight UTC, weeks on Monday.")]


class BudgetForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a budget allows."""

    limit_micro_usd: MicroUsd


class BudgetsDocument(Struct, frozen=True, kw_only=True):
    """Budgets, caps of keys among them."""

    budgets: tuple[BudgetDocument, ...]


@BUDGETS.get(_BUDGETS)
def list_budgets(at: InWorkspace) -> BudgetsDocument:
    """List the budgets and where they stand, caps of keys among them."""
    found = at.accounts.budgets.list(at.actor, at.workspace)
    return BudgetsDocument(budgets=_budgets(at, *found))


@BUDGETS.put(_ONE)
def set_budget(
    at: InWorkspace,
    owner_kind: OwnerKind,
    owner: Owner,
    period: Period,
    form: Annotated[BudgetForm, Depends(Form(BudgetForm))],
) -> BudgetDocument:
    """Set what the workspace, or one key or member of it, may spend in each period."""
    holder, limit = _holder(at, owner_kind, owner), nano(form.limit_micro_usd)
    return _budgets(at, at.accounts.budgets.set(at.actor, at.workspace, holder, period, limit))[0]


@BUDGETS.delete(_ONE)
def remove_budget(at: InWorkspace, owner_kind: OwnerKind, owner: Owner, period: Period) -> BudgetDocument:
    """Take a budget away, and show what it was."""
    holder = _holder(at, owner_kind, owner)
    return _budgets(at, at.accounts.budgets.remove(at.actor, at.workspace, holder, period))[0]


def _holder(at: At, kind: BudgetOwner, owner: str) -> Holder:
    if kind is BudgetOwner.WORKSPACE and owner != at.workspace:
        raise Failure(Code.NOT_FOUND, "The budgets of a workspace are found by the workspace's own id.")
    return Holder(kind, owner)


def _budgets(at: At, *found: SpendBudget) -> tuple[BudgetDocument, ...]:
    names, standings = _names(at), at.standings()
    return tuple(
        budget_document(each, names.get(each.owner, each.owner), standings.get(each.id)) for each in found
    )


def _names(at: At) -> Mapping[str, str]:
    """What the actor may know of how owners are called."""
    accounts, workspace = at.accounts, at.workspace
    names: dict[str, str] = {}
    for named in (
        lambda: accounts.workspaces.list(at.actor),
        lambda: accounts.members.list(at.actor, workspace),
        lambda: accounts.api_keys.list(at.actor, workspace),
    ):
        try:
            names |= {each.id: each.name for each in named()}
        except Failure as failure:
            if failure.code is not Code.FORBIDDEN:
                raise
    return names
