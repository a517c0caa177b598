"""The store: all that is kept in one data directory, behind the protocols of the rooms that use it."""

from pathlib import Path

from zai_gateway.accounts.store import AccountStore
from zai_gateway.spend.reports import Reports
from zai_gateway.spend.store import SpendStore
from zai_gateway.storage.account_store import SqlAccountStore
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.database import Database
from zai_gateway.storage.reports import SqlReports
from zai_gateway.storage.spend_store import SqlSpendStore


class Store:
    """A data directory's database. Any number of threads may call it, and of processes each its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.accounts: AccountStore = SqlAccountStore(database)
        self.spend: SpendStore = SqlSpendStore(database)
        self.reports: Reports = SqlReports(database)

    @classmethod
    def open(cls, data: Path, busy_seconds: float = 5.0) -> "Store":
        """Opens the directory `data`, or makes it. Raises OperatorError, which says what to do.

        Calls wait for their turn at the database for `busy_seconds`.
        """
        return cls(open_database(data, busy_seconds))

    def close(self) -> None:
        """Closes the database. No call may be under way."""
        self._database.close()
