"""Commands on budgets: how much a key, a member or a workspace may spend in a period."""

from collections.abc import Sequence
from typing import Annotated

import typer

from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, SpendBudget
from zai_gateway.cli.acting import OPERATOR, member_of, workspace_of
from zai_gateway.cli.doors import Books, Composition
from zai_gateway.cli.options import AsJson, Data, InWorkspace
from zai_gateway.cli.screen import Screen
from zai_gateway.cli.words import nano
from zai_gateway.documents.workspaces import BudgetDocument, budget_document

_Key = Annotated[str | None, typer.Option("--key", metavar="KEY", help="Of this API key: its id or name.")]
_Member = Annotated[
    str | None, typer.Option("--member", metavar="MEMBER", help="Of this member: its id, address or name.")
]
_Period = Annotated[BudgetPeriod, typer.Option("--period", help="Days, weeks and months are those of UTC.")]


class Budgets:
    """What an operator does with budgets."""

    def __init__(self, composition: Composition, screen: Screen) -> None:
        self._composition = composition
        self._screen = screen

    def set(  # noqa: PLR0913 -- a command's options are its parameters
        self,
        limit: Annotated[
            int, typer.Argument(metavar="USD", parser=nano, help="The most per period.", show_default=False)
        ],
        *,
        period: _Period = BudgetPeriod.MONTHLY,
        key: _Key = None,
        member: _Member = None,
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """Set what the workspace, or one key or member of it, may spend in each period."""
        _refuse_both(key, member)
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            holder = _holder(books, place, key, member)
            budget = books.accounts.budgets.set(OPERATOR, place, holder, period, limit)
            told = self._told(books, place, (budget,))
        self._show(told, told[0] if as_json else None)

    def list(self, data: Data = None, workspace: InWorkspace = None, as_json: AsJson = False) -> None:
        """List the budgets and where they stand, caps of keys among them."""
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            told = self._told(books, place, books.accounts.budgets.list(OPERATOR, place))
        self._show(told, {"budgets": told} if as_json else None)

    def remove(
        self,
        *,
        period: _Period = BudgetPeriod.MONTHLY,
        key: _Key = None,
        member: _Member = None,
        data: Data = None,
        workspace: InWorkspace = None,
        as_json: AsJson = False,
    ) -> None:
        """Take a budget away, and show what it was."""
        _refuse_both(key, member)
        with self._composition.books(data) as books:
            place = workspace_of(books, workspace)
            holder = _holder(books, place, key, member)
            told = self._told(books, place, (books.accounts.budgets.remove(OPERATOR, place, holder, period),))
        self._show(told, told[0] if as_json else None)

    def _told(self, books: Books, place: str, budgets: tuple[SpendBudget, ...]) -> Sequence[BudgetDocument]:
        accounts = books.accounts
        names = {
            **{each.id: each.name for each in accounts.workspaces.list(OPERATOR)},
            **{each.id: each.name for each in accounts.members.list(OPERATOR, place)},
            **{each.id: each.name for each in accounts.api_keys.list(OPERATOR, place)},
        }
        now = self._composition.clock.now_ms()
        standings = {
            standing.budget.id: standing
            for owner in {budget.owner for budget in budgets}
            for standing in books.spend.standings(owner, now)
        }
        return [
            budget_document(budget, names.get(budget.owner, budget.owner), standings.get(budget.id))
            for budget in budgets
        ]

    def _show(self, told: Sequence[BudgetDocument], document: object) -> None:
        if document is not None:
            self._screen.document(document)
            return
        rows = [
            (each.owner_kind, each.owner_name, each.period, each.limit_usd, each.spend_usd) for each in told
        ]
        self._screen.table(("of", "name", "period", "limit USD>", "spent USD>"), rows)


def _refuse_both(key: str | None, member: str | None) -> None:
    if key is not None and member is not None:
        raise typer.BadParameter("a budget has one owner: leave --key or --member out.", param_hint="'--key'")


def _holder(books: Books, place: str, key: str | None, member: str | None) -> Holder:
    if key is not None:
        return Holder(BudgetOwner.KEY, books.accounts.api_keys.show(OPERATOR, place, key).id)
    if member is not None:
        return Holder(BudgetOwner.MEMBER, member_of(books, place, member))
    return Holder(BudgetOwner.WORKSPACE)
