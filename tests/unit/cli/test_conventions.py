"""What holds for every command: exit codes, help, --json, no secret as an argument, and its page."""

import io
import re
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import typer
from msgspec.structs import replace
from typer.core import TyperGroup

from tests.unit.cli.terminal import Terminal
from zai_gateway.cli.doors import Books, ServeOptions
from zai_gateway.cli.entry import build, tree
from zai_gateway.cli.screen import Screen
from zai_gateway.errors import Code, Failure, OperatorError, StoreUnavailable

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands() -> Generator[tuple[str, set[str]]]:
    """The spelling of every command, with the spellings of its options."""
    root = typer.main.get_command(tree(Terminal(Path("/nonexistent")).composition(), Screen()))
    waiting = [("zai", root)]
    while waiting:
        spelling, command = waiting.pop()
        if isinstance(command, TyperGroup):
            waiting += [(f"{spelling} {name}", below) for name, below in command.commands.items()]
            if spelling != "zai":
                continue
        options = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        yield spelling, {option for option in options if option.startswith("-")}


COMMANDS = dict(commands())
OF_THE_WHOLE = re.compile(
    "workspace|vault|person|setup-link|backup|restore|doctor|price (import|catalogue)"
    "|spend (resolve|workers|lost)"
)
"""Commands on all workspaces at once."""


def section(command: str) -> str:
    """What the page says under the heading of a command."""
    found = re.search(rf"^##+ `{command}(?: [A-Z]+)?`\n.*?(?=^##|\Z)", PAGE, re.M | re.S)
    assert found is not None, f"docs/cli.md has no heading for {command}"
    return found[0]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_page_tells_of_every_command_and_option_and_of_no_other(command: str) -> None:
    told = set(re.findall(r"^\| `(--[a-z-]+)", section(command), re.M))
    shared = {"--json", "--data", "--database", "--workspace"} if command != "zai" else set[str]()
    assert told | shared >= {option for option in COMMANDS[command] if option.startswith("--")}
    assert told <= COMMANDS[command]


def test_the_page_has_no_command_that_is_not_there() -> None:
    told = set(re.findall(r"^##+ `(zai(?: [a-z-]+)*)", PAGE, re.M))
    assert told == set(COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"zai"}))
def test_every_command_speaks_json(command: str) -> None:
    assert "--json" in COMMANDS[command]


@pytest.mark.parametrize("command", sorted(name for name in COMMANDS if name.startswith("zai admin")))
def test_every_admin_command_takes_the_data_directory_and_the_database(command: str) -> None:
    assert {"--data", "--database"} <= COMMANDS[command]


@pytest.mark.parametrize(
    "command",
    sorted(name for name in COMMANDS if name.startswith("zai admin") and not OF_THE_WHOLE.search(name)),
)
def test_every_admin_command_takes_the_workspace(command: str) -> None:
    assert "--workspace" in COMMANDS[command]


def test_no_option_takes_a_secret() -> None:
    named = {option for options in COMMANDS.values() for option in options}
    suspicious = {option for option in named if re.search(r"key|secret|token|password", option)}
    # These name a key by its id, a variable, take no value, and count.
    assert suspicious == {"--key", "--key-env", "--key-stdin", "--max-tokens", "--new-key"}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_exits_with_0(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Terminal(Path("/nonexistent")).run(*command.split()[1:], "--help")
    assert (shown.code, shown.err) == (0, "")
    assert f"Usage: {command} " in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert Terminal(Path("/nonexistent")).run("--version").code == 0
    assert re.fullmatch(r"zai \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [(), ("admin",), ("admin", "key")])
def test_a_command_that_is_left_out_is_2_with_help(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert Terminal(Path("/nonexistent")).run(*arguments).code == 2
    assert "Usage: zai" in capsys.readouterr().out


def test_serve_passes_on_what_was_asked(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    assert terminal.run("serve").code == 0
    asked = (
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--data",
        "elsewhere",
        "--workers",
        "1",
        "--log-level",
        "debug",
        "--public-url",
        "https://zai.example",
        "--trusted-proxies",
        "10.0.0.0/8",
        "--allow-private-addresses",
    )
    assert terminal.run("serve", *asked, "--json").code == 0
    default = ServeOptions(host="127.0.0.1", port=8011, data=tmp_path, log_level="info", json=False)
    other = ServeOptions(
        host="0.0.0.0",
        port=0,
        data=Path("elsewhere"),
        log_level="debug",
        json=True,
        public_url="https://zai.example",
        trusted_proxies="10.0.0.0/8",
        allow_private_addresses=True,
    )
    assert terminal.run("serve", "--no-private-addresses").code == 0
    for number in ("2", "auto"):
        assert terminal.run("serve", "--workers", number).code == 0
    assert terminal.served == [
        default,
        other,
        replace(default, allow_private_addresses=False),
        replace(default, workers=2),
        replace(default, workers=None),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--workers", "0"), "write a number from 1 to 256, or auto"),
        (("--port", "65536"), "--port"),
        (("--log-level", "loud"), "--log-level"),
    ],
)
def test_serve_refuses_what_it_cannot(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    terminal = Terminal(tmp_path)
    shown = terminal.run("serve", *arguments)
    assert (shown.code, shown.out, terminal.served) == (2, "", [])
    assert said in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (OperatorError("The disk is full: make room."), "zai: The disk is full: make room.\n"),
        (StoreUnavailable("The database does not answer."), "zai: The database does not answer.\n"),
        (StoreUnavailable(), "zai: The database did not answer; try again.\n"),
        (Failure(Code.SHUTTING_DOWN, "Not now.", detail="No"), "zai: Not now.\n"),
    ],
)
def test_what_the_rooms_raise_is_1_and_their_own_sentence(trouble: Exception, said: str) -> None:
    def refuse(_data: Path, _database: str | None) -> AbstractContextManager[Books]:
        raise trouble

    out, err = io.StringIO(), io.StringIO()
    composition = replace(Terminal(Path("/nonexistent")).composition(), open_books=refuse)
    run = build(composition, Screen(io.StringIO(), out, err))
    assert (run(["admin", "key", "list"]), out.getvalue(), err.getvalue()) == (1, "", said)


@pytest.mark.parametrize(
    "command",
    [
        ("key", "create", "ci"),
        ("key", "list"),
        ("key", "show", "ci"),
        ("key", "update", "ci", "--no-expires"),
        ("key", "rotate", "ci"),
        ("key", "revoke", "ci"),
        ("budget", "set", "5"),
        ("budget", "list"),
        ("budget", "remove"),
        ("workspace", "create", "Tools"),
        ("workspace", "list"),
        ("workspace", "rename", "tools", "--name", "Other"),
        ("member", "add", "ana@example.com"),
        ("member", "invite", "ana"),
        ("member", "list"),
        ("member", "show", "ana"),
        ("member", "update", "ana", "--role", "admin"),
        ("member", "remove", "ana"),
        ("person", "reset-password", "ana@example.com"),
        ("setup-link",),
        ("management-key", "create", "ci", "--scope", "keys:read"),
        ("management-key", "list"),
        ("management-key", "revoke", "ci"),
        ("audit", "list"),
        ("provider", "add", "demo"),
        ("provider", "list"),
        ("provider", "remove", "demo"),
        ("vault", "rotate"),
        ("vault", "reset", "--yes"),
        ("model", "set", "fast", "--target", "openai/x"),
        ("model", "list"),
        ("model", "show", "fast"),
        ("model", "remove", "fast"),
        ("price", "set", "openai/x", "--input", "1", "--output", "1"),
        ("price", "list"),
        ("price", "remove", "openai/x"),
        ("usage",),
        ("spend", "unconfirmed"),
        ("spend", "resolve", "req_1", "--none"),
        ("spend", "flagged"),
        ("spend", "reconcile", "--provider", "openai", "--billed", "1", "--since", "1d"),
        ("spend", "workers"),
        ("spend", "lost", "wrk_1"),
    ],
)
def test_books_that_cannot_be_opened_are_1_and_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a directory", encoding="utf-8")
    shown = Terminal(in_the_way).run("admin", *command)
    assert (shown.code, shown.out) == (1, "")
    assert str(in_the_way) in shown.err
    assert (shown.err.startswith("zai: "), shown.err.count("\n")) == (True, 1)
