"""The Vercel AI SDK against a real gateway: its OpenAI clients and its Anthropic one, on three providers."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import recordings
from tests.e2e.recordings import Conversation
from tests.e2e.replayed import CLAUDE, GEMINI, OPENAI, Replayed, replayed_gateway
from tests.e2e.vercel_client import ask, installed
from tests.upstreams import anthropic_stub

CLIENTS = ("openai-compatible", "openai", "anthropic")
ANSWERS = {OPENAI: "60338d6e9ae1", CLAUDE: "a4ef8f45e6e3", GEMINI: "6dcf894e0436"}


@pytest.fixture(scope="module")
def packages() -> Path:
    return installed()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Replayed]:
    with replayed_gateway(tmp_path_factory.mktemp("vercel")) as running:
        yield running


@pytest.fixture
def replayed(shared: Replayed) -> Generator[Replayed]:
    shared.begin()
    yield shared
    shared.begin()


def told(packages: Path, replayed: Replayed, client: str, model: str, **job: Any) -> dict[str, Any]:
    base_url, key = replayed.gateway.base_url, replayed.operator.key()
    return ask(packages, client=client, model=model, baseUrl=base_url, key=key, **job)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("conversation", recordings.WHOLE, ids=lambda each: each.provider)
def test_tools_are_called_and_answered(
    packages: Path, replayed: Replayed, client: str, conversation: Conversation
) -> None:
    converse(packages, replayed, client, conversation, streamed=False)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("conversation", recordings.STREAMED, ids=lambda each: each.provider)
def test_tools_are_called_and_answered_in_streams(
    packages: Path, replayed: Replayed, client: str, conversation: Conversation
) -> None:
    converse(packages, replayed, client, conversation, streamed=True)


def converse(
    packages: Path, replayed: Replayed, client: str, conversation: Conversation, *, streamed: bool
) -> None:
    upstream = replayed.stub(conversation.model)
    upstream.replay(conversation.first.id, conversation.second.id)
    found = told(packages, replayed, client, conversation.model, tools=True, streamed=streamed)
    assert "error" not in found, found
    first, second = found["steps"]
    assert first["calls"] == [[name, given] for name, given in conversation.first.calls]
    results = [
        given["a"] + given["b"] if name == "add" else given["a"] * given["b"]
        for name, given in first["calls"]
    ]
    assert first["results"] == results
    assert (found["text"], found["finish"]) == (conversation.second.text, "stop")
    for step, wanted in ((first, conversation.first), (second, conversation.second)):
        assert step["used"] == [sum(wanted.buckets[:4]), wanted.buckets[4]]
    sent = upstream.requests[1].json()
    assert recordings.results_sent(conversation.provider, sent) == [str(each) for each in results]


def computed(tool: str, given: dict[str, int]) -> int:
    return given["a"] + given["b"] if tool == "add" else given["a"] * given["b"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("model", [OPENAI, CLAUDE, GEMINI])
def test_an_image_reaches_the_provider_whole(
    packages: Path, replayed: Replayed, client: str, model: str
) -> None:
    replayed.stub(model).replay(ANSWERS[model])
    assert told(packages, replayed, client, model, image=recordings.PNG)["text"]
    provider: Any = model.partition("/")[0]
    (sent,) = replayed.stub(model).requests
    assert recordings.image_sent(provider, sent.json()) == recordings.PNG


@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_structured_output(packages: Path, replayed: Replayed, client: str) -> None:
    replayed.anthropic.replay("ba41b299be5b")
    found = told(packages, replayed, client, CLAUDE, structured=True)
    assert found["object"] == {"city": "Barcelona", "country": "Spain", "population": 1_620_343}


@pytest.mark.parametrize("client", CLIENTS)
def test_reasoning_is_told_apart(packages: Path, replayed: Replayed, client: str) -> None:
    replayed.gemini.replay("6cdc5a14e4b3")
    found = told(packages, replayed, client, GEMINI, streamed=True)
    assert found["text"].startswith("To see your future self in such a mirror")
    reasoning = found["steps"][0]["reasoning"]
    if client != "openai":  # which knows no reasoning in chat completions
        assert reasoning.startswith("**Pondering Mirror Queries**")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_failure_is_told_as_what_it_is(packages: Path, replayed: Replayed, client: str) -> None:
    wrong = anthropic_stub.problem(400, "invalid_request_error", "messages.0: all is wrong")
    replayed.anthropic.script(wrong)
    error = told(packages, replayed, client, CLAUDE)["error"]
    assert (error["name"], error["status"]) == ("AI_APICallError", 400)
    assert "all is wrong" in error["message"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_stream_that_breaks_inside_is_an_error(packages: Path, replayed: Replayed, client: str) -> None:
    replayed.anthropic.replay("e4ffb2cc18ee")
    found = told(packages, replayed, client, CLAUDE, streamed=True)
    assert "Overloaded" in str(found["error"])
