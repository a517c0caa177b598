"""How the control plane answers: documents as JSON, and every failure in the one error shape."""

import re
from http import HTTPStatus as Status

from fastapi.exceptions import RequestValidationError
from msgspec import Struct
from msgspec.json import encode
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zai_gateway.edge.door import told
from zai_gateway.edge.error_table import error_page
from zai_gateway.errors import Code, Failure, OperatorError

_FIELD = re.compile(r"([a-z][a-zA-Z_, ]{0,40}): ")
_JSON_NAMES = {
    "spend cap": "spend_cap_micro_usd",
    "unbounded allowance": "unbounded_allowance_micro_usd",
    "fallback": "fallback_model",
    "expires": "expires_at",
    "member": "member_id",
    "overlap": "overlap_seconds",
    "target": "targets",
    "cost": "cost_micro_usd",
    "since, until": "since",
}
"""What the services call a field, where JSON calls it something else."""
_ON_EVERY_ANSWER = {
    # What one person may see must stay in no cache for another.
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


def page(document: Struct, status: int = 200) -> Response:
    """The document as JSON."""
    return Response(encode(document), status, media_type="application/json")


def failure_of(trouble: BaseException, request_id: str) -> Failure:
    """The failure that the client is told of `trouble`, as the door tells it of `/v1`."""
    if isinstance(trouble, OperatorError):
        words = str(trouble)
        return Failure(Code.INVALID_REQUEST, words, param=_field(words))
    return told(trouble, request_id)


def refused(failure: Failure) -> Response:
    """The answer that tells of `failure`."""
    made = error_page(failure)
    return Response(made.body, made.status, dict(made.headers))


class Telling:
    """Middleware that tells of whatever is raised behind it, and says on every answer how it may be used."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(_ON_EVERY_ANSWER)
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as trouble:
            if started:
                raise
            request_id = str(scope.get("state", {}).get("request_id", ""))
            await refused(failure_of(trouble, request_id))(scope, receive, sent)


async def on_http_exception(request: Request, trouble: Exception) -> Response:
    """For what the router refuses: a path that is not there, or not with this method."""
    assert isinstance(trouble, HTTPException)
    if trouble.status_code == Status.METHOD_NOT_ALLOWED:
        allow = ", ".join(_methods(request))
        failure = Failure(
            Code.METHOD_NOT_ALLOWED, f"{request.method} is not for this path, which takes {allow}."
        )
        answer = refused(failure)
        answer.headers["allow"] = allow
        return answer
    return refused(
        Failure(
            Code.UNKNOWN_PATH, "There is nothing at this path. GET /api/openapi.json lists what there is."
        )
    )


async def on_invalid(_request: Request, trouble: Exception) -> Response:
    """For a parameter of the path or the query that cannot be read."""
    assert isinstance(trouble, RequestValidationError)
    first = trouble.errors()[0]
    name, words = str(first["loc"][-1]), str(first["msg"])
    return refused(Failure(Code.INVALID_REQUEST, f"{name}: {words[:1].lower()}{words[1:]}.", param=name))


def _methods(request: Request) -> list[str]:
    """Those of every route with the path of the request: each has one."""
    here = (each for each in request.app.routes if each.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for each in here if isinstance(each, Route) for method in each.methods or ()})


def _field(words: str) -> str | None:
    """The JSON field that an OperatorError begins with."""
    begins = _FIELD.match(words)
    if begins is None:
        return None
    return _JSON_NAMES.get(begins[1], begins[1].lower().replace(" ", "_"))
