"""The `zai` command as a real process: pipes, signals, a terminal, and a gateway to talk to."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.unit.cli.terminal import Terminal

ZAI = (sys.executable, "-c", "import sys; from zai_gateway.app import main; sys.exit(main())")
LISTENING_TO_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""As from a terminal: a shell starts what is to run in the background with that signal ignored."""
SECRET = "sk-canary-0123456789"
PATIENCE = 60.0
"""Seconds after which a process has failed."""


def environment(**variables: str) -> dict[str, str]:
    """Nothing of the tester's own settings, in a home of its own."""
    return {
        "HOME": tempfile.gettempdir(),
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        **variables,
    }


def zai(*arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ZAI, *arguments],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        env=environment(**variables),
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def gateway(data: Path, *options: str) -> Generator[Mapping[str, str]]:
    """A gateway with what it said of itself at its start."""
    command = [
        *ZAI,
        "serve",
        "--port",
        "0",
        "--data",
        str(data),
        "--log-level",
        "warning",
        "--json",
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        try:
            assert process.stdout is not None
            yield msgspec.json.decode(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(PATIENCE)


def test_a_holder_and_an_operator_at_a_running_gateway(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with gateway(data) as started:
        issued = msgspec.json.decode(
            zai("admin", "key", "create", "ci", "--data", str(data), "--json").stdout
        )
        variables = {"ZAI_BASE_URL": started["base_url"], "ZAI_KEY": issued["key"]}
        chat = zai("chat", "-", stdin="Grüße ✓", **variables)
        assert (chat.returncode, chat.stdout) == (0, "Grüße ✓\n")
        assert "demo/echo:" in chat.stderr
        holder = Terminal(data, variables)
        assert holder.ok("whoami")["api_key"]["id"] == issued["id"]
        assert "demo/echo" in holder.run("models").out.splitlines()
        assert holder.ok("chat", "Hi")["choices"][0]["message"]["content"] == "Hi"
        broken = holder.run("chat", "cut", "--model", "demo/fail")
        assert (broken.code, broken.err.startswith("zai: ")) == (1, True)
        refused = Terminal(data, {**variables, "ZAI_KEY": "zk_live_nobody"}).run("whoami")
        assert refused.code == 1
        assert re.search(r"\(HTTP 401, x-request-id \w+\)\n\Z", refused.err)
        told = msgspec.json.decode(zai("admin", "usage", "--data", str(data), "--json").stdout)
        assert [row["key_name"] for row in told["rows"] if row["model"] == "demo/echo"] == ["ci"]


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ended = subprocess.run(
            [*ZAI, "admin", "key", "list", "--json", "--data", str(tmp_path / "data")],
            stdout=pipe,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=PATIENCE,
            check=False,
        )
    assert ended.returncode == 141
    assert b"Broken" not in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_ctrl_c_ends_it_quietly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        with subprocess.Popen(
            [*ZAI[:2], LISTENING_TO_CTRL_C + ZAI[2], "chat", "Hi"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(ZAI_BASE_URL=address, ZAI_KEY="zk_live_x"),
        ) as process:
            connection, _ = listener.accept()
            with connection:
                request = b""
                while not request.endswith(b"}"):
                    request += connection.recv(65_536)
                assert request.startswith(b"POST ")
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, b"", b"")


def at_a_terminal(*arguments: str, typed: str = "", **variables: str) -> tuple[int, str]:
    """Runs a command on a terminal, and types `typed` at its question; gives its exit code and the screen."""
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", buffering=0) as screen:
        with os.fdopen(slave, "rb", buffering=0) as terminal:
            process = subprocess.Popen(
                [*ZAI, *arguments],
                stdin=terminal,
                stdout=terminal,
                stderr=terminal,
                env=environment(**variables),
                start_new_session=True,
            )
        with process:
            seen = screen.read(1)
            os.write(master, typed.encode())
            # A terminal whose last process has ended gives an error, not an end.
            try:
                while more := screen.read(65_536):
                    seen += more
            except OSError:
                pass
            process.wait(PATIENCE)
    return process.returncode, seen.decode()


def test_a_provider_key_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    add = ("admin", "provider", "add", "openai", "--data", str(tmp_path / "data"))
    code, screen = at_a_terminal(*add, typed=f"{SECRET}\n")
    assert code == 0
    assert "Key for OpenAI:" in screen
    assert "https://api.openai.com/v1" in screen
    assert "canary" not in screen


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour_goes_to_a_terminal_that_wants_it(variables: dict[str, str], coloured: bool) -> None:
    code, screen = at_a_terminal("--help", **variables)
    assert (code, bool(re.search(r"\x1b\[[0-9;]*3[0-7]", screen))) == (0, coloured)


def test_a_pipe_gets_no_escapes() -> None:
    assert "\x1b" not in zai("--help").stdout


def test_a_lost_encryption_key_is_left_behind_after_a_question(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    assert zai("admin", "provider", "add", "openai", "--key-stdin", *data, stdin=SECRET).returncode == 0
    lost = tmp_path / "data" / "vault.key"
    lost.unlink()
    refused = zai("admin", "provider", "list", *data)
    assert (refused.returncode, "'zai admin vault reset'" in refused.stderr) == (1, True)
    code, screen = at_a_terminal("admin", "vault", "reset", *data, typed="yes\n")
    assert (code, "Type reset to go on:" in screen, "Nothing was changed." in screen) == (1, True, True)
    assert not lost.exists()
    code, screen = at_a_terminal("admin", "vault", "reset", *data, typed="reset\n")
    assert (code, "Provider keys without a secret now: 1." in screen) == (0, True)
    assert lost.stat().st_mode & 0o777 == 0o600
    assert zai("admin", "provider", "renew", "openai", "--key-stdin", *data, stdin=SECRET).returncode == 0
    assert "unreadable" not in zai("admin", "provider", "list", *data).stdout
    assert zai("admin", "doctor", *data).returncode == 0


def test_a_start_tells_where_clients_find_the_gateway(tmp_path: Path) -> None:
    with gateway(tmp_path / "data", "--public-url", "https://llm.example.com/, http://zai") as told:
        assert told["public_urls"] == ["https://llm.example.com/v1", "http://zai/v1"]
        assert told["base_url"].startswith("http://127.0.0.1:")
    with gateway(tmp_path / "data") as told:
        assert told["public_urls"] == []
