"""Backup, restore and doctor as an operator runs them: what they print, their exit codes, and what to do."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.storage.processes import killed
from tests.storage.samples import NOON, lease
from tests.unit.cli.terminal import Terminal
from zai_gateway.app.doctor import disk_space
from zai_gateway.app.house import opened
from zai_gateway.care import Grade
from zai_gateway.settings import Environment
from zai_gateway.spend.budgets import Budget
from zai_gateway.spend.worker import Worker
from zai_gateway.storage.bootstrap import SCHEMA
from zai_gateway.storage.store import Store

SECRET = "sk-provider-71c4"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def terminal(data: Path) -> Terminal:
    """An operator whose gateway has a key at OpenAI."""
    terminal = Terminal(data, {"OPENAI_API_KEY": SECRET})
    terminal.ok("admin", "provider", "add", "openai", "--key-env", "OPENAI_API_KEY")
    start(terminal)
    return terminal


def start(terminal: Terminal) -> None:
    """Opens the books as a start of the gateway does, which proves its encryption key on them."""
    with opened(terminal.data, Environment({}), terminal.clock):
        pass


def findings(terminal: Terminal, *options: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """What the doctor found, by check."""
    shown = terminal.run("admin", "doctor", "--json", *options)
    assert (shown.code, shown.err) == (code, "")
    assert shown.json["healthy"] is (code == 0)
    assert SECRET not in shown.out
    return {each["check"]: each for each in shown.json["findings"]}


def test_a_backup_and_its_restore(terminal: Terminal, tmp_path: Path) -> None:
    copy, other = tmp_path / "copy", str(tmp_path / "other")
    made = terminal.ok("admin", "backup", str(copy))
    assert made == {"file": str(copy), "bytes": copy.stat().st_size, "schema": SCHEMA, "leased_micro_usd": 0}
    restored = terminal.ok("admin", "restore", str(copy), "--data", other)
    assert restored == {**made, "encryption_key": "missing"}
    assert not (tmp_path / "other" / "vault.key").exists()
    (tmp_path / "other" / "vault.key").write_bytes((terminal.data / "vault.key").read_bytes())
    again = terminal.ok("admin", "restore", str(copy), "--data", other, "--force")
    assert again["encryption_key"] == "opens"
    keys = [terminal.ok("admin", "key", "list", "--data", at)["keys"] for at in (str(terminal.data), other)]
    assert keys[0] == keys[1]


def test_in_words_both_tell_of_the_key(terminal: Terminal, tmp_path: Path) -> None:
    copy, other = str(tmp_path / "copy"), str(tmp_path / "other")
    assert "keep that too, in another place" in terminal.run("admin", "backup", copy).err
    shown = terminal.run("admin", "restore", copy, "--data", other)
    assert (shown.code, "put back the vault.key" in shown.err) == (0, True)
    refused = terminal.run("admin", "backup", copy)
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_books_in_postgresql_are_for_its_own_tools(terminal: Terminal, tmp_path: Path, command: str) -> None:
    address = "postgresql://zai:hidden@127.0.0.1:1/zai"
    shown = terminal.run("admin", command, str(tmp_path / "copy"), "--database", address)
    assert (shown.code, shown.out) == (1, "")
    assert "docs/operations.md" in shown.err
    assert "pg_" in shown.err
    assert "hidden" not in shown.err


def test_a_wrong_key_is_told_at_once(terminal: Terminal, tmp_path: Path) -> None:
    copy, stranger = tmp_path / "copy", Terminal(tmp_path / "stranger")
    start(stranger)
    terminal.ok("admin", "backup", str(copy))
    restored = stranger.ok("admin", "restore", str(copy), "--force")
    assert restored["encryption_key"] == "wrong"
    (tmp_path / "stranger" / "vault.key").write_text("no key")
    assert stranger.ok("admin", "restore", str(copy), "--force")["encryption_key"] == "wrong"
    assert findings(stranger, code=1)["encryption_key"]["grade"] == "fail"


def test_all_is_well(terminal: Terminal) -> None:
    before = {each: each.read_bytes() for each in terminal.data.iterdir() if each.is_file()}
    found = findings(terminal)
    assert {each["grade"] for each in found.values()} == {"ok"}
    assert {each["do"] for each in found.values()} == {None}
    assert found["provider_keys"]["found"] == "All 2 provider keys open."
    after = {each: each.read_bytes() for each in terminal.data.iterdir() if each.is_file()}
    assert after == before
    assert "provider_keys" in terminal.run("admin", "doctor").out


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = findings(Terminal(tmp_path / "none"), code=1)
    assert list(found) == ["directory"]
    assert list(tmp_path.iterdir()) == []


def test_a_directory_without_a_database(tmp_path: Path) -> None:
    assert findings(Terminal(tmp_path), code=1)["database"]["grade"] == "fail"
    assert list(tmp_path.iterdir()) == []


def test_what_others_may_read(terminal: Terminal) -> None:
    (terminal.data / "vault.key").chmod(0o644)
    assert findings(terminal)["files"]["grade"] == "warn"
    terminal.data.chmod(0o755)
    found = findings(terminal, code=1)
    assert (found["directory"]["grade"], found["files"]["grade"]) == ("warn", "fail")
    assert found["files"]["found"] == "Others may read vault.key."
    assert found["files"]["do"] == f"chmod -R go= {terminal.data}"


def test_a_key_file_that_is_lost(terminal: Terminal) -> None:
    (terminal.data / "vault.key").unlink()
    assert findings(terminal, code=1)["encryption_key"]["grade"] == "fail"
    assert not (terminal.data / "vault.key").exists()


def test_a_provider_key_that_does_not_open_is_named(terminal: Terminal) -> None:
    key = terminal.ok("admin", "provider", "list")["provider_keys"][-1]
    with closing(sqlite3.connect(terminal.data / "zai.db")) as books:
        books.execute("UPDATE provider_key SET sealed = x'00' WHERE id = ?", (key["id"],))
        books.commit()
    found = findings(terminal, code=1)["provider_keys"]
    assert found["found"] == f"These provider keys do not open: {key['name']} ({key['id']})."


def test_what_is_leased_to_a_worker_that_died(terminal: Terminal) -> None:
    killed(_lease_and_die, terminal.data)
    found = findings(terminal)["holds"]
    assert found["grade"] == "warn"
    assert found["found"] == "0.00000004 USD are leased to 1 worker that died here."
    # The next start takes it over.
    with closing(Store.open(terminal.data)) as store:
        worker = Worker("worker_2", terminal.data / "workers")
        worker.open(store.spend, NOON)
        assert findings(terminal)["holds"]["grade"] == "ok"
        worker.close(store.spend)


def test_what_is_unconfirmed_is_told(terminal: Terminal) -> None:
    with closing(Store.open(terminal.data)) as store:
        worker = Worker("worker_1", terminal.data / "workers")
        worker.open(store.spend, NOON)
        _lease(store)
        store.spend.lose("worker_1", NOON)
        found = findings(terminal)["unconfirmed"]
        assert found["grade"] == "warn"
        assert found["found"].startswith("0.00000004 USD of 1 request ")
        worker.close(store.spend)
    assert findings(terminal)["unconfirmed"]["grade"] == "ok"


def test_what_is_leased_to_a_worker_that_lives_is_as_it_should_be(terminal: Terminal) -> None:
    with closing(Store.open(terminal.data)) as store:
        worker = Worker("worker_1", terminal.data / "workers")
        worker.open(store.spend, NOON)
        _lease(store)
        assert findings(terminal)["holds"]["grade"] == "ok"
        worker.close(store.spend)


def _lease_and_die(data: Path) -> None:
    store = Store.open(data)
    Worker("worker_1", data / "workers").open(store.spend, NOON)
    _lease(store)
    os.kill(os.getpid(), signal.SIGKILL)


def _lease(store: Store) -> None:
    (workspace,) = store.accounts.workspaces()
    (key,) = store.accounts.keys(workspace.id)
    assert lease(store, 40, Budget(id=key.budget, owner=key.id))


def test_a_restore_that_did_not_end_is_told(terminal: Terminal) -> None:
    (terminal.data / "zai.db.restoring").touch(0o600)
    assert findings(terminal)["restore"]["grade"] == "warn"


@pytest.mark.parametrize(
    ("free", "grade"), [(2 << 30, Grade.OK), (500 << 20, Grade.WARN), (10 << 20, Grade.FAIL)]
)
def test_room_on_the_disk(free: int, grade: Grade) -> None:
    finding = disk_space(free)
    assert finding.grade is grade
    assert f"{free >> 20} MiB" in finding.found
