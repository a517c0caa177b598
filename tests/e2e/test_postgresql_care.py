"""Books in PostgreSQL in an operator's care, by the real commands: `zai apply` and `zai admin doctor`."""

import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.e2e.gateway_process import Operator
from tests.postgresql.proxy import wire_to
from tests.postgresql.server import PostgresServer

PAGE = Path(__file__).parents[2] / "docs" / "apply.md"
SECRET, OTHER = "sk-canary-0123456789", "sk-other-0123456789"
THERE = ("--workspace", "data-tools")
GREETING = {"model": "demo/echo", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def database(postgres: PostgresServer) -> Generator[str]:
    with postgres.made() as name:
        yield postgres.address(name)


@pytest.fixture
def operator(data: Path, database: str) -> Operator:
    key = Fernet.generate_key().decode()
    return Operator(data, ZAI_DATABASE=database, PROVIDER_KEY_ENCRYPTION_KEY=key, OPENAI_API_KEY=SECRET)


def applied(operator: Operator, file: Path, *options: str, code: int = 0) -> Any:
    ran = operator.zai("apply", str(file), "--data", str(operator.data), "--json", *options)
    assert (ran.returncode, ran.stderr) == (code, ""), ran
    return json.loads(ran.stdout)


def examined(operator: Operator, code: int, **variables: str) -> dict[str, str]:
    """The grade of each check that is not in order."""
    ran = operator.zai("admin", "doctor", "--data", str(operator.data), "--json", **variables)
    assert (ran.returncode, ran.stderr) == (code, ""), ran
    told = json.loads(ran.stdout)
    assert told["healthy"] is (code == 0)
    assert all(each["do"] for each in told["findings"] if each["grade"] != "ok")
    return {each["check"]: each["grade"] for each in told["findings"] if each["grade"] != "ok"}


def written(database: str, *statements: str) -> None:
    with psycopg.connect(database) as books:
        for statement in statements:
            assert books.execute(statement.encode()).rowcount > 0


def test_a_declaration_is_shown_applied_once_and_put_right(operator: Operator, tmp_path: Path) -> None:
    operator.admin("key", "list")
    found = re.search(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert found is not None
    file, key_file = tmp_path / "zai.toml", tmp_path / "nightly.key"
    file.write_text(found[1], encoding="utf-8")
    (tmp_path / "openai-eu.key").write_text(OTHER)

    foreseen = applied(operator, file, "--dry-run", code=3)
    assert (foreseen["dry_run"], foreseen["keys"], key_file.exists()) == (True, [], False)
    assert [each["slug"] for each in operator.admin("workspace", "list")["workspaces"]] == ["my-ws"]
    done = applied(operator, file)
    assert (done["dry_run"], done["actions"]) == (False, foreseen["actions"])
    assert {key["name"] for key in done["keys"]} == {"nightly", "ben-laptop"}
    assert applied(operator, file, "--prune") == {"dry_run": False, "actions": [], "keys": []}
    assert applied(operator, file, "--dry-run") == {"dry_run": True, "actions": [], "keys": []}

    operator.admin("key", "update", "nightly", "--spend-cap", "1", *THERE)
    drift = {"spend_cap": {"before": "1.00", "after": "250.00"}}
    (foreseen,) = applied(operator, file, "--dry-run", code=3)["actions"]
    assert (foreseen["action"], foreseen["name"], foreseen["changes"]) == ("change", "nightly", drift)
    assert applied(operator, file)["actions"] == [foreseen]
    assert applied(operator, file)["actions"] == []
    with operator.serving() as gateway:
        me = gateway.ask("/me", key_file.read_text().strip()).json()
        assert (me["org"]["name"], me["api_key"]["spend_cap_micro_usd"]) == ("Data Tools", 250_000_000)
    assert set(examined(operator, 0).values()) <= {"warn"}


def test_the_doctor_finds_nothing_wrong_under_a_serving_gateway(operator: Operator) -> None:
    with operator.serving() as gateway:
        key = operator.new_key()
        assert gateway.ask("/chat/completions", key, GREETING).status == 200
        assert set(examined(operator, 0).values()) <= {"warn"}


def test_the_doctor_says_what_is_wrong(operator: Operator, database: str) -> None:
    operator.add_openai("http://127.0.0.1:9/v1")
    with operator.serving() as gateway:
        assert gateway.ask("/chat/completions", operator.new_key("--spend-cap", "5"), GREETING).status == 200
    sound = examined(operator, 0)
    other = Fernet.generate_key().decode()
    assert examined(operator, 1, PROVIDER_KEY_ENCRYPTION_KEY=other) == sound | {"encryption_key": "fail"}
    written(database, 'UPDATE "window" SET committed = committed + 1')
    assert "fail" in examined(operator, 1).values()
    written(database, 'UPDATE "window" SET committed = committed - 1')
    assert examined(operator, 0) == sound
    written(database, "UPDATE provider_key SET sealed = 'spoilt' WHERE length(sealed) > 0")
    assert examined(operator, 1) == sound | {"provider_keys": "fail"}


def test_the_doctor_touches_no_database_that_is_empty_or_cannot_be_reached(
    operator: Operator, postgres: PostgresServer, database: str
) -> None:
    operator.data.mkdir(mode=0o700)
    assert "fail" in examined(operator, 1).values()
    with psycopg.connect(database) as books:
        asked = books.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert asked.fetchone() == (0,)
    with wire_to(postgres.folder) as wire:
        address = wire.address(database.partition("@/")[2].partition("?")[0])
        wire.cut()
        assert examined(operator, 1, ZAI_DATABASE=address)["database"] == "fail"
