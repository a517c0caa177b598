"""The first start makes one workspace and one key, and shows the way to a first answer."""

import json
import os
import pty
import re
import select
import stat
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.gateway_process import PATIENCE, ZAI, GatewayProcess, Operator
from tests.e2e.shell import pasted
from zai_gateway.accounts.identity import Origin
from zai_gateway.app.house import opened
from zai_gateway.clock import SystemClock
from zai_gateway.settings import Environment

STARTS = 8
GREETING = {"model": "demo/echo", "messages": [{"role": "user", "content": "Hello"}]}
KEY = re.compile(r"zk_live_[0-9A-Za-z]+")
CURL = re.compile(r"^curl .*?\}'$", re.MULTILINE | re.DOTALL)


def greeted(gateway: GatewayProcess, key: str) -> str:
    got = gateway.ask("/chat/completions", key, GREETING)
    assert got.status == 200, got.body
    return got.json()["choices"][0]["message"]["content"]


def test_eight_at_once_make_one_workspace_and_one_key(data: Path) -> None:
    operator = Operator(data)
    gateways = [operator.started() for _ in range(STARTS)]
    try:
        kept = [gateway.said["kept"] for gateway in gateways if gateway.said["kept"]]
        assert kept == [str(data / "first-key")]
        assert [gateway.said["first_key"] for gateway in gateways] == [None] * STARTS
        assert stat.S_IMODE((data / "first-key").stat().st_mode) == 0o600

        key = (data / "first-key").read_text().strip()
        assert [greeted(gateway, key) for gateway in gateways] == ["Hello"] * STARTS
        workspaces = {gateway.ask("/me", key).json()["org"]["id"] for gateway in gateways}
        assert len(workspaces) == 1
        for table in ("workspace", "api_key", "provider_key"):
            assert len(operator.rows(table)) == 1, table
        assert operator.rows("api_key")[0]["prefix"] == key[:12]

        for gateway in gateways:
            gateway.terminate()
        for gateway in gateways:
            gateway.ended()
    finally:
        for gateway in gateways:
            if gateway.runs:
                gateway.kill()

    with operator.serving() as later:
        assert (later.said["first_key"], later.said["kept"]) == (None, None)
        assert greeted(later, key) == "Hello"
    assert len(operator.rows("api_key")) == 1


def test_an_admin_command_makes_an_empty_directory_ready(data: Path) -> None:
    operator = Operator(data)
    ran = operator.zai("admin", "key", "create", "mine", "--data", str(data), "--json")
    assert ran.returncode == 0
    assert str(data / "first-key") in ran.stderr
    assert not KEY.search(ran.stderr)
    with operator.serving() as gateway:
        assert gateway.said["kept"] is None
        assert greeted(gateway, json.loads(ran.stdout)["key"]) == "Hello"
        first_key = (data / "first-key").read_text().strip()
        assert greeted(gateway, first_key) == "Hello"
        elsewhere = gateway.ask("/chat/completions", first_key, {**GREETING, "model": "openai/gpt-5.4"})
        assert (elsewhere.status, elsewhere.code()) == (403, "model_not_allowed")
    assert len(operator.rows("workspace")) == 1
    assert [row["name"] for row in operator.rows("api_key")] == ["first-key", "mine"]


@contextmanager
def serving_in_words(operator: Operator, at_a_terminal: bool) -> Generator[str]:
    """A gateway that was started for a person, on a terminal or not; what it says when it answers."""
    ours, theirs = pty.openpty() if at_a_terminal else os.pipe()
    process = subprocess.Popen(
        [ZAI, "serve", "--port", "0", "--data", operator.data],
        env=operator.environment,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    try:
        yield _read_until(ours, re.compile(rf"{CURL.pattern}|--data \S+$", CURL.flags))
    finally:
        process.terminate()
        _, log = process.communicate(timeout=PATIENCE)
        os.close(ours)
    assert (process.returncode, b"Traceback" in log, KEY.search(log.decode())) == (0, False, None)


def _read_until(descriptor: int, expected: re.Pattern[str]) -> str:
    seen = b""
    while not expected.search(said := seen.decode().replace("\r\n", "\n").rstrip("\n")):
        ready, _, _ = select.select([descriptor], [], [], PATIENCE)
        assert ready, f"the gateway said no more than {said!r}"
        more = os.read(descriptor, 65_536)
        assert more, f"the gateway ended after {said!r}"
        seen += more
    return said


@pytest.mark.parametrize("at_a_terminal", [True, False], ids=["terminal", "pipe"])
def test_the_curl_that_a_start_shows_gets_an_answer(data: Path, tmp_path: Path, at_a_terminal: bool) -> None:
    operator = Operator(data)
    with serving_in_words(operator, at_a_terminal) as said:
        # A terminal gets the key once; elsewhere it must not end up in somebody's log.
        assert bool(KEY.search(said)) is at_a_terminal
        assert (data / "first-key").exists() is not at_a_terminal
        curl = CURL.search(said)
        assert curl
        answer = json.loads(pasted(curl[0], tmp_path))
    assert answer["choices"][0]["message"]["content"] == "Hello, Z-AI!"
    (secret,) = {found[0] for found in KEY.finditer(said)} or {(data / "first-key").read_text().strip()}
    assert secret.encode() not in b"".join(path.read_bytes() for path in data.glob("zai.db*"))


def test_a_later_start_says_how_to_make_a_key(data: Path) -> None:
    operator = Operator(data)
    before = operator.new_key()
    with serving_in_words(operator, at_a_terminal=True) as said:
        assert not KEY.search(said)
        command = re.search(r"zai (admin key create) NAME (--data .*)$", said)
        assert command
        made = operator.zai(*command[1].split(), "second", *command[2].split())
        assert made.returncode == 0
        assert KEY.fullmatch(made.stdout.strip())
        assert made.stdout.strip() != before


SETUP = re.compile(r"http://127\.0\.0\.1:\d+/setup/[\w-]{43}$", re.MULTILINE)


def looked(operator: Operator, link: str) -> str:
    """What the link is for, in the books that the gateway left."""
    with opened(operator.data, Environment(operator.environment), SystemClock()) as house:
        return house.accounts.people.look(link.rpartition("/")[2]).kind.value


@pytest.mark.parametrize("at_a_terminal", [True, False], ids=["terminal", "pipe"])
def test_a_start_shows_the_way_to_become_the_owner(data: Path, at_a_terminal: bool) -> None:
    operator, kept = Operator(data), data / "setup-link"
    with serving_in_words(operator, at_a_terminal) as said:
        assert bool(SETUP.search(said)) is at_a_terminal
        assert kept.exists() is not at_a_terminal
        assert (str(kept) in said) is not at_a_terminal
    found = SETUP.search(said)
    link = found[0] if found else kept.read_text().strip()
    assert SETUP.fullmatch(link)
    assert looked(operator, link) == "setup"
    assert at_a_terminal or stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert link.rpartition("/")[2].encode() not in b"".join(
        each.read_bytes() for each in data.glob("zai.db*")
    )


def test_every_start_makes_a_link_that_holds_until_somebody_has_signed_up(data: Path) -> None:
    operator, kept = Operator(data), data / "setup-link"
    links: list[str] = []
    for _ in range(2):
        with operator.serving("--workers", "2", "--public-url", "https://llm.example.com") as gateway:
            assert (gateway.said["setup_link"], gateway.said["kept_setup_link"]) == (None, str(kept))
            links.append(kept.read_text().strip())
    assert len({looked(operator, link) for link in links}) == 1
    assert all(link.startswith("https://llm.example.com/setup/") for link in links)
    with opened(data, Environment(operator.environment), SystemClock()) as house:
        house.accounts.people.set_up(
            links[0].rpartition("/")[2],
            email="ana@example.com",
            name="Ana",
            password="eight rivers run",
            workspace_name=None,
            origin=Origin(address=None),
        )
    with operator.serving() as gateway:
        assert (gateway.said["setup_link"], gateway.said["kept_setup_link"]) == (None, None)
    assert not kept.exists()
    made = operator.zai("admin", "setup-link", "--data", str(data))
    assert (made.returncode, made.stdout) == (1, "")
    reset = operator.zai("admin", "person", "reset-password", "ana@example.com", "--data", str(data))
    assert looked(operator, reset.stdout.strip()) == "reset"
