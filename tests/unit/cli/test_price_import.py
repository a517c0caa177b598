"""Prices imported at the terminal: from a file or stdin, shown, tried and taken away."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal
from zai_gateway.app.house import opened
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.settings import Environment

IMPORT = ("admin", "price", "import")
CATALOGUE = ("admin", "price", "catalogue")
FILE = json.dumps({"format": 1, "date": "2099-01-31", "models": [{"provider": "openai", "id": "gpt-99"}]})
OLD = FILE.replace("2099", "2001")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "data")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "prices.json"
    path.write_text(FILE)
    return str(path)


def test_a_file_is_tried_brought_shown_and_taken_away(terminal: Terminal, file: str) -> None:
    released = Catalogue.load()
    before = terminal.ok(*CATALOGUE)
    assert before == {
        "version": released.version,
        "released": released.date.isoformat(),
        "imported": None,
        "imported_at": None,
        "in_force": False,
        "trouble": None,
    }
    tried = terminal.ok(*IMPORT, file, "--dry-run")
    assert (tried["dry_run"], tried["added"], tried["changed"], tried["same"]) == (
        True,
        ["openai/gpt-99"],
        [],
        0,
    )
    assert terminal.ok(*CATALOGUE) == before
    brought = terminal.ok(*IMPORT, file)
    assert brought == {**tried, "dry_run": False}
    assert (brought["date"], brought["dropped"]) == ("2099-01-31", [])
    shown = terminal.ok(*CATALOGUE)
    assert (shown["imported"], shown["in_force"]) == (brought["version"], True)
    assert shown["version"] == f"{released.version}+{brought['version']}"
    assert terminal.ok(*IMPORT, "--remove") == {"version": brought["version"], "removed": True}
    assert terminal.ok(*CATALOGUE) == before
    assert terminal.run(*IMPORT, "--remove").code == 1


def test_stdin_is_read_too(terminal: Terminal) -> None:
    shown = terminal.run(*IMPORT, "-", stdin=FILE)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines()[0] == "added: openai/gpt-99"
    assert "1 added, 0 changed, 0 the same" in shown.out
    assert "2099-01-31" in terminal.run(*CATALOGUE).out


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        ((), "", 2, "FILE"),
        (("-", "--remove"), FILE, 2, "FILE"),
        (("--remove", "--dry-run"), "", 2, "FILE"),
        (("/nowhere/prices.json",), "", 1, "cannot be read"),
        (("-",), OLD, 1, "older than those of this release"),
        (("-",), "{}", 1, "price file"),
        (("-",), f"{FILE}{' ' * 17_000_000}", 1, "16 MiB"),
    ],
)
def test_what_cannot_be_is_one_line(
    terminal: Terminal, arguments: tuple[str, ...], stdin: str, code: int, said: str
) -> None:
    shown = terminal.run(*IMPORT, *arguments, stdin=stdin)
    assert (shown.code, shown.out) == (code, "")
    assert said in shown.err
    assert (shown.err.startswith("zai: "), shown.err.count("\n")) == (True, 1)


def test_the_doctor_tells_of_imported_prices(terminal: Terminal, file: str) -> None:
    def found() -> dict[str, str]:
        checks = terminal.run("admin", "doctor", "--json").json["findings"]
        return next(each for each in checks if each["check"] == "prices")

    # Proves its encryption key, as a start of the gateway does: without it the books are not whole.
    with opened(terminal.data, Environment({}), terminal.clock):
        pass
    assert "those of this release" in found()["found"]
    terminal.ok(*IMPORT, file)
    assert (found()["grade"], "2099-01-31" in found()["found"]) == ("ok", True)
    # As a later release finds it.
    with closing(sqlite3.connect(terminal.data / "zai.db")) as database, database:
        database.execute("UPDATE imported_prices SET version = '2001-01-31-0'")
    assert (found()["grade"], "not used" in found()["found"]) == ("warn", True)
