"""A failure that passes loses no form: what was typed is there again, with what is wrong at its top."""

import re
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.clocks import HeldClock
from tests.unit.console.test_every_page import FORM
from tests.unit.edge.control.calling import Got, call
from tests.unit.edge.control.stage import Cast, Stage, accounts_of, services_of
from zai_gateway.console.application import console
from zai_gateway.edge.bridge import Application
from zai_gateway.edge.visiting import csrf_token
from zai_gateway.ids import new_id
from zai_gateway.storage.store import Store

KEY = new_id("key", 1_763_000_000_000)
PROVIDER = new_id("pkey", 1_763_000_000_000)
SECRET = "sk-typed-4b1d"
FORMS = [
    ("/keys/new", {"id": KEY, "name": "long-to-type", "cap": "12.5", "tags": "a b", "models": "all"}),
    ("/keys/{key}/edit", {"name": "long-to-type", "cap": "12.5", "models": "all"}),
    (
        "/providers/new",
        {"id": PROVIDER, "provider": "openai", "key": SECRET, "name": "long-to-type"},
    ),
    ("/providers/{provider_key}/rename", {"name": "long-to-type"}),
    ("/models/one", {"model": "openai/gpt-5.4-mini", "input": "12.5", "output": "3"}),
    ("/members/new", {"name": "long-to-type", "email": "l@example.com", "role": "viewer", "invite": "yes"}),
    ("/models/names/edit", {"name": "long-to-type", "seen": "", "model-1": "openai/gpt-5.4"}),
]


class Books:
    """A copy of the books, and pages on them that wait for nothing long."""

    def __init__(self, file: Path, store: Store, cast: Cast) -> None:
        self._file, self._store, self._cast = file, store, cast
        self._app: Application = console(services_of(accounts_of(store, HeldClock()), HeldClock()))
        (self._slug,) = (
            each.workspace.slug
            for each in store.accounts.changes(0).workspaces
            if each.workspace.id == cast.ours.workspace
        )

    async def asks(self, method: str, path: str, fields: dict[str, str] | None = None) -> Got:
        """What the owner's browser is answered."""
        token = self._cast.sessions["owner"]
        body = None if fields is None else urlencode({**fields, "csrf": csrf_token(token)}).encode()
        ours = self._cast.ours
        rest = path.format(key=ours.key, provider_key=ours.provider_key)
        headers = {**FORM, "cookie": f"zai_session={token}"}
        return await call(self._app, f"{method} /w/{self._slug}{rest}", headers, body)

    def generation(self) -> int:
        """It grows with whatever is changed."""
        return self._store.accounts.generation()

    @contextmanager
    def busy(self) -> Generator[None]:
        """Somebody else writes, and does not come to an end."""
        with closing(sqlite3.connect(self._file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield


@pytest.fixture
def books(stage: Stage, cast: Cast, tmp_path: Path) -> Generator[Books]:
    stage.store.close()
    (file,) = tmp_path.glob("copy-*/zai.db")
    with closing(Store.open(file.parent, busy_seconds=0.2)) as store:
        yield Books(file, store, cast)


@pytest.mark.parametrize(("path", "fields"), [pytest.param(*each, id=each[0]) for each in FORMS])
async def test_what_was_typed_is_there_again(path: str, fields: dict[str, str], books: Books) -> None:
    before = books.generation()
    sent = {**fields, **(seen_on(await books.asks("GET", path)) if path == "/keys/{key}/edit" else {})}
    with books.busy():
        got = await books.asks("POST", path, sent)
    page = got.body.decode()
    assert (got.status, got.header("retry-after")) == (503, "1")
    assert re.search(r'role="alert".*?store does not answer\. Try again', page, re.DOTALL)
    for name, value in fields.items():
        if name not in ("models", "seen", "key", "role", "invite"):
            assert f'value="{value}"' in page, name
    assert SECRET not in page
    assert books.generation() == before
    # The same form goes through as soon as there is room.
    again = await books.asks("POST", path, {**fields, **seen_on(got)})
    assert again.status in (200, 303)
    assert books.generation() > before


async def test_where_no_form_was_typed_the_failure_has_its_page(books: Books) -> None:
    with books.busy():
        got = await books.asks("POST", "/keys/{key}/revoke", {})
    assert (got.status, got.header("retry-after")) == (503, "1")
    assert "Not just now" in got.body.decode()


def seen_on(page: Got) -> dict[str, str]:
    """What the page's form carries along of what was seen."""
    found = re.search(r'name="seen" value="([^"]*)"', page.body.decode())
    return {"seen": found[1]} if found else {}
