"""The official SDK, asynchronous, against a real gateway."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from openai import AsyncOpenAI

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.e2e.sdk_material import ASKED_FOR_WEATHER, HELLO, MODEL, WEATHER, WITH_IMAGE, City, turn
from tests.e2e.upstream_process import StubProcess


@pytest.fixture
async def client(gateway: GatewayProcess, operator: Operator) -> AsyncGenerator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway.base_url, api_key=operator.key()) as ready:
        yield ready


async def test_chat_many_at_once(client: AsyncOpenAI) -> None:
    said = [f"This is {number}." for number in range(20)]
    answers = await asyncio.gather(
        *(
            client.chat.completions.create(model="demo/echo", messages=[{"role": "user", "content": text}])
            for text in said
        )
    )
    assert [answer.choices[0].message.content for answer in answers] == said
    assert len({answer.id for answer in answers}) == len(said)


@pytest.mark.parametrize("wanted", [None, True, False])
async def test_a_stream(client: AsyncOpenAI, wanted: bool | None) -> None:
    options = {} if wanted is None else {"stream_options": {"include_usage": wanted}}
    chunks = await client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, extra_body=options
    )
    async with chunks:
        every = [chunk async for chunk in chunks]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in every if chunk.choices) == "Hello!"
    used = [chunk.usage.total_tokens for chunk in every if chunk.usage]
    assert used == ([] if wanted is False else [16])


async def test_a_tool_is_called_and_its_result_comes_back(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        model="demo/tool", messages=ASKED_FOR_WEATHER, tools=[WEATHER]
    ) as events:
        calls = (await events.get_final_completion()).choices[0].message.tool_calls
    assert calls
    assert json.loads(calls[0].function.arguments) == {"city": "city", "days": 1}
    told = turn(calls[0].id, calls[0].function.arguments, "32 degrees")
    second = await client.chat.completions.create(model="demo/tool", messages=[*ASKED_FOR_WEATHER, *told])
    assert second.choices[0].message.content == "The tool said: 32 degrees"


async def test_structured_output(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.parse(model="demo/echo", messages=HELLO, response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)


async def test_an_image_reaches_the_provider_as_it_was(client: AsyncOpenAI, upstream: StubProcess) -> None:
    answer = await client.chat.completions.create(model=MODEL, messages=WITH_IMAGE)
    assert answer.choices[0].message.content == "Hello!"
    assert upstream.requests[0].json()["messages"] == WITH_IMAGE


async def test_models(client: AsyncOpenAI) -> None:
    listed = {model.id: model async for model in client.models.list()}
    assert await client.models.retrieve("openai/gpt-5.4") == listed["openai/gpt-5.4"]


async def test_the_request_id_of_an_answer(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="demo/echo", messages=HELLO)
    told = answer._request_id  # pyright: ignore[reportPrivateUsage] # public by the SDK's README
    assert told
    assert told.startswith("req_")
