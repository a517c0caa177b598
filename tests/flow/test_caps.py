"""Playbooks of caps: what is refused before it is sent, what is clamped, and what races cannot break."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.flow.bills import gated, held_amount, used
from tests.flow.stage import MODEL, OPERATOR, Stage, staged
from tests.upstreams.answers import completion, json_answer
from zai_gateway.catalogue.model import Rates
from zai_gateway.money import NANO_PER_USD
from zai_gateway.settings import Limits

HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
SHORT: dict[str, Any] = {**HELLO, "max_tokens": 16}


async def test_a_cap_that_is_reached_refuses_before_anything_is_sent(stage: Stage) -> None:
    key = stage.key(usd=0)
    got = await stage.chat(key, HELLO)
    assert got.status == 402
    assert got.json()["detail"] == "Spend cap reached: 0.00 USD"
    assert got.code() == "spend_cap_reached"
    assert "0.00 USD" in got.json()["error"]["message"]
    assert stage.stub.requests == []
    assert await stage.ledger() == []
    assert (await stage.get(key, "/me")).status == 200


async def test_what_was_spent_counts_and_a_raised_cap_frees(stage: Stage) -> None:
    key = stage.key(usd=5)
    # 5 USD at 4.50 USD per million output tokens.
    stage.stub.script(json_answer(completion(usage=used(0, 1_111_111))))
    assert (await stage.chat(key, HELLO)).status == 200
    refused = await stage.chat(key, SHORT)
    assert (refused.status, refused.json()["detail"]) == (402, "Spend cap reached: 5.00 USD")
    stage.recap(key, 6 * NANO_PER_USD)
    async with asyncio.timeout(60):  # the running gateway sees it within a second
        while (await stage.chat(key, SHORT)).status != 200:
            await asyncio.sleep(0.02)


async def test_usage_above_the_worst_case_is_booked_in_full_and_flagged(stage: Stage) -> None:
    key = stage.key(usd=1)
    stage.stub.script(json_answer(completion(usage=used(10, 1_000_000))))
    assert (await stage.chat(key, SHORT)).status == 200
    (entry,) = await stage.ledger()
    assert json.loads(entry["flags"]) == ["overrun"]
    assert entry["cost"] == 10 * 750 + 1_000_000 * 4_500
    assert (await stage.get(key, "/me")).json()["api_key"]["spend_micro_usd"] == 4_500_008
    assert (await stage.chat(key, SHORT)).status == 402


async def test_a_model_that_counts_more_than_its_worst_case_is_held_more_for_from_then_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    key = stage.key(usd=5)

    async def worst_case() -> int:
        return (await stage.quote(key, SHORT)).json()["candidates"][0]["worst_case_micro_usd"]

    before = await worst_case()
    for _ in range(2):
        stage.stub.script(json_answer(completion(usage=used(10_000, 5))))
        assert (await stage.chat(key, SHORT)).status == 200
    first, second = await stage.ledger()
    assert (json.loads(first["flags"]), json.loads(second["flags"])) == (["overrun"], [])
    text = len(json.dumps(SHORT))
    more = (10_000 - 2_048 - 16 - text) * 750 // 1_000
    assert abs(await worst_case() - before - more) <= 1
    told = [record.getMessage() for record in caplog.records if record.name.endswith("overruns")]
    assert len(told) == 2
    assert all(line.startswith("openai/gpt-5.4-mini") for line in told)


async def test_an_open_ended_request_takes_a_quarter_and_says_so(stage: Stage) -> None:
    got = await stage.chat(stage.key(usd=0.1), HELLO)
    assert got.status == 200
    sent = stage.stub.requests[0].json()
    assert sent["max_completion_tokens"] == int(got.headers["x-zai-max-tokens"])
    assert sent["max_completion_tokens"] * 4_500 <= 0.1 * NANO_PER_USD / 4


async def test_a_limit_that_does_not_fit_is_clamped(stage: Stage) -> None:
    got = await stage.chat(stage.key(usd=0.1), {**HELLO, "max_tokens": 100_000})
    assert got.status == 200
    limit = int(got.headers["x-zai-max-tokens"])
    assert 10_000 < limit < 100_000
    assert stage.stub.requests[0].json()["max_completion_tokens"] == limit
    assert "max_tokens" not in stage.stub.requests[0].json()


async def test_a_limit_that_fits_is_left_alone(stage: Stage) -> None:
    got = await stage.chat(stage.key(usd=1), {**HELLO, "max_completion_tokens": 100})
    assert "x-zai-max-tokens" not in got.headers
    assert stage.stub.requests[0].json()["max_completion_tokens"] == 100


async def test_ten_open_ended_requests_at_once_fit_five_dollars(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.stub.script(*(gated(gate) for _ in range(10)))
    key = stage.key(usd=5)
    asked = [asyncio.create_task(stage.chat(key, HELLO)) for _ in range(10)]
    await stage.stub.until_requests(10)
    gate.set()
    assert [got.status for got in await asyncio.gather(*asked)] == [200] * 10


async def test_only_holds_in_the_way_is_busy_and_not_reached(tmp_path: Path) -> None:
    async with staged(tmp_path / "data", Limits(retries=0, line_seconds=0.2)) as stage:
        gate = asyncio.Event()
        stage.stub.script(gated(gate))
        key = stage.key(usd=0.01)
        first = asyncio.create_task(stage.chat(key, {**HELLO, "max_tokens": 5_000}))
        await stage.stub.until_requests(1)
        busy = await stage.chat(key, {**HELLO, "max_tokens": 5_000})
        assert (busy.status, busy.code()) == (429, "budget_busy")
        assert busy.json()["detail"] != "Rate limit exceeded"
        assert int(busy.headers["retry-after"]) >= 1
        assert "x-should-retry" not in busy.headers
        gate.set()
        assert (await first).status == 200
        assert (await stage.chat(key, {**HELLO, "max_tokens": 5_000})).status == 200


async def test_who_waits_in_line_is_served_when_a_hold_ends_and_holds_nothing_once_it_left(
    stage: Stage,
) -> None:
    gate, body = asyncio.Event(), {**HELLO, "max_tokens": 5_000}
    stage.stub.script(gated(gate))
    key = stage.key(usd=0.01)
    first = asyncio.create_task(stage.chat(key, body))
    await stage.stub.until_requests(1)
    waiting, gone = [asyncio.create_task(stage.chat(key, body)) for _ in range(2)]
    while stage.spending.numbers().waiting < 2:
        await asyncio.sleep(0.01)
    gone.cancel()
    gate.set()
    assert [(await first).status, (await waiting).status] == [200, 200]
    while stage.holds() or stage.spending.numbers().waiting:
        await asyncio.sleep(0.01)
    assert (len(await stage.ledger()), len(stage.stub.requests)) == (2, 2)


@pytest.mark.parametrize("streamed", [False, True])
async def test_whose_client_left_keeps_nothing_from_those_behind(tmp_path: Path, streamed: bool) -> None:
    async with staged(tmp_path / "data", Limits(retries=0, line_seconds=3_600)) as stage, asyncio.timeout(60):
        gate, large = asyncio.Event(), {**HELLO, "max_tokens": 5_000, "stream": streamed}
        stage.stub.script(gated(gate, streamed=streamed))
        key = stage.key(usd=0.03)
        first = asyncio.create_task(stage.chat(key, large))
        await stage.stub.until_requests(1)
        # More than is left, and less than the cap: it waits for as long as the first one takes.
        gone = asyncio.create_task(stage.chat(key, {**large, "max_tokens": 6_000}))
        while not stage.spending.numbers().waiting:
            await asyncio.sleep(0.01)
        gone.cancel()
        while stage.spending.numbers().waiting:
            await asyncio.sleep(0.01)
        assert not first.done()
        assert (await stage.chat(key, SHORT)).status == 200
        gate.set()
        assert (await first).status == 200
        assert len(stage.stub.requests) == 2


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_last_of_a_cap_is_raced_for_and_never_passed(stage: Stage, streamed: bool) -> None:
    fits, gate = 5, asyncio.Event()
    body = {**SHORT, "stream": streamed}
    whole = await held_amount(stage, body)
    # Every answer costs its whole hold, so that one request too many would pass the cap.
    bill = used(0, whole // 4_500)
    stage.stub.script(*(gated(gate, bill, streamed) for _ in range(fits)))
    key = stage.key(nano=fits * whole)
    asked = [asyncio.create_task(stage.chat(key, body)) for _ in range(30)]
    await stage.stub.until_requests(1 + fits)
    gate.set()
    statuses = [got.status for got in await asyncio.gather(*asked)]
    assert statuses.count(200) == fits
    assert set(statuses) <= {200, 402, 429}
    assert len(stage.stub.requests) == 1 + fits
    spent = sum(entry["cost"] for entry in await stage.ledger() if entry["key"] == key.key.id)
    assert fits * whole - fits * 4_500 <= spent <= fits * whole
    assert (await stage.chat(key, SHORT)).status == 402


async def test_a_model_without_a_price_is_refused_on_a_capped_key_only(stage: Stage) -> None:
    body = {**SHORT, "model": "openai/gpt-unheard-of"}
    refused = await stage.chat(stage.key(usd=5), body)
    assert (refused.status, refused.code()) == (402, "model_unpriced")
    assert "zai admin price set openai/gpt-unheard-of" in refused.json()["error"]["message"]
    assert (await stage.chat(stage.key(), body)).status == 200
    (entry,) = await stage.ledger()
    assert (entry["cost"], json.loads(entry["flags"])) == (0, ["unpriced"])


async def test_a_workspace_s_own_price_holds(stage: Stage) -> None:
    rates = Rates(input=2_000_000, cache_read=0, cache_write=0, cache_write_long=0, output=8_000_000)
    stage.house.accounts.prices.set(OPERATOR, stage.workspace, "openai/gpt-unheard-of", rates)
    key = stage.key(usd=5)
    got = await stage.chat(key, {**SHORT, "model": "openai/gpt-unheard-of"})
    assert got.status == 200
    assert (await stage.ledger())[0]["cost"] == 12 * 2_000 + 4 * 8_000


@pytest.mark.parametrize(
    ("capped", "asked", "sent"),
    [
        (True, None, "default"),
        (True, "auto", "default"),
        (True, "flex", "flex"),
        (True, "priority", "priority"),
        (False, None, None),
        (False, "auto", "auto"),
    ],
)
async def test_a_cap_does_not_leave_its_price_to_the_provider_s_account(
    stage: Stage, capped: bool, asked: str | None, sent: str | None
) -> None:
    body = SHORT if asked is None else {**SHORT, "service_tier": asked}
    assert (await stage.chat(stage.key(usd=5) if capped else stage.key(), body)).status == 200
    assert stage.stub.requests[0].json().get("service_tier") == sent
