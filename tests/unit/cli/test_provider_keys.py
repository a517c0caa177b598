"""Provider keys from the terminal: where their secret comes from, and that it goes nowhere else."""

from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal
from zai_gateway.accounts.keyfile import key_material
from zai_gateway.accounts.vault import Vault

SECRET = "sk-canary-0123456789"
FIELDS = {"id", "provider", "name", "base_url", "created_at"}
ADD = ("admin", "provider", "add")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, {"OPENAI_API_KEY": SECRET})


def kept_secret(terminal: Terminal, name: str) -> str:
    vault = Vault(key_material(terminal.data / "vault.key"), "vault.key")
    with terminal.books() as books:
        keys = books.accounts.list_provider_keys(books.accounts.the_workspace().id)
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
