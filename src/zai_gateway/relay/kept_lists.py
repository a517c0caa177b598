"""Lists of models as the store keeps them, by provider key: what is new there, and what is known here."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from zai_gateway.catalogue.listings import ListedModel, Listings

_MOST_READ = 500
"""Lists that are read from the store in one go."""


class Listing(Struct, frozen=True, kw_only=True):
    """What came of asking a provider with one of its keys."""

    provider_key: str
    """The id of the key."""
    fetched_ms: int
    """When it was last asked, whatever came of it."""
    trouble: str | None = None
    """Why the last time gave no list; `models` are then those of the time before."""
    models: tuple[ListedModel, ...] = ()


class ListingStore(Protocol):
    """What is kept of lists. All calls block, and raise StoreUnavailable."""

    def fetched(self) -> Mapping[str, int]:
        """When each provider key was last asked with, in ms since 1970, by its id."""
        ...

    def listings(self, provider_keys: Collection[str]) -> tuple[Listing, ...]:
        """Those of the keys with these ids, as far as there are any."""
        ...

    def put_listing(self, wanted: Listing) -> None:
        """Keeps it in the place of the one before, unless its key is gone."""
        ...


class KeptLists:
    """What one process knows of them. One thread may change it while others read `listings`."""

    def __init__(self) -> None:
        self._known: dict[str, Listing] = {}
        """Without their models."""
        self._listings: Mapping[str, Mapping[str, ListedModel]] = {}

    @property
    def listings(self) -> Listings:
        """The models that each list has, by their ids; replaced where anything in it changes."""
        return self._listings

    @property
    def ids(self) -> frozenset[str]:
        """The provider keys of which anything is known."""
        return frozenset(self._known)

    def of(self, provider_key: str) -> Listing | None:
        """What is known of the list of this one, but for its models."""
        return self._known.get(provider_key)

    def news(self, fetched: Mapping[str, int]) -> Iterator[list[str]]:
        """The provider keys that were asked with at another time than is known, in parts to be read."""
        new = [id for id, at in fetched.items() if id not in self._known or at != self._known[id].fetched_ms]
        for at in range(0, len(new), _MOST_READ):
            yield new[at : at + _MOST_READ]

    def take(self, listings: Iterable[Listing]) -> None:
        """Takes them over."""
        lists = dict(self._listings)
        for listing in listings:
            id = listing.provider_key
            self._known[id] = replace(listing, models=())
            models = {model.id: model for model in listing.models}
            # Many keys at one provider have one list.
            lists[id] = next((same for same in lists.values() if same == models), models)
            if listing.trouble and not models:
                del lists[id]
        self._listings = lists

    def forget(self, provider_keys: Collection[str]) -> None:
        """Knows nothing of these any more."""
        for id in provider_keys:
            self._known.pop(id, None)
        self._listings = {id: models for id, models in self._listings.items() if id not in provider_keys}
