"""The worst case of embeddings: where there is none, a cap refuses."""

import pytest
from msgspec.structs import replace

from tests.unit.relay.examples import OWN_RATES, chosen
from zai_gateway.accounts.caller import Caller, WorkspaceView
from zai_gateway.accounts.records import ApiKey, Workspace
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.cost import own_price
from zai_gateway.catalogue.model import Fees
from zai_gateway.errors import Code, Failure
from zai_gateway.providers.registry import provider_of
from zai_gateway.relay.embedding_errand import embedding_bound
from zai_gateway.wire.embeddings import parse_embeddings

REQUEST = parse_embeddings(b'{"model":"m","input":[1,2,3]}')
MODEL = Catalogue.load().model("openai", "text-embedding-3-small")
ROUTE = chosen(MODEL)


def caller(cap: int | None) -> Caller:
    key = ApiKey(
        id="key_1", workspace="w", name="k", prefix="zk", digest=b"d", budget="bud_1", created_ms=0, cap=cap
    )
    workspace = Workspace(id="w", name="w", slug="w", created_ms=0)
    return Caller(key=key, view=WorkspaceView(workspace=workspace, provider_keys=(), prices={}))


def test_fees_of_the_request_are_part_of_it() -> None:
    assert ROUTE.price is not None
    bound = embedding_bound(REQUEST, ROUTE, caller(1))
    dearer = replace(ROUTE, price=replace(ROUTE.price, fees=Fees(request=7_000)))
    with_fee = embedding_bound(REQUEST, dearer, caller(1))
    assert bound is not None
    assert with_fee is not None
    assert bound.worst(0) == -(-(3 + 16 + 2_048) * 20_000 // 1_000)
    assert with_fee.worst(0) == bound.worst(0) + 7


def test_a_router_that_chooses_the_price_is_refused_under_a_cap() -> None:
    routed = replace(ROUTE, provider=provider_of("openrouter"))
    with pytest.raises(Failure) as caught:
        embedding_bound(REQUEST, routed, caller(1))
    assert (caught.value.code, caught.value.param) == (Code.UNBOUNDED_FEATURE, "model")
    assert embedding_bound(REQUEST, routed, caller(None)) is not None
    own = replace(routed, price=own_price(OWN_RATES, "price_1"))
    assert embedding_bound(REQUEST, own, caller(1)) is not None


def test_without_a_price_there_is_none() -> None:
    assert embedding_bound(REQUEST, replace(ROUTE, price=None), caller(None)) is None
