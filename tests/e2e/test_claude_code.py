"""A session of Claude Code's shape through a real gateway, on Claude, on Gemini and on OpenAI's models."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from anthropic import Anthropic
from anthropic.types.beta import BetaMessage

from tests.e2e import claude_code, recordings
from tests.e2e.recordings import Conversation
from tests.e2e.replayed import CLAUDE, GEMINI, Replayed, assert_booked, replayed_gateway
from tests.upstreams.anthropic_stub import counted

REASONING = "openai/gpt-5.4"
MODELS = {"openai": REASONING, "anthropic": CLAUDE, "gemini": GEMINI}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Replayed]:
    with replayed_gateway(tmp_path_factory.mktemp("claude-code")) as running:
        yield running


@pytest.fixture
def replayed(shared: Replayed) -> Generator[Replayed]:
    shared.begin()
    yield shared
    shared.begin()


@pytest.fixture
def client(replayed: Replayed) -> Generator[Anthropic]:
    """As Claude Code signs where `ANTHROPIC_AUTH_TOKEN` is set."""
    with Anthropic(
        base_url=replayed.origin,
        auth_token=replayed.operator.key(),
        api_key=None,
        max_retries=0,
        default_headers=claude_code.HEADERS,
    ) as ready:
        yield ready


def ask(client: Anthropic, model: str, messages: list[dict[str, Any]]) -> tuple[BetaMessage, str]:
    """One turn, streamed, to `/v1/messages?beta=true`; with the request's id."""
    body: Any = claude_code.asked(model, messages)
    with client.beta.messages.stream(
        **body, extra_query={"beta": "true"}, extra_body={"temperature": 1}
    ) as events:
        final = events.get_final_message()
        request = events.response.headers["x-request-id"]
        assert events.response.request.url.params["beta"] == "true"
    return final, request


def turn(answer: BetaMessage) -> list[dict[str, Any]]:
    blocks = [block.to_dict() for block in answer.content]
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": recordings.RESULTS[block.name]}
        for block in answer.content
        if block.type == "tool_use"
    ]
    return [{"role": "assistant", "content": blocks}, {"role": "user", "content": results}]


@pytest.mark.parametrize("conversation", recordings.STREAMED, ids=lambda each: each.provider)
def test_a_session_goes_on(client: Anthropic, replayed: Replayed, conversation: Conversation) -> None:
    provider, model = conversation.provider, MODELS[conversation.provider]
    replayed.stub(provider).replay(conversation.first.id, conversation.second.id)
    messages = claude_code.beginning()
    first, first_request = ask(client, model, messages)
    called = [(block.name, block.input) for block in first.content if block.type == "tool_use"]
    assert (called, first.stop_reason) == (list(conversation.first.calls), "tool_use")
    messages = [*messages, *turn(first)]
    second, second_request = ask(client, model, messages)
    assert "".join(block.text for block in second.content if block.type == "text") == conversation.second.text
    assert second.stop_reason == "end_turn"

    assert_booked(replayed.entry(first_request), conversation.first.buckets)
    assert_booked(replayed.entry(second_request), conversation.second.buckets)
    one, two = (sent.json() for sent in replayed.stub(provider).requests)
    assert len(recordings.calls_sent(provider, one)) == 2
    assert len(recordings.calls_sent(provider, two)) == 2 + len(called)
    results = recordings.results_sent(provider, two)
    assert results[0] == "README.md\npyproject.toml"
    assert "File does not exist." in results[1]
    assert results[2:] == [recordings.RESULTS[name] for name, _ in called]


def test_claude_gets_exactly_what_was_sent(client: Anthropic, replayed: Replayed) -> None:
    replayed.anthropic.replay("4b95f756b24a")
    ask(client, CLAUDE, claude_code.beginning())
    (sent,) = replayed.anthropic.requests
    wanted = {
        **claude_code.asked("claude-sonnet-4-6", claude_code.beginning()),
        "stream": True,
        "temperature": 1,
    }
    assert sent.json() == wanted
    assert set((sent.header("anthropic-beta") or "").split(",")) >= set(claude_code.BETAS)
    assert "zk_live_" not in str(sent)
    assert sent.header("x-app") is None


def test_openai_gets_all_that_it_can_use(client: Anthropic, replayed: Replayed) -> None:
    replayed.openai.replay("5b92581ae4cd")
    ask(client, REASONING, claude_code.beginning())
    (sent,) = replayed.openai.requests
    body = sent.json()
    assert_nothing_of_anthropic_s(sent.body.decode())
    instructions = [
        text for each in body["messages"] if each["role"] in ("system", "developer") for text in said(each)
    ]
    assert instructions == [claude_code.IDENTITY, claude_code.INSTRUCTIONS]
    functions = [tool["function"] for tool in body["tools"]]
    assert [each["name"] for each in functions] == [each["name"] for each in claude_code.tools()]
    assert [each["parameters"] for each in functions] == [
        each["input_schema"] for each in claude_code.tools()
    ]
    assert [each["role"] for each in body["messages"][-4:]] == ["user", "assistant", "tool", "tool"]
    assert body["reasoning_effort"] in ("medium", "high", "xhigh")
    assert body["max_completion_tokens"] == 32_000
    assert len(body["user"]) <= 64
    assert body["stream_options"] == {"include_usage": True}


def test_gemini_gets_all_that_it_can_use(client: Anthropic, replayed: Replayed) -> None:
    replayed.gemini.replay("051501bfcacb")
    ask(client, GEMINI, claude_code.beginning())
    (sent,) = replayed.gemini.requests
    body = sent.json()
    assert_nothing_of_anthropic_s(sent.body.decode())
    assert [part["text"] for part in body["systemInstruction"]["parts"]] == [
        claude_code.IDENTITY,
        claude_code.INSTRUCTIONS,
    ]
    declared = [each for tool in body["tools"] for each in tool["functionDeclarations"]]
    assert [each["name"] for each in declared] == [each["name"] for each in claude_code.tools()]
    assert all("file_path" in json.dumps(each) for each in declared)
    assert [turn["role"] for turn in body["contents"]] == ["user", "model", "user"]
    config = body["generationConfig"]
    assert (config["maxOutputTokens"], config["thinkingConfig"]["includeThoughts"]) == (32_000, True)


def assert_nothing_of_anthropic_s(body: str) -> None:
    """No cache mark, no signature of Claude's, no member that only Anthropic knows."""
    for each in ("cache_control", claude_code.SIGNATURE, "budget_tokens", '"metadata"'):
        assert each not in body


def said(message: dict[str, Any]) -> list[str]:
    content = message["content"]
    return [content] if isinstance(content, str) else [part["text"] for part in content]


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, REASONING])
def test_it_counts_before_it_asks(client: Anthropic, replayed: Replayed, model: str) -> None:
    if model == CLAUDE:
        replayed.anthropic.script(counted(9_321))
    body: Any = claude_code.asked(model, claude_code.beginning())
    wanted: Any = {name: body[name] for name in ("model", "messages", "system", "tools", "thinking")}
    tokens = client.beta.messages.count_tokens(**wanted).input_tokens
    assert tokens == 9_321 if model == CLAUDE else 4_000 < tokens < 40_000
