"""The page of a failure: what went wrong, in words, and the way on."""

from math import isfinite

from starlette.responses import HTMLResponse, Response

from zai_gateway.console.forms import Problems
from zai_gateway.console.visit import Visit
from zai_gateway.errors import Failure, OperatorError, StoreUnavailable
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

_PASSING = (429, 503)
"""What may go well in a moment, with the same form."""


def failed(visit: Visit, failure: Failure) -> Response:
    """The form that was posted, where `failure` passes and the form can be shown; else the failure's page."""
    status = status_of(failure)
    if visit.again is None or status not in _PASSING:
        return failure_page(visit, failure)
    kept = "What you typed is kept below; keys and passwords are to be given again."
    try:
        response = visit.again(Problems({"": f"{failure.message} {kept}"}))
    except (Failure, OperatorError, StoreUnavailable):
        # A form may need the very store that does not answer.
        return failure_page(visit, failure)
    response.status_code = status
    return _to_be_tried_again(response, failure)


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
    return _to_be_tried_again(response, failure)


def _to_be_tried_again(response: Response, failure: Failure) -> Response:
    if failure.retry_after is not None and isfinite(failure.retry_after):
        response.headers["retry-after"] = str(int(failure.retry_after))
    return response
