"""The store of listings: what providers listed of their models when they were last asked."""

from collections.abc import Collection

from sqlalchemy import delete, select

from zai_gateway.relay.kept_lists import Listing
from zai_gateway.storage.database import Database
from zai_gateway.storage.rows import put, record_of, row_of
from zai_gateway.storage.tables import listing, provider_key


class SqlListingStore:
    """Implements `relay.kept_lists.ListingStore`, which says what the calls do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fetched(self) -> dict[str, int]:
        when = select(listing.c.provider_key, listing.c.fetched_ms)
        with self._database.read() as connection:
            return {row.provider_key: row.fetched_ms for row in connection.execute(when)}

    def listings(self, provider_keys: Collection[str]) -> tuple[Listing, ...]:
        wanted = select(listing).where(listing.c.provider_key.in_(provider_keys))
        with self._database.read() as connection:
            return tuple(record_of(Listing, row) for row in connection.execute(wanted).mappings())

    def put_listing(self, wanted: Listing) -> None:
        with self._database.write() as connection:
            put(connection, listing, row_of(wanted))
            # The key may have been removed while its provider was asked.
            there = select(provider_key.c.id)
            connection.execute(delete(listing).where(listing.c.provider_key.not_in(there)))
