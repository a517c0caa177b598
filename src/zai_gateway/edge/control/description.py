"""The description of the control plane (OpenAPI 3.1): what each call takes and tells, and how it fails."""

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct
from msgspec.json import schema_components

from zai_gateway import __version__
from zai_gateway.edge.control.routing import Route
from zai_gateway.edge.error_table import ErrorBody
from zai_gateway.edge.visiting import CSRF_HEADER

_REF = "#/components/schemas/{name}"
_SCHEMES: Mapping[str, Any] = {
    "management_key": {"type": "http", "scheme": "bearer", "description": "A management key (zk_admin_...)."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "zai_session",
        "description": f"A person's session; what changes something carries {CSRF_HEADER} too. Behind TLS "
        "the cookie is called __Host-zai_session.",
    },
}
_FAILURES: Mapping[str, str] = {
    "400": "What was sent is not well; `error.param` names the field.",
    "401": "Nobody acts: there is no session or key, or it has ended.",
    "403": "It is not allowed to the role or key, or another site asked for it.",
    "404": "It is not there, or in another workspace.",
    "415": "The body is not called JSON.",
    "429": "Too many tries lately; `retry-after` says when it can be tried again.",
    "503": "The store does not answer right now.",
}
_TELLS_OF_PERSONS = "Sign-in"


def described(app: FastAPI, routes: Sequence[Route]) -> dict[str, Any]:
    """The whole description. It takes a while: it reads the sources for what fields say of themselves."""
    document = get_openapi(
        title=app.title,
        version=__version__,
        description="All that the console does. Money is in integer micro-USD, times are ISO 8601 in UTC.",
        routes=app.routes,
    )
    kinds = {kind for route in routes for kind in (route.takes, route.tells) if kind is not None}
    _, components = schema_components({*kinds, ErrorBody}, ref_template=_REF)
    for kind in _all_kinds(kinds):
        if (schema := components.get(kind.__name__)) is not None:
            _say(schema, kind)
    # FastAPI's own are those of parameters, and of its own form of a refusal, which is not told here.
    own = {
        name: schema
        for name, schema in document["components"]["schemas"].items()
        if name not in ("HTTPValidationError", "ValidationError")
    }
    document["components"] = {"schemas": own | components, "securitySchemes": dict(_SCHEMES)}
    for route in routes:
        document["paths"][route.shown_path][route.method.lower()] |= _operation(route)
    return document


def _operation(route: Route) -> dict[str, Any]:
    """What the description of one call has beside its parameters."""
    told: dict[str, Any] = {"description": "Done."}
    if route.tells is not None:
        told["content"] = _json(route.tells)
    elif route.tells_text is not None:
        told["content"] = {route.tells_text: {"schema": {"type": "string"}}}
    failing = {status: {"description": why, "content": _json(ErrorBody)} for status, why in _fails(route)}
    said: dict[str, Any] = {"responses": {str(route.status): told, **failing}, "security": _security(route)}
    if route.takes is not None:
        said["requestBody"] = {"required": True, "content": _json(route.takes)}
    return said


def _fails(route: Route) -> list[tuple[str, str]]:
    statuses = ["400", "503"]
    statuses += [] if route.is_open and route.method == "GET" else ["401", "403"]
    statuses += ["404"] if "{" in route.path else []
    statuses += ["415"] if route.takes is not None else []
    statuses += ["429"] if route.tag == _TELLS_OF_PERSONS or route.path.endswith("/test") else []
    return [(status, _FAILURES[status]) for status in sorted(statuses)]


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.is_open:
        return []
    session: dict[str, list[str]] = {"session": []}
    return [session] if route.tag == _TELLS_OF_PERSONS else [session, {"management_key": []}]


def _json(kind: type[Struct]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=kind.__name__)}}}


def _all_kinds(kinds: set[type[Struct]]) -> set[type[Struct]]:
    """These and every struct that stands in one of them."""
    modules = {inspect.getmodule(kind) for kind in kinds}
    found = set(kinds)
    for module in modules:
        found |= {
            each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Struct)
        }
    return found


def _say(schema: dict[str, Any], kind: type[Struct]) -> None:
    """Gives each field of the schema the words that stand under it in the source."""
    for owner in reversed(kind.__mro__):
        if owner is Struct or not issubclass(owner, Struct):
            continue
        for name, words in _words(owner).items():
            if (field := schema.get("properties", {}).get(name)) is not None:
                field.setdefault("description", words)


def _words(kind: type[Struct]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = next(each for each in tree.body if isinstance(each, ast.ClassDef)).body
    found: dict[str, str] = {}
    for field, after in pairwise(body):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                found[name] = " ".join(words.split())
            case _:
                pass
    return found
