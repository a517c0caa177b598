"""LangChain's OpenAI client against a real gateway before OpenAI, Claude and Gemini."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool  # pyright: ignore[reportUnknownVariableType] # its overloads are untyped
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from tests.e2e import recordings
from tests.e2e.recordings import Conversation, Recording
from tests.e2e.replayed import CLAUDE, GEMINI, OPENAI, Replayed, replayed_gateway


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


class City(BaseModel):
    """A city."""

    city: str
    country: str
    population: int


ASKED: list[BaseMessage] = [SystemMessage(recordings.SYSTEM), HumanMessage(recordings.QUESTION)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Replayed]:
    with replayed_gateway(tmp_path_factory.mktemp("langchain")) as running:
        yield running


@pytest.fixture
def replayed(shared: Replayed) -> Generator[Replayed]:
    shared.begin()
    yield shared
    shared.begin()


def model_of(replayed: Replayed, name: str) -> ChatOpenAI:
    return ChatOpenAI(
        model=name,
        base_url=replayed.gateway.base_url,
        api_key=SecretStr(replayed.operator.key()),
        max_retries=0,
        stream_usage=True,
    )


def whole(model: Any, messages: list[BaseMessage]) -> AIMessage:
    return model.invoke(messages)


def streamed(model: Any, messages: list[BaseMessage]) -> AIMessage:
    gathered: AIMessageChunk | None = None
    for chunk in model.stream(messages):
        gathered = chunk if gathered is None else gathered + chunk
    assert gathered is not None
    return gathered


def assert_says(message: AIMessage, wanted: Recording) -> None:
    assert message.text == (wanted.text or "")
    assert [(call["name"], call["args"]) for call in message.tool_calls] == list(wanted.calls)
    used = message.usage_metadata
    assert used is not None
    assert (used["input_tokens"], used["output_tokens"]) == (sum(wanted.buckets[:4]), wanted.buckets[4])


def converse(replayed: Replayed, conversation: Conversation, ask: Any) -> None:
    upstream = replayed.stub(conversation.model)
    upstream.replay(conversation.first.id, conversation.second.id)
    unbound: Any = model_of(replayed, conversation.model)
    model = unbound.bind_tools([add, multiply])
    first: AIMessage = ask(model, ASKED)
    assert_says(first, conversation.first)
    results = [
        ToolMessage(recordings.RESULTS[call["name"]], tool_call_id=call["id"]) for call in first.tool_calls
    ]
    second: AIMessage = ask(model, [*ASKED, first, *results])
    assert_says(second, conversation.second)
    called = [recordings.RESULTS[name] for name, _ in conversation.first.calls]
    assert recordings.results_sent(conversation.provider, upstream.requests[1].json()) == called


@pytest.mark.parametrize("conversation", recordings.WHOLE, ids=lambda each: each.provider)
def test_two_turns_with_tools(replayed: Replayed, conversation: Conversation) -> None:
    converse(replayed, conversation, whole)


@pytest.mark.parametrize("conversation", recordings.STREAMED, ids=lambda each: each.provider)
def test_two_turns_with_tools_in_streams(replayed: Replayed, conversation: Conversation) -> None:
    converse(replayed, conversation, streamed)


@pytest.mark.parametrize("model", [OPENAI, CLAUDE, GEMINI])
def test_an_image_reaches_the_provider_whole(replayed: Replayed, model: str) -> None:
    ids = {OPENAI: "60338d6e9ae1", CLAUDE: "a4ef8f45e6e3", GEMINI: "6dcf894e0436"}
    replayed.stub(model).replay(ids[model])
    url = f"data:image/png;base64,{recordings.PNG}"
    content: list[Any] = [{"type": "text", "text": "This?"}, {"type": "image_url", "image_url": {"url": url}}]
    model_of(replayed, model).invoke([HumanMessage(content)])
    (sent,) = replayed.stub(model).requests
    provider: Any = model.partition("/")[0]
    assert recordings.image_sent(provider, sent.json()) == recordings.PNG


def test_structured_output(replayed: Replayed) -> None:
    replayed.anthropic.replay("ba41b299be5b")
    plain: Any = model_of(replayed, CLAUDE)
    found = plain.with_structured_output(City, method="json_schema").invoke("Barcelona?")
    assert found == City(city="Barcelona", country="Spain", population=1_620_343)
    assert "population" in json.dumps(replayed.anthropic.requests[0].json()["output_config"])
