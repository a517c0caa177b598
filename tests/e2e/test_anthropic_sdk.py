"""Anthropic's official SDK against a real gateway: every provider answers, and is asked in its own words."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from anthropic import Anthropic
from anthropic.types import Message, MessageParam, ToolParam, ToolResultBlockParam
from pydantic import BaseModel

from tests.e2e import recordings
from tests.e2e.recordings import Conversation, Recording
from tests.e2e.replayed import CLAUDE, GEMINI, OPENAI, Replayed, assert_booked, replayed_gateway
from tests.upstreams.answers import json_answer
from tests.upstreams.anthropic_stub import counted
from tests.upstreams.replaying import recorded

TOOLS: list[ToolParam] = [
    {"name": name, "description": said, "input_schema": recordings.TOOL_SCHEMA}
    for name, said in recordings.TOOLS.items()
]
ASKED: list[MessageParam] = [{"role": "user", "content": recordings.QUESTION}]
HELLO: list[MessageParam] = [{"role": "user", "content": "Hello"}]
IMAGE: list[MessageParam] = [
    {
        "role": "user",
        "content": [
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": recordings.PNG},
            },
            {"type": "text", "text": "What is this?"},
        ],
    }
]


class City(BaseModel):
    """A shape to answer in."""

    city: str
    country: str
    population: int


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Replayed]:
    with replayed_gateway(tmp_path_factory.mktemp("anthropic-sdk")) as running:
        yield running


@pytest.fixture
def replayed(shared: Replayed) -> Generator[Replayed]:
    shared.begin()
    yield shared
    shared.begin()


@pytest.fixture
def client(replayed: Replayed) -> Generator[Anthropic]:
    with Anthropic(base_url=replayed.origin, api_key=replayed.operator.key(), max_retries=0) as ready:
        yield ready


def whole(client: Anthropic, model: str, messages: list[MessageParam], **more: Any) -> tuple[Message, str]:
    """The answer, and the id of the request."""
    create: Any = client.messages.with_raw_response.create
    raw = create(model=model, max_tokens=1_024, messages=messages, **more)
    return raw.parse(), raw.headers["x-request-id"]


def streamed(client: Anthropic, model: str, messages: list[MessageParam], **more: Any) -> tuple[Message, str]:
    """The same of a stream, as the SDK gathers it."""
    with client.messages.stream(model=model, max_tokens=1_024, messages=messages, **more) as events:
        final = events.get_final_message()
        request = events.response.headers["x-request-id"]
    return final, request


def assert_says(message: Message, wanted: Recording, model: str) -> None:
    """The message is what was recorded, under the gateway's own names."""
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    assert text == (wanted.text or "")
    assert calls == list(wanted.calls)
    assert message.stop_reason == ("tool_use" if calls else "end_turn")
    assert (message.type, message.role, message.model) == ("message", "assistant", model)
    used = message.usage
    fresh, read, written, _, output = wanted.buckets
    assert used.input_tokens == fresh
    assert (used.cache_read_input_tokens or 0, used.cache_creation_input_tokens or 0) == (read, written)
    assert used.output_tokens == output


def turn(answer: Message) -> list[MessageParam]:
    """The answer as it comes back, with the results of its calls."""
    results: list[ToolResultBlockParam] = [
        {"type": "tool_result", "tool_use_id": block.id, "content": recordings.RESULTS[block.name]}
        for block in answer.content
        if block.type == "tool_use"
    ]
    blocks: Any = [block.to_dict() for block in answer.content]
    return [{"role": "assistant", "content": blocks}, {"role": "user", "content": results}]


@pytest.mark.parametrize("conversation", recordings.WHOLE, ids=lambda each: each.provider)
def test_two_turns_with_tools(client: Anthropic, replayed: Replayed, conversation: Conversation) -> None:
    converse(client, replayed, conversation, whole)


@pytest.mark.parametrize("conversation", recordings.STREAMED, ids=lambda each: each.provider)
def test_two_turns_with_tools_in_streams(
    client: Anthropic, replayed: Replayed, conversation: Conversation
) -> None:
    converse(client, replayed, conversation, streamed)


def converse(client: Anthropic, replayed: Replayed, conversation: Conversation, ask: Any) -> None:
    model, upstream = conversation.model, replayed.stub(conversation.model)
    upstream.replay(conversation.first.id, conversation.second.id)
    options: dict[str, Any] = {"system": recordings.SYSTEM, "tools": TOOLS, "tool_choice": {"type": "auto"}}
    first, first_request = ask(client, model, ASKED, **options)
    assert_says(first, conversation.first, model)
    second, second_request = ask(client, model, [*ASKED, *turn(first)], **options)
    assert_says(second, conversation.second, model)

    bodies = [sent.json() for sent in upstream.requests]
    assert len(bodies) == 2
    called = [name for name, _ in conversation.first.calls]
    assert recordings.results_sent(conversation.provider, bodies[1]) == [
        recordings.RESULTS[name] for name in called
    ]
    assert len(recordings.calls_sent(conversation.provider, bodies[1])) == len(called)
    assert all(recordings.SYSTEM in json.dumps(body) for body in bodies)
    assert_booked(replayed.entry(first_request), conversation.first.buckets)
    assert_booked(replayed.entry(second_request), conversation.second.buckets)


@pytest.mark.parametrize("model", [OPENAI, CLAUDE, GEMINI])
def test_an_image_reaches_the_provider_whole(client: Anthropic, replayed: Replayed, model: str) -> None:
    ids = {OPENAI: "60338d6e9ae1", CLAUDE: "a4ef8f45e6e3", GEMINI: "6dcf894e0436"}
    replayed.stub(model).replay(ids[model])
    whole(client, model, IMAGE)
    (sent,) = replayed.stub(model).requests
    provider: Any = model.partition("/")[0]
    assert recordings.image_sent(provider, sent.json()) == recordings.PNG


@pytest.mark.parametrize("model", [OPENAI, CLAUDE, GEMINI])
def test_structured_output(client: Anthropic, replayed: Replayed, model: str) -> None:
    text = '{"city": "Barcelona", "country": "Spain", "population": 1620343}'
    upstream = replayed.stub(model)
    if model == CLAUDE:
        upstream.replay("ba41b299be5b")
    elif model == GEMINI:
        said = {
            "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}]
        }
        used = {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30}
        upstream.script(json_answer({**said, "usageMetadata": used}))
    else:
        answer = json.loads(recorded("2b8a710cfc66").response.bytes)
        answer["choices"][0]["message"]["content"] = text
        upstream.script(json_answer(answer))
    parsed = client.messages.parse(model=model, max_tokens=1_024, messages=HELLO, output_format=City)
    assert parsed.parsed_output == City(city="Barcelona", country="Spain", population=1_620_343)
    assert asked_schema(model, upstream.requests[0].json())["required"] == ["city", "country", "population"]


def asked_schema(model: str, body: dict[str, Any]) -> dict[str, Any]:
    """The shape that the provider was asked for, natively."""
    if model == OPENAI:
        return body["response_format"]["json_schema"]["schema"]
    if model == CLAUDE:
        return body["output_config"]["format"]["schema"]
    wanted = body["generationConfig"]
    assert wanted["responseMimeType"] == "application/json"
    return wanted.get("responseJsonSchema") or wanted["responseSchema"]


def test_thinking_of_claude_comes_signed_and_is_asked_for(client: Anthropic, replayed: Replayed) -> None:
    replayed.anthropic.replay("6f1bc4a55bf5")
    answer, request = whole(
        client, CLAUDE, ASKED, tools=TOOLS, thinking={"type": "enabled", "budget_tokens": 1_023 + 1}
    )
    original = json.loads(recorded("6f1bc4a55bf5").response.bytes)
    assert [block.to_dict() for block in answer.content] == original["content"]
    assert replayed.anthropic.requests[0].json()["thinking"] == {"type": "enabled", "budget_tokens": 1_024}
    assert_booked(replayed.entry(request), (398, 0, 0, 0, 155))


def test_thoughts_of_gemini_are_thinking(client: Anthropic, replayed: Replayed) -> None:
    replayed.gemini.replay("6cdc5a14e4b3")
    thinking = {"type": "enabled", "budget_tokens": 2_048}
    answer, request = streamed(client, GEMINI, HELLO, thinking=thinking, extra_body={"max_tokens": 4_096})
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].type == "thinking"
    assert answer.content[0].thinking.startswith("**Pondering Mirror Queries**")
    assert replayed.gemini.requests[0].json()["generationConfig"]["thinkingConfig"]["includeThoughts"] is True
    assert_booked(replayed.entry(request), (44, 0, 0, 0, 608 + 902))
    assert replayed.entry(request)["reasoning"] == 902


def test_redacted_thinking_comes_through_and_goes_back(client: Anthropic, replayed: Replayed) -> None:
    replayed.anthropic.replay("d93718c7b87b", "a4ef8f45e6e3")
    answer, _ = whole(client, CLAUDE, HELLO)
    original = json.loads(recorded("d93718c7b87b").response.bytes)["content"]
    blocks: Any = [block.to_dict() for block in answer.content]
    assert blocks == original
    whole(client, CLAUDE, [*HELLO, {"role": "assistant", "content": blocks}, *HELLO])
    assert replayed.anthropic.requests[1].json()["messages"][1]["content"] == original


def test_cached_tokens_are_told_and_billed_apart(client: Anthropic, replayed: Replayed) -> None:
    replayed.anthropic.replay("804e5384f602")
    answer, request = whole(client, CLAUDE, HELLO, extra_body={"cache_control": {"type": "ephemeral"}})
    used = answer.usage
    assert (used.input_tokens, used.cache_read_input_tokens, used.cache_creation_input_tokens) == (
        3,
        1111,
        418,
    )
    assert replayed.anthropic.requests[0].json()["cache_control"] == {"type": "ephemeral"}
    assert_booked(replayed.entry(request), (3, 1111, 418, 0, 33))


@pytest.mark.parametrize("model", [OPENAI, CLAUDE, GEMINI])
def test_the_key_may_come_as_a_bearer_token_too(replayed: Replayed, model: str) -> None:
    ids = {OPENAI: "60338d6e9ae1", CLAUDE: "a4ef8f45e6e3", GEMINI: "6dcf894e0436"}
    replayed.stub(model).replay(ids[model])
    with Anthropic(base_url=replayed.origin, auth_token=replayed.operator.key(), api_key=None) as client:
        answer, _ = whole(client, model, HELLO)
    assert answer.content[0].type == "text"
    (sent,) = replayed.stub(model).requests
    assert "zk_live_" not in str(sent)


def test_tokens_are_counted_where_that_is_free_and_estimated_elsewhere(replayed: Replayed) -> None:
    replayed.anthropic.script(counted(42))
    key = replayed.operator.new_key()
    with Anthropic(base_url=replayed.origin, api_key=key, max_retries=0) as client:

        def count(model: str) -> int:
            return client.messages.count_tokens(model=model, messages=ASKED, tools=TOOLS).input_tokens

        assert count(CLAUDE) == 42
        assert replayed.anthropic.requests[0].path == "/v1/messages/count_tokens"
        assert "max_tokens" not in replayed.anthropic.requests[0].json()
        for model in (OPENAI, GEMINI):
            assert 10 < count(model) < 1_000
            assert replayed.stub(model).requests == []
        # What is asked after them is the first of this key to be booked.
        conversation = recordings.WHOLE[0]
        replayed.stub(conversation.model).replay(conversation.second.id)
        _, request = whole(client, conversation.model, HELLO)
        booked = replayed.entry(request)
        assert [row for row in replayed.operator.rows("ledger") if row["key"] == booked["key"]] == [booked]


def test_what_was_spent_is_told_to_the_key_and_to_the_operator(replayed: Replayed) -> None:
    key = replayed.operator.new_key()
    spent = 0
    with Anthropic(base_url=replayed.origin, api_key=key, max_retries=0) as client:
        for conversation in recordings.WHOLE:
            replayed.stub(conversation.model).replay(conversation.second.id)
            _, request = whole(client, conversation.model, HELLO)
            spent += replayed.entry(request)["cost"]
    me = replayed.gateway.ask("/me", key).json()
    assert me["api_key"]["spend_micro_usd"] == -(-spent // 1_000)
    id = me["api_key"]["id"]
    rows = [row for row in replayed.operator.admin("usage")["rows"] if row["key_id"] == id]
    assert sorted(row["model"] for row in rows) == sorted((OPENAI, CLAUDE, GEMINI))
    assert [row["requests"] for row in rows] == [1, 1, 1]
