"""The store: all that is kept, behind the protocols of the rooms that use it."""

from pathlib import Path

from zai_gateway.accounts.store import AccountStore
from zai_gateway.relay.kept_lists import ListingStore
from zai_gateway.spend.rate_store import RateStore
from zai_gateway.spend.reports import Rollup
from zai_gateway.spend.store import NumbersRegister, Resolutions, SpendStore
from zai_gateway.storage.account_store import SqlAccountStore
from zai_gateway.storage.bootstrap import open_database
from zai_gateway.storage.database import Database
from zai_gateway.storage.listing_store import SqlListingStore
from zai_gateway.storage.numbers_register import SqlNumbersRegister
from zai_gateway.storage.rate_store import SqlRateStore
from zai_gateway.storage.reports import SqlReports
from zai_gateway.storage.resolutions import SqlResolutions
from zai_gateway.storage.rollup import SqlRollup
from zai_gateway.storage.spend_store import SqlSpendStore


class Store:
    """One database. Any number of threads may call it, and of processes each its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.shared = database.shared
        """Whether gateways with other data directories may be at work in it."""
        self.accounts: AccountStore = SqlAccountStore(database)
        self.spend: SpendStore = SqlSpendStore(database)
        self.rates: RateStore = SqlRateStore(database)
        self.resolutions: Resolutions = SqlResolutions(database)
        self.numbers: NumbersRegister = SqlNumbersRegister(database)
        self.reports = SqlReports(database)
        self.rollup: Rollup = SqlRollup(database)
        self.listings: ListingStore = SqlListingStore(database)

    @classmethod
    def open(cls, data: Path, busy_seconds: float = 5.0, address: str | None = None) -> "Store":
        """Opens the database in the directory `data`, or the PostgreSQL database at `address`.

        Makes what is missing. Calls wait for their turn at the database, or for its answer, for
        `busy_seconds`. Raises OperatorError, which says what to do.
        """
        return cls(open_database(data, busy_seconds, address=address))

    def close(self) -> None:
        """Closes the database. No call may be under way."""
        self._database.close()
