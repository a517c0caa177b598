"""The list of models: what providers list themselves, asked for in the background, priced and cut."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.flow.stage import MODEL, OPERATOR, UPSTREAM_SECRET, Stage, staged
from tests.upstreams.answers import error_answer, json_answer
from tests.upstreams.openai_stub import OpenAIStub
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.records import Strategy, Target
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.catalogue.model import Rates

ASKS = {"ZAI_PROVIDER_LISTS": "yes"}
RATES = Rates(input=1_000, cache_read=10, cache_write=1_100, cache_write_long=1_100, output=4_000)


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncGenerator[Stage]:
    """A gateway that asks providers for their lists."""
    async with staged(tmp_path / "data", variables=ASKS) as ready:
        yield ready


async def listed(stage: Stage, key: IssuedKey) -> dict[str, dict[str, Any]]:
    """The models by their ids, without the demo's."""
    got = await stage.get(key, "/models")
    assert got.status == 200
    rows: list[dict[str, Any]] = got.json()["data"]
    return {row["id"]: row for row in rows if row["owned_by"] != "demo"}


async def until_listed(
    stage: Stage, key: IssuedKey, wanted: Callable[[dict[str, dict[str, Any]]], bool]
) -> dict[str, dict[str, Any]]:
    async with asyncio.timeout(60):
        while not wanted(found := await listed(stage, key)):
            await asyncio.sleep(0.02)
    return found


def few(rows: dict[str, dict[str, Any]]) -> bool:
    """Whether they are what the stub lists, by all its names."""
    return set(rows) == {"openai/gpt-5.4", "openai/gpt-5-4", MODEL, "openai/gpt-5-4-mini"}


def custom(stage: Stage, prefix: str, base_url: str, secret: str = "") -> str:
    """Adds a key at a custom provider, and gives its id."""
    wanted = NewProviderKey(provider="custom", name=prefix, secret=secret, base_url=base_url)
    return stage.house.accounts.provider_keys.add(OPERATOR, stage.workspace, wanted).id


def one(id: str, **facts: Any) -> dict[str, Any]:
    return {"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "them", **facts}


async def test_a_list_is_asked_for_with_the_key_and_shown_with_the_catalogue_s_facts(asking: Stage) -> None:
    key = asking.key()
    found = await until_listed(asking, key, few)
    (asked,) = asking.stub.requests
    assert (asked.method, asked.path) == ("GET", "/v1/models")
    assert asked.header("authorization") == f"Bearer {UPSTREAM_SECRET}"
    row = found[MODEL]
    assert row["price"] == {
        "input": 750_000,
        "output": 4_500_000,
        "cache_read": 75_000,
        "cache_write": 750_000,
    }
    assert row["priced_by"].startswith("genai-prices")
    assert (row["context_window"], row["max_output_tokens"]) == (400_000, 128_000)
    assert (row["input_modalities"], row["output_modalities"]) == (["text", "image"], ["text"])
    assert (await asking.get(key, f"/models/{MODEL}")).json() == row
    assert (await asking.get(key, "/models/openai/gpt-4o")).status == 404


async def test_without_asking_the_catalogue_s_are_shown(stage: Stage) -> None:
    found = await listed(stage, stage.key())
    assert {"openai/gpt-4o", MODEL} <= set(found)
    assert stage.stub.requests == []


async def test_a_custom_provider_s_models_are_those_it_lists_priced_by_the_workspace(asking: Stage) -> None:
    key = asking.key(allow=("mybox/*",))
    async with OpenAIStub() as first, OpenAIStub() as second:
        chat, speech = one("chat", context_length=4_096), one("tts-1")
        first.listed = json_answer([chat, speech, one("embed", type="embedding")])
        second.listed = json_answer({"data": [one("chat"), one("other")]})
        custom(asking, "mybox", first.base_url)
        custom(asking, "mybox", second.base_url, "sk-mine")
        keys = asking.house.accounts.provider_keys.list(OPERATOR, asking.workspace)
        assert [(each.provider, each.name) for each in keys][-2:] == [
            ("mybox", "mybox"),
            ("mybox", "mybox-2"),
        ]
        asking.house.accounts.prices.set(OPERATOR, asking.workspace, "mybox/chat", RATES)
        found = await until_listed(asking, key, lambda rows: "mybox/other" in rows and "mybox/chat" in rows)
        found = await until_listed(asking, key, lambda rows: rows["mybox/chat"]["price"] is not None)
        assert set(found) == {"mybox/chat", "mybox/other"}
        assert (found["mybox/other"]["price"], found["mybox/other"]["priced_by"]) == (None, None)
        assert found["mybox/chat"]["priced_by"] == "workspace"
        assert found["mybox/chat"]["price"] == {
            "input": 1_000,
            "output": 4_000,
            "cache_read": 10,
            "cache_write": 1_100,
        }
        assert [request.header("authorization") for request in first.requests] == [None]
        assert [request.header("authorization") for request in second.requests] == ["Bearer sk-mine"]
        # A bare name that one provider lists is that provider's.
        asked = {"model": "other", "messages": [{"role": "user", "content": "Hello"}]}
        assert (await asking.chat(key, asked)).json()["model"] == "mybox/other"


async def test_what_gives_no_list_leaves_the_catalogue_s_and_is_not_asked_at_once_again(
    asking: Stage,
) -> None:
    key = asking.key()
    async with OpenAIStub() as broken:
        broken.listed = error_answer(500, "no")
        url = broken.base_url
        wanted = NewProviderKey(provider="deepseek", secret="sk-1", base_url=url)
        made = asking.house.accounts.provider_keys.add(OPERATOR, asking.workspace, wanted).id
        async with asyncio.timeout(60):
            while not (rows := [row for row in asking.rows("listing") if row["provider_key"] == made]):
                await asyncio.sleep(0.02)
        assert rows[0]["trouble"] == "DeepSeek: no"
        # Whatever is written next is a new round.
        asking.house.accounts.prices.set(OPERATOR, asking.workspace, "deepseek/mine", RATES)
        await asyncio.sleep(1)
        assert len(broken.requests) == 1
        assert "deepseek/deepseek-chat" in await listed(asking, key)


async def test_a_list_goes_with_its_key(asking: Stage) -> None:
    key = asking.key()
    async with OpenAIStub() as other:
        made = custom(asking, "mybox", other.base_url)
        await until_listed(asking, key, lambda rows: "mybox/gpt-5.4" in rows)
        async with asyncio.timeout(60):
            while made not in {row["provider_key"] for row in asking.rows("listing")}:
                await asyncio.sleep(0.02)
        asking.house.accounts.provider_keys.remove(OPERATOR, asking.workspace, made)
        assert made not in {row["provider_key"] for row in asking.rows("listing")}
        await until_listed(asking, key, lambda rows: "mybox/gpt-5.4" not in rows)


async def test_a_later_start_takes_the_list_from_the_store(tmp_path: Path) -> None:
    async with staged(tmp_path / "data", variables=ASKS) as first:
        key = first.key()
        await until_listed(first, key, few)
        async with asyncio.timeout(60):
            while not first.rows("listing"):
                await asyncio.sleep(0.02)
        first_key = first.house.accounts.provider_keys.list(OPERATOR, first.workspace)[-1]
        first.house.accounts.provider_keys.move(OPERATOR, first.workspace, first_key.id, first=True)
    async with staged(tmp_path / "data", variables=ASKS) as second:
        # The stage's own key is another one, which it asks with; the first one's list is there already.
        second.house.accounts.provider_keys.remove(
            OPERATOR,
            second.workspace,
            second.house.accounts.provider_keys.list(OPERATOR, second.workspace)[-1].id,
        )
        await until_listed(second, key, few)


async def test_a_workspace_s_own_names_are_listed(stage: Stage) -> None:
    virtual = stage.house.accounts.virtual_models
    virtual.set(OPERATOR, stage.workspace, "fast", (Target(model=MODEL),), Strategy.ORDERED)
    every, few = stage.key(), stage.key(allow=("demo/*",))
    rows = await until_listed(stage, every, lambda rows: "fast" in rows)
    assert rows["fast"]["owned_by"] == "my-ws"
    assert "fast" not in await listed(stage, few)
    assert (await stage.get(every, "/models/fast")).json() == rows["fast"]
    refused = await stage.get(few, "/models/fast")
    assert (refused.status, refused.code()) == (403, "model_not_allowed")


async def test_prices_that_are_imported_are_in_force_without_a_restart(stage: Stage) -> None:
    key = stage.key()
    file = {
        "format": 1,
        "date": "2099-01-31",
        "models": [
            {
                "provider": "openai",
                "id": "gpt-5.4-mini",
                "context_window": 5,
                "price": {"source": "a bill", "standard": {"input": 7, "output": 9}},
            },
            {"provider": "openai", "id": "gpt-99"},
        ],
    }
    before = (await listed(stage, key))[MODEL]
    imports = stage.house.accounts.catalogue_import
    changes = imports.bring(OPERATOR, json.dumps(file).encode())
    assert (changes.added, changes.changed) == (("openai/gpt-99",), (MODEL,))
    rows = await until_listed(stage, key, lambda rows: rows[MODEL]["priced_by"] == "a bill")
    assert rows[MODEL]["price"] == {"input": 7, "output": 9, "cache_read": 7, "cache_write": 7}
    assert (rows[MODEL]["context_window"], "openai/gpt-99" in rows) == (5, True)
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
    assert (await stage.chat(key, asked)).status == 200
    (entry,) = await stage.settled(1)
    assert entry["price_version"] == changes.version
    imports.remove(OPERATOR)
    await until_listed(stage, key, lambda rows: rows.get(MODEL) == before)


async def test_the_sdk_lists_models(asking: Stage) -> None:
    key = asking.key()
    await until_listed(asking, key, few)
    async with openai.AsyncOpenAI(base_url=asking.base_url, api_key=key.secret) as client:
        models = [model async for model in client.models.list()]
        assert few({model.id: {} for model in models if model.owned_by == "openai"})
        assert (await client.models.retrieve(MODEL)).owned_by == "openai"
