"""Which models are offered: lists and catalogue together, and what answers no chat left out."""

import pytest
from msgspec.structs import replace

from tests.unit.edge.behind import caller
from zai_gateway.accounts.caller import Caller
from zai_gateway.accounts.records import ProviderKey, Strategy, Target, VirtualModel
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import ListedModel, Listings
from zai_gateway.catalogue.model import Kind, Model
from zai_gateway.relay.models import Offer, callable_models, callable_virtual_models, offers, offers_of

CATALOGUE = Catalogue(
    (
        Model(provider="openai", id="big", aliases=("big-latest",), context_window=1_000, outputs=("text",)),
        Model(provider="openai", id="small", outputs=("text",)),
        Model(provider="openai", id="picture", outputs=("image",)),
        Model(provider="openai", id="vectors", kind=Kind.EMBEDDING, aliases=("vectors-latest",)),
        Model(provider="groq", id="embed-chat"),
    ),
    "test",
)


def listing(*models: ListedModel | str) -> dict[str, ListedModel]:
    listed = [ListedModel(id=each) if isinstance(each, str) else each for each in models]
    return {model.id: model for model in listed}


def found(who: Caller, listings: Listings) -> dict[str, Offer]:
    return {offer.model.name: offer for offer in offers(who, CATALOGUE, listings)}


def with_key(who: Caller, id: str, provider: str) -> Caller:
    key: ProviderKey = replace(who.view.provider_keys[0], id=id, provider=provider)
    return replace(who, view=replace(who.view, provider_keys=(*who.view.provider_keys, key)))


def test_without_a_list_the_catalogue_s_chat_models_are_offered() -> None:
    assert {name: offer.ids for name, offer in found(caller(providers=("openai",)), {}).items()} == {
        "openai/big": ("big", "big-latest"),
        "openai/small": ("small",),
    }


def test_of_a_provider_with_a_list_only_what_it_lists_is_offered() -> None:
    who = caller(providers=("openai", "groq"))
    seen = found(
        who, {"pk_openai": listing("big-latest", ListedModel(id="new", context_window=9, created=7))}
    )
    assert list(seen) == ["groq/embed-chat", "openai/big", "openai/new"]
    assert seen["openai/big"].ids == ("big", "big-latest")
    new = seen["openai/new"]
    assert (new.ids, new.context_window, new.created, new.inputs) == (("new",), 9, 7, None)


def test_an_empty_list_offers_nothing() -> None:
    assert found(caller(providers=("openai",)), {"pk_openai": {}}) == {}


def test_the_lists_of_several_keys_are_joined() -> None:
    who = with_key(caller(providers=("openai",)), "pk_second", "openai")
    lists = {"pk_openai": listing("small"), "pk_second": listing("other"), "pk_stranger": listing("alien")}
    assert list(found(who, lists)) == ["openai/other", "openai/small"]
    assert list(found(who, {"pk_second": listing("other")})) == ["openai/other"]


def test_the_catalogue_s_word_comes_before_the_list_s() -> None:
    said = ListedModel(id="big", context_window=5, max_output=3, inputs=("text", "image"), outputs=("audio",))
    offer = found(caller(providers=("openai",)), {"pk_openai": listing(said)})["openai/big"]
    assert (offer.context_window, offer.max_output) == (1_000, 3)
    assert (offer.inputs, offer.outputs) == (("text", "image"), ("text",))


@pytest.mark.parametrize(
    ("model", "offered"),
    [
        (ListedModel(id="text-embedding-3-small"), False),
        (ListedModel(id="whisper-1"), False),
        (ListedModel(id="omni-moderation-latest"), False),
        (ListedModel(id="gpt-4o-mini-tts"), False),
        (ListedModel(id="picture"), False),
        (ListedModel(id="small", chat=False), False),
        (ListedModel(id="anything", chat=False), False),
        (ListedModel(id="text-embedding-chat", chat=True), True),
        (ListedModel(id="anything"), True),
        (ListedModel(id="small"), True),
    ],
)
def test_what_answers_no_chat_is_left_out(model: ListedModel, offered: bool) -> None:
    assert bool(found(caller(providers=("openai",)), {"pk_openai": listing(model)})) is offered


def test_what_the_catalogue_knows_is_not_judged_by_its_name() -> None:
    assert list(found(caller(providers=("groq",)), {"pk_groq": listing("embed-chat")})) == ["groq/embed-chat"]


def test_an_allowlist_is_of_canonical_names() -> None:
    who = caller(providers=("openai",), allow=("openai/big", "openai/n*"))
    names = [
        model.name for model in callable_models(who, CATALOGUE, {"pk_openai": listing("big", "new", "x")})
    ]
    assert names == ["openai/big", "openai/new"]


@pytest.mark.parametrize(
    ("target", "allow", "listed"),
    [
        ("openai/big-latest", (), True),
        ("openai/big-latest", ("openai/big",), True),
        ("openai/big-latest", ("openai/big-latest",), False),
        ("openai/anything", (), True),
        ("groq/embed-chat", (), False),
    ],
)
def test_a_name_of_the_workspace_s_own_is_offered_where_a_target_is(
    target: str, allow: tuple[str, ...], listed: bool
) -> None:
    who = caller(providers=("openai",), allow=allow)
    fast = VirtualModel(
        workspace="ws_1",
        name="fast",
        strategy=Strategy.ORDERED,
        targets=(Target(model="nobody/x"), Target(model=target)),
        created_ms=1,
    )
    who = replace(who, view=replace(who.view, virtual_models={"fast": fast}))
    assert (callable_virtual_models(who, CATALOGUE) == [fast]) is listed


def test_what_makes_embeddings_is_never_offered_for_conversations() -> None:
    catalogue = Catalogue((Model(provider="openai", id="vectors", kind=Kind.EMBEDDING),), "test")
    who = caller(providers=("openai",))
    assert not list(offers(who, catalogue, {}))
    assert not list(offers(who, catalogue, {"pk_openai": listing("vectors")}))


def embedders(who: Caller, listings: Listings) -> dict[str, tuple[str, ...]]:
    every = offers_of(who.view, CATALOGUE, listings, Kind.EMBEDDING)
    return {offer.model.name: offer.ids for offer in every}


def test_models_of_embeddings_are_the_catalogue_s_or_those_that_are_listed() -> None:
    who = caller(providers=("openai",))
    assert embedders(who, {}) == {"openai/vectors": ("vectors", "vectors-latest")}
    listed = listing("vectors", "big", ListedModel(id="new", embeds=True), ListedModel(id="text-embed"))
    assert embedders(who, {"pk_openai": listed}) == {
        "openai/new": ("new",),
        "openai/vectors": ("vectors", "vectors-latest"),
    }
    assert embedders(who, {"pk_openai": listing("big")}) == {}
