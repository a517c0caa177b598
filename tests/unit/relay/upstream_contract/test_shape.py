"""What every upstream keeps to, the demo included: a caller cannot tell which one answered."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from msgspec import Struct

from tests.unit.relay.upstream_contract.conftest import Make
from tests.upstreams.calls import PATIENT, chat, impatiently_whole, whole
from tests.upstreams.openai_stub import OpenAIStub
from zai_gateway.clock import SystemClock
from zai_gateway.relay.demo.upstream import DemoUpstream
from zai_gateway.relay.upstream import Blame, Outbound, Upstream, UpstreamError


class Spoken(Struct, frozen=True):
    """An upstream, and where its chat API is."""

    upstream: Upstream
    url: str

    def ask(self, **fields: object) -> Outbound:
        """A request for a few words."""
        said = {"role": "user", "content": "four words to echo"}
        return chat(self.url, **{"model": "echo", "messages": [said]} | fields)


@pytest.fixture(params=["network", "demo"])
async def spoken(request: pytest.FixtureRequest, make: Make) -> AsyncGenerator[Spoken]:
    if request.param == "demo":
        yield Spoken(DemoUpstream(SystemClock()), "demo:")
        return
    async with OpenAIStub() as stub:
        yield Spoken(make(None), stub.base_url)


async def test_an_answer_in_json(spoken: Spoken):
    inbound = await spoken.upstream.send(spoken.ask(), PATIENT)
    body: dict[str, Any] = json.loads(await whole(inbound))
    assert inbound.status == 200
    assert inbound.headers["content-type"] == "application/json"
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["role"] == "assistant"
    assert (
        body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )
    assert await inbound.read() == b""
    await inbound.close()
    await inbound.close()


async def test_an_answer_in_a_stream(spoken: Spoken):
    asked = spoken.ask(stream=True, stream_options={"include_usage": True})
    inbound = await spoken.upstream.send(asked, PATIENT)
    *events, done, rest = (await whole(inbound)).decode().split("\n\n")
    assert inbound.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (done, rest) == ("data: [DONE]", "")
    chunks: list[dict[str, Any]] = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] > 0


async def test_no_usage_in_a_stream_unless_asked_for(spoken: Spoken):
    body = await whole(await spoken.upstream.send(spoken.ask(stream=True), PATIENT))
    assert b'"usage":{' not in body


async def test_an_error_is_an_answer_too(spoken: Spoken):
    wrong = Outbound(method="POST", url=f"{spoken.url}/elsewhere", headers=(), body=b"{}", private=True)
    inbound = await spoken.upstream.send(wrong, PATIENT)
    body: dict[str, Any] = json.loads(await whole(inbound))
    assert inbound.status == 404
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"]


async def test_a_cancelled_read_loses_nothing(spoken: Spoken):
    request = spoken.ask(stream=True)
    patiently = await whole(await spoken.upstream.send(request, PATIENT))
    assert await impatiently_whole(await spoken.upstream.send(request, PATIENT)) == patiently


async def test_an_answer_that_was_closed_is_not_taken_for_a_whole_one(spoken: Spoken):
    inbound = await spoken.upstream.send(spoken.ask(stream=True), PATIENT)
    await inbound.close()
    with pytest.raises(UpstreamError) as raised:
        await inbound.read()
    assert raised.value.blame is Blame.BROKEN
    await inbound.close()
