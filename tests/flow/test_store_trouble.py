"""Playbooks of a store that stops: nobody is called a stranger, nothing is spent twice, and all recovers."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
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
LIMITS = Limits(store_seconds=2.0)
"""A store that takes longer than this does not answer; a busy machine may take longer for a healthy one too,
so nothing here relies on what is answered in time."""
_PATIENCE = 60.0
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


async def served(stage: Stage, key: IssuedKey) -> Got:
    """The answer to a chat, once the gateway serves it by itself."""
    return await told(lambda: stage.chat(key, SHORT), 200)


async def told(ask: Callable[[], Awaitable[Got]], status: int) -> Got:
    """The answer of this status, which only 503 may come before."""
    async with asyncio.timeout(_PATIENCE):
        while (got := await ask()).status != status:
            assert_unavailable(got)
            await asyncio.sleep(0.05)
    return got


async def test_while_the_store_stands_still_nobody_is_a_stranger_and_all_recovers(trouble: Trouble) -> None:
    stage = trouble.stage
    known = [stage.key(usd=5) for _ in range(3)]
    for key in known:
        await served(stage, key)
    new = stage.key(usd=5)
    stranger = replace(new, secret=keys.new_secret())

    def me(key: IssuedKey) -> Callable[[], Awaitable[Got]]:
        return lambda: stage.get(key, "/me")

    def as_a_stranger() -> Awaitable[Got]:
        return stage.get(stranger, "/models")

    with trouble.stopped():
        # More at once than there are threads for them: none waits longer than the store may take.
        asked = [stage.chat(key, SHORT) for key in (*known, new) for _ in range(8)]
        for got in await asyncio.gather(*asked):
            assert_unavailable(got)
        # What the gateway knows by itself it says.
        assert [(await stage.get(key, "/models")).status for key in known] == [200] * len(known)
        if trouble.reads:
            await asyncio.gather(*(told(me(key), 200) for key in known), told(as_a_stranger, 401))
        else:
            for got in await asyncio.gather(*(me(key)() for key in known), as_a_stranger()):
                assert_unavailable(got)
    for key in (*known, new):
        await served(stage, key)
    await told(as_a_stranger, 401)
    assert len(stage.stub.requests) == 3 + 4, "what was refused was sent"
    await books_balanced(stage, 3 + 4)


async def test_an_answer_under_way_is_given_and_booked_when_the_store_is_back(trouble: Trouble) -> None:
    stage = trouble.stage
    key, gate = stage.key(usd=5), asyncio.Event()
    stage.stub.script(replace(json_answer(completion()), hold=gate))
    asked = asyncio.create_task(served(stage, key))
    await stage.stub.until_requests(1)
    with trouble.stopped():
        gate.set()
        await asked
        assert_unavailable(await stage.chat(key, SHORT))
    (booked,) = await books_balanced(stage, 1)
    assert booked["status"] == 200
    assert booked["cost"] > 0
    await served(stage, key)
    await books_balanced(stage, 2)
    assert len(stage.stub.requests) == 2


async def books_balanced(stage: Stage, entries: int) -> list[dict[str, Any]]:
    """The ledger, once no hold is open; what was spent and what is leased add up.

    What a request was refused for waiting for may still be granted: it stays in the lease.
    """
    async with asyncio.timeout(_PATIENCE):
        ledger = await stage.settled(entries)
        # One GRANT may be under way for somebody who does not wait any more: the rows are read at different
        # moments.
        while sum(row["committed"] for row in stage.rows("window")) != sum(
            row["granted"] for row in stage.rows("lease")
        ):
            await asyncio.sleep(0.05)
    assert sum(row["spent"] for row in stage.rows("lease")) == sum(entry["cost"] for entry in ledger)
    assert len(ledger) == entries
    return ledger
