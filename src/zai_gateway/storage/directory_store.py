"""What the directory of callers asks of the store: what changed, one key, and when keys were used."""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, or_, select, union_all, update

from zai_gateway.accounts.caller import WorkspaceView
from zai_gateway.accounts.records import ApiKey, Workspace
from zai_gateway.accounts.store import Changes
from zai_gateway.storage.account_writes import generation
from zai_gateway.storage.budget_rows import shared_budgets
from zai_gateway.storage.database import Database
from zai_gateway.storage.key_rows import keys_where
from zai_gateway.storage.people_store import all_workspaces
from zai_gateway.storage.provider_store import prices_of, provider_keys_of
from zai_gateway.storage.tables import api_key, predecessor
from zai_gateway.storage.virtual_model_store import virtual_models_of


class SqlDirectoryStore:
    """Implements `accounts.store.DirectoryStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changes(self, since: int) -> Changes:
        with self._database.read() as connection:
            now = generation(connection)
            if now <= since:
                return Changes(now, (), ())
            views = tuple(_view(connection, each) for each in all_workspaces(connection))
            return Changes(now, keys_where(connection, api_key.c.generation > since), views)

    def generation(self) -> int:
        with self._database.read() as connection:
            return generation(connection)

    def key_by_digest(self, digest: bytes) -> ApiKey | None:
        current = select(api_key.c.id).where(api_key.c.digest == digest)
        rotated = select(predecessor.c.key).where(predecessor.c.digest == digest)
        with self._database.read() as connection:
            # Each by an index of its own: PostgreSQL has none for an OR over two tables.
            id = connection.scalar(union_all(current, rotated).limit(1))
            found = () if id is None else keys_where(connection, api_key.c.id == id)
        return next(iter(found), None)

    def note_use(self, last_used_ms: Mapping[str, int]) -> None:
        # In one order, so that two workers that note the same keys do not wait for each other.
        rows = [{"key": key, "at": at} for key, at in sorted(last_used_ms.items())]
        if not rows:
            return
        used = api_key.c.last_used_ms
        earlier = or_(used.is_(None), used < bindparam("at"))
        noted = update(api_key).where(api_key.c.id == bindparam("key"), earlier)
        with self._database.write() as connection:
            connection.execute(noted.values(last_used_ms=bindparam("at")), rows)


def _view(connection: Connection, workspace: Workspace) -> WorkspaceView:
    return WorkspaceView(
        workspace=workspace,
        provider_keys=tuple(
            key for key in provider_keys_of(connection, workspace.id) if key.disabled_ms is None
        ),
        prices={price.model: price for price in prices_of(connection, workspace.id)},
        virtual_models={each.name: each for each in virtual_models_of(connection, workspace.id)},
        budgets=shared_budgets(connection, workspace.id),
    )
