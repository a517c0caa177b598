"""Twenty keys revoked on one server while the other serves them under load: each ends within a second."""

import asyncio
from collections.abc import Generator
from pathlib import Path
from statistics import median

import aiohttp
import pytest

from tests.e2e.two_servers import Two, told, two_servers
from tests.e2e.upstream_process import StubProcess
from tests.endurance import load
from tests.endurance.load import Load, questions
from tests.postgresql.server import PostgresServer

ROUNDS = 20
BODY = {
    "model": "openai/gpt-5.4-mini",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 16,
}


@pytest.fixture
def two(tmp_path: Path, postgres: PostgresServer, upstream: StubProcess) -> Generator[Two]:
    with postgres.made() as name, two_servers(tmp_path, postgres.address(name), upstream.base_url) as ready:
        yield ready


async def test_a_revoked_key_is_refused_on_the_other_server_within_a_second(two: Two) -> None:
    known = [two.here.new_key("--spend-cap", "50") for _ in range(2)]
    async with aiohttp.ClientSession() as session:
        loads = [Load(session, server.base_url) for server in two.servers]
        async with (
            loads[0].from_clients(questions(known, BODY)),
            loads[1].from_clients(questions(known, BODY)),
        ):
            seconds = [await asyncio.to_thread(two.seconds_until_refused) for _ in range(ROUNDS)]
    print(f"\n{told(seconds)}")
    for number, each in enumerate(loads):
        print(load.told(each.seen, f"server {number}, meanwhile"))
        assert [one.wrong for one in each.seen if one.wrong] == []
        assert {one.status for one in each.seen} == {200, 401}
    # Four looks at the store a second; the machine may be busy with something else for a while.
    assert median(seconds) <= 1.0
    assert max(seconds) <= 10.0
