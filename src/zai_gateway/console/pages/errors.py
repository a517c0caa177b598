"""The page of a failure: what went wrong, in words, and the way on."""

from math import isfinite

from starlette.responses import HTMLResponse, Response

from zai_gateway.console.visit import Visit
from zai_gateway.errors import Failure
from zai_gateway.wire.failure import status_of

_TITLES = {
    401: "Sign in first",
    403: "That is not yours to do",
    404: "There is nothing here",
    405: "There is nothing here",
    409: "Somebody was faster",
    413: "That is too much at once",
    422: "That cannot be done",
    429: "Too often, too fast",
    500: "Something broke on our side",
    503: "Not just now",
}


def failure_page(visit: Visit, failure: Failure) -> Response:
    """The page of `failure`; for a part of a page a notice over it."""
    status = status_of(failure)
    if visit.request.headers.get("hx-request") == "true":
        text = visit.renderer.page("notice.html", {"text": failure.message})
        return HTMLResponse(text, status, headers={"hx-retarget": "#notices", "hx-reswap": "innerHTML"})
    title = _TITLES.get(status, "That did not work")
    response = visit.render(
        "failure.html",
        status,
        title=title,
        message=failure.message,
        request_id=visit.request.state.request_id,
    )
    if failure.retry_after is not None and isfinite(failure.retry_after):
        response.headers["retry-after"] = str(int(failure.retry_after))
    return response
