"""What the control plane refuses: other sites, bodies that are not well, and paths that are not there."""

import json
from collections.abc import Mapping

import pytest

from tests.unit.edge.control.calling import HOST, bearer, call, cookie
from tests.unit.edge.control.stage import Cast, Stage
from zai_gateway.accounts.actor import Scope
from zai_gateway.edge.visiting import CSRF_HEADER, csrf_token
from zai_gateway.errors import Failure, StoreUnavailable

NEW_KEY = {"name": "new"}


class _Broken:
    """Services of which every call raises."""

    def __init__(self, trouble: Exception) -> None:
        self._trouble = trouble

    def __call__(self) -> Mapping[str, Mapping[str, object]]:
        raise self._trouble


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "", "origin": "https://evil.example.com"},
        {CSRF_HEADER: ""},
        {CSRF_HEADER: csrf_token("another session")},
    ],
)
async def test_what_another_site_could_send_with_a_session_s_cookie_is_refused(
    headers: dict[str, str], cast: Cast, stage: Stage
) -> None:
    before = stage.generation()
    sent = {**cookie(cast.sessions["owner"]), **headers}
    for route, body in (
        (f"POST /api/workspaces/{cast.ours.workspace}/keys", NEW_KEY),
        (f"DELETE /api/workspaces/{cast.ours.workspace}/keys/{cast.ours.key}", None),
        ("DELETE /api/sessions", None),
    ):
        got = await call(stage.app, route, sent, body)
        assert (got.status, got.code) == (403, "forbidden")
    assert stage.generation() == before
    assert (await call(stage.app, "GET /api/session", cookie(cast.sessions["owner"]))).status == 200


async def test_a_post_without_a_session_is_refused_from_another_site_too(cast: Cast, stage: Stage) -> None:
    example = {"email": "owner@example.com", "password": "whatever it may be"}
    for route in ("POST /api/session", "POST /api/setup", "POST /api/resets/x", "POST /api/invitations/x"):
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example.com"}):
            got = await call(stage.app, route, headers, example)
            assert got.status == 403 or (got.status, got.code) == (400, "invalid_request")
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": f"https://{HOST}"}):
        got = await call(stage.app, "POST /api/session", headers, example)
        assert (got.status, got.code) == (403, "forbidden")


async def test_a_browser_that_tells_only_the_origin_is_let_in(cast: Cast, stage: Stage) -> None:
    sent = {**cookie(cast.sessions["owner"]), "origin": f"http://{HOST}"}
    del sent["sec-fetch-site"]
    path = f"/api/workspaces/{cast.ours.workspace}/keys"
    assert (await call(stage.app, f"POST {path}", sent, NEW_KEY)).status == 201


async def test_with_a_key_no_cookie_counts(cast: Cast, stage: Stage) -> None:
    both = {**cookie(cast.sessions["owner"]), **bearer(cast.only[Scope.KEYS_READ])}
    path = f"/api/workspaces/{cast.ours.workspace}/keys"
    assert (await call(stage.app, f"GET {path}", both)).status == 200
    assert (await call(stage.app, f"POST {path}", both, NEW_KEY)).status == 403


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b"{", 400, "invalid_json", None),
        (b"\xff", 400, "invalid_json", None),
        (b"", 400, "invalid_json", None),
        (b"[" * 100_000, 400, "invalid_request", "body"),
        (b'{"name": "\\ud800"}', 400, "invalid_json", None),
        (b'{"name": "a", "name": "b"}', 400, "duplicate_field", "name"),
        ({"nmae": "a"}, 400, "invalid_request", "nmae"),
        ({"name": 7}, 400, "invalid_request", "name"),
        ({"name": "a" * 3_000}, 400, "invalid_request", "name"),
        ({"name": " "}, 400, "invalid_request", "name"),
        ({}, 400, "invalid_request", "name"),
        ([], 400, "invalid_request", "body"),
        ({"name": "a", "spend_cap_micro_usd": 1.5}, 400, "invalid_request", "spend_cap_micro_usd"),
        ({"name": "a", "spend_cap_micro_usd": True}, 400, "invalid_request", "spend_cap_micro_usd"),
        ({"name": "a", "spend_cap_micro_usd": -1}, 400, "invalid_request", "spend_cap_micro_usd"),
        ({"name": "a", "spend_cap_micro_usd": 2**63}, 400, "invalid_request", "spend_cap_micro_usd"),
        ({"name": "a", "rpm": 0}, 400, "invalid_request", "rpm"),
        ({"name": "a", "allow": ["a b"]}, 400, "invalid_request", "allow"),
        ({"name": "a", "allow": ["openai/*", 7]}, 400, "invalid_request", "allow[1]"),
        ({"name": "a", "fallback_model": "x"}, 400, "invalid_request", "fallback_model"),
        ({"name": "a", "expires_at": "yesterday"}, 400, "invalid_request", "expires_at"),
        ({"name": "a", "expires_at": "2001-01-01"}, 400, "invalid_request", "expires_at"),
        ({"name": "a", "near_cap": "x"}, 400, "invalid_request", "near_cap"),
        ({"name": "a", "member_id": "mem_none"}, 404, "not_found", None),
    ],
)
async def test_a_body_that_is_not_well_is_refused_naming_the_field(
    body: object, status: int, code: str, param: str | None, cast: Cast, stage: Stage
) -> None:
    before = stage.generation()
    path = f"POST /api/workspaces/{cast.ours.workspace}/keys"
    sent = {**cookie(cast.sessions["owner"]), "content-type": "application/json"}
    got = await call(stage.app, path, sent, body)
    assert (got.status, got.code, got.json["error"]["param"]) == (status, code, param), got.body
    assert got.json["detail"] == got.json["error"]["message"]
    assert stage.generation() == before


async def test_who_may_not_is_told_so_before_what_is_wrong_with_the_body(cast: Cast, stage: Stage) -> None:
    path = f"POST /api/workspaces/{cast.ours.workspace}/keys"
    assert (await call(stage.app, path, {}, b"{")).status == 401
    assert (await call(stage.app, path, cookie(cast.sessions["stranger"]), b"{")).status == 404


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_what_a_form_of_another_site_can_send_is_not_read(kind: str, cast: Cast, stage: Stage) -> None:
    path = f"POST /api/workspaces/{cast.ours.workspace}/keys"
    sent = {**cookie(cast.sessions["owner"]), "content-type": kind}
    got = await call(stage.app, path, sent, json.dumps(NEW_KEY).encode())
    assert (got.status, got.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("statsu=active", "statsu"),
        ("status=lost", "status"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("search=" + "a" * 300, "search"),
    ],
)
async def test_a_parameter_that_is_not_well_is_refused_by_its_name(
    query: str, param: str, cast: Cast, stage: Stage
) -> None:
    path = f"GET /api/workspaces/{cast.ours.workspace}/keys?{query}"
    got = await call(stage.app, path, cookie(cast.sessions["owner"]))
    assert (got.status, got.code, got.json["error"]["param"]) == (400, "invalid_request", param)


async def test_a_nul_is_refused_wherever_it_stands(cast: Cast, stage: Stage) -> None:
    place, owner = f"/api/workspaces/{cast.ours.workspace}", cookie(cast.sessions["owner"])
    resolve = {"request_id": "req\0", "cost_micro_usd": 1}
    for route, body, param in (
        (f"GET {place}/audit?search=%00", None, "search"),
        (f"GET {place}/usage/totals?key=a&key=%00", None, "key"),
        (f"GET {place}/keys/%00", None, "key"),
        (f"POST {place}/spend/resolve", resolve, "request_id"),
    ):
        got = await call(stage.app, route, owner, body)
        assert (got.status, got.json["error"]["param"]) == (400, param), got.body


async def test_paths_and_methods_that_are_not_there(stage: Stage) -> None:
    for path in ("/api", "/api/", "/api/nothing", "/api/session/", "/api/docs", "/api/redoc", "/api/../v1"):
        got = await call(stage.app, f"GET {path}")
        assert (got.status, got.code) == (404, "unknown_path"), path
    got = await call(stage.app, "PUT /api/session")
    assert (got.status, got.code) == (405, "method_not_allowed")
    assert got.header("allow") == "DELETE, GET, POST"
    assert got.header("cache-control") == "no-store"


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (StoreUnavailable("It does not answer: canary-1f."), 503, "store_unavailable"),
        (RuntimeError("a row with canary-1f"), 500, "internal_error"),
    ],
)
async def test_trouble_of_the_gateway_s_own_is_told_without_its_words(
    trouble: Exception,
    status: int,
    code: str,
    cast: Cast,
    stage: Stage,
    caplog: pytest.LogCaptureFixture,
) -> None:
    services = stage.app.state.services
    stage.app.state.services = type(services)(
        **{name: getattr(services, name) for name in services.__struct_fields__ if name != "listings"},
        listings=_Broken(trouble),
    )
    path = f"GET /api/workspaces/{cast.ours.workspace}/models"
    got = await call(stage.app, path, cookie(cast.sessions["owner"]))
    assert (got.status, got.code) == (status, code)
    assert "canary" not in got.body.decode() + caplog.text
    assert isinstance(trouble, Failure | StoreUnavailable) or "RuntimeError" in caplog.text
