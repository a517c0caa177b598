"""The budgets of members and of the workspace: where they stand, and how they are set and taken away."""

from collections.abc import Mapping

from msgspec import Struct
from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed, allowed, forbidden
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, SpendBudget
from zai_gateway.accounts.sights import NOTHING, sight
from zai_gateway.accounts.usage_books import Standing
from zai_gateway.console.forms import Problems, number_typed
from zai_gateway.console.pages.keys.standing import EACH, filled
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.money import nano_from_usd, usd

WHOLE = "workspace"
"""Stands for the workspace itself among those whose budget it may be."""
PERIODS = (
    (BudgetPeriod.MONTHLY.value, "A month"),
    (BudgetPeriod.WEEKLY.value, "A week"),
    (BudgetPeriod.DAILY.value, "A day"),
    (BudgetPeriod.TOTAL.value, "In all, from now on"),
)
_MOST_AMOUNT = 60


class ShownBudget(Struct, frozen=True, kw_only=True):
    """A budget with its standing, and whose it is."""

    standing: Standing
    of: str
    """A member's id, or `WHOLE`."""
    name: str
    sight: str


def budgets(visit: Visit) -> Response:
    """The page."""
    return _table(visit, Problems())


def put(visit: Visit) -> Response:
    """The form of one, new or not, and what is sent with it."""
    if not visit.may(Deed.BUDGET_SET):
        raise forbidden()
    form = visit.form
    of, period = (form.text(name) or visit.query(name) for name in ("of", "period"))
    standing = _standing(visit, of, period)
    if not visit.posted:
        limit = usd(standing.limit) if standing is not None and standing.limit is not None else ""
        return _form(visit, of, period, limit, sight(standing), Problems())
    problems = _set(visit, of, period, standing)
    if problems:
        return _form(visit, of, period, form.text("limit"), form.text("seen"), problems)
    return visit.go(visit.path("/members/budgets"), "The budget is set. It holds everywhere in a second.")


def remove(visit: Visit) -> Response:
    """Takes one away."""
    if not visit.may(Deed.BUDGET_REMOVE):
        raise forbidden()
    form = visit.form
    of, period = form.text("of"), form.text("period")
    wanted = _wanted(visit, of, period)
    if wanted is None:
        raise Failure(Code.NOT_FOUND, "There is no such budget in this workspace.")
    try:
        visit.services.accounts.budgets.remove(visit.actor, visit.workspace, *wanted, seen=form.text("seen"))
    except OperatorError as trouble:
        return _table(visit, Problems({"": str(trouble)}))
    except Failure as failure:
        if failure.code is not Code.NOT_FOUND:
            raise
        return visit.go(visit.path("/members/budgets"), "This budget was removed before.")
    return visit.go(visit.path("/members/budgets"), "The budget is removed.")


def _sights(visit: Visit) -> Mapping[str, str]:
    """The sight of each budget that the visitor sees, by its id."""
    every = visit.services.accounts.budgets.list(visit.actor, visit.workspace)
    return {each.id: sight(each) for each in every}


def _set(visit: Visit, of: str, period: str, standing: SpendBudget | None) -> Problems:
    form = visit.form
    wanted = _wanted(visit, of, period)
    if wanted is None:
        return Problems({"of": "Choose whose budget it is, and over which time."})
    try:
        limit = nano_from_usd(number_typed(form.text("limit"))[:_MOST_AMOUNT], "limit")
        same = standing is not None and standing.limit == limit
        if form.text("seen") == NOTHING and standing is not None and not same:
            return Problems({"period": "There is such a budget already: change that one instead."})
        visit.services.accounts.budgets.set(
            visit.actor, visit.workspace, *wanted, limit, seen=form.text("seen")
        )
    except OperatorError as trouble:
        field, _, said = str(trouble).partition(": ")
        return Problems({"limit": said[:1].upper() + said[1:]} if field == "limit" else {"": str(trouble)})
    return Problems()


def _wanted(visit: Visit, of: str, period: str) -> tuple[Holder, BudgetPeriod] | None:
    """What a form names, as the services do; None where it is nothing of this workspace."""
    if period not in set(BudgetPeriod):
        return None
    if of == WHOLE:
        return Holder(BudgetOwner.WORKSPACE), BudgetPeriod(period)
    return (Holder(BudgetOwner.MEMBER, of), BudgetPeriod(period)) if of in _names(visit) else None


def _standing(visit: Visit, of: str, period: str) -> SpendBudget | None:
    owner = visit.workspace if of == WHOLE else of
    every = visit.services.accounts.budgets.list(visit.actor, visit.workspace)
    found = (each for each in every if each.owner == owner and each.period.value == period)
    return next((each for each in found if each.owner_kind is not BudgetOwner.KEY), None)


def _names(visit: Visit) -> dict[str, str]:
    members = visit.services.accounts.members.list(visit.actor, visit.workspace)
    return {each.id: each.name for each in sorted(members, key=lambda each: each.name.lower())}


def _table(visit: Visit, problems: Problems) -> Response:
    names, seen = _names(visit), _sights(visit)
    place = visit.membership.workspace.name
    shown = [
        ShownBudget(
            standing=each,
            of=WHOLE if each.owner_kind is BudgetOwner.WORKSPACE else each.owner,
            name=place if each.owner_kind is BudgetOwner.WORKSPACE else names[each.owner],
            sight=seen[each.budget],
        )
        for each in visit.services.accounts.usage.standings(visit.actor, visit.workspace).values()
        if each.limit is not None
        and each.budget in seen
        and (each.owner in names or each.owner == visit.workspace)
    ]
    shown.sort(key=lambda each: (each.of != WHOLE, -filled(each.standing), each.name.lower()))
    return visit.render(
        "members/budgets.html",
        422 if problems else 200,
        rows=shown,
        problems=problems,
        each=EACH,
        whole=WHOLE,
        budget_count=len(shown),
        sees_all=allowed(visit.actor, Deed.BUDGET_LIST),
    )


def _form(visit: Visit, of: str, period: str, limit: str, seen: str, problems: Problems) -> Response:
    names = _names(visit)
    whole = (WHOLE, f"All of {visit.membership.workspace.name}")
    return visit.render(
        "members/budget.html",
        422 if problems else 200,
        problems=problems,
        of=of,
        period=period,
        limit=limit,
        seen=seen,
        is_new=seen == NOTHING,
        owner=whole[1] if of == WHOLE else names.get(of, ""),
        owners=[whole, *names.items()],
        periods=PERIODS,
        each=EACH,
    )
