"""The directory over a real database into which another process writes."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clocks import HeldClock
from tests.unit.accounts.people import OPENAI, OPERATOR, People
from zai_gateway.accounts import keys
from zai_gateway.accounts.directory import Directory
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.terms import KeyChanges
from zai_gateway.accounts.vault import Vault
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import Code, Failure, OperatorError
from zai_gateway.storage.store import Store


@pytest_asyncio.fixture
async def directory(team: People, tmp_path: Path, clock: HeldClock) -> AsyncGenerator[Directory]:
    # A connection of its own, as the gateway has beside the command line's.
    store = Store.open(tmp_path / "data")
    with ThreadPoolExecutor(2) as threads:
        directory = Directory(store.accounts, clock, threads, poll_every=0.002)
        await directory.start()
        yield directory
        await directory.stop()
    store.close()


async def code(directory: Directory, secret: str) -> Code | None:
    """How a key is refused; None where it is not."""
    try:
        await directory.caller(secret)
    except Failure as failure:
        return failure.code
    return None


async def test_the_first_key_and_a_new_one_work_at_once(directory: Directory, team: People) -> None:
    assert team.first_key is not None
    first = await directory.caller(team.first_key.secret)
    assert first.may_call("demo/echo")
    assert not first.may_call("openai/gpt-5.4")
    team.accounts.provider_keys.add(OPERATOR, team.workspace, OPENAI)
    ana = await directory.caller(team.key("ana", cap=7))
    assert ana.key.cap == 7
    assert [key.provider for key in ana.view.provider_keys] == ["demo", "openai"]
    assert await code(directory, keys.new_secret()) is Code.INVALID_API_KEY


async def test_edits_arrive_by_themselves(directory: Directory, team: People) -> None:
    secret = team.key("ana", allow=("demo/*",))
    await directory.caller(secret)
    rates = Rates(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=1)
    team.accounts.api_keys.update(OPERATOR, team.workspace, "ana", KeyChanges(cap=9, allow=()))
    team.accounts.prices.set(OPERATOR, team.workspace, "openai/m", rates)
    team.accounts.provider_keys.remove(OPERATOR, team.workspace, "demo")
    async with asyncio.timeout(60):
        while (caller := await directory.caller(secret)).view.provider_keys:
            await asyncio.sleep(0.001)
    assert caller.key.cap == 9
    assert caller.may_call("openai/m")
    assert caller.view.prices["openai/m"].rates == rates


async def test_a_revocation_arrives_by_itself_and_stays(directory: Directory, team: People) -> None:
    secret = team.key("ana")
    before = (await directory.caller(secret)).key
    team.accounts.api_keys.revoke(OPERATOR, team.workspace, "ana")
    async with asyncio.timeout(60):
        while await code(directory, secret) is None:
            await asyncio.sleep(0.001)
    assert await code(directory, secret) is Code.INVALID_API_KEY
    assert before.revoked_ms is None


def test_the_canary_stays_with_the_database(team: People, sqlite: AccountStore, tmp_path: Path) -> None:
    team.vault.check(sqlite)
    again = Store.open(tmp_path / "data")
    team.vault.check(again.accounts)
    with pytest.raises(OperatorError, match="Wrong encryption key"):
        Vault("A" * 43 + "=").check(again.accounts)
    again.close()
