"""Sights: prices and names of models are not overwritten unseen, and the same form twice is one change."""

import pytest

from tests.unit.accounts.people import OPENAI, OPERATOR, People
from zai_gateway.accounts.records import Strategy, Target
from zai_gateway.accounts.sights import NOTHING, refuse_unseen, sight
from zai_gateway.accounts.store import AccountStore
from zai_gateway.accounts.virtual_models import Meaning
from zai_gateway.catalogue.model import Rates
from zai_gateway.errors import OperatorError

MODEL = "openai/m"
FREE = Rates(input=0, cache_read=0, cache_write=0, cache_write_long=0, output=0)
DEAR = Rates(input=1, cache_read=1, cache_write=1, cache_write_long=1, output=2)
FAST = Meaning(name="fast", targets=(Target(model=MODEL),))
OTHER = Meaning(name="fast", targets=(Target(model="openai/n"),))


def test_a_sight_is_another_as_soon_as_anything_is() -> None:
    assert sight(FREE) == sight(Rates(**dict.fromkeys(FREE.__struct_fields__, 0)))
    assert len({sight(FREE), sight(DEAR), sight(None)}) == 3
    assert (sight(None), len(sight(FREE))) == (NOTHING, 32)


def test_who_says_nothing_of_what_was_seen_is_not_refused() -> None:
    refuse_unseen(None, FREE, "It")
    refuse_unseen(sight(FREE), FREE, "It")
    with pytest.raises(OperatorError, match=r"^It was changed by somebody else meanwhile"):
        refuse_unseen(NOTHING, FREE, "It")


def test_a_price_is_set_once_for_each_form(team: People, sqlite: AccountStore) -> None:
    prices, at = team.accounts.prices, team.workspace
    first = prices.set(OPERATOR, at, MODEL, DEAR, seen=NOTHING)
    generation = sqlite.generation()
    assert prices.set(OPERATOR, at, MODEL, DEAR, seen=NOTHING) == first
    assert sqlite.generation() == generation


def test_a_price_of_somebody_else_is_not_overwritten_or_removed_unseen(team: People) -> None:
    prices, at = team.accounts.prices, team.workspace
    prices.set(OPERATOR, at, MODEL, DEAR)
    for seen in (NOTHING, "0" * 32):
        with pytest.raises(OperatorError, match="price of openai/m was changed by somebody else"):
            prices.set(OPERATOR, at, MODEL, FREE, seen=seen)
        with pytest.raises(OperatorError, match="price of openai/m was changed by somebody else"):
            prices.remove(OPERATOR, at, MODEL, seen=seen)
    (standing,) = prices.list(OPERATOR, at)
    changed = prices.set(OPERATOR, at, MODEL, FREE, seen=sight(standing))
    assert prices.list(OPERATOR, at) == (changed,)
    assert prices.remove(OPERATOR, at, MODEL, seen=sight(changed)) == changed


def test_a_price_that_was_removed_meanwhile_does_not_come_back(team: People) -> None:
    prices, at = team.accounts.prices, team.workspace
    seen = sight(prices.set(OPERATOR, at, MODEL, DEAR))
    prices.remove(OPERATOR, at, MODEL)
    with pytest.raises(OperatorError, match="changed by somebody else"):
        prices.set(OPERATOR, at, MODEL, FREE, seen=seen)
    assert prices.list(OPERATOR, at) == ()


def test_a_name_is_defined_once_for_each_form_and_never_unseen(team: People, sqlite: AccountStore) -> None:
    models, at = team.accounts.virtual_models, team.workspace
    team.accounts.provider_keys.add(OPERATOR, at, OPENAI)
    made = models.define(OPERATOR, at, FAST, seen=NOTHING)
    generation = sqlite.generation()
    assert models.define(OPERATOR, at, FAST, seen=NOTHING) == made
    with pytest.raises(OperatorError, match=r"^name: there is a model 'fast' already; change that one"):
        models.define(OPERATOR, at, OTHER, seen=NOTHING)
    with pytest.raises(OperatorError, match="model 'fast' was changed by somebody else"):
        models.define(OPERATOR, at, OTHER, seen="0" * 32)
    with pytest.raises(OperatorError, match="model 'fast' was changed by somebody else"):
        models.remove(OPERATOR, at, "fast", seen="0" * 32)
    assert sqlite.generation() == generation
    heavy = Meaning(name="fast", strategy=Strategy.WEIGHTED, targets=(Target(model=MODEL, weight=2),))
    changed = models.define(OPERATOR, at, heavy, seen=sight(made))
    assert changed.created_ms == made.created_ms
    assert models.remove(OPERATOR, at, "fast", seen=sight(changed)) == changed
