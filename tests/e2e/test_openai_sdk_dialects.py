"""OpenAI's official SDK against Claude and Gemini, which answer it as OpenAI does."""

import json
from collections.abc import Generator, Mapping
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests.e2e import recordings
from tests.e2e.recordings import Conversation, Recording
from tests.e2e.replayed import CLAUDE, GEMINI, Replayed, assert_booked, replayed_gateway
from tests.e2e.sdk_material import HELLO, PIXEL, WITH_IMAGE, City
from tests.upstreams.replaying import recorded


class Sum(BaseModel):
    """A shape to answer in."""

    integer_a: int
    integer_b: int
    answer: int


TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {"name": name, "description": said, "parameters": recordings.TOOL_SCHEMA},
    }
    for name, said in recordings.TOOLS.items()
]
ASKED: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": recordings.SYSTEM},
    {"role": "user", "content": recordings.QUESTION},
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Replayed]:
    with replayed_gateway(tmp_path_factory.mktemp("openai-sdk")) as running:
        yield running


@pytest.fixture
def replayed(shared: Replayed) -> Generator[Replayed]:
    shared.begin()
    yield shared
    shared.begin()


@pytest.fixture
def client(replayed: Replayed) -> Generator[OpenAI]:
    with OpenAI(base_url=replayed.gateway.base_url, api_key=replayed.operator.key(), max_retries=0) as ready:
        yield ready


def whole(client: OpenAI, model: str, messages: Any, **more: Any) -> tuple[ChatCompletion, str]:
    """The answer, and the id of the request."""
    create: Any = client.chat.completions.with_raw_response.create
    raw = create(model=model, messages=messages, **more)
    return raw.parse(), raw.headers["x-request-id"]


def streamed(client: OpenAI, model: str, messages: Any, **more: Any) -> tuple[ChatCompletion, str]:
    """The same of a stream, as the SDK gathers it."""
    with client.chat.completions.stream(model=model, messages=messages, **more) as events:
        final = events.get_final_completion()
        request = events._response.headers["x-request-id"]  # pyright: ignore[reportPrivateUsage] # the only place
    return final, request


def assert_says(answer: ChatCompletion, wanted: Recording, model: str) -> None:
    (choice,) = answer.choices
    calls = [
        (call.function.name, json.loads(call.function.arguments))
        for call in choice.message.tool_calls or ()
        if call.type == "function"
    ]
    assert (choice.message.content or None) == wanted.text
    assert calls == list(wanted.calls)
    assert choice.finish_reason == ("tool_calls" if calls else "stop")
    assert (answer.model, answer.id[:5]) == (model, "cmpl_")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == sum(wanted.buckets[:4])
    assert answer.usage.completion_tokens == wanted.buckets[4]


def turn(answer: ChatCompletion) -> list[Mapping[str, Any]]:
    """The answer as it comes back, with the results of its calls."""
    message = answer.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": recordings.RESULTS[call.function.name]}
        for call in message.tool_calls or ()
        if call.type == "function"
    ]
    return [message.to_dict(), *results]


def foreign(conversations: tuple[Conversation, ...]) -> list[Conversation]:
    """Those with providers that do not speak OpenAI's protocol."""
    return [each for each in conversations if each.provider != "openai"]


@pytest.mark.parametrize("conversation", foreign(recordings.WHOLE), ids=lambda each: each.provider)
def test_two_turns_with_tools(client: OpenAI, replayed: Replayed, conversation: Conversation) -> None:
    converse(client, replayed, conversation, whole)


@pytest.mark.parametrize("conversation", foreign(recordings.STREAMED), ids=lambda each: each.provider)
def test_two_turns_with_tools_in_streams(
    client: OpenAI, replayed: Replayed, conversation: Conversation
) -> None:
    converse(client, replayed, conversation, streamed)


def converse(client: OpenAI, replayed: Replayed, conversation: Conversation, ask: Any) -> None:
    model, upstream = conversation.model, replayed.stub(conversation.model)
    upstream.replay(conversation.first.id, conversation.second.id)
    first, first_request = ask(client, model, ASKED, tools=TOOLS, tool_choice="auto")
    assert_says(first, conversation.first, model)
    second, second_request = ask(client, model, [*ASKED, *turn(first)], tools=TOOLS, tool_choice="auto")
    assert_says(second, conversation.second, model)
    called = [recordings.RESULTS[name] for name, _ in conversation.first.calls]
    bodies = [sent.json() for sent in upstream.requests]
    assert recordings.results_sent(conversation.provider, bodies[1]) == called
    assert len(recordings.calls_sent(conversation.provider, bodies[1])) == len(called)
    assert_booked(replayed.entry(first_request), conversation.first.buckets)
    assert_booked(replayed.entry(second_request), conversation.second.buckets)


@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_an_image_reaches_the_provider_whole(client: OpenAI, replayed: Replayed, model: str) -> None:
    replayed.stub(model).replay({CLAUDE: "a4ef8f45e6e3", GEMINI: "6dcf894e0436"}[model])
    whole(client, model, WITH_IMAGE)
    (sent,) = replayed.stub(model).requests
    provider: Any = model.partition("/")[0]
    assert recordings.image_sent(provider, sent.json()) == PIXEL.removeprefix("data:image/png;base64,")


def test_structured_output_of_claude(client: OpenAI, replayed: Replayed) -> None:
    replayed.anthropic.replay("ba41b299be5b")
    wanted = {
        "type": "json_schema",
        "json_schema": {"name": "city", "strict": True, "schema": City.model_json_schema()},
    }
    answer, _ = whole(client, CLAUDE, HELLO, response_format=wanted)
    assert json.loads(answer.choices[0].message.content or "")["population"] == 1_620_343
    asked = replayed.anthropic.requests[0].json()["output_config"]["format"]
    assert asked["type"] == "json_schema"
    assert asked["schema"]["required"] == ["name", "inhabitants"]


def test_structured_output_of_gemini(client: OpenAI, replayed: Replayed) -> None:
    replayed.gemini.replay("c33fa88973c3")
    with client.chat.completions.stream(model=GEMINI, messages=HELLO, response_format=Sum) as events:
        text = "".join(event.delta for event in events if event.type == "content.delta")
        final = events.get_final_completion().choices[0].message
    assert text == final.content
    assert final.parsed == Sum(integer_a=2, integer_b=2, answer=4)
    asked = replayed.gemini.requests[0].json()["generationConfig"]
    assert asked["responseMimeType"] == "application/json"


def test_a_stream_begins_with_reasoning(client: OpenAI, replayed: Replayed) -> None:
    replayed.gemini.replay("6cdc5a14e4b3")
    thought, said = "", ""
    with client.chat.completions.create(
        model=GEMINI, messages=HELLO, stream=True, reasoning_effort="high"
    ) as chunks:
        for chunk in chunks:
            for choice in chunk.choices:
                assert not (said and getattr(choice.delta, "reasoning_content", None))
                thought += getattr(choice.delta, "reasoning_content", None) or ""
                said += choice.delta.content or ""
    assert thought.startswith("**Pondering Mirror Queries**")
    assert said.startswith("To see your future self in such a mirror")
    config = replayed.gemini.requests[0].json()["generationConfig"]["thinkingConfig"]
    assert (config["thinkingLevel"], config["includeThoughts"]) == ("HIGH", True)


def test_a_stream_that_breaks_inside_is_an_error(client: OpenAI, replayed: Replayed) -> None:
    replayed.anthropic.replay("e4ffb2cc18ee")
    with client.chat.completions.create(model=CLAUDE, messages=HELLO, stream=True) as chunks:
        told: list[str | None] = []
        with pytest.raises(openai.APIError, match="Overloaded"):
            told.extend(chunk.choices[0].delta.content for chunk in chunks)
    assert "".join(each or "" for each in told) == "Hello"


def test_what_is_dropped_is_named(client: OpenAI, replayed: Replayed) -> None:
    replayed.anthropic.replay("a4ef8f45e6e3")
    raw = client.chat.completions.with_raw_response.create(model=CLAUDE, messages=HELLO, seed=7)
    assert raw.headers["x-zai-dropped"] == "seed"
    assert "seed" not in replayed.anthropic.requests[0].json()


def test_what_claude_cannot_do_is_refused_by_name(client: OpenAI, replayed: Replayed) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=CLAUDE, messages=HELLO, n=2)
    assert refused.value.param == "n"
    assert replayed.anthropic.requests == []


def test_the_recorded_answers_are_what_the_test_says() -> None:
    for conversation in (*recordings.WHOLE, *recordings.STREAMED):
        for each in (conversation.first, conversation.second):
            said = recorded(each.id).response.bytes.decode()
            assert all(f'"{name}"' in said for name, _ in each.calls)
