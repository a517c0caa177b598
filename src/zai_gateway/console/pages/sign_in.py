"""Signing in and out."""

from collections.abc import Sequence

from starlette.responses import RedirectResponse, Response

from zai_gateway.console.forms import Problems
from zai_gateway.console.needs import ACT, BOTH, READ, Needs, Page
from zai_gateway.console.visit import Visit, own_path
from zai_gateway.edge.visiting import forget_session, keep_session
from zai_gateway.errors import Code, Failure, OperatorError


def front(visit: Visit) -> Response:
    """The way in: to the first workspace of whoever is signed in, else to the sign-in."""
    if visit.session is None:
        return RedirectResponse("/sign-in", 303)
    return RedirectResponse(visit.entrance, 303)


def sign_in(visit: Visit) -> Response:
    """The form, and what is sent with it."""
    form, people = visit.form, visit.services.accounts.people
    after = own_path(form.text("next") or visit.query("next"))
    if not visit.posted and visit.session is not None:
        return RedirectResponse(after or visit.entrance, 303)
    problems = Problems()
    status, wait = 200, None
    if visit.request.method == "POST":
        try:
            signed_in = people.sign_in(form.text("email"), form.secret("password"), visit.origin)
        except OperatorError as trouble:
            problems, status = Problems({"": str(trouble)}), 422
        except Failure as failure:
            if failure.code not in (Code.INVALID_CREDENTIALS, Code.RATE_LIMITED):
                raise
            problems, wait = Problems({"": failure.message}), failure.retry_after
            status = 422 if wait is None else 429
        else:
            response = visit.go(after or "/")
            keep_session(visit.request, response, signed_in.token)
            return response
    response = visit.render(
        "sign_in.html",
        status,
        problems=problems,
        email=form.text("email") or visit.query("email"),
        next=after,
        nobody_yet=people.nobody_yet(),
        again_ms=None if wait is None else visit.services.clock.now_ms() + int(wait * 1_000),
    )
    if wait is not None:
        response.headers["retry-after"] = str(int(wait))
    return response


def sign_out(visit: Visit) -> Response:
    """Ends the session."""
    visit.services.accounts.people.sign_out(visit.token or "")
    response = visit.go(own_path(visit.form.text("next")) or "/sign-in", "You are signed out.")
    forget_session(visit.request, response)
    return response


PAGES: Sequence[Page] = (
    ("/", READ, Needs.NOTHING, front),
    ("/sign-in", BOTH, Needs.NOTHING, sign_in),
    ("/sign-out", ACT, Needs.SESSION, sign_out),
)
