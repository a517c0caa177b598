"""The vault rotated by the real command: no request fails meanwhile, and a kill at any step loses nothing."""

import os
import shutil
import signal
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.fernet import Fernet
from msgspec import Struct
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.postgresql.server import PostgresServer
from tests.storage.places import Place
from tests.storage.processes import all_at_once
from zai_gateway.accounts.actor import operator
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.accounts.vault import CANARY, SecretUnreadable, Vault
from zai_gateway.app import main
from zai_gateway.app.house import opened
from zai_gateway.clock import SystemClock
from zai_gateway.settings import Environment

OPERATOR = operator()
BODY: dict[str, Any] = {
    "model": "openai/gpt-5.4-mini",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 16,
}
KEY_FILE = "PROVIDER_KEY_ENCRYPTION_KEY_FILE"

_LOADED_ONCE = ("zai_gateway.app.house", "zai_gateway.storage.postgresql", "zai_gateway.cli.administration")
"""What the command loads only when it needs it."""


class Rotating(Struct, frozen=True):
    """Books whose vault is to be rotated: in SQLite with `vault.key`, or in PostgreSQL with a given file."""

    data: Path
    address: str | None

    @property
    def keys(self) -> Path:
        """The file that the vault's keys are in."""
        return self.data / "vault.key" if self.address is None else self.data.with_suffix(".keys")

    @property
    def variables(self) -> dict[str, str]:
        return {} if self.address is None else {"ZAI_DATABASE": self.address, KEY_FILE: str(self.keys)}

    @property
    def command(self) -> tuple[str, ...]:
        """What rotates, once the new key was `put`."""
        return ("vault", "rotate", *(("--new-key",) if self.address is None else ()))

    def put(self, keys: str) -> None:
        """Writes the keys where the operator has to; in SQLite the command does that itself."""
        if self.address is not None:
            draft = self.keys.with_suffix(".draft")
            draft.write_text(keys)
            draft.replace(self.keys)

    def unopened(self, keys: str) -> list[str]:
        """What these keys do not open, of all that is sealed."""
        vault, place = Vault(keys), Place(self.data, self.address)
        sealed = place.rows("SELECT name, sealed FROM provider_key WHERE length(sealed) > 0 ORDER BY name")
        (canary,) = place.rows("SELECT canary FROM vault")
        assert len(sealed) == 3
        return [name for name, each in (*sealed, (CANARY, canary[0])) if not _opens(vault, bytes(each))]


def _opens(vault: Vault, sealed: bytes) -> bool:
    try:
        return bool(vault.open(sealed))
    except SecretUnreadable:
        return False


@pytest.fixture(params=["sqlite", "postgresql"])
def rotating(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Rotating]:
    """Books that hold three provider keys, under one key."""
    with ExitStack() as made:
        address = None
        if request.param == "postgresql":
            postgres: PostgresServer = request.getfixturevalue("postgres")
            address = postgres.address(made.enter_context(postgres.made()))
        books = Rotating(tmp_path / "data", address)
        books.put(Fernet.generate_key().decode())
        yield books


def _filled(books: Rotating, base_url: str) -> str:
    """Puts three provider keys into the books; gives an API key."""
    with opened(books.data, Environment(books.variables), SystemClock()) as house:
        here = house.accounts.the_workspace().id
        for name in ("first", "second", "third"):
            wanted = NewProviderKey(
                provider="openai", name=name, secret=f"sk-upstream-{name}", base_url=base_url
            )
            house.accounts.provider_keys.add(OPERATOR, here, wanted)
        return house.accounts.api_keys.create(OPERATOR, here, KeyChanges(name="busy")).secret


def test_no_request_fails_while_the_vault_is_rotated(rotating: Rotating, stub_url: str) -> None:
    key, over = _filled(rotating, stub_url), Event()
    admin = Operator(rotating.data, **rotating.variables)
    with admin.serving() as gateway, ThreadPoolExecutor(4) as clients:
        asked = [clients.submit(_statuses_until, over, gateway, key) for _ in range(4)]
        try:
            for _ in range(2):
                old, new = rotating.keys.read_text().strip(), Fernet.generate_key().decode()
                rotating.put(f"{new},{old}")
                rotated = admin.admin(*rotating.command)
                assert (len(rotated["rotated"]), rotated["unreadable"]) == (3, [])
                rotating.put(new)
                assert rotating.keys.read_text().strip() != old
                assert rotating.unopened(rotating.keys.read_text()) == []
        finally:
            over.set()
        statuses = [status for each in asked for status in each.result()]
        print(f"\n{len(statuses)} requests while the vault was rotated twice")
    assert len(statuses) > 4
    assert set(statuses) == {200}
    with admin.serving() as again:
        assert again.ask("/chat/completions", key, BODY).status == 200


def _statuses_until(over: Event, gateway: GatewayProcess, key: str) -> list[int]:
    statuses: list[int] = []
    while not over.is_set():
        statuses.append(gateway.ask("/chat/completions", key, BODY).status)
    return statuses


def test_a_rotation_that_is_killed_at_any_step_is_ended_by_the_next(
    rotating: Rotating, postgres: PostgresServer, stub_url: str
) -> None:
    _filled(rotating, stub_url)
    found = all_at_once(_kill_at_every_step, (rotating, postgres), ["only"])["only"]
    states = [state for state, _ in found]
    print(f"\nkilled at {len(found)} steps; secrets under the new key then: {sorted(set(states))}")
    # It was killed before the first secret, after each, and with a key file also when all was sealed.
    assert set(states) == set(range(5 if rotating.address is None else 4))
    assert [trouble for _, trouble in found if trouble] == []


def _kill_at_every_step(where: tuple[Rotating, PostgresServer], _name: str) -> list[tuple[int, str]]:
    """How many secrets were under a new key after each kill, and what was wrong then, if anything.

    Runs in a process that has one thread, so that it can fork, and loads what a rotation needs once.
    """
    books, postgres = where
    for module in _LOADED_ONCE:
        import_module(module)
    found: list[tuple[int, str]] = []
    old = books.keys.read_text().strip()
    for last in range(1, 1_000):
        outcome = _rotated_in_a_copy(books, postgres, last, old)
        if outcome is None:
            break
        found.append(outcome)
    return found


def _rotated_in_a_copy(
    books: Rotating, postgres: PostgresServer, last: int, old: str
) -> tuple[int, str] | None:
    with ExitStack() as made:
        address, data = books.address, books.data.with_name(f"copy-{last}")
        shutil.copytree(books.data, data)
        made.callback(shutil.rmtree, data)
        if address is not None:
            template = address.partition("@/")[2].partition("?")[0]
            address = postgres.address(made.enter_context(postgres.made(template)))
        copy = Rotating(data, address)
        copy.put(f"{Fernet.generate_key().decode()},{old}")
        if _ran(copy, last) == 0:
            return None
        sealed_anew = len(copy.unopened(old))
        # Whoever serves has the keys as they are in the file now.
        lost = copy.unopened(copy.keys.read_text())
        again = _ran(copy, 0)
        left = copy.unopened(copy.keys.read_text().partition(",")[0])
        trouble = f"step {last}: lost {lost}, run again {again}, left {left}"
        return sealed_anew, trouble if lost or again or left else ""


def _ran(books: Rotating, last: int) -> int:
    """The exit code of `zai admin vault rotate`, killed before its step of that number; 0 is no step."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.environ.clear()
            os.environ.update(HOME=str(books.data.parent), **books.variables)
            sys.argv = ["zai", "admin", *books.command, "--data", str(books.data), "--json"]
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), 1)
            _Steps(last, str(books.data / "vault.")).watch()
            code = main()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


class _Steps:
    """Counts what changes the books or the key file, and kills its process at one of them.

    What only reads is no step: a kill there leaves what a kill at the step before left.
    """

    def __init__(self, last: int, key_files: str) -> None:
        self._left = last
        self._key_files = key_files
        self._written = False

    def watch(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "commit", self._commit)
        sys.addaudithook(self._told)

    def _statement(self, _connection: object, _cursor: object, statement: str, *_about: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            self._written = True
            self._step()

    def _commit(self, _connection: object) -> None:
        if self._written:
            self._written = False
            self._step()

    def _told(self, what: str, about: tuple[Any, ...]) -> None:
        if what in ("open", "os.rename", "os.remove") and str(about[0]).startswith(self._key_files):
            self._step()

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
