"""The page on the control plane lists its calls as they are, and its description is whole."""

import re
from collections.abc import Sequence
from typing import Any

from jsonschema import Draft202012Validator

from tests.house.tree import ROOT
from tests.unit.edge.control.calling import call
from tests.unit.edge.control.stage import Stage
from tests.unit.edge.control.table import CASES, WS
from zai_gateway.edge.control.plane import OPENAPI, ROUTES
from zai_gateway.edge.control.routing import Route

BY_ROUTE = {each.route: each for each in CASES}


def rows_of_persons() -> Sequence[str]:
    """The table of calls in no workspace."""
    own = (each for each in ROUTES if f"{each.method} {each.path}" not in BY_ROUTE)
    return [f"| `{each.method} {each.shown_path}` | {_told(each)} |" for each in own]


def rows_of_workspaces() -> Sequence[str]:
    """The table of the others, with who may call them."""
    rows: list[str] = []
    for each in ROUTES:
        found = BY_ROUTE.get(f"{each.method} {each.path}")
        if found is not None:
            who = " ".join(mark[0] for mark in found.who.split())
            scope = {None: "none may", "*": "any"}.get(found.scope, f"`{found.scope}`")
            below = each.shown_path.removeprefix(WS)
            rows.append(f"| `{each.method} {below or '(itself)'}` | {_told(each)} | {who} | {scope} |")
    return rows


def _told(route: Route) -> str:
    return f"{route.summary}{' (needs no session)' if route.is_open else ''}"


def test_the_page_lists_every_call_as_it_is() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `[A-Z]+ .*\|$", page, re.M)
    assert listed == [*rows_of_persons(), *rows_of_workspaces()]


async def test_the_description_is_whole(stage: Stage) -> None:
    document: dict[str, Any] = (await call(stage.app, f"GET {OPENAPI}")).json
    schemas: dict[str, Any] = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    text = str(document)
    named = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert named == set(schemas)
    told = {(path, method) for path, calls in document["paths"].items() for method in calls}
    assert told == {(route.shown_path, route.method.lower()) for route in ROUTES}
    for route in ROUTES:
        said = document["paths"][route.shown_path][route.method.lower()]
        assert said["summary"]
        assert ("requestBody" in said) == (route.takes is not None)
        assert {"400", "503"} <= said["responses"].keys()
        assert str(route.status) in said["responses"]
        assert all(parameter["description"] for parameter in said.get("parameters", ()))
    ids = [said["operationId"] for calls in document["paths"].values() for said in calls.values()]
    assert len(set(ids)) == len(ids)
