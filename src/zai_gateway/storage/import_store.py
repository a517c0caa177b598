"""The store of imported prices: at most one data file, packed."""

from sqlalchemy import Connection, delete, select

from zai_gateway.accounts.audit_record import AuditRecord
from zai_gateway.accounts.records import ImportedPrices
from zai_gateway.storage.account_writes import ONLY, NotAsSeen, account_write, as_seen
from zai_gateway.storage.database import Database
from zai_gateway.storage.rows import put, record_of, row_of
from zai_gateway.storage.tables import imported_prices


class SqlImportStore:
    """Implements its part of `accounts.store.AccountStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def imported_prices(self) -> ImportedPrices | None:
        with self._database.read() as connection:
            row = connection.execute(select(imported_prices)).mappings().one_or_none()
        return None if row is None else record_of(ImportedPrices, row)

    def imported_version(self) -> str | None:
        with self._database.read() as connection:
            return imported_version(connection)

    def put_imported_prices(
        self, seen: ImportedPrices | None, wanted: ImportedPrices | None, audit: AuditRecord
    ) -> bool:
        try:
            with account_write(self._database, audit) as connection:
                as_seen((imported_version(connection), None if seen is None else seen.version))
                if wanted is None:
                    connection.execute(delete(imported_prices))
                else:
                    put(connection, imported_prices, {"id": ONLY, **row_of(wanted)})
        except NotAsSeen:
            return False
        return True


def imported_version(connection: Connection) -> str | None:
    """The name of the data file that is kept; None where there is none."""
    return connection.scalar(select(imported_prices.c.version))
