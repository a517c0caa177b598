"""The store of providers: a workspace's keys at them, its own prices, and the vault's canary."""

from collections.abc import Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, and_, delete, func, insert, select, update

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.records import PriceOverride, ProviderKey
from zai_gateway.catalogue.model import Rates
from zai_gateway.storage.account_writes import ONLY, NotAsSeen, account_write, as_seen
from zai_gateway.storage.database import Database
from zai_gateway.storage.rows import add, put, record_of, row_of
from zai_gateway.storage.tables import listing, price, provider_key, vault


class SqlProviderStore:
    """Implements its part of `accounts.store.AccountStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def provider_keys(self, workspace: str) -> tuple[ProviderKey, ...]:
        with self._database.read() as connection:
            return provider_keys_of(connection, workspace)

    def add_provider_key(self, key: ProviderKey, audit: AuditRecord) -> ProviderKey | None:
        table = provider_key
        last = select(func.coalesce(func.max(table.c.position), -1)).where(table.c.workspace == key.workspace)
        try:
            with account_write(self._database, audit) as connection:
                as_seen((_provider_key(connection, key.id), None))
                placed = replace(key, position=connection.execute(last).scalar_one() + 1)
                connection.execute(insert(table), row_of(placed))
        except NotAsSeen:
            return None
        return placed

    def replace_provider_key(self, seen: ProviderKey, key: ProviderKey, audit: AuditRecord) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                as_seen((_provider_key(connection, key.id), seen))
                one = provider_key.c.id == key.id
                connection.execute(update(provider_key).where(one).values(row_of(key)))
        except NotAsSeen:
            return False
        return True

    def order_provider_keys(
        self, seen: Sequence[ProviderKey], ordered: Sequence[ProviderKey], audit: AuditRecord
    ) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                as_seen((provider_keys_of(connection, ordered[0].workspace), tuple(seen)))
                for position, key in enumerate(ordered):
                    one = provider_key.c.id == key.id
                    connection.execute(update(provider_key).where(one).values(position=position))
        except NotAsSeen:
            return False
        return True

    def remove_provider_key(self, seen: ProviderKey, audit: AuditRecord) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                as_seen((_provider_key(connection, seen.id), seen))
                connection.execute(delete(provider_key).where(provider_key.c.id == seen.id))
                connection.execute(delete(listing).where(listing.c.provider_key == seen.id))
        except NotAsSeen:
            return False
        return True

    def prices(self, workspace: str) -> tuple[PriceOverride, ...]:
        with self._database.read() as connection:
            return prices_of(connection, workspace)

    def put_price(
        self, workspace: str, seen: PriceOverride | None, wanted: PriceOverride | None, audit: AuditRecord
    ) -> bool:
        its = seen or wanted
        if its is None:
            raise ValueError("There is neither a price before nor one after.")
        try:
            with account_write(self._database, audit) as connection:
                now = next((p for p in prices_of(connection, workspace) if p.model == its.model), None)
                as_seen((now, seen))
                if wanted is None:
                    one = and_(price.c.workspace == workspace, price.c.model == its.model)
                    connection.execute(delete(price).where(one))
                else:
                    put(connection, price, _price_row(workspace, wanted))
        except NotAsSeen:
            return False
        return True

    def canary(self) -> bytes | None:
        with self._database.read() as connection:
            return _canary(connection)

    def set_canary(self, sealed: bytes) -> bytes:
        with account_write(self._database) as connection:
            add(connection, vault, {"id": ONLY, "canary": sealed})
            return _canary(connection) or sealed

    def replace_canary(self, seen: bytes, sealed: bytes, audit: AuditRecord) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                as_seen((_canary(connection), seen))
                connection.execute(update(vault).where(vault.c.id == ONLY).values(canary=sealed))
        except NotAsSeen:
            return False
        return True


def provider_keys_of(connection: Connection, workspace: str) -> tuple[ProviderKey, ...]:
    """The workspace's, in the order in which they are tried."""
    table = provider_key
    own = select(table).where(table.c.workspace == workspace).order_by(table.c.position, table.c.id)
    return tuple(record_of(ProviderKey, row) for row in connection.execute(own).mappings())


def prices_of(connection: Connection, workspace: str) -> tuple[PriceOverride, ...]:
    """The workspace's, by model."""
    own = select(price).where(price.c.workspace == workspace).order_by(price.c.model)
    rows = connection.execute(own).mappings()
    return tuple(record_of(PriceOverride, row, rates=record_of(Rates, row)) for row in rows)


def _provider_key(connection: Connection, id: str) -> ProviderKey | None:
    one = select(provider_key).where(provider_key.c.id == id)
    row = connection.execute(one).mappings().one_or_none()
    return None if row is None else record_of(ProviderKey, row)


def _price_row(workspace: str, wanted: PriceOverride) -> dict[str, object]:
    row = row_of(wanted)
    rates = row.pop("rates")
    return {"workspace": workspace, **row, **rates}


def _canary(connection: Connection) -> bytes | None:
    return connection.scalar(select(vault.c.canary).where(vault.c.id == ONLY))
