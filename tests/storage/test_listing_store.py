"""Listings in the store: kept as they are, put in the place of others, and gone with their key."""

from msgspec.structs import replace

from tests.storage.samples import act, api_key, provider_key, workspace
from zai_gateway.accounts.records import ImportedPrices
from zai_gateway.catalogue.listings import ListedModel
from zai_gateway.relay.kept_lists import Listing
from zai_gateway.storage.store import Store

MODELS = (
    ListedModel(id="a", created=5, context_window=2**33, max_output=9, inputs=("text", "image")),
    ListedModel(id="vendor/b:free", outputs=("text",), chat=True),
)


def test_listings_come_back_as_they_were(store: Store) -> None:
    assert store.accounts.first_start(workspace(), [provider_key("pk_1")], api_key(), [act()])
    generation = store.accounts.generation()
    first = Listing(provider_key="pk_1", fetched_ms=2**41, models=MODELS)
    store.listings.put_listing(first)
    assert store.listings.fetched() == {"pk_1": 2**41}
    assert store.listings.listings(["pk_1", "pk_2"]) == (first,)
    later = replace(first, fetched_ms=2**41 + 1, trouble="OpenAI: no")
    store.listings.put_listing(later)
    assert store.listings.listings(["pk_1"]) == (later,)
    assert store.listings.listings([]) == ()
    assert store.accounts.generation() == generation


def test_a_listing_goes_with_its_key_and_does_not_come_without_it(store: Store) -> None:
    every = [provider_key("pk_1"), provider_key("pk_2")]
    assert store.accounts.first_start(workspace(), every, api_key(), [act()])
    for id in ("pk_1", "pk_2", "pk_gone"):
        store.listings.put_listing(Listing(provider_key=id, fetched_ms=1))
    assert set(store.listings.fetched()) == {"pk_1", "pk_2"}
    assert store.accounts.remove_provider_key(store.accounts.provider_keys("ws_1")[0], act())
    assert set(store.listings.fetched()) == {"pk_2"}


def test_imported_prices_are_one_row(store: Store) -> None:
    first = ImportedPrices(version="v1", imported_ms=2**41, data=bytes(range(256)))
    second = replace(first, version="v2")
    assert store.accounts.put_imported_prices(None, first, act())
    assert store.accounts.imported_prices() == first
    assert not store.accounts.put_imported_prices(None, second, act())
    assert store.accounts.put_imported_prices(first, second, act())
    assert store.accounts.imported_version() == "v2"
    assert store.accounts.put_imported_prices(second, None, act())
    assert store.accounts.imported_prices() is None
