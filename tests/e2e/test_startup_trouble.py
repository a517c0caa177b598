"""What stands in the way of a start is one sentence on stderr that says what to do, and exit code 1."""

import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.gateway_process import PATIENCE, ZAI, Operator

A_KEY = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
ANOTHER_KEY = "MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE="
SERVE = ("serve", "--port", "0")
LIST = ("admin", "key", "list")
serve_and_list = pytest.mark.parametrize("command", [SERVE, LIST], ids=["serve", "admin"])

WITHOUT_OVERRIDE = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Runs a command as somebody whom permissions bind.

They do not bind root. With CAP_DAC_OVERRIDE (1) out of its bounding set (PR_CAPBSET_DROP, 24; prctl(2)), a
command that root runs keeps to them.
"""


def sentence(operator: Operator, *command: str, wrapper: tuple[str, ...] = ()) -> str:
    """What a command says that cannot do its work."""
    ran = subprocess.run(
        [*wrapper, str(ZAI), *command, "--data", str(operator.data)],
        env=operator.environment,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith("zai: ")
    assert ran.stderr.count("\n") == 1, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stderr


def test_a_taken_port(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = sentence(Operator(data), "serve", "--port", port)
    assert f"port {port} on 127.0.0.1 is taken" in said
    assert "--port" in said
    assert not data.exists()


@serve_and_list
def test_a_directory_that_may_not_be_written(data: Path, command: tuple[str, ...]) -> None:
    data.mkdir(mode=0o500)
    wrapper = (sys.executable, "-c", WITHOUT_OVERRIDE) if os.geteuid() == 0 else ()
    said = sentence(Operator(data), *command, wrapper=wrapper)
    assert str(data) in said
    assert "cannot be written" in said
    assert "--data" in said
    assert list(data.iterdir()) == []


def test_a_file_in_the_place_of_the_directory(data: Path) -> None:
    data.write_text("precious")
    said = sentence(Operator(data), *SERVE)
    assert f"{data} is not a directory" in said
    assert data.read_text() == "precious"


def test_a_path_through_a_file(data: Path) -> None:
    data.write_text("precious")
    said = sentence(Operator(data / "below"), *SERVE)
    assert "is not a directory" in said


@pytest.mark.sqlite("writes something else where SQLite's file would be")
def test_a_file_that_is_no_database(data: Path) -> None:
    data.mkdir()
    (data / "zai.db").write_text("precious " * 1_000)
    said = sentence(Operator(data), *SERVE)
    assert "zai.db is not a SQLite database" in said
    assert (data / "zai.db").read_text().startswith("precious")


@serve_and_list
def test_another_encryption_key_than_before(data: Path, command: tuple[str, ...]) -> None:
    Operator(data, PROVIDER_KEY_ENCRYPTION_KEY=A_KEY).admin("key", "list")
    said = sentence(Operator(data, PROVIDER_KEY_ENCRYPTION_KEY=ANOTHER_KEY), *command)
    assert "Wrong encryption key" in said
    assert "PROVIDER_KEY_ENCRYPTION_KEY" in said
    assert ANOTHER_KEY not in said


@pytest.mark.sqlite("only beside SQLite is there a vault.key")
def test_the_key_file_is_lost(data: Path) -> None:
    operator = Operator(data)
    operator.admin("key", "list")
    (data / "vault.key").unlink()
    assert "vault.key" in sentence(operator, *SERVE)


@pytest.mark.parametrize("material", ["secret-but-short", A_KEY[:-2], f"{A_KEY},x"])
def test_an_encryption_key_that_is_none(data: Path, material: str) -> None:
    said = sentence(Operator(data, PROVIDER_KEY_ENCRYPTION_KEY=material), *SERVE)
    assert "PROVIDER_KEY_ENCRYPTION_KEY" in said
    assert "openssl" in said
    assert material not in said


def test_an_encryption_key_given_twice(data: Path, tmp_path: Path) -> None:
    given = {"PROVIDER_KEY_ENCRYPTION_KEY": A_KEY, "PROVIDER_KEY_ENCRYPTION_KEY_FILE": str(tmp_path / "key")}
    assert "unset one" in sentence(Operator(data, **given), *SERVE)


@pytest.mark.sqlite("writes to SQLite's file")
def test_a_directory_of_a_newer_release(data: Path) -> None:
    operator = Operator(data)
    operator.admin("key", "list")
    with closing(sqlite3.connect(data / "zai.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (data / "zai.db").read_bytes()
    said = sentence(operator, *SERVE)
    assert "newer Z-AI (its schema is 9999)" in said
    assert "upgrade" in said
    assert (data / "zai.db").read_bytes() == before
