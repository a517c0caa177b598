"""The control plane: an application of all its routes, and the description of them that it serves."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from msgspec.json import encode
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from zai_gateway.edge.control.audit_routes import AUDIT
from zai_gateway.edge.control.budget_routes import BUDGETS
from zai_gateway.edge.control.description import described
from zai_gateway.edge.control.key_routes import KEYS
from zai_gateway.edge.control.model_routes import MODELS
from zai_gateway.edge.control.provider_routes import PROVIDER_KEYS
from zai_gateway.edge.control.routing import PREFIX, Route, add_to, every
from zai_gateway.edge.control.session_routes import SESSIONS
from zai_gateway.edge.control.spend_routes import SPEND
from zai_gateway.edge.control.telling import Telling, on_http_exception, on_invalid
from zai_gateway.edge.control.usage_routes import USAGE
from zai_gateway.edge.control.workspace_routes import MANAGEMENT_KEYS, MEMBERS, WORKSPACES
from zai_gateway.edge.services import Services

OPENAPI = f"{PREFIX}/openapi.json"
ROUTES: Sequence[Route] = tuple(
    every(
        SESSIONS,
        WORKSPACES,
        MEMBERS,
        KEYS,
        BUDGETS,
        MANAGEMENT_KEYS,
        PROVIDER_KEYS,
        MODELS,
        USAGE,
        SPEND,
        AUDIT,
    )
)
"""Every call; the description of them is served beside."""
_NO_TELEMETRY: dict[str, Any] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""It would tell of bodies, with secrets in them, to whomever the environment names."""


def serves(path: str) -> bool:
    """Whether a path is the control plane's."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def control_plane(services: Services) -> FastAPI:
    """The application that serves `/api`, whatever it is mounted behind: its paths are whole.

    Its handlers are called on the threads of the loop's default limiter (anyio).
    """
    app = FastAPI(
        title="Z-AI control plane",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,  # type: ignore[arg-type]
    )
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.state.services = services
    app.add_middleware(Telling)
    for route in ROUTES:
        add_to(app, route)

    made: list[bytes] = []

    def description(_: Request) -> Response:
        if not made:
            made.append(encode(described(app, ROUTES)))
        return Response(made[0], media_type="application/json")

    app.add_route(OPENAPI, description, methods=["GET"], include_in_schema=False)
    return app
