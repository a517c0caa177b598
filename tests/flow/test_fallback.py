"""Playbooks of fallback: the order of keys and models, the checks that all of them pass, and retries."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.flow.stage import MODEL, OPERATOR, UPSTREAM_SECRET, Stage, staged
from tests.upstreams.answers import DONE, Answer, Ending, error_answer, sse_answer, stream
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.catalogue.model import Rates
from zai_gateway.money import NANO_PER_USD
from zai_gateway.settings import Limits

HELLO: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 1_000,
}
BROKEN = error_answer(500, "It broke.")
DEARER = "openai/gpt-5.4"
DEMO = "demo/echo"


def second_key(stage: Stage) -> None:
    """A key that is made afterwards knows of it at once."""
    new = NewProviderKey(provider="openai", secret="sk-second", name="second", base_url=stage.stub.base_url)
    stage.house.accounts.provider_keys.add(OPERATOR, stage.workspace, new)


def secrets(stage: Stage) -> list[str]:
    return [
        (request.header("authorization") or "").removeprefix("Bearer ") for request in stage.stub.requests
    ]


def asked(stage: Stage) -> list[str]:
    return [request.json()["model"] for request in stage.stub.requests]


async def test_a_key_that_was_limited_rests_while_another_serves(stage: Stage) -> None:
    second_key(stage)
    key = stage.key(usd=5)
    stage.stub.script(error_answer(429, "Slow down.", headers={"retry-after": "60"}))
    assert [(await stage.chat(key, HELLO)).status for _ in range(3)] == [200] * 3
    assert secrets(stage) == [UPSTREAM_SECRET, "sk-second", "sk-second", "sk-second"]


async def test_a_key_that_failed_three_times_in_a_row_rests(stage: Stage) -> None:
    second_key(stage)
    key = stage.key(usd=5)
    for _ in range(3):
        stage.stub.script(BROKEN)
        assert (await stage.chat(key, HELLO)).headers["x-zai-attempts"] == "2"
    assert "x-zai-attempts" not in (await stage.chat(key, HELLO)).headers
    assert secrets(stage) == [UPSTREAM_SECRET, "sk-second"] * 3 + ["sk-second"]


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_a_key_that_is_not_taken_leads_to_the_next(stage: Stage, status: int) -> None:
    second_key(stage)
    stage.stub.script(error_answer(status, "Not this key."))
    got = await stage.chat(stage.key(usd=5), HELLO)
    assert (got.status, secrets(stage)) == (200, [UPSTREAM_SECRET, "sk-second"])


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_what_the_request_is_refused_for_leads_nowhere(stage: Stage, status: int) -> None:
    second_key(stage)
    stage.stub.script(error_answer(status, "Not so."))
    got = await stage.chat(stage.key(usd=5, fallback=DEMO), {**HELLO, "models": [DEARER]})
    assert (got.status, asked(stage)) == (status, ["gpt-5.4-mini"])


async def test_the_request_s_models_come_before_the_key_s_fallback(stage: Stage) -> None:
    stage.stub.script(BROKEN, BROKEN)
    got = await stage.chat(stage.key(usd=5, fallback=DEMO), {**HELLO, "models": [DEARER]})
    assert (got.status, got.headers["x-zai-model"], got.headers["x-zai-attempts"]) == (200, DEMO, "3")
    assert asked(stage) == ["gpt-5.4-mini", "gpt-5.4"]
    assert all("models" not in request.json() for request in stage.stub.requests)
    rows = sorted(await stage.settled(3), key=lambda row: row["attempt"])
    assert [(row["attempt"], row["answering_model"]) for row in rows] == [(1, MODEL), (2, DEARER), (3, DEMO)]


@pytest.mark.parametrize(
    ("by", "name"),
    [*(("models", name) for name in (DEARER, "gpt-5.4", "openai/gpt-5-4")), ("fallback", DEARER)],
)
async def test_no_stand_in_leads_past_the_allowlist(stage: Stage, by: str, name: str) -> None:
    key = stage.key(usd=5, allow=(MODEL,), fallback=name if by == "fallback" else None)
    fields = {"models": [name]} if by == "models" else {}
    assert (await stage.chat(key, {**HELLO, **fields})).status == 200
    stage.stub.script(BROKEN)
    assert (await stage.chat(key, {**HELLO, **fields})).status == 502
    assert asked(stage) == ["gpt-5.4-mini"] * 2


@pytest.mark.parametrize("name", ["openai/unpriced-model", "groq/llama-3.3-70b-versatile", "nobody/nothing"])
@pytest.mark.parametrize("by", ["models", "fallback"])
async def test_a_stand_in_without_a_price_or_a_key_is_left_out(stage: Stage, by: str, name: str) -> None:
    key = stage.key(usd=5, fallback=name if by == "fallback" else None)
    fields = {"models": [name]} if by == "models" else {}
    assert (await stage.chat(key, {**HELLO, **fields})).status == 200
    stage.stub.script(BROKEN)
    got = await stage.chat(key, {**HELLO, **fields})
    assert (got.status, got.code()) == (502, "upstream_failed")
    assert asked(stage) == ["gpt-5.4-mini"] * 2


async def test_a_stand_in_that_does_not_fit_the_money_is_left_out(stage: Stage) -> None:
    dear = Rates(input=10**12, cache_read=10**12, cache_write=10**12, cache_write_long=10**12, output=10**12)
    stage.house.accounts.prices.set(OPERATOR, stage.workspace, DEARER, dear)
    stage.stub.script(BROKEN)
    got = await stage.chat(stage.key(usd=0.1, fallback=DEMO), {**HELLO, "models": [DEARER]})
    assert (got.status, got.headers["x-zai-model"], asked(stage)) == (200, DEMO, ["gpt-5.4-mini"])


async def test_nothing_stands_in_where_the_cap_is_reached(stage: Stage) -> None:
    got = await stage.chat(stage.key(usd=0, fallback=DEMO), {**HELLO, "models": [DEARER]})
    assert (got.status, got.code(), stage.stub.requests) == (402, "spend_cap_reached", [])


async def test_all_attempts_stay_under_one_cap(stage: Stage) -> None:
    second_key(stage)
    cap = NANO_PER_USD // 100
    key = stage.key(nano=cap)
    # What may have been billed stays at risk, and the next attempt has only the rest.
    for _ in range(8):
        stage.stub.script(*(error_answer(408, "Too slow.") for _ in range(3)))
        assert (await stage.chat(key, {**HELLO, "models": [DEARER]})).status in (502, 402)
    assert cap * 0.5 < sum(row["cost"] + row["risk"] for row in await stage.ledger()) <= cap


@pytest.mark.parametrize("ending", [Ending.WHOLE, Ending.CUT])
async def test_after_the_first_content_nothing_is_tried(stage: Stage, ending: Ending) -> None:
    second_key(stage)
    stage.stub.script(sse_answer(*stream()[:2], ending=ending))
    key = stage.key(usd=5, fallback=DEMO)
    got = await stage.chat(key, {**HELLO, "stream": True, "models": [DEARER]})
    assert got.status == 200
    assert asked(stage) == ["gpt-5.4-mini"]
    if ending is Ending.WHOLE:
        assert json.loads(got.events()[-1])["error"]["code"] == "upstream_failed"
    assert DONE.removeprefix(b"data: ").strip() not in got.events()


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncGenerator[Stage]:
    limits = Limits(retries=2, retry_seconds=0.001)
    async with staged(tmp_path / "data", limits) as ready:
        yield ready


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_same_is_tried_again_where_there_is_no_other_way(patient: Stage, streamed: bool) -> None:
    patient.stub.script(BROKEN, error_answer(429, "Slow down.", headers={"retry-after-ms": "1"}))
    got = await patient.chat(patient.key(usd=5), {**HELLO, "stream": streamed})
    assert (got.status, got.headers["x-zai-attempts"]) == (200, "3")
    assert "x-zai-model" not in got.headers
    assert [row["status"] for row in await patient.settled(3)] == [500, 429, 200]


async def test_what_may_have_been_billed_is_not_tried_again(patient: Stage) -> None:
    patient.stub.script(error_answer(408, "Too slow."))
    assert (await patient.chat(patient.key(usd=5), HELLO)).status == 502
    assert len(patient.stub.requests) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        error_answer(429, "Slow down."),
        error_answer(429, "No credit left.", code="insufficient_quota", headers={"retry-after-ms": "1"}),
        error_answer(302, "Elsewhere."),
    ],
    ids=["429 without a word on when", "no credit", "redirect"],
)
async def test_what_will_not_pass_at_once_is_not_tried_again(patient: Stage, refusal: Answer) -> None:
    patient.stub.script(refusal)
    assert (await patient.chat(patient.key(usd=5), HELLO)).status != 200
    assert len(patient.stub.requests) == 1


async def test_a_long_wait_is_the_client_s(patient: Stage) -> None:
    patient.stub.script(error_answer(429, "Slow down.", headers={"retry-after": "60"}))
    got = await patient.chat(patient.key(usd=5), HELLO)
    assert (got.status, got.headers["retry-after"], len(patient.stub.requests)) == (429, "60", 1)
