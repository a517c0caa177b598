"""Following the store: lists are read where they are new, and no trouble of it reaches a page."""

from collections.abc import Collection, Mapping

import pytest

from zai_gateway.app.following import Now, ReadLists
from zai_gateway.catalogue.listings import ListedModel
from zai_gateway.errors import StoreUnavailable
from zai_gateway.relay.kept_lists import Listing

ONE, TWO = ListedModel(id="one"), ListedModel(id="two")


class Lists:
    """A store of lists, which notes what is read."""

    def __init__(self) -> None:
        self.kept: dict[str, Listing] = {}
        self.read: list[list[str]] = []

    def fetched(self) -> Mapping[str, int]:
        return {id: each.fetched_ms for id, each in self.kept.items()}

    def listings(self, provider_keys: Collection[str]) -> tuple[Listing, ...]:
        self.read.append(list(provider_keys))
        return tuple(self.kept[id] for id in provider_keys)

    def put_listing(self, wanted: Listing) -> None:
        self.kept[wanted.provider_key] = wanted


def put(lists: Lists, key: str, at_ms: int, *models: ListedModel, trouble: str | None = None) -> None:
    lists.put_listing(Listing(provider_key=key, fetched_ms=at_ms, models=models, trouble=trouble))


def test_lists_are_read_once_and_again_when_they_were_asked_for_anew() -> None:
    store = Lists()
    lists = ReadLists(store)
    put(store, "a", 1, ONE)
    put(store, "b", 1, ONE)
    for _ in range(2):
        lists.look()
    assert lists.listings == {"a": {"one": ONE}, "b": {"one": ONE}}
    assert lists.listings["a"] is lists.listings["b"]
    put(store, "a", 2, ONE, TWO)
    lists.look()
    assert list(lists.listings["a"]) == ["one", "two"]
    assert store.read == [["a", "b"], ["a"]]


def test_a_list_that_is_gone_or_could_not_be_had_is_none() -> None:
    store = Lists()
    lists = ReadLists(store)
    put(store, "a", 1, ONE)
    put(store, "b", 1, trouble="no such host")
    # What was known before the trouble still counts.
    put(store, "c", 1, TWO, trouble="no such host")
    lists.look()
    assert lists.listings == {"a": {"one": ONE}, "c": {"two": TWO}}
    del store.kept["a"]
    put(store, "c", 2, trouble="refused")
    lists.look()
    assert lists.listings == {}


@pytest.mark.parametrize("trouble", [StoreUnavailable(), ValueError("a row")])
def test_trouble_is_nobody_s_who_looks_and_is_not_met_again_at_once(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        raise trouble

    now = Now(look)
    for _ in range(3):
        now.look()
    assert looks == [1]
    assert "a row" not in caplog.text
