"""Following the store: what others of its processes brought, read again where it is another than before."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping

from zai_gateway.accounts.catalogue_import import in_force
from zai_gateway.accounts.store import AccountStore
from zai_gateway.catalogue.listings import ListedModel, Listings
from zai_gateway.catalogue.shelf import Shelf
from zai_gateway.errors import StoreUnavailable
from zai_gateway.relay.own_lists import ListingStore

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_MOST_READ = 500
"""Lists that are read in one go."""


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
        self._fetched: Mapping[str, int] = {}
        self._lists: dict[str, Mapping[str, ListedModel]] = {}

    @property
    def listings(self) -> Listings:
        """As they were when it was last looked."""
        return self._lists

    def look(self) -> None:
        """Reads those that are new. Raises StoreUnavailable."""
        fetched = self._store.fetched()
        news = [id for id, at in fetched.items() if at != self._fetched.get(id)]
        lists = {id: models for id, models in self._lists.items() if id in fetched and id not in news}
        for at in range(0, len(news), _MOST_READ):
            for id, models in self._read(news[at : at + _MOST_READ]).items():
                # Many keys at one provider have one list.
                lists[id] = next((same for same in lists.values() if same == models), models)
        self._fetched, self._lists = fetched, lists

    def _read(self, ids: Collection[str]) -> dict[str, Mapping[str, ListedModel]]:
        return {
            each.provider_key: {model.id: model for model in each.models}
            for each in self._store.listings(ids)
            if each.models or not each.trouble
        }


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
