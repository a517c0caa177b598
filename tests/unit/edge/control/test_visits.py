"""Visits: signing in and out, set-up, invitations and resets, and what is taken away while somebody is in."""

import re

from tests.unit.accounts.people import OPERATOR
from tests.unit.edge.control.calling import Got, bearer, call, cookie
from tests.unit.edge.control.stage import PASSWORD, Cast, Stage
from zai_gateway.accounts.actor import Role, Scope
from zai_gateway.accounts.key_making import new_key_id
from zai_gateway.accounts.members import MemberChanges
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.edge.visiting import csrf_token

OWN_SITE = {"sec-fetch-site": "same-origin"}


def session_of(got: Got) -> str:
    """The token in the cookie that came, which has to be one that no script and no other site can use."""
    given = got.header("set-cookie") or ""
    assert re.search(r"; HttpOnly;.*; Path=/; SameSite=lax", given)
    token = given.partition("zai_session=")[2].partition(";")[0]
    assert token
    assert token not in got.body.decode()
    assert got.json["csrf_token"] == csrf_token(token)
    return token


async def test_a_person_signs_in_and_out(cast: Cast, stage: Stage) -> None:
    body = {"email": "Owner@example.com", "password": PASSWORD}
    got = await call(stage.app, "POST /api/session", OWN_SITE, body)
    assert got.status == 201
    token = session_of(got)
    (membership,) = got.json["memberships"]
    assert (membership["workspace"]["id"], membership["role"]) == (cast.ours.workspace, "owner")
    seen = await call(stage.app, "GET /api/session", cookie(token))
    assert seen.json["person"] == got.json["person"]
    both = (await call(stage.app, "GET /api/sessions", cookie(token))).json["sessions"]
    assert sorted(each["is_this"] for each in both) == [False, True]
    left = await call(stage.app, "DELETE /api/session", cookie(token))
    assert left.status == 204
    assert 'zai_session=""; ' in (left.header("set-cookie") or "")
    assert (await call(stage.app, "GET /api/session", cookie(token))).status == 401
    assert (await call(stage.app, "GET /api/session", cookie(cast.sessions["owner"]))).status == 200


async def test_whatever_is_wrong_with_a_sign_in_is_told_in_the_same_words(stage: Stage) -> None:
    said = set[bytes]()
    for email, password in (
        ("owner@example.com", "not the pass phrase"),
        ("nobody@example.com", PASSWORD),
        ("not an address", PASSWORD),
    ):
        got = await call(stage.app, "POST /api/session", OWN_SITE, {"email": email, "password": password})
        assert (got.status, got.code, got.header("set-cookie")) == (401, "invalid_credentials", None)
        said.add(got.body)
    assert len(said) == 1


async def test_guessing_passwords_soon_has_to_wait(stage: Stage) -> None:
    wrong = {"email": "owner@example.com", "password": "not the pass phrase"}
    got = await call(stage.app, "POST /api/session", OWN_SITE, wrong)
    while got.status == 401:
        got = await call(stage.app, "POST /api/session", OWN_SITE, wrong)
    assert (got.status, got.code) == (429, "rate_limited")
    assert int(got.header("retry-after") or 0) > 0
    right = await call(stage.app, "POST /api/session", OWN_SITE, {**wrong, "password": PASSWORD})
    assert right.status == 429


async def test_what_is_taken_away_meanwhile_is_gone_with_the_next_request(cast: Cast, stage: Stage) -> None:
    members, place = stage.accounts.members, cast.ours.workspace
    owner = cookie(cast.sessions["owner"])
    rename = (f"PATCH /api/workspaces/{place}", owner, {"name": "Another"})
    assert (await call(stage.app, *rename)).status == 200
    members.update(OPERATOR, place, cast.members["owner"], MemberChanges(role=Role.VIEWER))
    assert (await call(stage.app, *rename)).status == 403
    assert (await call(stage.app, f"GET /api/workspaces/{place}", owner)).status == 200
    members.remove(OPERATOR, place, cast.members["owner"])
    assert (await call(stage.app, *rename)).status == 404
    assert (await call(stage.app, "GET /api/session", owner)).json["memberships"] == []
    key = bearer(cast.only[Scope.KEYS_READ])
    assert (await call(stage.app, f"GET /api/workspaces/{place}/keys", key)).status == 200
    stage.accounts.management_keys.revoke(OPERATOR, place, f"only {Scope.KEYS_READ}")
    assert (await call(stage.app, f"GET /api/workspaces/{place}/keys", key)).status == 401
    stage.clock.move(31 * 86_400)
    admin = cookie(cast.sessions["admin"])
    assert (await call(stage.app, f"GET /api/workspaces/{place}", admin)).status == 401


async def test_an_invitation_lets_one_person_in(cast: Cast, stage: Stage) -> None:
    path = f"POST /api/workspaces/{cast.ours.workspace}/members/{cast.ours.member}/invitation"
    made = await call(stage.app, path, cookie(cast.sessions["admin"]))
    assert made.json["url"].startswith("https://llm.example.com/invitation/")
    token = made.json["url"].rpartition("/")[2]
    seen = await call(stage.app, f"GET /api/invitations/{token}")
    assert (seen.json["role"], seen.json["known"]) == ("member", False)
    half = await call(stage.app, f"POST /api/invitations/{token}", OWN_SITE, {"name": "Ana"})
    assert (half.status, half.json["error"]["param"]) == (400, "password")
    nobody = await call(stage.app, f"POST /api/invitations/{token}", OWN_SITE, {})
    assert (nobody.status, nobody.code) == (401, "sign_in_required")
    stranger = await call(stage.app, f"POST /api/invitations/{token}", cookie(cast.sessions["stranger"]), {})
    assert stranger.status == 403
    body = {"name": "Ana", "password": "a pass phrase of Ana's own"}
    got = await call(stage.app, f"POST /api/invitations/{token}", OWN_SITE, body)
    assert got.status == 200
    mine = cookie(session_of(got))
    assert (await call(stage.app, f"GET /api/workspaces/{cast.ours.workspace}", mine)).status == 200
    again = await call(stage.app, f"POST /api/invitations/{token}", OWN_SITE, body)
    unknown = await call(stage.app, "POST /api/invitations/nothing", OWN_SITE, body)
    assert (again.status, again.body) == (404, unknown.body)


async def test_who_is_signed_in_accepts_with_that_account(cast: Cast, stage: Stage) -> None:
    theirs = cast.theirs.workspace
    member = stage.accounts.members.add(OPERATOR, theirs, "admin", "admin@example.com", Role.VIEWER)
    link = stage.accounts.people.invite(OPERATOR, theirs, member.id)
    path = f"POST /api/invitations/{link.token}"
    forged = {name: value for name, value in cookie(cast.sessions["admin"]).items() if name != "x-csrf-token"}
    assert (await call(stage.app, path, forged, {})).status == 403
    got = await call(stage.app, path, cookie(cast.sessions["admin"]), {})
    assert got.status == 200
    assert {each["workspace"]["id"] for each in got.json["memberships"]} == {cast.ours.workspace, theirs}


async def test_a_reset_ends_every_other_session(cast: Cast, stage: Stage) -> None:
    link = stage.accounts.people.reset_link(OPERATOR, "owner@example.com")
    body = {"password": "another long pass phrase"}
    assert (await call(stage.app, f"GET /api/invitations/{link.token}")).status == 404
    got = await call(stage.app, f"POST /api/resets/{link.token}", OWN_SITE, body)
    assert got.status == 200
    assert (await call(stage.app, "GET /api/session", cookie(session_of(got)))).status == 200
    assert (await call(stage.app, "GET /api/session", cookie(cast.sessions["owner"]))).status == 401
    assert (await call(stage.app, f"POST /api/resets/{link.token}", OWN_SITE, body)).status == 404


async def test_no_set_up_where_somebody_signed_up(stage: Stage) -> None:
    assert stage.accounts.people.setup_link() is None
    body = {"token": "x", "email": "a@example.com", "name": "A", "password": PASSWORD}
    got = await call(stage.app, "POST /api/setup", OWN_SITE, body)
    assert (got.status, got.code) == (404, "not_found")


async def test_a_key_is_shown_once_and_counts_at_the_door(cast: Cast, stage: Stage) -> None:
    path, owner = f"/api/workspaces/{cast.ours.workspace}/keys", cookie(cast.sessions["owner"])
    body = {
        "name": "mine",
        "spend_cap_micro_usd": 5_000_000,
        "allow": ["openai/*"],
        "expires_at": "30d",
        "tags": ["a"],
        "member_id": cast.members["member"],
    }
    made = (await call(stage.app, f"POST {path}", owner, body)).json
    assert stage.store.accounts.key_by_digest is not None
    assert made["key"].startswith(made["prefix"])
    assert (made["spend_cap_usd"], made["allow"], made["status"]) == ("5.00", ["openai/*"], "active")
    shown = (await call(stage.app, f"GET {path}/{made['id']}", owner)).json
    assert shown == {name: value for name, value in made.items() if name != "key"}
    mine = (await call(stage.app, f"GET {path}", cookie(cast.sessions["member"]))).json
    assert [key["id"] for key in mine["keys"]] == [made["id"]]
    cleared: dict[str, object] = {"spend_cap_micro_usd": None, "expires_at": None, "allow": []}
    changed = (await call(stage.app, f"PATCH {path}/{made['id']}", owner, cleared)).json
    assert (changed["spend_cap_micro_usd"], changed["expires_at"], changed["tags"]) == (None, None, ["a"])
    spent = (await call(stage.app, f"GET {path}/{cast.ours.key}", owner)).json
    assert (spent["spend_micro_usd"], spent["unconfirmed_micro_usd"]) == (1, 2)


async def test_keys_come_in_pages(cast: Cast, stage: Stage) -> None:
    path, owner = f"/api/workspaces/{cast.ours.workspace}/keys", cookie(cast.sessions["owner"])
    for number in range(5):
        await call(stage.app, f"POST {path}", owner, {"name": f"paged {number}"})
    # One whose id was made a good while before it, as a form does that was left open.
    stage.clock.move(60)
    late, old_id = KeyChanges(name="paged late"), new_key_id(1)
    stage.accounts.api_keys.create(OPERATOR, cast.ours.workspace, late, id=old_id)
    seen: list[str] = []
    after = ""
    while True:
        page = (await call(stage.app, f"GET {path}?search=paged&limit=2{after}", owner)).json
        assert page["count"] == 6
        seen += [key["name"] for key in page["keys"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert sorted(seen) == [*(f"paged {number}" for number in range(5)), "paged late"]
