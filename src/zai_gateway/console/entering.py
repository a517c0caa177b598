"""Entering: finds out who visits and where, and turns away whoever may not."""

from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from zai_gateway.accounts.members import acting
from zai_gateway.console.needs import Needs
from zai_gateway.console.visit import Visit, own_path
from zai_gateway.edge.visiting import CSRF_FIELD, CSRF_HEADER, check_csrf, forget_session, session_token
from zai_gateway.errors import Code, Failure

_MOST_NEXT = 1_000


def entered(visit: Visit, needs: Needs) -> Response | None:
    """Fills the visit in; an answer where the way leads elsewhere. Raises Failure or StoreUnavailable."""
    request, people = visit.request, visit.services.accounts.people
    token = session_token(request)
    session = None if token is None else people.session(token)
    if session is not None:
        visit.token, visit.session = token, session
        visit.memberships = people.memberships(session.person.id)
        # Where no session is needed, none is used; that the post is of this site was checked before.
        if request.method == "POST" and needs is not Needs.NOTHING:
            check_csrf(token or "", visit.form.text(CSRF_FIELD) or request.headers.get(CSRF_HEADER))
    elif needs is not Needs.NOTHING:
        return _sent_to_sign_in(visit)
    if needs is Needs.WORKSPACE:
        _enter_workspace(visit, request.path_params["slug"])
    return None


def _enter_workspace(visit: Visit, slug: str) -> None:
    here = next((each for each in visit.memberships if each.workspace.slug == slug), None)
    if here is None:
        # The same words whether there is such a workspace or not.
        raise Failure(
            Code.NOT_FOUND,
            "There is no such workspace, or you are no member of it. Its owners and admins can invite you.",
        )
    visit.here = here
    visit.acting = acting(here.member, visit.origin.address)


def _sent_to_sign_in(visit: Visit) -> Response:
    request = visit.request
    back = own_path(_asked_from(request))
    path = f"/sign-in?next={quote(back, safe='/')}" if 1 < len(back) < _MOST_NEXT else "/sign-in"
    if session_token(request) is None:
        return visit.go(path)
    lost = "" if request.method == "GET" else " What you just did was not done."
    response = visit.go(path, f"Your session has ended.{lost} Sign in again.")
    forget_session(request, response)
    return response


def _asked_from(request: Request) -> str:
    """The page that the visitor sees, or wanted to see."""
    if request.headers.get("hx-request") == "true":
        try:
            seen = urlsplit(request.headers.get("hx-current-url", ""))
        except ValueError:
            return ""
        return f"{seen.path}?{seen.query}" if seen.query else seen.path
    if request.method != "GET":
        return ""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
