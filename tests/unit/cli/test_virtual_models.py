"""Virtual models from the terminal."""

from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal

SET = ("admin", "model", "set")
TWO = ("--target", "openai/m,weight=3,timeout=20s", "--target", "groq/n,timeout=500ms")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_set_shows_what_the_name_stands_for(terminal: Terminal) -> None:
    told = terminal.ok(*SET, "fast", *TWO, "--strategy", "weighted")
    assert told == {
        "name": "fast",
        "strategy": "weighted",
        "targets": [
            {"model": "openai/m", "weight": 3, "timeout_ms": 20_000},
            {"model": "groq/n", "weight": 1, "timeout_ms": 500},
        ],
        "created_at": "2026-11-18T11:06:40Z",
    }
    assert terminal.ok("admin", "model", "show", "fast") == told
    assert terminal.ok("admin", "model", "list") == {"models": [told]}


def test_a_second_set_replaces_all_of_the_first(terminal: Terminal) -> None:
    terminal.ok(*SET, "fast", *TWO, "--strategy", "weighted")
    told = terminal.ok(*SET, "fast", "--target", "demo/echo")
    assert told["strategy"] == "ordered"
    assert told["targets"] == [{"model": "demo/echo", "weight": 1, "timeout_ms": None}]
    assert terminal.ok("admin", "model", "list") == {"models": [told]}


def test_the_table_has_a_row_for_each_target(terminal: Terminal) -> None:
    terminal.ok(*SET, "fast", *TWO, "--strategy", "weighted")
    terminal.ok(*SET, "coding", "--target", "demo/echo")
    shown = terminal.run("admin", "model", "list")
    assert shown.code == 0
    assert [line.split() for line in shown.out.splitlines()[1:]] == [
        ["coding", "ordered", "demo/echo", "1", "none"],
        ["fast", "weighted", "openai/m", "3", "20s"],
        ["groq/n", "1", "500ms"],
    ]
    one = terminal.run("admin", "model", "show", "coding")
    assert one.out.splitlines()[1].split() == ["coding", "ordered", "demo/echo", "1", "none"]


def test_remove_takes_the_name_away(terminal: Terminal) -> None:
    terminal.ok(*SET, "fast", *TWO, "--strategy", "weighted")
    assert terminal.ok("admin", "model", "remove", "fast") == {"name": "fast", "removed": True}
    assert terminal.ok("admin", "model", "list") == {"models": []}
    again = terminal.run("admin", "model", "remove", "fast")
    assert (again.code, again.out) == (1, "")
    terminal.ok(*SET, "fast", "--target", "demo/echo")
    assert terminal.run("admin", "model", "remove", "fast").out == "fast stands for nothing any more.\n"


def test_each_workspace_has_its_own(terminal: Terminal) -> None:
    terminal.ok("admin", "workspace", "create", "Tools")
    terminal.ok(*SET, "fast", "--target", "demo/echo", "--workspace", "tools")
    assert terminal.ok("admin", "model", "list") == {"models": []}
    assert len(terminal.ok("admin", "model", "list", "--workspace", "tools")["models"]) == 1


def test_an_allowance_of_a_key_is_set_shown_and_taken_away(terminal: Terminal) -> None:
    def told(key: dict[str, object]) -> tuple[object, object]:
        return key["unbounded_allowance_micro_usd"], key["unbounded_allowance_usd"]

    assert told(terminal.ok("admin", "key", "create", "plain")) == (None, None)
    made = terminal.ok("admin", "key", "create", "ci", "--allow-unbounded", "0.25")
    assert told(made) == (250_000, "0.25")
    assert "allowed, 0.25 USD held for each request" in terminal.run("admin", "key", "show", "ci").out
    assert told(terminal.ok("admin", "key", "update", "ci", "--name", "other")) == (250_000, "0.25")
    assert told(terminal.ok("admin", "key", "update", "other", "--allow-unbounded", "0")) == (0, "0.00")
    assert told(terminal.ok("admin", "key", "update", "other", "--no-unbounded")) == (None, None)
    assert "refused under a cap" in terminal.run("admin", "key", "show", "other").out
    (listed, _, _) = sorted(terminal.ok("admin", "key", "list")["keys"], key=lambda key: key["name"])
    assert told(listed) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("model", "set", "fast"), 2),
        (("model", "set", "--target", "demo/echo"), 2),
        (("model", "set", "fast", "--target", "echo"), 2),
        (("model", "set", "fast", "--target", "demo/echo,weight=many"), 2),
        (("model", "set", "fast", "--target", "demo/echo", "--strategy", "random"), 2),
        (("model", "set", "Fast", "--target", "demo/echo"), 1),
        (("model", "set", "openai", "--target", "demo/echo"), 1),
        (("model", "set", "fast", "--target", "nobody/echo"), 1),
        (("model", "set", "fast", "--target", "demo/echo", "--target", "demo/echo"), 1),
        (("model", "set", "fast", "--target", "demo/echo,weight=2"), 1),
        (("model", "show", "fast"), 1),
        (("key", "create", "ci", "--allow-unbounded", "-1"), 2),
        (("key", "update", "first-key", "--allow-unbounded", "1", "--no-unbounded"), 2),
    ],
)
def test_what_cannot_be_is_one_line(terminal: Terminal, arguments: tuple[str, ...], code: int) -> None:
    shown = terminal.run("admin", *arguments)
    assert (shown.code, shown.out) == (code, "")
    assert (shown.err.startswith("zai: "), shown.err.count("\n")) == (True, 1)
