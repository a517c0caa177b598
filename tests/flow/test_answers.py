"""Playbooks of answers that go well: the client's bytes, the upstream's bytes and the ledger."""

import json

from tests.flow.stage import MODEL, UPSTREAM_SECRET, Stage
from tests.upstreams.answers import USAGE, completion, json_answer, sse_answer, stream

HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
# 12 input tokens at 0.75 USD and 4 output tokens at 4.50 USD per million.
COST_NANO = 12 * 750 + 4 * 4_500


async def test_a_whole_answer_is_the_provider_s_but_for_its_names(stage: Stage) -> None:
    answer = completion(content="Hello!") | {"unknown": {"kept": [1, 2.50, "é"]}}
    stage.stub.script(json_answer(answer, headers={"x-request-id": "req_openai", "set-cookie": "a=b"}))
    got = await stage.chat(stage.key(usd=5), HELLO)
    assert got.status == 200
    assert got.headers["content-type"] == "application/json"
    assert "set-cookie" not in got.headers
    said = got.json()
    assert said["id"].startswith("cmpl_")
    assert said["model"] == MODEL
    assert {**said, "id": answer["id"], "model": answer["model"]} == answer
    assert got.headers["x-zai-cost-micro-usd"] == "27"
    assert got.headers["x-request-id"].startswith("req_")


async def test_the_ledger_tells_the_whole_attempt(stage: Stage) -> None:
    usage = {
        **USAGE,
        "prompt_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens": 50,
        "completion_tokens_details": {"reasoning_tokens": 30},
        "total_tokens": 150,
    }
    stage.stub.script(json_answer(completion(usage=usage), headers={"x-request-id": "req_openai"}))
    key = stage.key(usd=5)
    got = await stage.chat(key, HELLO)
    (entry,) = await stage.ledger()
    assert entry["request"] == got.headers["x-request-id"]
    assert (entry["attempt"], entry["seq"]) == (1, 0)
    assert entry["key"] == key.key.id
    assert (entry["provider"], entry["requested_model"], entry["answering_model"]) == ("openai", MODEL, MODEL)
    assert (entry["input"], entry["cache_read"], entry["output"], entry["reasoning"]) == (40, 60, 50, 30)
    assert entry["cost"] == 40 * 750 + 60 * 75 + 50 * 4_500
    assert (entry["risk"], entry["certainty"], json.loads(entry["flags"])) == (0, "exact", [])
    assert (entry["status"], entry["failure"]) == (200, None)
    assert entry["provider_request_id"] == "req_openai"
    assert entry["price_version"]
    assert stage.holds() == 0


async def test_the_request_goes_out_as_it_came_but_for_the_model(stage: Stage) -> None:
    said = b'[{"role":"user","content":"\\u00e9 \xc3\xa9"}]'
    body = b'{ "model" : "openai/gpt-4o",\n "messages":' + said + b', "x": 1.0e2 }'
    await stage.chat(
        stage.key(), body, headers={"openai-organization": "org-mine", "x-stainless-lang": "python"}
    )
    (sent,) = stage.stub.requests
    assert sent.body == body.replace(b'"openai/gpt-4o"', b'"gpt-4o"')
    assert sent.header("authorization") == f"Bearer {UPSTREAM_SECRET}"
    assert sent.header("openai-organization") is None
    assert sent.header("x-stainless-lang") is None


async def test_a_stream_is_the_provider_s_with_usage_and_done(stage: Stage) -> None:
    got = await stage.chat(stage.key(usd=5), {**HELLO, "stream": True})
    assert got.status == 200
    assert got.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, done = got.events()
    assert done == b"[DONE]"
    chunks = [json.loads(event) for event in events]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks[:-1]) == "Hello!"
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == USAGE
    assert chunks[-1]["model"] == MODEL
    (entry,) = await stage.ledger()
    assert (entry["cost"], entry["certainty"], entry["streamed"]) == (COST_NANO, "exact", 1)
    assert entry["first_token_ms"] is not None


async def test_usage_is_metered_though_the_client_does_not_want_it(stage: Stage) -> None:
    body = {**HELLO, "stream": True, "stream_options": {"include_usage": False, "x": 1}}
    got = await stage.chat(stage.key(usd=5), body)
    assert got.events()[-1] == b"[DONE]"
    assert all(json.loads(event)["choices"] for event in got.events()[:-1])
    assert stage.stub.requests[0].json()["stream_options"] == {"include_usage": True, "x": 1}
    assert (await stage.ledger())[0]["cost"] == COST_NANO


async def test_settlement_comes_before_done(stage: Stage) -> None:
    async with stage.opened(stage.key(usd=5), {**HELLO, "stream": True}) as response:
        async for line in response.content:
            if line == b"data: [DONE]\n":
                assert [entry["cost"] for entry in await stage.ledger()] == [COST_NANO]
                return
    raise AssertionError("the stream had no [DONE]")


async def test_a_provider_without_usage_is_metered_by_estimate(stage: Stage) -> None:
    stage.stub.script(sse_answer(*stream(usage=None)))
    key = stage.key(usd=5)
    got = await stage.chat(key, {**HELLO, "stream": True, "max_tokens": 1_000})
    assert got.events()[-1] == b"[DONE]"
    (entry,) = await stage.ledger()
    assert entry["certainty"] == "estimated"
    assert entry["cost"] > 0
    assert entry["risk"] > 0
    assert json.loads(entry["flags"]) == []


async def test_me_shows_what_is_settled(stage: Stage) -> None:
    key = stage.key(usd=5, fallback=MODEL)
    await stage.chat(key, HELLO)
    me = (await stage.get(key, "/me")).json()
    assert me["api_key"]["spend_micro_usd"] == 27
    assert me["api_key"]["spend_cap_micro_usd"] == 5_000_000
    assert me["api_key"]["fallback_model"] == MODEL
    assert (await stage.get(key, "/whoami")).json() == me
