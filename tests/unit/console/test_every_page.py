"""Every page of the console, by everybody who may ask, on their own workspace and with another's ids."""

import re

import pytest
from msgspec import structs

from tests.unit.console.table import ROWS, WORDS, Row
from tests.unit.edge.control.calling import Got, call
from tests.unit.edge.control.stage import Cast, Place, Stage
from zai_gateway.console.application import console
from zai_gateway.console.needs import Needs
from zai_gateway.console.routes import PAGES
from zai_gateway.edge.bridge import Application
from zai_gateway.edge.visiting import csrf_token

EVERY = [pytest.param(each, id=each.route) for each in ROWS]
CHANGING = [pytest.param(each, id=each.route) for each in ROWS if each.route.startswith("POST")]
OF_THINGS = [pytest.param(each, id=each.route) for each in ROWS if each.thing]
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


class Browser:
    """Asks for pages, and looks at each for what none may say."""

    def __init__(self, stage: Stage, cast: Cast) -> None:
        self._app: Application = console(stage.app.state.services)
        self._secrets = cast.secrets
        slugs = {
            each.workspace.id: each.workspace.slug for each in stage.store.accounts.changes(0).workspaces
        }
        self.ours, self.theirs = slugs[cast.ours.workspace], slugs[cast.theirs.workspace]

    async def asks(self, target: str, token: str | None, *, form: bytes | None = None, **more: str) -> Got:
        """An answer to `token`'s bearer; what is posted carries its CSRF field unless `form` is given."""
        headers = {**FORM, **{name.replace("_", "-"): value for name, value in more.items()}}
        if token is not None:
            headers["cookie"] = f"zai_session={token}"
        body = f"csrf={csrf_token(token or '')}".encode() if form is None else form
        got = await call(self._app, target, headers, body if target.startswith("POST") else None)
        said = got.body.decode() + repr(got.headers)
        assert not [secret for secret in self._secrets if secret in got.body.decode()]
        assert "Traceback" not in said
        assert got.status < 500
        assert got.header("cache-control") == "no-store"
        assert (got.header("content-security-policy") or "").startswith("default-src 'none';")
        return got


@pytest.fixture
def browser(stage: Stage, cast: Cast) -> Browser:
    return Browser(stage, cast)


def test_every_page_of_a_workspace_stands_in_the_table() -> None:
    there = {
        f"{method} {path.removeprefix('/w/{slug}')}"
        for path, methods, needs, _ in PAGES
        if needs is Needs.WORKSPACE
        for method in methods
    }
    assert {row.route for row in ROWS} == there


def test_a_page_that_has_an_id_in_its_path_names_it_in_the_table() -> None:
    assert [row.route for row in ROWS if bool(re.search(r"\{\w+\}", row.route)) != bool(row.thing)] == []


@pytest.mark.parametrize("row", EVERY)
async def test_each_role_is_shown_what_it_may_see_and_refused_the_rest(
    row: Row, stage: Stage, cast: Cast, browser: Browser
) -> None:
    # Those first for whom it changes nothing.
    for mark, role in sorted(WORDS.items(), key=lambda each: each[0] in row.who):
        before = stage.generation()
        got = await browser.asks(row.target(browser.ours, cast.ours), cast.sessions[role])
        if mark in row.who:
            assert got.status in ({200} if row.route.startswith("GET") else {200, 303, 404, 422}), role
        else:
            assert got.status == (404 if mark in row.missing else 403), role
            assert stage.generation() == before


@pytest.mark.parametrize("row", EVERY)
async def test_nobody_else_comes_in(row: Row, stage: Stage, cast: Cast, browser: Browser) -> None:
    before, target = stage.generation(), row.target(browser.ours, cast.ours)
    for who in ("stranger", "removed"):
        got = await browser.asks(target, cast.sessions[who])
        assert got.status == 404
        assert "There is no such workspace, or you are no member of it" in got.body.decode()
    for token in (None, "never-given", cast.sessions["signed_out"]):
        got = await browser.asks(target, token)
        assert (got.status, (got.header("location") or "").partition("?")[0]) == (303, "/sign-in")
    assert stage.generation() == before


@pytest.mark.parametrize("row", OF_THINGS)
async def test_what_another_workspace_has_is_not_there(
    row: Row, stage: Stage, cast: Cast, browser: Browser
) -> None:
    before = stage.generation()
    shown = [
        await browser.asks(row.target(browser.ours, things), cast.sessions["owner"])
        for things in (cast.theirs, cast.ours.nowhere())
    ]
    assert [got.status for got in shown] == [404, 404]
    # In the same words whether there is one elsewhere or not.
    theirs, nowhere = (without(got.body.decode(), cast.theirs, cast.ours.nowhere()) for got in shown)
    assert theirs == nowhere
    assert stage.generation() == before


@pytest.mark.parametrize("row", CHANGING)
async def test_no_other_site_and_no_other_session_sends_a_form(
    row: Row, stage: Stage, cast: Cast, browser: Browser
) -> None:
    before, target = stage.generation(), row.target(browser.ours, cast.ours)
    owner, admin = cast.sessions["owner"], cast.sessions["admin"]
    refused = [
        await browser.asks(target, owner, form=b""),
        await browser.asks(target, owner, form=f"csrf={csrf_token(admin)}".encode()),
        await browser.asks(target, owner, sec_fetch_site="cross-site"),
        await browser.asks(target, owner, sec_fetch_site="same-site"),
    ]
    assert [got.status for got in refused] == [403] * 4
    assert stage.generation() == before


@pytest.mark.parametrize("row", OF_THINGS)
async def test_no_nul_in_an_address_comes_as_far_as_the_store(
    row: Row, stage: Stage, cast: Cast, browser: Browser
) -> None:
    before = stage.generation()
    nul = structs.replace(cast.ours, **{row.thing: "%00"})
    got = await browser.asks(row.target(browser.ours, nul), cast.sessions["owner"])
    assert (got.status, stage.generation()) == (404, before)


@pytest.mark.parametrize("row", CHANGING)
async def test_no_nul_in_a_form_comes_as_far_as_the_store(
    row: Row, stage: Stage, cast: Cast, browser: Browser
) -> None:
    before, owner = stage.generation(), cast.sessions["owner"]
    form = f"csrf={csrf_token(owner)}&name=a%00b".encode()
    got = await browser.asks(row.target(browser.ours, cast.ours), owner, form=form)
    assert (got.status, stage.generation()) == (400, before)


def without(text: str, *places: Place) -> str:
    """The page without the ids that were asked for."""
    for place in places:
        for name in ("key", "provider_key", "member", "management_key"):
            text = text.replace(getattr(place, name), "")
    return text
