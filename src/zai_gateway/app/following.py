"""Following the store: what others of its processes brought, read again where it is another than before."""

import logging
import threading
import time
from collections.abc import Callable

from zai_gateway.accounts.catalogue_import import in_force
from zai_gateway.accounts.store import AccountStore
from zai_gateway.catalogue.listings import Listings
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.errors import StoreUnavailable
from zai_gateway.relay.kept_lists import KeptLists, ListingStore

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5


class ImportedPrices:
    """Keeps imported prices on the shelf. Calls block."""

    def __init__(self, store: AccountStore, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf
        self._laid: str | None = None

    def lay(self) -> None:
        """Puts on the shelf what the store has, where it is another than before. Raises StoreUnavailable."""
        version = self._store.imported_version()
        if version == self._laid:
            return
        prices = self._store.imported_prices()
        said = in_force(self._shelf, prices)
        self._laid = None if prices is None else prices.version
        if said is None:
            _LOG.info("the catalogue in force is %s", self._shelf.catalogue.version)
        else:
            _LOG.warning("%s", said)


class ReadLists:
    """The providers' own lists of models, which processes that serve have asked for. Calls block."""

    def __init__(self, store: ListingStore) -> None:
        self._store = store
        self._kept = KeptLists()

    @property
    def listings(self) -> Listings:
        """As they were when it was last looked."""
        return self._kept.listings

    def look(self) -> None:
        """Reads those that are new. Raises StoreUnavailable."""
        fetched = self._store.fetched()
        self._kept.forget(self._kept.ids - fetched.keys())
        for ids in self._kept.news(fetched):
            self._kept.take(self._store.listings(ids))


class Now:
    """Looks at the store at most twice a second, when it is asked to. Any number of threads may ask."""

    def __init__(self, *looks: Callable[[], None]) -> None:
        self._looks = looks
        self._turn = threading.Lock()
        self._due = 0.0

    def look(self) -> None:
        """Does all of it where it is due and nobody else does; where it cannot be, all stays as it was."""
        if time.monotonic() < self._due or not self._turn.acquire(blocking=False):
            return
        try:
            for look in self._looks:
                look()
        except StoreUnavailable:
            pass  # whoever needs the store is told so
        except Exception as trouble:
            # Pages go on with what there is. Only its kind: nobody knows what stands in its text.
            _LOG.error("the office could not follow the store: %s", type(trouble).__name__)
        finally:
            self._due = time.monotonic() + _LOOK_SECONDS
            self._turn.release()
