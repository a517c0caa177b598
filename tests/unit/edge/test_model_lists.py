"""Lists of models that were made already: the same bytes as one made anew, and never an old one."""

from collections.abc import Mapping

from msgspec.structs import replace

from tests.unit.edge.behind import MODELS, caller
from zai_gateway.accounts.caller import Caller
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import NO_LISTINGS, ListedModel, Listings
from zai_gateway.catalogue.model import Price, Rates, Tariff
from zai_gateway.edge.model_lists import ModelLists
from zai_gateway.edge.models import Shown, callable_rows, model_list_json

RATES = Rates(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=1)
CHANGE = 1_800_000_000


def price(*, since: int = 0, dearer: int = 1) -> Price:
    rates = replace(RATES, output=dearer)
    return Price(tiers={"standard": Tariff(base=rates)}, since=since, source="x", version="1")


PRICED = replace(MODELS[1], price=price(), later_prices=(price(since=CHANGE, dearer=2),))
CATALOGUE = Catalogue((*MODELS[:1], PRICED, *MODELS[2:]), "test")
LISTED: Mapping[str, ListedModel] = {"gpt-5.4": ListedModel(id="gpt-5.4")}


def shown(
    *, now: int = CHANGE - 10, catalogue: Catalogue = CATALOGUE, listings: Listings = NO_LISTINGS
) -> Shown:
    return Shown(catalogue=catalogue, listings=listings, now=now)


def anew(who: Caller, at: Shown) -> bytes:
    return model_list_json(callable_rows(who, at))


def test_who_has_the_same_terms_gets_the_list_that_was_made() -> None:
    lists, one = ModelLists(), caller()
    other = replace(one, key=replace(one.key, id="key_2", name="another"))
    made = lists.of(one, shown())
    assert lists.of(other, shown(now=CHANGE - 1)) is made
    assert made.json == anew(one, shown())


def test_other_terms_make_another_list() -> None:
    lists = ModelLists()
    all_of_them, some = caller(), caller(allow=("anthropic/*",))
    some = replace(some, view=all_of_them.view)
    assert lists.of(all_of_them, shown()).json == anew(all_of_them, shown())
    assert lists.of(some, shown()).json == anew(some, shown())
    assert lists.of(all_of_them, shown()).json != lists.of(some, shown()).json


def test_whatever_changes_makes_it_anew() -> None:
    who = caller()
    changes = {
        "a price that comes into force": (who, shown(now=CHANGE)),
        "a clock that goes back": (who, shown(now=CHANGE - 20)),
        "newer prices": (who, shown(catalogue=Catalogue(MODELS[:2], "newer"))),
        "a list of the provider's own": (who, shown(listings={"pk_openai": LISTED})),
        "a change in the workspace": (caller(providers=("openai",)), shown()),
    }
    for change, (caller_now, at) in changes.items():
        lists = ModelLists()
        before = lists.of(who, shown())
        assert lists.of(caller_now, at) is not before, change
        assert lists.of(caller_now, at).json == anew(caller_now, at), change


def test_the_change_of_a_price_is_seen_in_its_second() -> None:
    lists, who = ModelLists(), caller()
    assert lists.of(who, shown(now=CHANGE - 1)).json != lists.of(who, shown(now=CHANGE)).json


def test_a_list_that_grew_in_place_of_another_is_seen() -> None:
    lists, who = ModelLists(), caller()
    own: dict[str, Mapping[str, ListedModel]] = {}
    before = lists.of(who, shown(listings=own)).json
    own["pk_openai"] = LISTED
    assert lists.of(who, shown(listings=own)).json != before


def test_only_so_many_are_kept() -> None:
    lists, view = ModelLists(), caller().view
    callers = [replace(caller(allow=(f"openai/{number}*",)), view=view) for number in range(17)]
    made = [lists.of(each, shown()) for each in callers]
    assert lists.of(callers[1], shown()) is made[1]
    assert lists.of(callers[0], shown()) is not made[0]
    # The one that was asked for longest ago made room.
    assert lists.of(callers[1], shown()) is made[1]
    assert lists.of(callers[2], shown()) is not made[2]
