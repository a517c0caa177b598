"""Two servers, each with its own data directory, on one PostgreSQL: what one does holds for the other."""

import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.e2e.gateway_process import until
from tests.e2e.two_servers import Two, told, two_servers
from tests.e2e.upstream_process import StubProcess
from tests.postgresql.server import PostgresServer
from tests.upstreams.answers import completion, json_answer

MODEL = "openai/gpt-of-our-own"
PRICE = ("--input", "0", "--output", "1")
"""In USD per million tokens."""
SHORT: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 16,
}
DEAR = json_answer(completion(usage={"prompt_tokens": 9, "completion_tokens": 16, "total_tokens": 25}))
"""Costs exactly what SHORT holds: 16,000 nano-USD."""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Generator[str]:
    with postgres.made() as name:
        yield postgres.address(name)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, database: str, stub_url: str) -> Generator[Two]:
    with two_servers(tmp_path_factory.mktemp("two"), database, stub_url) as ready:
        ready.there.admin("price", "set", MODEL, *PRICE)
        yield ready


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as books:
        return books.execute(query.encode()).fetchall()


def booked(database: str, key: str) -> list[int]:
    """What each entry of the ledger cost, of one API key, in nano-USD."""
    prefix = key[:12]
    found = rows(
        database, f"SELECT cost FROM ledger WHERE key = (SELECT id FROM api_key WHERE prefix = '{prefix}')"
    )
    return [cost for (cost,) in found]


def test_a_key_made_on_one_works_at_once_on_the_other_and_ends_on_both(two: Two) -> None:
    made = two.here.admin("key", "create", "on-both", "--allow", "demo/*")
    greeting = {**SHORT, "model": "demo/echo"}
    for server in two.servers:
        assert server.ask("/chat/completions", made["key"], greeting).status == 200
    two.there.admin("key", "revoke", made["id"])
    since = time.monotonic()
    for server in two.servers:
        while server.ask("/models", made["key"]).status != 401:
            assert time.monotonic() - since < 30, "the revocation did not arrive"
            time.sleep(0.02)


def test_a_key_revoked_on_one_is_refused_on_the_other(two: Two) -> None:
    # Within a second, which tests/endurance asserts: here no test depends on how busy this machine is.
    print(told([two.seconds_until_refused() for _ in range(3)]))


def test_nothing_secret_lies_in_the_data_directories(two: Two, database: str) -> None:
    first_key = [op.data / "first-key" for op in (two.here, two.there) if (op.data / "first-key").exists()]
    assert len(first_key) == 1, "one of the two was the first"
    for op in (two.here, two.there):
        assert {path.name for path in op.data.iterdir()} <= {"workers", "first-key", "setup-link"}
    journals = [path for (path,) in rows(database, "SELECT journal FROM worker WHERE state = 'live'")]
    assert sorted(Path(path).parents[1].name for path in journals) == ["here", "there"]


@pytest.mark.parametrize(("cap", "fits"), [("0.000080000", 5), ("0.000079999", 4)])
def test_the_last_nano_dollar_is_spent_once_by_both(
    two: Two, upstream: StubProcess, database: str, cap: str, fits: int
) -> None:
    key = two.here.new_key("--spend-cap", cap)
    upstream.script(*[DEAR] * fits)

    def ask(number: int) -> int:
        return two.servers[number % 2].ask("/chat/completions", key, SHORT).status

    with ThreadPoolExecutor(12) as clients:
        statuses = list(clients.map(ask, range(24)))
    assert set(statuses) <= {200, 402, 429}
    # Those that were refused only for the holds of others may still find room.
    number = 0
    while statuses[-1] != 402:
        statuses.append(ask(number))
        number += 1
    assert statuses.count(200) == fits
    assert ask(0) == ask(1) == 402
    until([16_000] * fits, lambda: booked(database, key))


def test_more_than_ten_thousand_dollars_on_one_key(two: Two, upstream: StubProcess, database: str) -> None:
    dear = "openai/gpt-of-gold"
    two.here.admin("price", "set", dear, "--input", "0", "--output", "1000000")
    key = two.here.new_key("--spend-cap", "40000")
    tokens = 16_000
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": tokens + 9}
    upstream.script(json_answer(completion(usage=usage)))
    body = {**SHORT, "model": dear, "max_tokens": tokens}
    since = time.monotonic()
    while two.servers[0].ask("/chat/completions", key, body).status != 200:
        assert time.monotonic() - since < 30, "the price did not arrive"
        time.sleep(0.02)
    until(16_000 * 10**6, lambda: two.servers[1].ask("/me", key).json()["api_key"]["spend_micro_usd"])
    assert booked(database, key) == [16_000 * 10**9]
