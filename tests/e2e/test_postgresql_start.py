"""A start with --database: what it asks for, what it makes, and what it never prints."""

import json
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.e2e.gateway_process import Operator
from tests.postgresql.proxy import wire_to
from tests.postgresql.server import PostgresServer
from zai_gateway.accounts.keys import new_secret

GREETING = {"model": "demo/echo", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def database(postgres: PostgresServer) -> Generator[str]:
    with postgres.made() as name:
        yield postgres.address(name)


@pytest.fixture
def operator(data: Path) -> Operator:
    return Operator(data, PROVIDER_KEY_ENCRYPTION_KEY=Fernet.generate_key().decode())


def test_the_option_is_enough_for_every_command(operator: Operator, database: str) -> None:
    made = operator.admin("key", "create", "mine", "--database", database)
    with operator.serving("--database", database) as gateway:
        assert gateway.ask("/chat/completions", made["key"], GREETING).status == 200
        (row,) = operator.admin("usage", "--database", database)["rows"]
        assert row["requests"] == 1
    assert not (operator.data / "zai.db").exists()
    assert not (operator.data / "vault.key").exists()


def test_several_at_once_make_one_workspace_and_one_key(tmp_path: Path, database: str) -> None:
    key = Fernet.generate_key().decode()
    operators = [
        Operator(tmp_path / str(n), ZAI_DATABASE=database, PROVIDER_KEY_ENCRYPTION_KEY=key) for n in range(4)
    ]
    gateways = [operator.started() for operator in operators]
    try:
        kept = [gateway.said["kept"] for gateway in gateways if gateway.said["kept"]]
        assert len(kept) == 1
        first_key = Path(kept[0]).read_text().strip()
        for gateway in gateways:
            assert gateway.ask("/chat/completions", first_key, GREETING).status == 200
            gateway.terminate()
        for gateway in gateways:
            gateway.ended()
    finally:
        for gateway in gateways:
            if gateway.runs:
                gateway.kill()
    with psycopg.connect(database) as books:
        for table in ("workspace", "api_key", "provider_key"):
            assert books.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (1,)
        assert books.execute("SELECT count(*) FROM worker WHERE state = 'live'").fetchone() == (0,)


def test_the_encryption_key_has_to_be_given(data: Path, database: str) -> None:
    ran = Operator(data, PROVIDER_KEY_ENCRYPTION_KEY="").zai(
        "serve", "--port", "0", "--data", str(data), "--database", database
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "set PROVIDER_KEY_ENCRYPTION_KEY or PROVIDER_KEY_ENCRYPTION_KEY_FILE" in ran.stderr
    assert not data.exists()
    with psycopg.connect(database) as books:
        assert books.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_another_encryption_key_is_refused(operator: Operator, data: Path, database: str) -> None:
    operator.admin("key", "list", "--database", database)
    other = Operator(data, PROVIDER_KEY_ENCRYPTION_KEY=Fernet.generate_key().decode())
    ran = other.zai("admin", "key", "list", "--data", str(data), "--database", database)
    assert ran.returncode == 1
    assert "Wrong encryption key" in ran.stderr


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://zai:s3cret@127.0.0.1:1/books", "nothing answers there"),
        ("postgresql://zai:s3c@ret@127.0.0.1:1/books", "percent-encoded"),
        ("postgresql://zai:s3cret@127.0.0.1:1", "names no database"),
        ("mysql://zai:s3cret@127.0.0.1/books", "no address of a PostgreSQL database"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(
    operator: Operator, address: str, said: str
) -> None:
    for option in (("--database", address), ()):
        variables = {} if option else {"ZAI_DATABASE": address}
        ran = operator.zai("admin", "key", "list", "--data", str(operator.data), *option, **variables)
        assert ran.returncode == 1
        assert said in ran.stderr
        assert ran.stderr.count("\n") == 1
        for part in ("s3c", "ret@"):
            assert part not in ran.stdout + ran.stderr


def test_json_of_a_start_says_nothing_of_the_database(operator: Operator, database: str) -> None:
    with operator.serving("--database", database) as gateway:
        assert database not in json.dumps(gateway.said)


def test_a_gateway_whose_database_is_gone_ends_all_the_same(
    operator: Operator, postgres: PostgresServer
) -> None:
    with postgres.made() as name, wire_to(postgres.folder) as wire:
        key = operator.admin("key", "create", "mine", "--database", wire.address(name))["key"]
        with operator.serving("--database", wire.address(name)) as gateway:
            assert gateway.ask("/chat/completions", key, GREETING).status == 200
            wire.cut()
            # What is leased serves on; of a key that it does not know, only the store could tell.
            assert gateway.ask("/chat/completions", key, GREETING).status == 200
            refused = gateway.ask("/chat/completions", new_secret(), GREETING)
            assert (refused.status, refused.code()) == (503, "store_unavailable")
            gateway.terminate()
            gateway.ended()
            assert "the store does not answer" in gateway.log.read_text()
        wire.mend()
        # The next start finds what it left.
        with operator.serving("--database", wire.address(name)) as again:
            assert again.ask("/chat/completions", key, GREETING).status == 200
        with psycopg.connect(postgres.address(name)) as books:
            assert books.execute("SELECT DISTINCT state FROM worker").fetchall() == [("closed",)]
