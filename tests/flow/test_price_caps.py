"""Playbooks of routers whose hosts have prices of their own: on a capped key none above the list is used."""

from typing import Any

import pytest

from tests.flow.stage import OPERATOR, Stage
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.model import Rates

ID = "openai/gpt-5.4-mini"
HELLO: dict[str, Any] = {
    "model": f"openrouter/{ID}",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 100,
}


async def sent(stage: Stage, *, cap: float | None, model: str = f"openrouter/{ID}") -> dict[str, Any]:
    new = NewProviderKey(provider="openrouter", secret="sk-or-test", base_url=stage.stub.base_url)
    stage.house.accounts.provider_keys.add(OPERATOR, stage.workspace, new)
    assert (await stage.chat(stage.key(usd=cap), {**HELLO, "model": model})).status == 200
    return stage.stub.requests[-1].json()


async def test_a_capped_key_s_request_names_the_listed_price(stage: Stage) -> None:
    price = Catalogue.load().model("openrouter", ID).price
    assert price is not None
    rates = price.tiers["standard"].base
    most = {"prompt": rates.input / 1_000_000, "completion": rates.output / 1_000_000}
    assert (await sent(stage, cap=5))["provider"] == {"max_price": most}


async def test_without_a_cap_the_router_is_free(stage: Stage) -> None:
    assert "provider" not in await sent(stage, cap=None)


@pytest.mark.parametrize("pico", [0, 750_000])
async def test_a_price_of_the_workspace_s_own_is_not_the_router_s(stage: Stage, pico: int) -> None:
    own = Rates(input=pico, cache_read=pico, cache_write=pico, cache_write_long=pico, output=pico)
    stage.house.accounts.prices.set(OPERATOR, stage.workspace, f"openrouter/{ID}", own)
    assert "provider" not in await sent(stage, cap=5)


@pytest.mark.parametrize("name", ["provider", "Provider", "PROVIDER"])
async def test_a_client_s_own_preferences_are_refused(stage: Stage, name: str) -> None:
    await sent(stage, cap=5)
    got = await stage.chat(stage.key(usd=5), {**HELLO, name: {"max_price": {"prompt": 100}}})
    assert (got.status, got.code(), got.json()["error"]["param"]) == (400, "unsupported_parameter", name)


async def test_other_providers_are_told_nothing(stage: Stage) -> None:
    assert "provider" not in await sent(stage, cap=5, model="openai/gpt-5.4-mini")
