"""PostgreSQL's own backup, by the very commands of docs/operations.md: what is put back goes on."""

import os
import shlex
import subprocess
from contextlib import closing
from pathlib import Path
from string import Template

import pytest

from tests.postgresql.server import PROGRAMS, PostgresServer
from tests.storage.places import Place
from tests.storage.samples import NOON, act, api_key, audit, lease, spend, with_key

MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture
def engine() -> str:
    return "postgresql"


def commands() -> dict[str, str]:
    """What the manual says to run, by the program's name."""
    _, _, chapter = MANUAL.read_text(encoding="utf-8").partition("\n## PostgreSQL\n")
    chapter, _, _ = chapter.partition("\n## ")
    said = [line.removeprefix("$ ") for line in chapter.splitlines() if line.startswith("$ ")]
    return {line.partition(" ")[0]: line for line in said}


def test_what_the_manual_says_brings_the_books_back(
    place: Place, postgres: PostgresServer, tmp_path: Path
) -> None:
    assert place.address is not None
    variables = {"PATH": str(PROGRAMS), "PGHOST": str(postgres.folder), "PGUSER": "postgres"}
    variables |= {"LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""), "ZAI_DATABASE": place.address}
    said = commands()

    def run(program: str) -> None:
        arguments = shlex.split(Template(said[program]).substitute(variables))
        ran = subprocess.run(
            [PROGRAMS / program, *arguments[1:]],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")

    assert list(said) == ["pg_dump", "createdb", "pg_restore"]
    with closing(place.open()) as store:
        cap = with_key(store, cap=100)
        spend(store, cap, 7)
        assert lease(store, 30, cap)
        run("pg_dump")
        # What comes later is not in it.
        assert lease(store, 9, cap)
    try:
        run("createdb")
        run("pg_restore")
        restored = Place(place.data, postgres.address("zai_restored"))
        with closing(restored.open()) as store:
            (standing,) = store.spend.standings("key_1", NOON)
            assert (standing.spent, standing.held) == (7, 30)
            assert store.accounts.add_key(api_key("key_2"), act())
            assert [key.id for key in store.accounts.keys("ws_1")] == ["key_1", "key_2"]
        audit(restored)
    finally:
        postgres.do("DROP DATABASE IF EXISTS zai_restored WITH (FORCE)")
