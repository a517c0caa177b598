"""The account of whoever is signed in: name, password, looks, sessions, and the workspaces it is in."""

from collections.abc import Sequence

from starlette.responses import Response

from zai_gateway.console.agents import browser_of
from zai_gateway.console.forms import Problems, problems_of
from zai_gateway.console.needs import ACT, READ, Needs, Page
from zai_gateway.console.visit import Visit, keep_theme
from zai_gateway.edge.visiting import forget_session
from zai_gateway.errors import OperatorError

_PATH = "/account"


def account(visit: Visit) -> Response:
    """The page."""
    return _page(visit, Problems())


def rename(visit: Visit) -> Response:
    """Gives the person another name."""
    people = visit.services.accounts.people
    try:
        people.rename(visit.person.id, visit.form.text("name"), address=visit.origin.address)
    except OperatorError as trouble:
        return _page(visit, problems_of(trouble, {"name": "name"}))
    return visit.go(_PATH, "Your name is changed.")


def change_password(visit: Visit) -> Response:
    """Sets another password; other sessions end with it."""
    form, session = visit.form, visit.session
    people = visit.services.accounts.people
    assert session is not None  # `Needs.SESSION`
    try:
        people.change_password(
            session, form.secret("old"), form.secret("password"), address=visit.origin.address
        )
    except OperatorError as trouble:
        return _page(visit, problems_of(trouble, {"old password": "old", "password": "password"}))
    return visit.go(_PATH, "Your password is changed, and you are signed out everywhere else.")


def sign_out_everywhere(visit: Visit) -> Response:
    """Ends every session, this one too."""
    ended = visit.services.accounts.people.sign_out_everywhere(visit.person.id, address=visit.origin.address)
    sessions = "1 session" if ended == 1 else f"{ended} sessions"
    response = visit.go("/sign-in", f"You are signed out everywhere: {sessions} ended.")
    forget_session(visit.request, response)
    return response


def choose_theme(visit: Visit) -> Response:
    """Light, dark, or whatever the reader's system has."""
    response = visit.go(_PATH, "Saved for this browser.")
    keep_theme(visit.request, response, visit.form.text("theme"))
    return response


def _page(visit: Visit, problems: Problems) -> Response:
    people = visit.services.accounts.people
    sessions = [(each, browser_of(each.agent)) for each in people.sessions(visit.person.id)]
    return visit.render(
        "account.html",
        422 if problems else 200,
        problems=problems,
        name=visit.form.text("name") or visit.person.name,
        sessions=sessions,
    )


PAGES: Sequence[Page] = (
    (_PATH, READ, Needs.SESSION, account),
    (f"{_PATH}/name", ACT, Needs.SESSION, rename),
    (f"{_PATH}/password", ACT, Needs.SESSION, change_password),
    (f"{_PATH}/theme", ACT, Needs.SESSION, choose_theme),
    (f"{_PATH}/sign-out-everywhere", ACT, Needs.SESSION, sign_out_everywhere),
)
