"""Playbooks of rate limits on a whole gateway; none rests on where a minute of its store turns."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.flow.bills import gated, used
from tests.flow.stage import MODEL, OPERATOR, Got, Stage, staged
from tests.upstreams.answers import completion, error_answer, json_answer, sse_answer, stream
from zai_gateway.accounts.terms import IssuedKey, WorkspaceChanges
from zai_gateway.settings import Limits

HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16}


def refused(got: Got) -> None:
    assert (got.status, got.code(), got.json()["detail"]) == (429, "rate_limited", "Rate limit exceeded")
    assert got.json()["error"]["type"] == "rate_limit_error"


async def in_debt(stage: Stage, key: IssuedKey) -> None:
    """Has the key use far more tokens than its limit of 1,000 a minute."""
    stage.stub.script(json_answer(completion(usage=used(100_000, 400_000))))
    assert (await stage.chat(key, HELLO)).status == 200


async def test_requests_above_the_limit_are_refused_and_hold_nothing(stage: Stage) -> None:
    key = stage.key(usd=5, rpm=1)
    # A minute may turn between two of them, but between two only.
    came = await asyncio.gather(*(stage.chat(key, HELLO) for _ in range(4)))
    through, rest = [got for got in came if got.status == 200], [got for got in came if got.status != 200]
    assert 1 <= len(through) <= 2
    for got in rest:
        refused(got)
        assert got.json()["error"]["message"].startswith(
            "This API key's limit of 1 requests per minute is reached. Try again in "
        )
        assert 1 <= int(got.headers["retry-after"]) <= 60
        assert "x-should-retry" not in got.headers
    for got in came:
        assert got.headers["x-ratelimit-limit-requests"] == "1"
        assert got.headers["x-ratelimit-remaining-requests"] == "0"
        assert got.headers["x-ratelimit-reset-requests"].endswith("s")
        assert "x-ratelimit-limit-tokens" not in got.headers
    assert len(stage.stub.requests) == len(through)
    # What was refused left neither money held nor a row in the books.
    assert len(await stage.settled(len(through))) == len(through)
    assert await stage.held(key) == 0


async def test_tokens_are_a_debt_that_a_client_is_told_of(stage: Stage) -> None:
    key = stage.key(tpm=1_000)
    await in_debt(stage, key)
    got = await stage.chat(key, HELLO)
    refused(got)
    assert 480 * 60 < int(got.headers["retry-after"]) <= 500 * 60
    assert got.headers["x-should-retry"] == "false"
    assert got.headers["x-ratelimit-limit-tokens"] == "1000"
    assert got.headers["x-ratelimit-remaining-tokens"] == "0"
    assert got.headers["x-ratelimit-reset-tokens"].startswith("8h")


async def test_a_stream_has_the_headers_and_pays_for_its_tokens(stage: Stage) -> None:
    key = stage.key(tpm=1_000, rpm=100)
    stage.stub.script(sse_answer(*stream(usage=used(100_000, 400_000))))
    got = await stage.chat(key, {**HELLO, "stream": True})
    assert got.status == 200
    assert int(got.headers["x-ratelimit-remaining-requests"]) < 100
    assert 900 < int(got.headers["x-ratelimit-remaining-tokens"]) < 1_000
    refused(await stage.chat(key, HELLO))


async def test_an_input_above_the_limit_is_never_tried_again(stage: Stage) -> None:
    long = {**HELLO, "messages": [{"role": "user", "content": "Hello " * 1_000}]}
    got = await stage.chat(stage.key(tpm=1_000), long)
    refused(got)
    assert "more than this API key's limit of 1000 tokens per minute" in got.json()["error"]["message"]
    assert (got.headers["x-should-retry"], "retry-after" in got.headers) == ("false", False)


async def test_requests_at_once_are_refused_until_one_has_ended(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.stub.script(gated(gate))
    key = stage.key(concurrency=1)
    first = asyncio.create_task(stage.chat(key, HELLO))
    await stage.stub.until_requests(1)
    got = await stage.chat(key, HELLO)
    refused(got)
    assert (got.headers["retry-after"], "x-ratelimit-limit-requests" in got.headers) == ("1", False)
    gate.set()
    assert (await first).status == 200
    assert (await stage.chat(key, HELLO)).status == 200


async def test_all_keys_of_a_workspace_share_its_limit(stage: Stage) -> None:
    limits = WorkspaceChanges(concurrency=1)
    stage.house.accounts.workspaces.update(OPERATOR, stage.workspace, limits)
    one, other = stage.key(), stage.key(concurrency=5)
    async with asyncio.timeout(60):  # the running gateway sees it within a second
        while (await stage.get(one, "/me")).json()["org"]["rate_limits"]["concurrency"] != 1:
            await asyncio.sleep(0.02)
    gate = asyncio.Event()
    stage.stub.script(gated(gate))
    first = asyncio.create_task(stage.chat(one, HELLO))
    await stage.stub.until_requests(1)
    got = await stage.chat(other, HELLO)
    refused(got)
    assert "This workspace's limit of 1 requests at once" in got.json()["error"]["message"]
    gate.set()
    assert (await first).status == 200


async def test_whoever_is_refused_for_money_is_not_counted(stage: Stage) -> None:
    key = stage.key(usd=0, rpm=1, tpm=1_000, concurrency=1)
    for _ in range(3):
        assert (await stage.chat(key, HELLO)).status == 402
    assert stage.rows("rate") == stage.rows("rate_slot") == []


async def test_money_is_checked_before_rates(stage: Stage) -> None:
    key = stage.key(usd=5, tpm=1_000)
    await in_debt(stage, key)
    refused(await stage.chat(key, HELLO))
    stage.recap(key, 0)
    async with asyncio.timeout(60):  # the running gateway sees it within a second
        while (await stage.chat(key, HELLO)).status != 402:
            await asyncio.sleep(0.02)


async def test_a_request_counts_once_whatever_it_takes(tmp_path: Path) -> None:
    async with staged(tmp_path / "data", Limits(retries=2, retry_seconds=0.01)) as stage:
        stage.stub.script(error_answer(500, "down"), error_answer(500, "down"))
        key = stage.key(rpm=19)
        assert (await stage.chat(key, HELLO)).status == 200
        assert len(stage.stub.requests) == 3
        (row,) = stage.rows("rate")
        assert (row["id"], row["taken"]) == (f"{key.key.id}:requests", 1)


async def test_a_failure_of_the_provider_has_the_headers_too(stage: Stage) -> None:
    stage.stub.script(error_answer(400, "no"))
    got = await stage.chat(stage.key(rpm=100), HELLO)
    assert (got.status, got.headers["x-ratelimit-limit-requests"]) == (400, "100")


async def test_a_key_is_told_of_its_limits(stage: Stage) -> None:
    told = (await stage.get(stage.key(rpm=60, tpm=5), "/me")).json()
    assert told["api_key"]["rate_limits"] == {"rpm": 60, "tpm": 5, "concurrency": None}
    assert told["org"]["rate_limits"] == {"rpm": None, "tpm": None, "concurrency": None}


async def test_a_key_without_limits_asks_nothing(stage: Stage) -> None:
    got = await stage.chat(stage.key(), HELLO)
    assert not [name for name in got.headers if name.startswith("x-ratelimit")]
    assert json.loads(got.body)["usage"]
    assert stage.rows("rate") == []
