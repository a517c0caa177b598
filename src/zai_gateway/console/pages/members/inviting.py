"""Inviting: a member is added, and gets a link that is shown once, to be handed on by whoever made it."""

from starlette.responses import Response

from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.authorization import Deed, forbidden
from zai_gateway.accounts.identity import IssuedLink
from zai_gateway.accounts.records import Member
from zai_gateway.console.forms import Problems, problems_of
from zai_gateway.console.pages.members.standing import ROLES, member_of_path, ranks
from zai_gateway.console.visit import Visit
from zai_gateway.errors import OperatorError

FIELDS = {"name": "name", "email": "email", "role": "role"}
"""The form's field for each word with which the services' refusals begin."""


def new(visit: Visit) -> Response:
    """The form, and what is sent with it."""
    if not visit.may(Deed.MEMBER_ADD):
        raise forbidden()
    if not visit.posted:
        return _form(visit, Problems())
    form, accounts = visit.form, visit.services.accounts
    visit.again = lambda problems: _form(visit, problems)
    role = role_of(form.text("role"))
    if role is None:
        return _form(visit, Problems({"role": "Choose one of the roles."}))
    try:
        member = accounts.members.add(
            visit.actor, visit.workspace, form.text("name"), form.text("email"), role
        )
    except OperatorError as trouble:
        return _form(visit, problems_of(trouble, FIELDS))
    if not form.has("invite"):
        return visit.go(
            visit.path(f"/members/{member.id}"), f"{member.name} is added, without an invitation."
        )
    # The member is there by now: what is left to do is to make the link.
    visit.again = None
    issued = accounts.people.invite(visit.actor, visit.workspace, member.id)
    return _handed(visit, member, issued)


def link(visit: Visit) -> Response:
    """Another invitation; the one before it ends."""
    shown = member_of_path(visit)
    back = visit.path(f"/members/{shown.member.id}")
    try:
        issued = visit.services.accounts.people.invite(
            visit.actor, visit.workspace, shown.member.id, seen=visit.form.text("seen")
        )
    except OperatorError as trouble:
        return visit.go(back, str(trouble))
    return _handed(visit, shown.member, issued)


def role_of(text: str) -> Role | None:
    """The role that a form names; None where it names none."""
    return Role(text) if text in set(Role) else None


def _form(visit: Visit, problems: Problems) -> Response:
    form = visit.form
    return visit.render(
        "members/new.html",
        422 if problems else 200,
        problems=problems,
        name=form.text("name"),
        email=form.text("email"),
        role=form.text("role") or Role.MEMBER.value,
        invite=form.has("invite") or not visit.posted,
        ranks=ranks(visit),
        standing=_namesake(visit, form.text("email")) if "email" in problems else None,
    )


def _namesake(visit: Visit, email: str) -> Member | None:
    """The member who has that address already."""
    every = visit.services.accounts.members.list(visit.actor, visit.workspace)
    return next((each for each in every if each.email == email.lower()), None)


def _handed(visit: Visit, member: Member, issued: IssuedLink) -> Response:
    """The one page that shows the link."""
    root = visit.base_url.removesuffix("/v1")
    return visit.render(
        "members/link.html",
        member=member,
        url=f"{root}{issued.path}",
        expires_ms=issued.expires_ms,
        role=next(title for role, title, _ in ROLES if role is member.role),
    )
