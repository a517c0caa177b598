"""Migrating: Alembic, run from the scripts that are packaged beside this file."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_SCRIPTS = Path(__file__).parent / "migrations"


def known_schemas() -> frozenset[str]:
    """Every schema that this release can read or migrate from."""
    return frozenset(script.revision for script in ScriptDirectory(str(_SCRIPTS)).walk_revisions())


def migrate(connection: Connection) -> None:
    """Brings the database to the newest schema, inside the transaction that `connection` is in."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    command.upgrade(config, "head")
