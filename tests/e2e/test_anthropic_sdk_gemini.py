"""Anthropic's official SDK at Gemini: what Gemini signed in one turn comes back to it in the next."""

from collections.abc import Generator
from typing import Any

import pytest
from anthropic import Anthropic, APIStatusError
from anthropic.types import Message, MessageParam

from tests.dialects.corpus import packed
from tests.dialects.gemini_streams import told_in
from tests.dialects.test_gemini_replay import pieced_together
from tests.e2e.replayed import GEMINI, Replayed, replayed_gateway
from zai_gateway.dialects.gemini.replay import NO_SIGNATURE

SIGNED = "935c31f9520b"
"""A stream of one text with a signature."""
MIXED = "e06c92f28502"
"""Texts and calls by turns, of a model before Gemini 3, which signs no calls."""
HELLO: list[MessageParam] = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Replayed]:
    with replayed_gateway(tmp_path_factory.mktemp("anthropic-sdk-gemini")) as running:
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


def made_of(id: str) -> list[dict[str, Any]]:
    """The parts of a recorded turn, as they are sent to Gemini 3."""
    (exchange,) = [each for each in packed("google") if each.id == id]
    candidates = [event["candidates"][0] for event in told_in(exchange) if event.get("candidates")]
    parts = pieced_together(
        [part for each in candidates for part in each.get("content", {}).get("parts", [])]
    )
    for call in [part for part in parts if "functionCall" in part][:1]:
        call.setdefault("thoughtSignature", NO_SIGNATURE)
    return parts


def asked(client: Anthropic, messages: list[MessageParam], *, stream: bool) -> Message:
    if not stream:
        return client.messages.create(model=GEMINI, max_tokens=1_024, messages=messages)
    with client.messages.stream(model=GEMINI, max_tokens=1_024, messages=messages) as events:
        return events.get_final_message()


@pytest.mark.parametrize("id", [SIGNED, MIXED])
def test_a_turn_comes_back_as_gemini_made_it(client: Anthropic, replayed: Replayed, id: str) -> None:
    (exchange,) = [each for each in packed("google") if each.id == id]
    stream = exchange.response.sse is not None
    replayed.gemini.replay(id)
    answer = asked(client, HELLO, stream=stream)
    for content in (answer.content, [block.model_dump() for block in answer.content]):
        said: Any = content
        results: Any = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "ok"}
            for block in answer.content
            if block.type == "tool_use"
        ]
        replayed.gemini.replay(id)
        messages: list[MessageParam] = [
            *HELLO,
            {"role": "assistant", "content": said},
            {"role": "user", "content": results or "and?"},
        ]
        asked(client, messages, stream=stream)
        sent = replayed.gemini.requests[-1].json()["contents"][1]
        assert sent == {"role": "model", "parts": made_of(id)}


def test_an_answer_that_the_client_began_is_refused(client: Anthropic, replayed: Replayed) -> None:
    begun: list[MessageParam] = [*HELLO, {"role": "assistant", "content": "Dear"}]
    with pytest.raises(APIStatusError) as refused:
        asked(client, begun, stream=False)
    assert refused.value.status_code == 400
    assert "`messages.1`" in refused.value.message
    assert replayed.gemini.requests == []
