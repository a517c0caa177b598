"""Bootstrap with PostgreSQL: made and migrated once, however many start, and trouble is one sentence."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.postgresql.proxy import wire_to
from tests.postgresql.server import PostgresServer
from tests.storage.places import Place
from tests.storage.processes import killed
from zai_gateway.errors import OperatorError
from zai_gateway.storage.address import read_address
from zai_gateway.storage.bootstrap import open_database

HOW = "write postgresql://USER:PASSWORD@HOST:5432/DATABASE"


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def name(postgres: PostgresServer) -> Iterator[str]:
    with postgres.made() as name:
        yield name


def trouble(data: Path, address: str) -> str:
    """The sentence that opening a database ends in."""
    with pytest.raises(OperatorError) as refused:
        open_database(data, 2.0, 0.1, address).close()
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "s3cret" not in sentence
    return sentence


def test_the_data_directory_stays_empty(new_place: Place) -> None:
    new_place.database().close()
    assert list(new_place.data.iterdir()) == []
    assert new_place.data.stat().st_mode & 0o777 == 0o700


def test_a_second_start_keeps_what_is_there(new_place: Place, postgres: PostgresServer) -> None:
    new_place.database().close()
    postgres.do("UPDATE generation SET value = 41", read_name(new_place))
    new_place.database().close()
    assert new_place.rows("SELECT value FROM generation") == [(41,)]


def read_name(place: Place) -> str:
    assert place.address is not None
    return read_address(place.address).place.partition(" ")[0]


def test_a_migration_that_is_killed_leaves_nothing_behind(new_place: Place) -> None:
    killed(_die_in_migration, new_place)
    assert new_place.rows("SELECT 1 FROM information_schema.tables WHERE table_schema = 'public'") == []
    new_place.database().close()


def _die_in_migration(place: Place) -> None:
    from sqlalchemy import event  # noqa: PLC0415  # the other processes' functions need none of this
    from sqlalchemy.engine import Engine  # noqa: PLC0415

    def die(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "ledger" in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", die)
    place.database()


def test_a_newer_schema(new_place: Place, postgres: PostgresServer) -> None:
    new_place.database().close()
    name = read_name(new_place)
    postgres.do("UPDATE alembic_version SET version_num = '9999'", name)
    assert new_place.address is not None
    assert trouble(new_place.data, new_place.address) == (
        f"The PostgreSQL database {name} on {postgres.folder} was written by a newer Z-AI "
        "(its schema is 9999): upgrade this one, or use another --database."
    )


def test_the_database_of_another_program(data: Path, name: str, postgres: PostgresServer) -> None:
    postgres.do("CREATE TABLE recipe (id int)", name)
    assert trouble(data, postgres.address(name)) == (
        f"The PostgreSQL database {name} on {postgres.folder} is the database of another program: "
        "use another --database."
    )


def test_another_process_that_never_ends_its_start(data: Path, name: str, postgres: PostgresServer) -> None:
    with closing(psycopg.connect(postgres.address(name))) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (int.from_bytes(b"zai init", "big"),))
        assert "another start is preparing it" in trouble(data, postgres.address(name))
    open_database(data, address=postgres.address(name)).close()


def test_nobody_answers(data: Path, name: str, postgres: PostgresServer) -> None:
    with wire_to(postgres.folder) as wire:
        wire.cut()
        address = wire.address(name).replace("postgres@", "postgres:s3cret@")
        where = read_address(address).place
        assert trouble(data, address) == (
            f"The PostgreSQL database {where} cannot be reached, because nothing answers there: "
            "start the server, or correct the address, or use another --database."
        )


def test_somebody_answers_with_silence(data: Path, name: str, postgres: PostgresServer) -> None:
    with wire_to(postgres.folder) as wire:
        wire.fall_silent()
        assert "because it does not answer: check that it runs" in trouble(data, wire.address(name))


def test_a_wrong_password(data: Path, name: str, postgres: PostgresServer) -> None:
    postgres.do("DROP ROLE IF EXISTS locked; CREATE ROLE locked LOGIN PASSWORD 'right'")
    said = trouble(data, postgres.address(name, "locked:s3cret"))
    assert "because it refuses this user and password: correct them" in said
    assert "it refuses this user and password" in trouble(data, postgres.address(name, "locked"))


def test_an_unknown_user(data: Path, name: str, postgres: PostgresServer) -> None:
    said = trouble(data, postgres.address(name, "nobody:s3cret"))
    assert "it does not know this user: make it with CREATE ROLE" in said


def test_an_unknown_database(data: Path, postgres: PostgresServer) -> None:
    assert trouble(data, postgres.address("nowhere")) == (
        f"The PostgreSQL database nowhere on {postgres.folder} cannot be reached, because it has no database "
        "of that name: make it with CREATE DATABASE, or use another --database."
    )


def test_an_unknown_host(data: Path) -> None:
    said = trouble(data, "postgresql://u:s3cret@no-such-host.invalid/zai")
    assert "zai on no-such-host.invalid" in said
    assert "its host name is not known" in said


def test_a_user_who_may_make_no_tables(data: Path, name: str, postgres: PostgresServer) -> None:
    postgres.do("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
    said = trouble(data, postgres.address(name, "guest"))
    assert "permission denied for schema public" in said
    assert "let this user own the database" in said


def test_a_database_that_does_not_keep_utf_8(data: Path, postgres: PostgresServer) -> None:
    postgres.do("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    assert "make one with ENCODING 'UTF8'" in trouble(data, postgres.address("latin"))
    postgres.do("DROP DATABASE latin")


@pytest.mark.parametrize(
    "address",
    [
        "zai.db",
        "mysql://u:s3cret@h/zai",
        "host=h password=s3cret dbname=zai",
        "postgresql://u:s3cret@h",
        "postgresql://u:s3cret%zz@h/zai",
        "postgresql://u:p@s3cret@h/zai",
        "postgresql://u:s3cret/x@h/zai",
        "postgresql://u:p/s3cret@h/zai",
        "postgresql://u:p@h:s3cret/zai",
        "postgresql://h/zai?nonsense=s3cret",
    ],
)
def test_what_is_no_address(data: Path, address: str) -> None:
    said = trouble(data, address)
    assert said.startswith("The --database ")
    assert HOW in said


def test_an_address_shows_no_password() -> None:
    address = read_address("postgresql://zai:s3cret@db.example:6432/books?sslmode=require")
    assert address.place == "books on db.example port 6432"
    assert "s3cret" not in repr(address)
    assert "password=s3cret" in address.conninfo(5)
    assert "connect_timeout=5" in address.conninfo(5)
    assert "connect_timeout=9" in read_address("postgres://h/zai?connect_timeout=9").conninfo(5)
