"""Playbooks of a store that stops: nobody is called a stranger, nothing is spent twice, and all recovers."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from msgspec import Struct
from msgspec.structs import replace

from tests.flow.stage import MODEL, Got, Stage, staged
from tests.postgresql.proxy import Wire, wire_to
from tests.postgresql.server import PostgresServer
from tests.upstreams.answers import completion, json_answer
from zai_gateway.accounts import keys
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.settings import Limits

SHORT: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 16,
}
LIMITS = Limits(store_seconds=0.3)
"""A store that takes longer than this does not answer; so that a test need not wait for seconds."""
_LOCK = """
import sqlite3, sys
books = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
books.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


class Trouble(Struct, frozen=True):
    """A stage, and a way to stop its store for a while."""

    stage: Stage
    stopped: Callable[[], AbstractContextManager[None]]
    reads: bool
    """Whether the store can be read while it is stopped."""


@pytest.fixture(params=["sqlite-locked", "postgresql-silent", "postgresql-down"])
async def trouble(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Trouble]:
    """A gateway whose store can be stopped, in each of the ways in which stores do."""
    data = tmp_path / "data"
    if request.param == "sqlite-locked":
        async with staged(data, LIMITS) as stage:
            yield Trouble(stage, lambda: _locked(data / "zai.db"), reads=True)
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    with postgres.made() as name, wire_to(postgres.folder) as wire:
        stop = wire.fall_silent if request.param == "postgresql-silent" else wire.cut
        variables = {
            "ZAI_DATABASE": wire.address(name),
            "PROVIDER_KEY_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        }
        async with staged(data, LIMITS, variables=variables) as stage:
            yield Trouble(stage, lambda: _broken(wire, stop), reads=False)


@contextmanager
def _locked(file: Path) -> Generator[None]:
    """The database of SQLite, held by another program for itself alone."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _LOCK, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        holder.communicate()


@contextmanager
def _broken(wire: Wire, stop: Callable[[], None]) -> Generator[None]:
    stop()
    try:
        yield
    finally:
        wire.mend()


def assert_unavailable(got: Got) -> None:
    assert (got.status, got.code()) == (503, "store_unavailable")
    assert int(got.headers["retry-after"]) >= 1


async def recovered(stage: Stage, key: IssuedKey) -> None:
    """Waits until the gateway serves again, by itself."""
    async with asyncio.timeout(30):
        while (got := await stage.chat(key, SHORT)).status != 200:
            assert_unavailable(got)
            await asyncio.sleep(0.05)


async def test_while_the_store_stands_still_nobody_is_a_stranger_and_all_recovers(trouble: Trouble) -> None:
    stage = trouble.stage
    known = [stage.key(usd=5) for _ in range(3)]
    for key in known:
        assert (await stage.chat(key, SHORT)).status == 200
    new = stage.key(usd=5)
    stranger = replace(new, secret=keys.new_secret())
    sent = len(stage.stub.requests)
    with trouble.stopped():
        for _ in range(3):
            # More at once than there are threads for them: none waits longer than the store may take.
            asked = [stage.chat(key, SHORT) for key in (*known, new) for _ in range(8)]
            for got in await asyncio.gather(*asked):
                assert_unavailable(got)
            # What the gateway knows by itself it says.
            assert [(await stage.get(key, "/models")).status for key in known] == [200] * len(known)
            read = [await stage.get(key, "/me") for key in known]
            if trouble.reads:
                assert [got.status for got in read] == [200] * len(known)
                assert (await stage.get(stranger, "/models")).status == 401
            else:
                for got in (*read, await stage.get(stranger, "/models")):
                    assert_unavailable(got)
    for key in (*known, new):
        await recovered(stage, key)
    assert (await stage.get(stranger, "/models")).status == 401
    assert len(stage.stub.requests) == sent + 4, "what was refused was sent"
    assert len(await stage.settled(3 + 4)) == 3 + 4
    assert_books_balance(stage)


async def test_an_answer_under_way_is_given_and_booked_when_the_store_is_back(trouble: Trouble) -> None:
    stage = trouble.stage
    key, gate = stage.key(usd=5), asyncio.Event()
    stage.stub.script(replace(json_answer(completion()), hold=gate))
    asked = asyncio.create_task(stage.chat(key, SHORT))
    await stage.stub.until_requests(1)
    with trouble.stopped():
        gate.set()
        assert (await asked).status == 200
        assert_unavailable(await stage.chat(key, SHORT))
    async with asyncio.timeout(30):
        (booked,) = await stage.settled(1)
    assert booked["status"] == 200
    assert booked["cost"] > 0
    await recovered(stage, key)
    assert len(await stage.settled(2)) == 2
    assert_books_balance(stage)


def assert_books_balance(stage: Stage) -> None:
    """No hold is open, and all that is committed was spent."""
    spent = sum(entry["cost"] for entry in stage.ledger())
    assert stage.rows("hold") == []
    assert sum(window["committed"] for window in stage.rows("window")) == spent
    assert sum(lease["granted"] for lease in stage.rows("lease")) == spent
