"""What scripts do as the console does: provider keys, links and how far they are, and the audit as a file."""

import csv
from io import StringIO

from tests.unit.accounts.people import OPERATOR
from tests.unit.edge.control.calling import bearer, call, cookie
from tests.unit.edge.control.stage import Cast, Stage
from zai_gateway.accounts.actor import Scope

OWN_SITE = {"sec-fetch-site": "same-origin"}
SECRET = "sk-other-canary-71be"


async def test_a_provider_key_gets_another_label_address_and_secret(cast: Cast, stage: Stage) -> None:
    path = f"PATCH /api/workspaces/{cast.ours.workspace}/provider-keys/{cast.ours.provider_key}"
    admin = cookie(cast.sessions["admin"])
    named = await call(stage.app, path, admin, {"name": "second account"})
    assert (named.status, named.json["name"]) == (200, "second account")
    there = {"base_url": "https://eu.example.com/v1"}
    alone = await call(stage.app, path, admin, there)
    # The old secret was given for another address.
    assert (alone.status, "give the key again" in alone.json["error"]["message"]) == (400, True)
    moved = await call(stage.app, path, admin, {**there, "secret": SECRET, "enabled": False})
    assert (moved.json["base_url"], moved.json["status"]) == ("https://eu.example.com/v1", "disabled")
    assert SECRET.encode() not in moved.body
    key = next(
        each
        for each in stage.accounts.provider_keys.list(OPERATOR, cast.ours.workspace)
        if each.id == cast.ours.provider_key
    )
    assert stage.accounts.provider_keys.holds(OPERATOR, key, SECRET)
    nothing = await call(stage.app, path, admin, {})
    assert (nothing.status, nothing.json["error"]["param"]) == (400, "enabled")


async def test_a_list_that_nobody_asked_for_yet_is_empty(cast: Cast, stage: Stage) -> None:
    path = f"GET /api/workspaces/{cast.ours.workspace}/provider-keys/{cast.ours.provider_key}/models"
    got = await call(stage.app, path, cookie(cast.sessions["viewer"]))
    assert got.json == {"asked_at": None, "trouble": None, "models": []}


async def test_an_invitation_says_how_far_it_is(cast: Cast, stage: Stage) -> None:
    path = f"/api/workspaces/{cast.ours.workspace}/members/{cast.ours.member}/invitation"
    reader = bearer(cast.only[Scope.MEMBERS_READ])

    async def status() -> tuple[str, bool]:
        told = (await call(stage.app, f"GET {path}", reader)).json
        return told["status"], told["expires_at"] is not None

    assert await status() == ("none", False)
    made = await call(stage.app, f"POST {path}", cookie(cast.sessions["admin"]))
    assert await status() == ("invited", True)
    stage.clock.move(8 * 86_400)
    assert await status() == ("expired", True)
    stage.clock.move(-8 * 86_400)
    token = made.json["url"].rpartition("/")[2]
    body = {"name": "Ana", "password": "a pass phrase of Ana's own"}
    assert (await call(stage.app, f"POST /api/invitations/{token}", OWN_SITE, body)).status == 200
    assert await status() == ("joined", False)


async def test_a_reset_link_is_looked_at_without_using_it(cast: Cast, stage: Stage) -> None:
    link = stage.accounts.people.reset_link(OPERATOR, "owner@example.com")
    for _ in range(2):
        seen = await call(stage.app, f"GET /api/resets/{link.token}")
        assert (seen.status, seen.json["kind"], seen.json["email"]) == (200, "reset", "owner@example.com")
    # Of another kind nothing is told.
    other = await call(stage.app, f"GET /api/setup/{link.token}")
    unknown = await call(stage.app, "GET /api/setup/nothing")
    assert (other.status, other.body) == (404, unknown.body)


async def test_the_audit_is_a_file_that_holds_no_formula(cast: Cast, stage: Stage) -> None:
    stage.accounts.workspaces.rename(OPERATOR, cast.ours.workspace, "=1+1")
    path = f"GET /api/workspaces/{cast.ours.workspace}/audit.csv?deed=workspace.rename"
    got = await call(stage.app, path, cookie(cast.sessions["owner"]))
    assert got.header("content-type") == "text/csv; charset=utf-8"
    assert got.header("content-disposition") == 'attachment; filename="audit.csv"'
    columns, line = csv.reader(StringIO(got.body.decode()))
    told = dict(zip(columns, line, strict=True))
    assert (told["deed"], told["object"]) == ("workspace.rename", "'=1+1")
    assert '"after":"=1+1"' in told["changes"]
