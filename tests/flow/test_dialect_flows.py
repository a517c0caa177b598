"""A turn comes back: reasoning, signatures and calls reach the provider as it said them, whoever asks."""

import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.flow.stage import OPERATOR, Stage, staged
from tests.upstreams.answers import completion, json_answer
from tests.upstreams.anthropic_stub import anthropic_stub
from tests.upstreams.gemini_stub import gemini_stub
from tests.upstreams.replaying import ReplayingStub, recorded
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.terms import IssuedKey

CLAUDE = "anthropic/claude-sonnet-4-20250514"
GEMINI = "gemini/gemini-3-pro-preview"
ANTHROPIC_SECRET = "sk-ant-upstream-secret-8d1f2c"
GOOGLE_SECRET = "AIza-upstream-secret-8d1f2c"


class Flow:
    """The stage with two more providers."""

    def __init__(self, stage: Stage, anthropic: ReplayingStub, gemini: ReplayingStub) -> None:
        self.stage = stage
        self.anthropic = anthropic
        self.gemini = gemini
        self._key: IssuedKey = stage.key()

    async def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer's JSON, or of a stream the data of each event."""
        headers = {"Authorization": f"Bearer {self._key.secret}", "Content-Type": "application/json"}
        async with self.stage.session.post(
            f"{self.stage.base_url}{path}", data=json.dumps(body).encode(), headers=headers
        ) as response:
            text = await response.text()
            assert response.status == 200, text
        if not body.get("stream"):
            return json.loads(text)
        data = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: {")]
        return [json.loads(each) for each in data]


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncGenerator[Flow]:
    with anthropic_stub(ANTHROPIC_SECRET) as anthropic, gemini_stub(GOOGLE_SECRET) as gemini:
        async with staged(tmp_path / "data") as stage:
            keys = stage.house.accounts.provider_keys
            for name, secret, stub in (
                ("anthropic", ANTHROPIC_SECRET, anthropic),
                ("gemini", GOOGLE_SECRET, gemini),
            ):
                wanted = NewProviderKey(provider=name, secret=secret, base_url=stub.base_url)
                keys.add(OPERATOR, stage.workspace, wanted)
            yield Flow(stage, anthropic, gemini)
        anthropic.begin()
        gemini.begin()


def chat_tools(*names: str) -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
    return [{"type": "function", "function": {"name": name, "parameters": schema}} for name in names]


def messages_tools(*names: str) -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
    return [{"name": name, "input_schema": schema} for name in names]


def gathered(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a client of OpenAI's protocol makes of a stream's chunks."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: dict[int, dict[str, Any]] = {}
    details: dict[int, dict[str, Any]] = {}
    deltas: list[dict[str, Any]] = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    for delta in deltas:
        message["content"] += delta.get("content") or ""
        if "extra_content" in delta:
            message["extra_content"] = _merged(message.get("extra_content"), delta["extra_content"])
        for piece in delta.get("reasoning_details") or ():
            details[piece["index"]] = _merged(details.get(piece["index"]), piece)
        for piece in delta.get("tool_calls") or ():
            calls[piece["index"]] = _merged(calls.get(piece["index"]), piece)
    if details:
        message["reasoning_details"] = [details[index] for index in sorted(details)]
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
        for call in message["tool_calls"]:
            del call["index"]
    return message


_GROWING = ("text", "arguments", "summary", "data")


def _merged(before: dict[str, Any] | None, piece: dict[str, Any]) -> dict[str, Any]:
    whole = dict(before or {})
    for name, value in piece.items():
        if isinstance(value, dict):
            whole[name] = _merged(whole.get(name), value)  # pyright: ignore[reportUnknownArgumentType] # JSON
        elif name in _GROWING and isinstance(value, str):
            whole[name] = whole.get(name, "") + value
        elif value is not None:
            whole[name] = value
    return whole


def results(message: Mapping[str, Any], *said: str) -> list[dict[str, Any]]:
    """The results of a message's calls, in OpenAI's form."""
    calls = message["tool_calls"]
    return [
        {"role": "tool", "tool_call_id": call["id"], "content": text}
        for call, text in zip(calls, said, strict=True)
    ]


COUNTRY = "What is the largest city in the user country?"


async def test_claude_gets_its_thinking_back_from_openai_s_clients(flow: Flow) -> None:
    """The recorded second request is what the recorded first answer must lead to."""
    flow.anthropic.replay("6f1bc4a55bf5", "18d3172aac35")
    asked: dict[str, Any] = {
        "model": CLAUDE,
        "max_tokens": 4_096,
        "reasoning": {"max_tokens": 3_000},
        "tools": chat_tools("get_user_country"),
        "messages": [{"role": "user", "content": COUNTRY}],
    }
    message = (await flow.ask("/chat/completions", asked))["choices"][0]["message"]
    more = [message, *results(message, "Mexico")]
    await flow.ask("/chat/completions", {**asked, "messages": [*asked["messages"], *more]})
    assert_claude_got_it_back(flow)


async def test_claude_gets_its_thinking_back_from_its_own_clients(flow: Flow) -> None:
    flow.anthropic.replay("6f1bc4a55bf5", "18d3172aac35")
    asked: dict[str, Any] = {
        "model": CLAUDE,
        "max_tokens": 4_096,
        "thinking": {"type": "enabled", "budget_tokens": 3_000},
        "tools": messages_tools("get_user_country"),
        "messages": [{"role": "user", "content": COUNTRY}],
    }
    blocks = (await flow.ask("/messages", asked))["content"]
    result = {"type": "tool_result", "tool_use_id": blocks[-1]["id"], "content": "Mexico"}
    more = [{"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
    await flow.ask("/messages", {**asked, "messages": [*asked["messages"], *more]})
    assert_claude_got_it_back(flow)


def assert_claude_got_it_back(flow: Flow) -> None:
    first, second = (sent.json() for sent in flow.anthropic.requests)
    assert first["thinking"] == {"type": "enabled", "budget_tokens": 3_000}
    wanted = json.loads(recorded("18d3172aac35").request.bytes or b"")["messages"]
    assert second["messages"][1] == wanted[1]
    (result,) = second["messages"][2]["content"]
    assert (result["tool_use_id"], _text(result["content"])) == (
        wanted[2]["content"][0]["tool_use_id"],
        "Mexico",
    )


def _text(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


async def test_claude_s_streamed_thinking_comes_back_whole(flow: Flow) -> None:
    flow.anthropic.replay("ea8fea934f4f", "841f4be56269")
    asked: dict[str, Any] = {
        "model": CLAUDE,
        "max_tokens": 4_096,
        "stream": True,
        "reasoning": {"max_tokens": 1_024},
        "tools": chat_tools("multiply"),
        "messages": [{"role": "user", "content": "17 times 23?"}],
    }
    message = gathered(await flow.ask("/chat/completions", asked))
    more = [message, *results(message, "391")]
    await flow.ask("/chat/completions", {**asked, "messages": [*asked["messages"], *more]})
    returned = flow.anthropic.requests[1].json()["messages"][1]["content"]
    assert [_kept(block) for block in returned] == [
        {
            "type": "thinking",
            "thinking": "The user wants to multiply 17 and 23.",
            "signature": "signature_REDACTED_1",
        },
        {"type": "text", "text": "Sure! Let me compute 17 times 23 right away!"},
        {"type": "tool_use", "id": "toolu_REDACTED_1", "name": "multiply", "input": {"a": 17, "b": 23}},
    ]


def _kept(block: dict[str, Any]) -> dict[str, Any]:
    """A block without who called the tool, which is told and need not come back."""
    return {name: value for name, value in block.items() if name != "caller"}


async def test_redacted_thinking_comes_back_from_openai_s_clients(flow: Flow) -> None:
    flow.anthropic.replay("d93718c7b87b", "a4ef8f45e6e3")
    asked: dict[str, Any] = {"model": CLAUDE, "messages": [{"role": "user", "content": "Hello"}]}
    message = (await flow.ask("/chat/completions", asked))["choices"][0]["message"]
    again = [*asked["messages"], message, {"role": "user", "content": "And?"}]
    await flow.ask("/chat/completions", {**asked, "messages": again})
    said = json.loads(recorded("d93718c7b87b").response.bytes)["content"]
    assert said[0]["type"] == "redacted_thinking"
    assert flow.anthropic.requests[1].json()["messages"][1]["content"] == said


@pytest.mark.parametrize("id", ["628c993a98fd", "0e8e8937d96a"], ids=["whole", "streamed"])
async def test_gemini_gets_its_signatures_back_from_openai_s_clients(flow: Flow, id: str) -> None:
    streamed = recorded(id).response.sse is not None
    flow.gemini.replay(id, "051501bfcacb" if streamed else "6dcf894e0436")
    asked: dict[str, Any] = {
        "model": GEMINI,
        "stream": streamed,
        "tools": chat_tools("add", "multiply"),
        "messages": [{"role": "user", "content": "Add and multiply the number 2 and 3"}],
    }
    answer = await flow.ask("/chat/completions", asked)
    message = gathered(answer) if streamed else answer["choices"][0]["message"]
    more = [message, *results(message, "5", "6")]
    await flow.ask("/chat/completions", {**asked, "messages": [*asked["messages"], *more]})
    assert_gemini_got_it_back(flow, id)


@pytest.mark.parametrize("id", ["628c993a98fd", "0e8e8937d96a"], ids=["whole", "streamed"])
async def test_gemini_gets_its_signatures_back_from_anthropic_s_clients(flow: Flow, id: str) -> None:
    streamed = recorded(id).response.sse is not None
    flow.gemini.replay(id, "051501bfcacb" if streamed else "6dcf894e0436")
    asked: dict[str, Any] = {
        "model": GEMINI,
        "max_tokens": 4_096,
        "stream": streamed,
        "tools": messages_tools("add", "multiply"),
        "messages": [{"role": "user", "content": "Add and multiply the number 2 and 3"}],
    }
    answer = await flow.ask("/messages", asked)
    blocks = _blocks(answer) if streamed else answer["content"]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    said = [
        {"type": "tool_result", "tool_use_id": call["id"], "content": text}
        for call, text in zip(calls, ("5", "6"), strict=True)
    ]
    more = [{"role": "assistant", "content": blocks}, {"role": "user", "content": said}]
    await flow.ask("/messages", {**asked, "messages": [*asked["messages"], *more]})
    assert_gemini_got_it_back(flow, id)


def _blocks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks that a client of Anthropic's protocol makes of a stream's events."""
    blocks: list[dict[str, Any]] = []
    begun: dict[str, Any]
    written: dict[int, str] = {}
    for event in events:
        if event["type"] == "content_block_start":
            begun = event["content_block"]
            blocks.append(dict(begun))
        elif event["type"] == "content_block_delta":
            told: dict[str, Any] = event["delta"]
            delta = {name: value for name, value in told.items() if name != "type"}
            index: int = event["index"]
            if "partial_json" in delta:
                written[index] = written.get(index, "") + delta["partial_json"]
            else:
                block: dict[str, Any] = blocks[index]
                ((name, piece),) = delta.items()
                block[name] = block.get(name, "") + piece
    for index, text in written.items():
        blocks[index]["input"] = json.loads(text or "{}")
    return blocks


def assert_gemini_got_it_back(flow: Flow, id: str) -> None:
    """The model's turn is the recorded one, part by part."""
    said = [part for part in _recorded_parts(id) if part != {"text": ""}]
    contents = flow.gemini.requests[1].json()["contents"]
    assert [turn["role"] for turn in contents] == ["user", "model", "user"]
    assert contents[1]["parts"] == said
    answered = [part["functionResponse"] for part in contents[2]["parts"]]
    assert [each["name"] for each in answered] == ["add", "multiply"]
    assert [each["id"] for each in answered] == [part["functionCall"]["id"] for part in said]


def _recorded_parts(id: str) -> list[dict[str, Any]]:
    text = recorded(id).response.bytes.decode()
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    answers = [json.loads(each) for each in lines or [text]]
    return [part for each in answers for part in each["candidates"][0]["content"]["parts"]]


async def test_a_signature_goes_to_nobody_but_the_vendor_that_made_it(flow: Flow) -> None:
    """A conversation that Claude began goes on with Gemini, and with OpenAI."""
    flow.anthropic.replay("6f1bc4a55bf5")
    asked: dict[str, Any] = {
        "model": CLAUDE,
        "max_tokens": 4_096,
        "tools": messages_tools("get_user_country"),
        "messages": [{"role": "user", "content": COUNTRY}],
    }
    blocks = (await flow.ask("/messages", asked))["content"]
    result = {"type": "tool_result", "tool_use_id": blocks[-1]["id"], "content": "Mexico"}
    more = [{"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
    goes_on = {**asked, "messages": [*asked["messages"], *more]}
    flow.gemini.replay("6dcf894e0436")
    flow.stage.stub.script(json_answer(completion(content="Mexico City.")))
    await flow.ask("/messages", {**goes_on, "model": GEMINI})
    await flow.ask("/messages", {**goes_on, "model": "openai/gpt-5.4-mini"})
    signature = blocks[0]["signature"]
    assert len(signature) > 100
    for sent in (flow.gemini.requests[0], flow.stage.stub.requests[0]):
        body = sent.body.decode()
        assert signature not in body
        assert "Mexico" in body
        assert "get_user_country" in body
