"""The stub itself: what the tests that stand on it rely on."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.upstreams.answers import DONE, Ending, chunk, completion, error_answer, json_answer, sse_answer
from tests.upstreams.calls import PATIENT, chat, whole
from tests.upstreams.openai_stub import OpenAIStub
from tests.upstreams.processes import openai_stub
from zai_gateway.relay.network.upstream import NetworkUpstream
from zai_gateway.relay.upstream import UpstreamError


@pytest.fixture
async def upstream() -> AsyncGenerator[NetworkUpstream]:
    made = NetworkUpstream()
    yield made
    await made.close()


async def test_scripted_answers_come_in_their_order_and_then_the_usual_one(upstream: NetworkUpstream):
    async with OpenAIStub() as stub:
        stub.script(
            error_answer(429, "Slow down.", code="rate_limit_exceeded", headers={"retry-after": "7"}),
            json_answer(completion(content="scripted")),
        )
        refused = await upstream.send(chat(stub.base_url, model="gpt-5.4"), PATIENT)
        assert (refused.status, refused.headers["retry-after"]) == (429, "7")
        assert json.loads(await whole(refused))["error"]["code"] == "rate_limit_exceeded"
        for expected in ("scripted", "Hello!"):
            body = json.loads(await whole(await upstream.send(chat(stub.base_url, model="gpt-5.4"), PATIENT)))
            assert body["choices"][0]["message"]["content"] == expected


async def test_requests_are_recorded_to_the_byte(upstream: NetworkUpstream):
    async with OpenAIStub() as stub:
        request = chat(stub.base_url, model="gpt-5.4", user="caf\xe9")
        await whole(await upstream.send(request, PATIENT))
        await stub.until_requests(1)
        assert stub.requests[0].body == request.body
        assert (stub.requests[0].method, stub.requests[0].path) == ("POST", "/v1/chat/completions")
        assert stub.requests[0].header("Content-Type") == "application/json"


async def test_a_gate_holds_back_what_follows_it(upstream: NetworkUpstream):
    gate = asyncio.Event()
    first, second = chunk(delta={"content": "a"}), chunk(delta={"content": "b"})
    async with OpenAIStub() as stub:
        stub.script(sse_answer(first, gate, second, DONE))
        inbound = await upstream.send(chat(stub.base_url, model="m", stream=True), PATIENT)
        assert await inbound.read() == first
        gate.set()
        assert await whole(inbound) == second + DONE


@pytest.mark.parametrize("gated", [True, False], ids=["at-a-gate", "while-sending"])
async def test_an_answer_that_is_left_is_counted(upstream: NetworkUpstream, gated: bool):
    endless = (chunk(delta={"content": "x" * 10_000}),) * 10_000
    async with OpenAIStub() as stub:
        stub.script(sse_answer(chunk(delta={"content": "a"}), *((asyncio.Event(),) if gated else endless)))
        inbound = await upstream.send(chat(stub.base_url, model="m", stream=True), PATIENT)
        await inbound.read()
        assert stub.abandoned == 0
        await inbound.close()
        await stub.until_abandoned(1)


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET])
async def test_an_answer_can_end_too_early(upstream: NetworkUpstream, ending: Ending):
    async with OpenAIStub() as stub:
        stub.script(sse_answer(chunk(delta={"content": "a"}), ending=ending))
        with pytest.raises(UpstreamError):
            await whole(await upstream.send(chat(stub.base_url, model="m", stream=True), PATIENT))
        assert stub.abandoned == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"max_tokens": 5}, "unsupported_parameter"),
        ({"temperature": 0.7}, "unsupported_value"),
        ({"temperature": 1}, None),
        ({"max_completion_tokens": 5}, None),
        ({"model": "other", "max_tokens": 5}, None),
    ],
)
async def test_refusals_are_exactly_the_listed_ones(
    upstream: NetworkUpstream, fields: Mapping[str, Any], code: str | None
):
    async with OpenAIStub(refusals={"strict": ["max_tokens", "temperature=1"]}) as stub:
        inbound = await upstream.send(chat(stub.base_url, **{"model": "strict", **fields}), PATIENT)
        body: dict[str, Any] = json.loads(await whole(inbound))
        assert inbound.status == (200 if code is None else 400)
        assert body.get("error", {}).get("code") == code


def test_it_runs_as_a_process_and_is_scripted_from_outside(tmp_path: Path):
    refuses = tmp_path / "refuses.json"
    refuses.write_text('{"strict": ["max_tokens"]}')
    with openai_stub("--refuses", str(refuses), "--key", "sk-right") as base_url:
        origin = base_url.removesuffix("/v1")
        scripted: list[object] = [{"status": 503, "json": None}, {"sse": ["data: [DONE]\n\n"]}]
        _call(f"{origin}/_answers", scripted)
        assert _call(f"{base_url}/models", key="sk-wrong") == 401
        assert _call(f"{base_url}/models/gpt-5.4", key="sk-right") == 200
        assert _call(f"{base_url}/chat/completions", {"model": "strict", "max_tokens": 1}, "sk-right") == 400
        statuses = [_call(f"{base_url}/chat/completions", {"model": "m"}, "sk-right") for _ in range(3)]
        assert statuses == [503, 200, 200]
        with urllib.request.urlopen(f"{origin}/_requests") as seen:
            assert len(json.load(seen)) == 6


def _call(url: str, body: object = None, key: str = "") -> int:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
