"""Provider keys from the terminal: where their secret comes from, and that it goes nowhere else."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.cli.loopback import answering, http
from tests.unit.cli.terminal import Terminal
from zai_gateway.accounts.keyfile import KeyFile
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.vault import Vault
from zai_gateway.app.house import opened
from zai_gateway.cli.acting import OPERATOR
from zai_gateway.clock import SystemClock
from zai_gateway.settings import Environment

SECRET = "sk-canary-0123456789"
FIELDS = {"id", "provider", "name", "base_url", "status", "health", "created_at"} | {
    "disabled_at",
    "disabled_why",
}
ADD = ("admin", "provider", "add")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, {"OPENAI_API_KEY": SECRET})


def kept_secret(terminal: Terminal, name: str) -> str:
    vault = Vault(KeyFile(terminal.data / "vault.key").material(), "vault.key")
    with terminal.books() as books:
        keys = books.accounts.provider_keys.list(OPERATOR, books.accounts.the_workspace().id)
    return vault.open(next(key.sealed for key in keys if key.name == name))


def test_the_secret_comes_from_the_named_variable(terminal: Terminal) -> None:
    added = terminal.ok(
        *(*ADD, "openai", "--key-env", "OPENAI_API_KEY"),
        *("--base-url", "http://127.0.0.1:9100/v1", "--name", "stub"),
    )
    assert set(added) == FIELDS
    assert (added["provider"], added["name"]) == ("openai", "stub")
    assert added["base_url"] == "http://127.0.0.1:9100/v1"
    assert kept_secret(terminal, "stub") == SECRET


def test_the_secret_comes_from_stdin(terminal: Terminal) -> None:
    added = terminal.ok(*ADD, "openai", "--key-stdin", stdin=f"{SECRET}\n")
    assert (added["name"], added["base_url"]) == ("openai", "https://api.openai.com/v1")
    assert kept_secret(terminal, "openai") == SECRET


def test_the_demo_provider_needs_none(terminal: Terminal) -> None:
    assert terminal.ok(*ADD, "demo", "--name", "second")["provider"] == "demo"
    refused = terminal.run(*ADD, "demo", "--key-env", "OPENAI_API_KEY")
    assert (refused.code, refused.out) == (1, "")


def test_no_output_and_no_file_holds_the_secret(terminal: Terminal) -> None:
    added = terminal.run(*ADD, "openai", "--key-env", "OPENAI_API_KEY")
    listed = terminal.run("admin", "provider", "list")
    removed = terminal.run("admin", "provider", "remove", "openai")
    for shown in (added, listed, removed):
        assert (shown.code, shown.err) == (0, "")
        assert "https://api.openai.com/v1" in shown.out
        assert SECRET not in shown.out
    written = [file for file in terminal.data.rglob("*") if file.is_file()]
    assert "zai.db" in {file.name for file in written}
    assert [file.name for file in written if SECRET.encode() in file.read_bytes()] == []


def test_list_and_remove_by_name_or_id(terminal: Terminal) -> None:
    first = terminal.ok(*ADD, "openai", "--key-env", "OPENAI_API_KEY", "--name", "a")
    second = terminal.ok(*ADD, "openai", "--key-env", "OPENAI_API_KEY", "--name", "b")
    listed = terminal.ok("admin", "provider", "list")
    assert set(listed) == {"provider_keys"}
    assert [key["name"] for key in listed["provider_keys"]] == ["demo", "a", "b"]
    assert terminal.ok("admin", "provider", "remove", "a") == first
    assert terminal.ok("admin", "provider", "remove", second["id"]) == second
    assert [key["name"] for key in terminal.ok("admin", "provider", "list")["provider_keys"]] == ["demo"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("openai", "--key-env", "NOT_SET"), "", 1, "--key-env"),
        (("openai", "--key-env", SECRET), "", 2, "--key-env"),
        (("openai", "--key-env", "OPENAI_API_KEY", "--key-stdin"), "", 2, "--key-stdin"),
        (("openai",), "", 2, "--key-stdin"),
        (("openai", "--key-stdin"), "", 1, "empty"),
        (("openai", "--key-stdin"), "two words", 1, "one word"),
        (("openai", "--key-stdin"), "x" * 20_000, 1, "4096"),
        (("openai", SECRET), "", 2, "zai admin provider add"),
        (("openai", "--key", SECRET), "", 2, "--key"),
        (("opnai",), "", 1, "openai"),
        (("openai", "--key-env", "OPENAI_API_KEY", "--base-url", "ftp://x"), "", 1, "base URL"),
        (
            ("openai", "--key-env", "OPENAI_API_KEY", "--base-url", "http://169.254.169.254/v1"),
            "",
            1,
            "base URL",
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    terminal: Terminal, arguments: tuple[str, ...], stdin: str, code: int, said: str
) -> None:
    shown = terminal.run(*ADD, *arguments, stdin=stdin)
    assert (shown.code, shown.out) == (code, "")
    assert said in shown.err
    assert (shown.err.startswith("zai: "), shown.err.count("\n")) == (True, 1)


def test_a_key_given_where_its_variable_belongs_is_not_repeated(terminal: Terminal) -> None:
    for mistaken in (SECRET, "sk_canary_0123456789"):
        assert "canary" not in terminal.run(*ADD, "openai", "--key-env", mistaken).err


def test_the_order_is_changed_and_shown(terminal: Terminal) -> None:
    for name in ("a", "b"):
        terminal.ok(*ADD, "openai", "--key-env", "OPENAI_API_KEY", "--name", name)

    def moved(*how: str) -> list[str]:
        document = terminal.ok("admin", "provider", "move", "b", *how)
        assert document == terminal.ok("admin", "provider", "list")
        return [key["name"] for key in document["provider_keys"]]

    assert moved("--first") == ["b", "demo", "a"]
    assert moved("--before", "a") == ["demo", "b", "a"]
    assert moved("--last") == ["demo", "a", "b"]
    for wrong in ((), ("--first", "--last"), ("--first", "--before", "a")):
        shown = terminal.run("admin", "provider", "move", "b", *wrong)
        assert (shown.code, shown.out) == (2, "")
    assert terminal.run("admin", "provider", "move", "b", "--before", "b").code == 1


def test_a_provider_key_is_disabled_and_enabled(terminal: Terminal) -> None:
    terminal.ok(*ADD, "openai", "--key-env", "OPENAI_API_KEY")
    disabled = terminal.ok("admin", "provider", "disable", "openai")
    assert (disabled["status"], disabled["disabled_at"] is None) == ("disabled", False)
    assert terminal.ok("admin", "provider", "disable", "openai") == disabled
    enabled = terminal.ok("admin", "provider", "enable", "openai")
    assert (enabled["status"], enabled["disabled_at"]) == ("active", None)


def test_a_test_that_fails_is_1_and_is_listed(terminal: Terminal) -> None:
    # Nothing listens at port 9.
    url = ("--base-url", "http://127.0.0.1:9/v1")
    terminal.ok(*ADD, "openai", "--key-env", "OPENAI_API_KEY", *url)
    shown = terminal.run("admin", "provider", "test", "openai", "--json")
    assert (shown.code, shown.err) == (1, "")
    health = shown.json["health"]
    assert (health["ok"], health["status"]) == (False, None)
    assert SECRET not in shown.out
    assert shown.json in terminal.ok("admin", "provider", "list")["provider_keys"]
    assert "failed" in terminal.run("admin", "provider", "list").out
    assert terminal.ok("admin", "provider", "test", "demo")["health"]["ok"]


def test_the_vault_is_rotated(terminal: Terminal) -> None:
    terminal.ok(*ADD, "openai", "--key-env", "OPENAI_API_KEY")
    old = KeyFile(terminal.data / "vault.key").material()
    foreseen = terminal.ok("admin", "vault", "rotate", "--new-key", "--dry-run")
    assert (foreseen["dry_run"], foreseen["new_key"]) == (True, True)
    rotated = terminal.ok("admin", "vault", "rotate", "--new-key")
    assert rotated == {**foreseen, "dry_run": False}
    assert [key["name"] for key in rotated["rotated"]] == ["openai"]
    assert old not in KeyFile(terminal.data / "vault.key").material()
    assert kept_secret(terminal, "openai") == SECRET
    again = terminal.run("admin", "vault", "rotate")
    assert (again.code, again.err) == (0, "")
    assert "0 encrypted anew, 1 under the first key already." in again.out


def test_a_secret_that_does_not_open_is_listed_as_unreadable(terminal: Terminal) -> None:
    terminal.ok(*ADD, "openai", "--key-env", "OPENAI_API_KEY")
    (terminal.data / "vault.key").write_bytes(b"A" * 43 + b"=\n")
    (demo, openai) = terminal.ok("admin", "provider", "list")["provider_keys"]
    assert (demo["status"], openai["status"]) == ("active", "unreadable")
    assert terminal.run("admin", "provider", "test", "openai").code == 1


def test_another_secret_is_given_in_place(terminal: Terminal) -> None:
    added = terminal.ok(*ADD, "openai", "--key-stdin", stdin="sk-old")
    terminal.ok("admin", "provider", "disable", "openai")
    renewed = terminal.ok("admin", "provider", "renew", "openai", "--key-env", "OPENAI_API_KEY")
    assert (renewed["id"], renewed["status"]) == (added["id"], "disabled")
    assert kept_secret(terminal, "openai") == SECRET
    for arguments, code in ((("openai",), 2), (("demo", "--key-stdin"), 1), (("nope", "--key-stdin"), 1)):
        shown = terminal.run("admin", "provider", "renew", *arguments, stdin=SECRET)
        assert (shown.code, shown.out, SECRET in shown.err) == (code, "", False)


def test_a_users_address_is_tested_as_private_addresses_are_allowed(terminal: Terminal) -> None:
    test = ("admin", "provider", "test", "theirs", "--json")
    with answering(http({"data": []})) as provider:
        wanted = NewProviderKey(provider="openai", secret=SECRET, name="theirs", base_url=provider.base_url)
        with terminal.books() as books:
            place = books.accounts.the_workspace().id
            key = books.accounts.provider_keys.add(OPERATOR, place, wanted)
        # As a user's is where the operator allows private addresses.
        with closing(sqlite3.connect(terminal.data / "zai.db")) as database, database:
            database.execute("UPDATE provider_key SET private = 0 WHERE id = ?", (key.id,))
        for option in ((), ("--no-private-addresses",)):
            refused = terminal.run(*test, *option)
            assert (refused.code, refused.json["health"]["status"]) == (1, None)
            assert "private or loopback address" in refused.json["health"]["message"]
        assert terminal.run(*test, "--allow-private-addresses").json["health"]["ok"]


def test_a_vault_whose_key_is_lost_is_reset(terminal: Terminal) -> None:
    added = terminal.ok(*ADD, "openai", "--key-env", "OPENAI_API_KEY")
    with opened(terminal.data, Environment({}), SystemClock()):
        pass
    needless = terminal.run("admin", "vault", "reset", "--yes")
    assert (needless.code, needless.out) == (1, "")
    assert "nothing is lost" in needless.err
    (terminal.data / "vault.key").write_bytes(b"A" * 43 + b"=\n")
    unsure = terminal.run("admin", "vault", "reset")
    assert (unsure.code, unsure.out) == (2, "")
    assert "--yes" in unsure.err
    told = terminal.ok("admin", "vault", "reset", "--yes")
    assert told == {
        "without_secret": [
            {
                "id": added["id"],
                "workspace_id": terminal.ok("admin", "workspace", "list")["workspaces"][0]["id"],
                "provider": "openai",
                "name": "openai",
            }
        ]
    }
    (demo, openai) = terminal.ok("admin", "provider", "list")["provider_keys"]
    assert (demo["status"], openai["status"]) == ("active", "unreadable")
    renewed = terminal.ok("admin", "provider", "renew", "openai", "--key-stdin", stdin="sk-new")
    assert renewed == {**added, "status": "active"}
    assert kept_secret(terminal, "openai") == "sk-new"
