"""Every call of the control plane, by everybody who may ask, on their own workspace and on another's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, validate
from msgspec.structs import asdict

from tests.unit.edge.control.calling import Got, bearer, call, cookie
from tests.unit.edge.control.stage import Cast, Place, Stage, Template
from tests.unit.edge.control.table import CASES, OF_ANYBODY_HERE, OF_PERSONS, OPEN, Case, Example
from zai_gateway.accounts.actor import Role, Scope
from zai_gateway.edge.control.plane import ROUTES

ROLES = [role.value for role in Role]
EVERY = [pytest.param(each, id=each.route) for each in CASES]
OF_THINGS = [pytest.param(each, id=each.route) for each in CASES if each.names_a_thing]


class Checker:
    """Holds every answer against the description, and looks for what no answer may say."""

    def __init__(self, cast: Cast, document: dict[str, Any]) -> None:
        self._secrets = cast.secrets
        self._document = document

    def check(self, route: str, got: Got) -> Got:
        """Gives the answer back."""
        method, _, path = route.partition(" ")
        told = self._document["paths"][path.replace(":path}", "}")][method.lower()]["responses"]
        assert str(got.status) in told, f"{route} answers {got.status}, of which its description is silent"
        content = told[str(got.status)].get("content", {})
        if "application/json" in content:
            schema = {**content["application/json"]["schema"], "components": self._document["components"]}
            validate(got.json, schema, Draft202012Validator)
        elif content:
            assert [*content] == [(got.header("content-type") or "").partition(";")[0]]
        else:
            assert got.body == b""
        text = got.body.decode()
        assert not [secret for secret in self._secrets if secret in text]
        assert got.header("cache-control") == "no-store"
        return got


@pytest.fixture
async def checker(cast: Cast, stage: Stage) -> Checker:
    got = await call(stage.app, "GET /api/openapi.json")
    return Checker(cast, got.json)


def refused_by(cast: Cast, case: Case) -> Iterator[tuple[str, dict[str, str], int]]:
    """Everybody who is refused: a word for who it is, what says so, and the status."""
    scope = case.scope
    marks = {mark[0]: mark for mark in case.who.split()}
    for role in ROLES:
        mark = marks.get(role[0])
        if mark is None or mark.endswith("404"):
            yield role, cookie(cast.sessions[role]), 403 if mark is None else 404
    if scope is None:
        for each in Scope:
            yield f"a key for {each}", bearer(cast.only[each]), 403
    elif scope != "*":
        yield "a key for all else", bearer(cast.but[Scope(scope)]), 403
    yield "nobody", {}, 401
    yield "who signed out", cookie(cast.sessions["signed_out"]), 401
    yield "a revoked key", bearer(cast.revoked_key), 401
    yield "a key that is none", bearer("zk_admin_nothing"), 401
    yield "an empty key beside a session", {**cookie(cast.sessions["owner"]), "authorization": ""}, 401
    yield "another scheme", {**cookie(cast.sessions["owner"]), "authorization": "Basic b3duZXI6"}, 401
    yield "a removed member", cookie(cast.sessions["removed"]), 404
    yield "a stranger", cookie(cast.sessions["stranger"]), 404
    yield "a foreign key", bearer(cast.foreign_key), 404


def allowed_by(cast: Cast, case: Case) -> Iterator[tuple[str, dict[str, str]]]:
    """Everybody who may."""
    marks = case.who.split()
    for role in ROLES:
        if role[0] in marks:
            yield role, cookie(cast.sessions[role])
    if case.scope is not None:
        scope = Scope.AUDIT_READ if case.scope == "*" else Scope(case.scope)
        yield "a key", bearer(cast.only[scope])


def test_every_route_stands_in_the_table_once() -> None:
    told = [f"{route.method} {route.path}" for route in ROUTES]
    listed = [*(each.route for each in CASES), *OF_PERSONS, *OF_ANYBODY_HERE, *OPEN]
    assert sorted(told) == sorted(listed)


@pytest.mark.parametrize("case", EVERY)
async def test_who_may_not_is_refused_and_nothing_happens(
    case: Case, cast: Cast, stage: Stage, checker: Checker
) -> None:
    body = case.sends(cast.ours)
    before = stage.generation()
    for who, headers, status in refused_by(cast, case):
        got = checker.check(case.route, await call(stage.app, case.path(cast.ours), headers, body))
        assert got.status == status, f"{who}: {got.body!r}"
    assert stage.generation() == before


@pytest.mark.parametrize("case", EVERY)
async def test_who_may_is_served(case: Case, cast: Cast, template: Template, tmp_path: Path) -> None:
    body = case.sends(cast.ours)
    for who, headers in allowed_by(cast, case):
        with template.copied(tmp_path) as stage:
            document = (await call(stage.app, "GET /api/openapi.json")).json
            got = await call(stage.app, case.path(cast.ours), headers, body)
            assert got.status == case.status, f"{who}: {got.body!r}"
            Checker(cast, document).check(case.route, got)


@pytest.mark.parametrize("case", OF_THINGS)
async def test_another_workspace_s_things_are_as_if_they_were_not_there(
    case: Case, cast: Cast, stage: Stage, checker: Checker
) -> None:
    body = case.sends(cast.ours)
    owner, before = cookie(cast.sessions["owner"]), stage.generation()
    things, nothing = cast.theirs, cast.theirs.nowhere()
    theirs = checker.check(case.route, await call(stage.app, case.crossed(cast.ours, things), owner, body))
    unknown = await call(stage.app, case.crossed(cast.ours, nothing), owner, body)
    assert (theirs.status, unknown.status) == (404, 404)
    assert _anonymous(theirs, things) == _anonymous(unknown, nothing)
    assert stage.generation() == before


def _anonymous(got: Got, things: Place) -> str:
    """The answer without the ids that it was asked for."""
    text = got.body.decode()
    for id in asdict(things).values():
        text = text.replace(id, "...")
    return text


@pytest.mark.parametrize(("route", "example"), OF_PERSONS.items())
async def test_what_is_a_person_s_own_is_for_persons(
    route: str,
    example: Example,
    cast: Cast,
    template: Template,
    tmp_path: Path,
) -> None:
    body, status = example
    refused: tuple[tuple[dict[str, str], int], ...] = (
        ({}, 401),
        (cookie(cast.sessions["signed_out"]), 401),
        (bearer(cast.revoked_key), 401),
        (bearer(cast.only[Scope.MEMBERS_WRITE]), 403),
    )
    for role in ("owner", "viewer", "removed"):
        with template.copied(tmp_path) as stage:
            checker = Checker(cast, (await call(stage.app, "GET /api/openapi.json")).json)
            for headers, wrong in refused:
                assert checker.check(route, await call(stage.app, route, headers, body)).status == wrong
            got = await call(stage.app, route, cookie(cast.sessions[role]), body)
            assert got.status == status, got.body
            checker.check(route, got)


async def test_everybody_sees_the_workspaces_that_are_their_own(
    cast: Cast, stage: Stage, checker: Checker
) -> None:
    async def seen(headers: dict[str, str]) -> list[str]:
        got = checker.check("GET /api/workspaces", await call(stage.app, "GET /api/workspaces", headers))
        assert got.status == 200
        return [each["id"] for each in got.json["workspaces"]]

    for role in ROLES:
        assert await seen(cookie(cast.sessions[role])) == [cast.ours.workspace]
    assert await seen(cookie(cast.sessions["stranger"])) == [cast.theirs.workspace]
    assert await seen(cookie(cast.sessions["removed"])) == []
    assert await seen(bearer(cast.only[Scope.WORKSPACES_READ])) == [cast.ours.workspace]
    assert await seen(bearer(cast.foreign_key)) == [cast.theirs.workspace]
    refused = await call(stage.app, "GET /api/workspaces", bearer(cast.but[Scope.WORKSPACES_READ]))
    assert refused.status == 403
    assert (await call(stage.app, "GET /api/workspaces")).status == 401
