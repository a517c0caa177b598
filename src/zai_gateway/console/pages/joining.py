"""Joining by a link that works once: the first owner, whoever is invited, and who lost a password."""

from collections.abc import Callable, Mapping, Sequence

from starlette.responses import Response

from zai_gateway.accounts.identity import LinkKind, OpenLink, SignedIn
from zai_gateway.console.forms import Problems, problems_of
from zai_gateway.console.needs import ACT, BOTH, Needs, Page
from zai_gateway.console.visit import Visit
from zai_gateway.edge.visiting import keep_session
from zai_gateway.errors import Code, Failure, OperatorError

_FIELDS: Mapping[str, str] = {
    "name": "name",
    "email": "email",
    "password": "password",
    "workspace name": "workspace",
}


def set_up(visit: Visit) -> Response:
    """The first owner's form."""
    form, people = visit.form, visit.services.accounts.people
    link, problems = _look(visit, LinkKind.SETUP), Problems()
    if link is not None and visit.request.method == "POST":
        done = _tried(
            lambda: people.set_up(
                _token(visit),
                email=form.text("email"),
                name=form.text("name"),
                password=form.secret("password"),
                workspace_name=form.text("workspace") or None,
                origin=visit.origin,
            )
        )
        if isinstance(done, SignedIn):
            return _entered(visit, done, "/", "Welcome. You are the owner of this workspace.")
        link, problems = (link, done) if done is not None else (None, problems)
    if link is None:
        return _gone(visit, LinkKind.SETUP)
    return visit.render(
        "set_up.html",
        422 if problems else 200,
        problems=problems,
        workspace=form.text("workspace") or (link.workspace.name if link.workspace else ""),
        name=form.text("name"),
        email=form.text("email"),
    )


def invitation(visit: Visit) -> Response:
    """What the invitation is to, and the form of a new person; one who is known signs in and accepts."""
    form, people = visit.form, visit.services.accounts.people
    link, problems = _look(visit, LinkKind.INVITATION), Problems()
    if link is not None and visit.request.method == "POST":
        name, password = form.text("name"), form.secret("password")
        done = _tried(
            lambda: people.accept_new(_token(visit), name=name, password=password, origin=visit.origin)
        )
        if isinstance(done, SignedIn):
            return _entered(visit, done, _place(link), _welcome(link))
        link, problems = (link, done) if done is not None else (None, problems)
    if link is None:
        return _gone(visit, LinkKind.INVITATION)
    return visit.render(
        "invitation.html",
        422 if problems else 200,
        problems=problems,
        link=link,
        name=form.text("name") or link.name,
    )


def accept(visit: Visit) -> Response:
    """Lets whoever is signed in into the workspace."""
    link = _look(visit, LinkKind.INVITATION)
    if link is None:
        return _gone(visit, LinkKind.INVITATION)
    people = visit.services.accounts.people
    people.accept(_token(visit), visit.person.id, address=visit.origin.address)
    return visit.go(_place(link), _welcome(link))


def reset(visit: Visit) -> Response:
    """The form for another password."""
    people, password = visit.services.accounts.people, visit.form.secret("password")
    link, problems = _look(visit, LinkKind.RESET), Problems()
    if link is not None and visit.request.method == "POST":
        done = _tried(lambda: people.reset(_token(visit), password, visit.origin))
        if isinstance(done, SignedIn):
            return _entered(visit, done, "/", "Your password is set, and you are signed out everywhere else.")
        link, problems = (link, done) if done is not None else (None, problems)
    if link is None:
        return _gone(visit, LinkKind.RESET)
    return visit.render("reset.html", 422 if problems else 200, problems=problems, link=link)


def _tried(use: Callable[[], SignedIn]) -> SignedIn | Problems | None:
    """What came of using a link: a session, what is wrong with the form, or None where it holds no more."""
    try:
        return use()
    except OperatorError as trouble:
        return problems_of(trouble, _FIELDS)
    except Failure as failure:
        match failure.code:
            case Code.NOT_FOUND:
                return None
            case Code.RATE_LIMITED:
                return Problems({"": failure.message})
            case _:
                raise


def _look(visit: Visit, kind: LinkKind) -> OpenLink | None:
    """The link of the path; None where it does not hold, or is for something else."""
    try:
        link = visit.services.accounts.people.look(_token(visit))
    except Failure as failure:
        if failure.code is not Code.NOT_FOUND:
            raise
        return None
    return link if link.kind is kind else None


def _gone(visit: Visit, kind: LinkKind) -> Response:
    nobody_yet = visit.services.accounts.people.nobody_yet()
    return visit.render("link_gone.html", 404, kind=kind.value, nobody_yet=nobody_yet)


def _entered(visit: Visit, signed_in: SignedIn, path: str, notice: str) -> Response:
    response = visit.go(path, notice)
    keep_session(visit.request, response, signed_in.token)
    return response


def _welcome(link: OpenLink) -> str:
    return f"You are in {link.workspace.name if link.workspace else 'the workspace'} now."


def _place(link: OpenLink) -> str:
    return f"/w/{link.workspace.slug}" if link.workspace else "/"


def _token(visit: Visit) -> str:
    return visit.request.path_params["token"]


PAGES: Sequence[Page] = (
    ("/setup/{token}", BOTH, Needs.NOTHING, set_up),
    ("/invitation/{token}", BOTH, Needs.NOTHING, invitation),
    ("/invitation/{token}/accept", ACT, Needs.SESSION, accept),
    ("/reset/{token}", BOTH, Needs.NOTHING, reset),
)
