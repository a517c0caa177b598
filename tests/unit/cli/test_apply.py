"""`zai apply` at the terminal: the documented example, dry runs, secrets, and a failure on the way."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.cli.terminal import Outcome, Terminal
from zai_gateway.accounts import keys

PAGE = Path(__file__).parents[3] / "docs" / "apply.md"
SECRET, OTHER = "sk-canary-0123456789", "sk-other-0123456789"
BARE = '[[workspace]]\nname = "Tools"\n'


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "data", {"OPENAI_API_KEY": SECRET, "OTHER": OTHER})


def written(tmp_path: Path, text: str, name: str = "zai.toml") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def example(tmp_path: Path) -> str:
    found = re.search(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert found is not None
    (tmp_path / "openai-eu.key").write_text(f"{OTHER}\n", encoding="utf-8")
    return written(tmp_path, found[1])


def rows(data: Path) -> list[str]:
    """Every row of the database."""
    with closing(sqlite3.connect(f"file:{data / 'zai.db'}?mode=ro", uri=True)) as database:
        return list(database.iterdump())


def refused(outcome: Outcome) -> str:
    assert (outcome.code, outcome.out) == (1, "")
    assert (outcome.err.startswith("zai: "), outcome.err.count("\n")) == (True, 1)
    return outcome.err


def test_the_example_of_the_page_is_applied_once(terminal: Terminal, tmp_path: Path) -> None:
    file = example(tmp_path)
    told = terminal.ok("apply", file)
    assert set(told) == {"dry_run", "actions", "keys"}
    assert {each["table"] for each in told["actions"]} == {
        *("workspace", "member", "provider", "model", "key", "price", "budget"),
    }
    nightly, laptop = sorted(told["keys"], key=lambda key: key["name"], reverse=True)
    kept = tmp_path / "nightly.key"
    assert (nightly["name"], nightly["key"], nightly["secret_file"]) == ("nightly", None, str(kept))
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_text(encoding="ascii").startswith(nightly["prefix"])
    assert keys.well_formed(kept.read_text(encoding="ascii").strip())
    assert (laptop["name"], laptop["secret_file"]) == ("ben-laptop", None)
    assert keys.well_formed(laptop["key"])
    there = ("--workspace", "data-tools")
    shown = terminal.ok("admin", "key", "show", "nightly", *there)
    assert (shown["id"], shown["spend_cap_usd"], shown["tags"]) == (nightly["id"], "250.00", ["batch"])
    members = terminal.ok("admin", "member", "list", *there)["members"]
    assert {each["name"] for each in members} == {"Ana", "ben"}
    assert len(terminal.ok("admin", "budget", "list", *there)["budgets"]) == 4

    before = rows(terminal.data)
    assert terminal.ok("apply", file, "--prune") == {"dry_run": False, "actions": [], "keys": []}
    assert terminal.run("apply", file).out == "Nothing to do: everything is as declared.\n"
    assert terminal.ok("apply", file, "--dry-run")["actions"] == []
    assert rows(terminal.data) == before


def test_a_dry_run_changes_nothing_and_tells_by_its_exit_code(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ok("admin", "key", "list")
    file, before = example(tmp_path), rows(terminal.data)
    found = terminal.run("apply", file, "--dry-run", "--json")
    assert (found.code, found.err, found.json["dry_run"], found.json["keys"]) == (3, "", True, [])
    shown = terminal.run("apply", file, "--dry-run")
    assert (shown.code, shown.err) == (3, "")
    assert re.search(r"^create +key +Data Tools +nightly +spend_cap +250\.00$", shown.out, re.M)
    assert rows(terminal.data) == before
    assert not (tmp_path / "nightly.key").exists()
    assert terminal.ok("apply", file)["actions"] == found.json["actions"]


def test_a_change_is_shown_field_by_field(terminal: Terminal, tmp_path: Path) -> None:
    key = f'{BARE}[[workspace.key]]\nname = "ci"\nspend_cap = {{}}\nallow = {{}}\n'
    terminal.ok("apply", written(tmp_path, key.format("5", '["demo/*"]')))
    file = written(tmp_path, key.format('"none"', "[]"))
    shown = terminal.run("apply", file, "--dry-run")
    assert re.search(r"^change +key +Tools +ci +spend_cap +5\.00 +none$", shown.out, re.M)
    assert re.search(r"^ +allow +demo/\* +any$", shown.out, re.M)
    (action,) = terminal.ok("apply", file)["actions"]
    assert action == {
        "action": "change",
        "table": "key",
        "workspace": "Tools",
        "name": "ci",
        "changes": {
            "spend_cap": {"before": "5.00", "after": None},
            "allow": {"before": ["demo/*"], "after": []},
        },
    }


def test_a_new_key_is_shown_once_without_json_too(terminal: Terminal, tmp_path: Path) -> None:
    file = written(tmp_path, f'{BARE}[[workspace.key]]\nname = "ci"\n')
    shown = terminal.run("apply", file)
    secret = re.search(r"^Tools / ci: (\S+)$", shown.out, re.M)
    assert secret is not None
    assert keys.well_formed(secret[1])
    assert "shown only now" in shown.err
    assert "zk_live_" not in terminal.run("apply", file).out


def test_secrets_of_providers_stand_nowhere_but_in_the_vault(terminal: Terminal, tmp_path: Path) -> None:
    provider = f'{BARE}[[workspace.provider]]\nprovider = "openai"\nsecret = {{{{ {{}} }}}}\n'
    (tmp_path / "openai").write_text(f"{OTHER}\n", encoding="utf-8")
    files = [
        written(tmp_path, provider.format(reference), f"{number}.toml")
        for number, reference in enumerate(('env = "OPENAI_API_KEY"', 'file = "openai"', 'env = "OTHER"'))
    ]
    outcomes = [
        terminal.run("apply", file, *options)
        for file in files
        for options in (("--dry-run",), ("--dry-run", "--json"), ("--json",))
    ]
    assert [outcome.code for outcome in outcomes] == [3, 3, 0, 3, 3, 0, 0, 0, 0]
    assert outcomes[5].json["actions"][0]["changes"] == {
        "secret": {"before": "the one before", "after": "another one"}
    }
    audit = terminal.run("admin", "audit", "list", "--workspace", "Tools", "--json").out
    assert "provider_key.update" in audit
    everything = "".join([audit, *(outcome.out + outcome.err for outcome in outcomes), *rows(terminal.data)])
    assert SECRET not in everything
    assert OTHER not in everything


def test_every_act_is_in_the_audit_as_the_operators(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ok("apply", example(tmp_path))
    workspace = ("--workspace", "data-tools")
    records = terminal.ok("admin", "audit", "list", *workspace)["audit"]
    assert {(each["actor_kind"], each["address"]) for each in records} == {("operator", "cli")}
    assert len(records) >= 10


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (f'provider = "openai"\nsecret = "{SECRET}"', "a secret never stands in this file"),
        (
            f'provider = "openai"\nsecret = {{ file = "{SECRET}" }}',
            "the file that it names cannot be read (No such",
        ),
        (
            'provider = "openai"\nsecret = { env = "UNSET_ONE" }',
            "the environment variable that it names is not set",
        ),
        ('provider = "openai"\nsecret = { file = "empty" }', "The key for openai is empty"),
        ('provider = "openai"\nsecret = { file = "binary" }', "the file that it names is not text"),
        ('provider = "openai"\nsecret = { file = "long" }', "is not one word of at most 4096"),
    ],
)
def test_a_secret_that_is_not_there_is_told_by_its_entry(
    terminal: Terminal, tmp_path: Path, entry: str, said: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "long").write_text("x" * 20_000, encoding="ascii")
    sentence = refused(terminal.run("apply", written(tmp_path, f"{BARE}[[workspace.provider]]\n{entry}")))
    assert "workspace 'Tools', provider 'openai': secret: " in sentence
    assert said in sentence
    assert SECRET not in sentence


def test_files_that_cannot_be_read_are_one_sentence(terminal: Terminal, tmp_path: Path) -> None:
    assert "YAML is not read" in refused(terminal.run("apply", written(tmp_path, "a: b", "zai.yaml")))
    assert "cannot be read (No such file" in refused(terminal.run("apply", str(tmp_path / "missing.toml")))
    (tmp_path / "binary.toml").write_bytes(b"\xff")
    assert "not text in UTF-8" in refused(terminal.run("apply", str(tmp_path / "binary.toml")))
    assert "Did you mean workspace?" in refused(terminal.run("apply", written(tmp_path, "[[workspaces]]")))
    assert not terminal.data.exists()


@pytest.mark.parametrize(
    ("file", "said"),
    [("taken", "taken is taken"), ("no/where", "there is no directory"), ("x", "x is taken")],
)
def test_a_secret_file_that_cannot_be_made_is_told_before_the_first_step(
    terminal: Terminal, tmp_path: Path, file: str, said: str
) -> None:
    (tmp_path / "taken").write_text("precious", encoding="ascii")
    entry = '[[workspace.key]]\nname = "{}"\nsecret_file = "{}"\n'
    text = BARE + entry.format("ci", file) + entry.format("other", "x")
    assert said in refused(terminal.run("apply", written(tmp_path, text)))
    assert [each["name"] for each in terminal.ok("admin", "workspace", "list")["workspaces"]] == [
        "My Workspace"
    ]
    assert (tmp_path / "taken").read_text(encoding="ascii") == "precious"


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_after_a_failure_on_the_way_a_second_run_does_the_rest(
    terminal: Terminal, tmp_path: Path, options: tuple[str, ...]
) -> None:
    text = f"""{BARE}
[[workspace.key]]
name = "first"
[[workspace.key]]
name = "second"
secret_file = "{{}}"
[[workspace.budget]]
period = "daily"
limit = 1
"""
    # No file system takes so long a name, which only shows when the file is made.
    failed = terminal.run("apply", written(tmp_path, text.format("x" * 300)), *options)
    assert (failed.code, failed.err.splitlines()[-1].startswith("zai: workspace 'Tools', key 'second'")) == (
        1,
        True,
    )
    assert "zk_live_" in failed.out
    again = terminal.ok("apply", written(tmp_path, text.format("second.key")))
    assert [(each["table"], each["name"]) for each in again["actions"]] == [
        ("key", "second"),
        ("budget", "daily of workspace"),
    ]
    assert terminal.ok("apply", written(tmp_path, text.format("second.key")))["actions"] == []


def test_a_custom_provider_is_declared_by_its_prefix(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "custom.toml"
    text = """
        [[workspace]]
        name = "My Workspace"
        [[workspace.provider]]
        provider = "custom"
        name = "mybox"
        base_url = "https://a.example/v1"
        [[workspace.price]]
        model = "mybox/any"
        input = "0"
        output = "0"
    """
    file.write_text(text)
    assert terminal.run("apply", str(file)).code == 0
    assert terminal.ok("apply", str(file))["actions"] == []
    first = terminal.ok("admin", "provider", "list")["provider_keys"][-1]
    assert (first["provider"], first["name"]) == ("mybox", "mybox")
    file.write_text(text.replace("a.example", "b.example"))
    assert len(terminal.ok("apply", str(file))["actions"]) == 1
    assert terminal.ok("apply", str(file))["actions"] == []
    moved = terminal.ok("admin", "provider", "list")["provider_keys"][-1]
    assert (moved["provider"], moved["name"], moved["base_url"]) == ("mybox", "mybox", "https://b.example/v1")
    file.write_text(text.replace("mybox/any", "myboks/any"))
    assert "Did you mean mybox?" in terminal.run("apply", str(file)).err
