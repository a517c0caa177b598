"""The account store: workspaces, API keys, provider keys, prices and the vault's canary."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from zai_gateway.accounts.caller import WorkspaceView
from zai_gateway.accounts.records import ApiKey, PriceOverride, ProviderKey, Workspace
from zai_gateway.accounts.store import Changes
from zai_gateway.catalogue.model import Rates
from zai_gateway.spend.budgets import Budget
from zai_gateway.storage import tables
from zai_gateway.storage.database import Database
from zai_gateway.storage.rows import add, put, record_of, row_of
from zai_gateway.storage.windows import put_budget

_ONLY = 1
"""The id of the row in a table of one row."""


class SqlAccountStore:
    """Implements `accounts.store.AccountStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_start(self, workspace: Workspace, provider_keys: Sequence[ProviderKey], key: ApiKey) -> bool:
        if self.workspaces():
            return False
        with self._database.write() as connection:
            changed = _change(connection)
            # Asked again: another process may have been first since.
            if _workspaces(connection):
                return False
            connection.execute(insert(tables.workspace), row_of(workspace))
            for position, each in enumerate(provider_keys):
                connection.execute(insert(tables.provider_key), row_of(each) | {"position": position})
            _add_key(connection, key, changed)
        return True

    def changes(self, since: int) -> Changes:
        with self._database.read() as connection:
            now = _generation(connection)
            if now <= since:
                return Changes(now, (), ())
            changed = tables.api_key.c.generation > since
            keys = connection.execute(select(tables.api_key).where(changed)).mappings()
            views = tuple(_view(connection, each) for each in _workspaces(connection))
            return Changes(now, tuple(record_of(ApiKey, row) for row in keys), views)

    def generation(self) -> int:
        with self._database.read() as connection:
            return _generation(connection)

    def key_by_digest(self, digest: bytes) -> ApiKey | None:
        one = select(tables.api_key).where(tables.api_key.c.digest == digest)
        with self._database.read() as connection:
            row = connection.execute(one).mappings().one_or_none()
        return None if row is None else record_of(ApiKey, row)

    def workspaces(self) -> tuple[Workspace, ...]:
        with self._database.read() as connection:
            return _workspaces(connection)

    def keys(self, workspace: str) -> tuple[ApiKey, ...]:
        table = tables.api_key
        own = select(table).where(table.c.workspace == workspace).order_by(table.c.created_ms, table.c.id)
        with self._database.read() as connection:
            return tuple(record_of(ApiKey, row) for row in connection.execute(own).mappings())

    def add_key(self, key: ApiKey) -> None:
        with self._database.write() as connection:
            _add_key(connection, key, _change(connection))

    def replace_key(self, key: ApiKey) -> None:
        with self._database.write() as connection:
            row: dict[str, Any] = row_of(key) | {"generation": _change(connection)}
            # A revocation that came since the key was read is final.
            row["revoked_ms"] = func.coalesce(tables.api_key.c.revoked_ms, key.revoked_ms)
            done = connection.execute(update(tables.api_key).where(tables.api_key.c.id == key.id).values(row))
            if not done.rowcount:
                raise LookupError(f"There is no API key {key.id}.")
            put_budget(connection, _budget(key))

    def provider_keys(self, workspace: str) -> tuple[ProviderKey, ...]:
        with self._database.read() as connection:
            return _provider_keys(connection, workspace)

    def add_provider_key(self, key: ProviderKey) -> None:
        table = tables.provider_key
        last = select(func.coalesce(func.max(table.c.position), -1)).where(table.c.workspace == key.workspace)
        with self._database.write() as connection:
            _change(connection)
            position = connection.execute(last).scalar_one() + 1
            connection.execute(insert(table), row_of(key) | {"position": position})

    def remove_provider_key(self, id: str) -> None:
        with self._database.write() as connection:
            _change(connection)
            connection.execute(delete(tables.provider_key).where(tables.provider_key.c.id == id))

    def prices(self, workspace: str) -> tuple[PriceOverride, ...]:
        with self._database.read() as connection:
            return _prices(connection, workspace)

    def set_price(self, workspace: str, price: PriceOverride) -> None:
        rates, rest = row_of(price.rates), row_of(price)
        del rest["rates"]
        with self._database.write() as connection:
            _change(connection)
            put(connection, tables.price, {"workspace": workspace, **rest, **rates})

    def remove_price(self, workspace: str, model: str) -> bool:
        table = tables.price
        with self._database.write() as connection:
            _change(connection)
            gone = connection.execute(
                delete(table).where(table.c.workspace == workspace, table.c.model == model)
            )
            return gone.rowcount > 0

    def canary(self) -> bytes | None:
        with self._database.read() as connection:
            return _canary(connection)

    def set_canary(self, sealed: bytes) -> bytes:
        with self._database.write() as connection:
            _change(connection)
            add(connection, tables.vault, {"id": _ONLY, "canary": sealed})
            return _canary(connection) or sealed


def _change(connection: Connection) -> int:
    """Raises the generation. Said before all else: in PostgreSQL it makes account writes take turns."""
    table = tables.generation
    connection.execute(update(table).where(table.c.id == _ONLY).values(value=table.c.value + 1))
    return _generation(connection)


def _generation(connection: Connection) -> int:
    table = tables.generation
    return connection.execute(select(table.c.value).where(table.c.id == _ONLY)).scalar_one()


def _canary(connection: Connection) -> bytes | None:
    return connection.scalar(select(tables.vault.c.canary).where(tables.vault.c.id == _ONLY))


def _add_key(connection: Connection, key: ApiKey, changed: int) -> None:
    put_budget(connection, _budget(key))
    connection.execute(insert(tables.api_key), row_of(key) | {"generation": changed})


def _budget(key: ApiKey) -> Budget:
    return Budget(id=key.budget, owner=key.id, limit=key.cap)


def _workspaces(connection: Connection) -> tuple[Workspace, ...]:
    table = tables.workspace
    rows = connection.execute(select(table).order_by(table.c.created_ms, table.c.id)).mappings()
    return tuple(record_of(Workspace, row) for row in rows)


def _view(connection: Connection, workspace: Workspace) -> WorkspaceView:
    return WorkspaceView(
        workspace=workspace,
        provider_keys=_provider_keys(connection, workspace.id),
        prices={price.model: price for price in _prices(connection, workspace.id)},
    )


def _provider_keys(connection: Connection, workspace: str) -> tuple[ProviderKey, ...]:
    table = tables.provider_key
    own = select(table).where(table.c.workspace == workspace).order_by(table.c.position, table.c.id)
    return tuple(record_of(ProviderKey, row) for row in connection.execute(own).mappings())


def _prices(connection: Connection, workspace: str) -> tuple[PriceOverride, ...]:
    own = select(tables.price).where(tables.price.c.workspace == workspace).order_by(tables.price.c.model)
    rows = connection.execute(own).mappings()
    return tuple(record_of(PriceOverride, row, rates=record_of(Rates, row)) for row in rows)
