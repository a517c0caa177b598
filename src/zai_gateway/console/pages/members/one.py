"""One member: who it is, what it may spend, and how it is changed and removed."""

from starlette.responses import Response

from zai_gateway.accounts.authorization import Deed, forbidden
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.console.forms import Problems, problems_of
from zai_gateway.console.pages.keys.standing import EACH
from zai_gateway.console.pages.members.inviting import FIELDS, role_of
from zai_gateway.console.pages.members.standing import (
    ROLES,
    ShownMember,
    may_change,
    member_of_path,
    ranks,
)
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Code, Failure, OperatorError


def member(visit: Visit) -> Response:
    """The page."""
    return _page(visit, member_of_path(visit), Problems())


def edit(visit: Visit) -> Response:
    """Gives it another name, e-mail or role."""
    if not visit.may(Deed.MEMBER_UPDATE):
        raise forbidden()
    shown, form = member_of_path(visit), visit.form
    role = role_of(form.text("role"))
    if role is None:
        return _page(visit, shown, Problems({"role": "Choose one of the roles."}))
    wanted = MemberChanges(name=form.text("name"), email=form.text("email"), role=role)
    try:
        visit.services.accounts.members.update(
            visit.actor, visit.workspace, shown.member.id, wanted, seen=form.text("seen")
        )
    except OperatorError as trouble:
        return _page(visit, shown, problems_of(trouble, FIELDS))
    return visit.go(_path(visit, shown), "The member is changed.")


def remove(visit: Visit) -> Response:
    """Removes it, with its API keys and the management keys that it made."""
    if not visit.may(Deed.MEMBER_REMOVE):
        raise forbidden()
    shown = member_of_path(visit)
    name = shown.member.name
    try:
        visit.services.accounts.members.remove(
            visit.actor, visit.workspace, shown.member.id, seen=visit.form.text("seen")
        )
    except OperatorError as trouble:
        return _page(visit, shown, Problems({"": str(trouble)}))
    except Failure as failure:
        if failure.code is not Code.NOT_FOUND:
            raise
    if shown.itself:
        return visit.go("/account", f"You are no member of {visit.membership.workspace.name} any more.")
    return visit.go(visit.path("/members"), f"{name} is removed. API keys of {name}'s own are revoked.")


def _page(visit: Visit, shown: ShownMember, problems: Problems) -> Response:
    form, its = visit.form, shown.member
    changeable = may_change(visit, its)
    posted = form.has("name")
    return visit.render(
        "members/one.html",
        422 if problems else 200,
        shown=shown,
        member=its,
        problems=problems,
        title=next(title for role, title, _ in ROLES if role is its.role),
        ranks=ranks(visit),
        may_change=changeable,
        may_link=changeable and visit.may(Deed.MEMBER_INVITE) and its.person is None,
        name=form.text("name") if posted else its.name,
        email=form.text("email") if posted else its.email,
        role=form.text("role") if posted else its.role.value,
        # What the form was made of, not what there is by now: else the next try would overwrite it unseen.
        seen=form.text("seen") if posted else shown.sight,
        each=EACH,
    )


def _path(visit: Visit, shown: ShownMember) -> str:
    return visit.path(f"/members/{shown.member.id}")
