"""Memory: what was found is found again at once, and never after something changed that it rests on."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from zai_gateway.accounts.caller import Caller, WorkspaceView
from zai_gateway.accounts.records import (
    ApiKey,
    BudgetOwner,
    BudgetPeriod,
    ProviderKey,
    SpendBudget,
    Workspace,
)
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import ListedModel
from zai_gateway.catalogue.model import Model
from zai_gateway.errors import Code, Failure
from zai_gateway.relay.memory import Memory
from zai_gateway.relay.routing import Knowledge, Route, routes
from zai_gateway.wire.chat import parse

NOW = 1_763_000_000
CATALOGUE = Catalogue.load()
OPENAI = ProviderKey(
    id="pkey_1", workspace="ws_1", provider="openai", name="one", base_url="", sealed=b"x", created_ms=0
)
CALLER = Caller(
    key=ApiKey(
        id="key_1", workspace="ws_1", name="k", prefix="zk", digest=b"d", budget="bud_1", created_ms=0
    ),
    view=WorkspaceView(
        workspace=Workspace(id="ws_1", name="w", slug="w", created_ms=0), provider_keys=(OPENAI,), prices={}
    ),
)


def found(memory: Memory, name: str = "openai/gpt-4o", caller: Caller = CALLER, **known: Any) -> list[Route]:
    request = parse(b'{"model":"%b","messages":[{"role":"user"}]}' % name.encode())
    knowledge = Knowledge(
        catalogue=known.get("catalogue", CATALOGUE),
        listings=known.get("listings", {}),
        now=known.get("now", NOW),
        draw=lambda: 0.5,
        cooling=lambda key, model: False,
        memory=memory,
    )
    return routes(request, caller, knowledge)


def test_the_same_routes_are_given_again() -> None:
    memory = Memory()
    (first,), (second,) = found(memory), found(memory)
    assert first is second
    (other,) = found(Memory())
    assert (first, first is other) == (other, False)


def test_a_plain_request_goes_straight_where_nothing_else_decides() -> None:
    memory = Memory()
    name = "openai/gpt-4o"
    assert memory.straight(CALLER, CATALOGUE, name, NOW) is None
    (route,) = found(memory)
    assert memory.straight(replace(CALLER), CATALOGUE, name, NOW) == (route,)
    assert memory.straight(CALLER, CATALOGUE, "openai/gpt-4.1", NOW) is None
    changed = (
        replace(CALLER, key=replace(CALLER.key, cap=5)),
        replace(CALLER, view=replace(CALLER.view)),
    )
    for caller in changed:
        assert memory.straight(caller, CATALOGUE, name, NOW) is None
    assert memory.straight(CALLER, Catalogue.load(), name, NOW) is None


def test_where_something_else_decides_no_request_goes_straight() -> None:
    memory = Memory()
    backed = replace(CALLER, key=replace(CALLER.key, fallback="openai/gpt-4.1"))
    two = replace(CALLER.view, provider_keys=(OPENAI, replace(OPENAI, id="pkey_2")))
    for name, caller in (
        ("openai/gpt-4o", backed),
        ("openai/gpt-4o", replace(CALLER, view=two)),
        ("gpt-4o", CALLER),
    ):
        assert found(memory, name, caller)
        assert memory.straight(caller, CATALOGUE, name, NOW) is None


def test_another_caller_has_routes_of_its_own() -> None:
    memory = Memory()
    found(memory)
    other = replace(CALLER, key=replace(CALLER.key, id="key_2", allow=("openai/gpt-5*",)))
    with pytest.raises(Failure) as refused:
        found(memory, caller=other)
    assert refused.value.code is Code.MODEL_NOT_ALLOWED


def test_a_changed_key_is_looked_at_anew() -> None:
    memory = Memory()
    found(memory)
    with pytest.raises(Failure) as refused:
        found(memory, caller=replace(CALLER, key=replace(CALLER.key, allow=("x/*",))))
    assert refused.value.code is Code.MODEL_NOT_ALLOWED


def test_a_changed_workspace_is_looked_at_anew() -> None:
    memory = Memory()
    found(memory)
    two = (replace(OPENAI, id="pkey_2"), OPENAI)
    moved = replace(CALLER, view=replace(CALLER.view, provider_keys=two))
    assert [route.provider_key.id for route in found(memory, caller=moved)] == ["pkey_2", "pkey_1"]
    with pytest.raises(Failure):
        found(memory, caller=replace(CALLER, view=replace(CALLER.view, provider_keys=())))


def test_another_catalogue_has_prices_of_its_own() -> None:
    memory = Memory()
    (before,) = found(memory)
    (after,) = found(memory, catalogue=Catalogue([Model(provider="openai", id="gpt-4o")], "empty"))
    assert before.price is not None
    assert after.price is None


def test_a_price_that_comes_into_force_counts_from_that_second() -> None:
    model = CATALOGUE.model("openai", "gpt-4o")
    assert model.price is not None
    later = replace(model.price, since=NOW + 10, version="later")
    announced = Catalogue([replace(model, later_prices=(later,))], "announced")
    memory = Memory()
    versions: list[str] = []
    for now in (NOW, NOW + 9, NOW + 10, NOW + 11):
        (route,) = found(memory, catalogue=announced, now=now)
        assert route.price is not None
        versions.append(route.price.version)
        assert memory.straight(CALLER, announced, "openai/gpt-4o", now) == (route,)
    assert versions == [model.price.version, model.price.version, "later", "later"]


def test_a_name_without_a_prefix_follows_the_providers_lists() -> None:
    memory = Memory()
    vllm = replace(OPENAI, id="pkey_v", provider="vllm", base_url="http://127.0.0.1:1/v1")
    caller = replace(CALLER, view=replace(CALLER.view, provider_keys=(OPENAI, vllm)))
    listed: Mapping[str, Any] = {"pkey_v": {"mine": ListedModel(id="mine")}}
    (route,) = found(memory, "mine", caller, listings=listed)
    assert route.provider.name == "vllm"
    assert found(memory, "mine", caller, listings=listed)[0] is route
    with pytest.raises(Failure) as gone:
        found(memory, "mine", caller, listings={"pkey_v": {}})
    assert gone.value.code is Code.MODEL_NOT_FOUND
    both: Mapping[str, Any] = {**listed, "pkey_1": {"mine": ListedModel(id="mine")}}
    with pytest.raises(Failure, match="ambiguous"):
        found(memory, "mine", caller, listings=both)


def test_what_a_request_may_not_have_is_refused_every_time() -> None:
    memory = Memory()
    found(memory)
    request = parse(b'{"model":"openai/gpt-4o","messages":[{"role":"user"}],"plugins":[]}')
    knowledge = Knowledge(
        catalogue=CATALOGUE, now=NOW, draw=lambda: 0.5, cooling=lambda key, model: False, memory=memory
    )
    with pytest.raises(Failure) as refused:
        routes(request, CALLER, knowledge)
    assert refused.value.param == "plugins"


def test_names_to_hint_at_follow_what_may_be_called() -> None:
    memory = Memory()
    with pytest.raises(Failure, match="Did you mean openai/gpt-4o"):
        found(memory, "gpt-4oo")
    narrow = replace(CALLER, key=replace(CALLER.key, allow=("openai/o1",)))
    with pytest.raises(Failure, match="GET /v1/models"):
        found(memory, "gpt-4oo", narrow)


def test_budgets_follow_the_caller() -> None:
    memory = Memory()
    (own,) = memory.counts(CALLER).budgets
    assert (own.id, own.limit) == ("bud_1", None)
    assert memory.counts(CALLER) is memory.counts(replace(CALLER))
    capped = replace(CALLER, key=replace(CALLER.key, cap=5))
    assert [budget.limit for budget in memory.counts(capped).budgets] == [5]
    daily = SpendBudget(
        id="bud_2",
        workspace="ws_1",
        owner_kind=BudgetOwner.WORKSPACE,
        owner="ws_1",
        period=BudgetPeriod.DAILY,
        limit=7,
    )
    shared = replace(capped, view=replace(capped.view, budgets={"ws_1": (daily,)}))
    assert [(budget.limit, budget.period) for budget in memory.counts(shared).budgets] == [
        (5, "total"),
        (7, "daily"),
    ]
