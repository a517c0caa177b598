"""The console's application: every page, what it needs of its visitor, and what no page may do."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zai_gateway.console.assets import Assets
from zai_gateway.console.entering import entered
from zai_gateway.console.forms import Form
from zai_gateway.console.needs import Needs
from zai_gateway.console.pages.errors import failed, failure_page
from zai_gateway.console.rendering import Renderer
from zai_gateway.console.routes import PAGES
from zai_gateway.console.visit import Handler, Visit
from zai_gateway.edge.door import told
from zai_gateway.edge.services import Services
from zai_gateway.edge.visiting import check_own_site
from zai_gateway.errors import Code, Failure, OperatorError

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_NOT_KEPT = "no-store"

Endpoint = Callable[[Request], Awaitable[Response]]


def console(services: Services) -> Starlette:
    """The application. Belongs to one event loop; pages are made on its threads."""
    assets = Assets()
    renderer = Renderer(assets)
    routes: list[BaseRoute] = [Route("/assets/{name}", assets.answer, methods=["GET"])]
    for path, methods, needs, handler in PAGES:
        endpoint = _endpoint(services, renderer, needs, handler)
        routes.append(Route(path, endpoint, methods=list(methods)))
    inside = _endpoint(services, renderer, Needs.WORKSPACE, _nowhere)
    routes.append(Route("/w/{slug}/{rest:path}", inside, methods=["GET", "POST"]))
    nowhere = _endpoint(services, renderer, Needs.NOTHING, _nowhere)

    async def elsewhere(request: Request, _trouble: Exception) -> Response:
        return await nowhere(request)

    return Starlette(routes=routes, exception_handlers={404: elsewhere, 405: elsewhere})


def _nowhere(visit: Visit) -> Response:
    raise Failure(Code.UNKNOWN_PATH, f"There is no page at {visit.request.url.path[:100]}.")


def _endpoint(services: Services, renderer: Renderer, needs: Needs, handler: Handler) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        body = await request.body()

        def make() -> Response:
            visit = Visit(services=services, renderer=renderer, request=request, form=Form())
            try:
                check_own_site(request)
                if "\0" in request.scope["path"]:
                    return _nowhere(visit)
                if request.method == "POST":
                    visit.form = Form.read(body)
                answered = entered(visit, needs)
                return answered or handler(visit)
            except OperatorError as trouble:
                return failure_page(visit, Failure(Code.INVALID_REQUEST, str(trouble)))
            except Exception as trouble:
                return failed(visit, told(trouble, request.state.request_id))

        response = await run_in_threadpool(make)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("cache-control", _NOT_KEPT)
        return response

    return endpoint
