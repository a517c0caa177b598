"""The official SDK, synchronous, against a real gateway: only the base URL and the key are Z-AI's."""

import json
from collections.abc import Generator

import openai
import pytest
from openai import OpenAI

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.e2e.sdk_material import ASKED_FOR_WEATHER, HELLO, MODEL, PIXEL, WEATHER, WITH_IMAGE, City, turn
from tests.e2e.upstream_process import StubProcess
from tests.upstreams.answers import completion, json_answer, sse_answer, stream


@pytest.fixture
def client(gateway: GatewayProcess, operator: Operator) -> Generator[OpenAI]:
    with OpenAI(base_url=gateway.base_url, api_key=operator.key()) as ready:
        yield ready


def test_chat(client: OpenAI, upstream: StubProcess) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=HELLO, temperature=0.7, max_tokens=512, extra_body={"x_unknown": [1]}
    )
    assert answer.choices[0].message.content == "Hello!"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.id.startswith("cmpl_")
    assert (answer.model, answer.object, answer.service_tier) == (MODEL, "chat.completion", "default")
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        12,
        4,
        16,
    )
    (sent,) = upstream.requests
    assert sent.json()["x_unknown"] == [1]
    assert "zk_live_" not in str(sent)


def test_a_stream_with_the_usage_that_nobody_asked_for(client: OpenAI) -> None:
    with client.chat.completions.create(model=MODEL, messages=HELLO, stream=True) as chunks:
        every = list(chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in every if chunk.choices) == "Hello!"
    assert {chunk.model for chunk in every} == {MODEL}
    assert [chunk.choices[0].finish_reason for chunk in every if chunk.choices][-1] == "stop"
    assert every[-1].choices == []
    assert every[-1].usage
    assert every[-1].usage.total_tokens == 16


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream_with_stream_options(client: OpenAI, wanted: bool) -> None:
    with client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": wanted}
    ) as chunks:
        used = [chunk.usage for chunk in chunks if chunk.usage]
    assert [usage.total_tokens for usage in used] == ([16] if wanted else [])


def test_the_sdk_s_own_stream_helper(client: OpenAI) -> None:
    with client.chat.completions.stream(model="demo/echo", messages=HELLO) as events:
        deltas = [event.delta for event in events if event.type == "content.delta"]
        final = events.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content == "Hello"


def test_a_tool_is_called_and_its_result_comes_back(client: OpenAI) -> None:
    first = client.chat.completions.create(
        model="demo/tool", messages=ASKED_FOR_WEATHER, tools=[WEATHER]
    ).choices[0]
    assert (first.finish_reason, first.message.content) == ("tool_calls", None)
    assert first.message.tool_calls
    call = first.message.tool_calls[0]
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "city", "days": 1}
    told = turn(call.id, call.function.arguments, "32 degrees")
    second = client.chat.completions.create(
        model="demo/tool", messages=[*ASKED_FOR_WEATHER, *told], tools=[WEATHER]
    ).choices[0]
    assert (second.finish_reason, second.message.content) == ("stop", "The tool said: 32 degrees")


def test_a_tool_call_in_pieces_is_put_together(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="demo/tool", messages=ASKED_FOR_WEATHER, tools=[WEATHER]
    ) as events:
        final = events.get_final_completion().choices[0]
    assert final.finish_reason == "tool_calls"
    assert final.message.tool_calls
    assert [json.loads(call.function.arguments) for call in final.message.tool_calls] == [
        {"city": "city", "days": 1}
    ]


def test_tools_go_through_to_a_provider_and_back(client: OpenAI, upstream: StubProcess) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city":"é"}'},
    }
    upstream.script(json_answer(completion(content=None, tool_calls=[call])))
    first = client.chat.completions.create(
        model=MODEL,
        messages=ASKED_FOR_WEATHER,
        tools=[WEATHER],
        tool_choice="required",
        parallel_tool_calls=False,
    )
    assert [each.to_dict() for each in first.choices[0].message.tool_calls or ()] == [call]
    told = turn("call_1", '{"city":"é"}', "32 degrees")
    client.chat.completions.create(model=MODEL, messages=[*ASKED_FOR_WEATHER, *told], tools=[WEATHER])
    one, two = (request.json() for request in upstream.requests)
    assert (one["tools"], one["tool_choice"], one["parallel_tool_calls"]) == ([WEATHER], "required", False)
    assert two["messages"][1:] == told


def test_structured_output_of_the_demo(client: OpenAI) -> None:
    answer = client.chat.completions.parse(model="demo/echo", messages=HELLO, response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)


@pytest.mark.parametrize("streamed", [False, True])
def test_structured_output_through_a_provider(client: OpenAI, upstream: StubProcess, streamed: bool) -> None:
    text = '{"name": "Chennai", "inhabitants": 6748026}'
    upstream.script(
        sse_answer(*stream(words=[text[:9], text[9:]])) if streamed else json_answer(completion(content=text))
    )
    if streamed:
        with client.chat.completions.stream(model=MODEL, messages=HELLO, response_format=City) as events:
            answer = events.get_final_completion()
    else:
        answer = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=City)
    assert answer.choices[0].message.parsed == City(name="Chennai", inhabitants=6_748_026)
    asked = upstream.requests[0].json()["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["schema"]["required"] == ["name", "inhabitants"]


def test_an_image_reaches_the_provider_as_it_was(
    gateway: GatewayProcess, operator: Operator, upstream: StubProcess
) -> None:
    # On a capped key: an image has a worst case too.
    with OpenAI(base_url=gateway.base_url, api_key=operator.key("--spend-cap", "5.00")) as capped:
        answer = capped.chat.completions.create(model=MODEL, messages=WITH_IMAGE)
    assert answer.choices[0].message.content == "Hello!"
    assert upstream.requests[0].json()["messages"] == WITH_IMAGE
    assert upstream.requests[0].json()["messages"][0]["content"][1]["image_url"]["url"] == PIXEL


def test_models_are_listed_and_found_by_their_ids(client: OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {"openai/gpt-5.4", MODEL, "demo/echo"} <= listed.keys()
    assert {model.owned_by for model in listed.values()} == {"openai", "demo"}
    found = client.models.retrieve("openai/gpt-5.4")
    assert found == listed["openai/gpt-5.4"]
    assert (found.id, found.object, found.owned_by) == ("openai/gpt-5.4", "model", "openai")
    assert isinstance(found.created, int)


def test_a_model_that_is_not_there_or_not_allowed(
    client: OpenAI, gateway: GatewayProcess, operator: Operator
) -> None:
    with pytest.raises(openai.NotFoundError, match=r"openai/gpt-5\.4"):
        client.models.retrieve("openai/gpt-5.44")
    with (
        OpenAI(base_url=gateway.base_url, api_key=operator.key("--allow", "demo/*")) as narrow,
        pytest.raises(openai.PermissionDeniedError, match=r"demo/\*"),
    ):
        narrow.models.retrieve("openai/gpt-5.4")


def test_the_headers_of_an_answer(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    assert raw.headers["x-zai-cost-micro-usd"] == "27"
    assert raw.retries_taken == 0
    assert raw.request_id == raw.headers["x-request-id"]
    assert raw.headers["x-request-id"].startswith("req_")
    answer = raw.parse()
    assert answer._request_id == raw.request_id  # pyright: ignore[reportPrivateUsage] # public by the SDK's README
    assert answer.choices[0].message.content == "Hello!"
