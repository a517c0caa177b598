"""Playbooks of virtual models: which target answers, what the client is told, and what the ledger says."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.flow.stage import MODEL, OPERATOR, Stage
from tests.upstreams.answers import completion, error_answer, json_answer, sse_answer, stream
from zai_gateway.accounts.records import Strategy, Target
from zai_gateway.accounts.terms import IssuedKey

FIRST, SECOND = MODEL, "openai/gpt-5.4"
FAST: dict[str, Any] = {
    "model": "fast",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 100,
}
CAPS = pytest.mark.parametrize("cap", [5, None], ids=["capped", "uncapped"])


def fast(stage: Stage, *targets: Target, strategy: Strategy = Strategy.ORDERED) -> None:
    """A key that is made afterwards knows of it at once."""
    wanted = targets or (Target(model=FIRST), Target(model=SECOND))
    stage.house.accounts.virtual_models.set(OPERATOR, stage.workspace, "fast", wanted, strategy)


def chats(stage: Stage) -> list[dict[str, Any]]:
    """The chat requests that the upstream got, in order; it is asked for its list of models too."""
    return [each.json() for each in stage.stub.requests if each.path.endswith("/chat/completions")]


def asked(stage: Stage) -> list[str]:
    """The models that the upstream was asked for, in order."""
    return [chat["model"] for chat in chats(stage)]


def told(entry: dict[str, Any]) -> tuple[int, str, str, int]:
    return entry["attempt"], entry["requested_model"], entry["answering_model"], entry["status"]


async def entries(stage: Stage, count: int) -> list[dict[str, Any]]:
    return sorted(await stage.settled(count), key=lambda entry: entry["attempt"])


@CAPS
async def test_the_first_target_answers(stage: Stage, cap: float | None) -> None:
    fast(stage)
    got = await stage.chat(stage.key(usd=cap), FAST)
    assert (got.status, got.json()["model"], asked(stage)) == (200, FIRST, ["gpt-5.4-mini"])
    assert (got.headers["x-zai-model"], got.headers.get("x-zai-attempts")) == (FIRST, None)
    (entry,) = await entries(stage, 1)
    assert told(entry) == (1, "fast", FIRST, 200)
    assert entry["cost"] == 12 * 750 + 4 * 4_500


@CAPS
@pytest.mark.parametrize("streamed", [False, True])
async def test_the_second_answers_where_the_first_fails(
    stage: Stage, cap: float | None, streamed: bool
) -> None:
    fast(stage)
    stage.stub.script(error_answer(500, "It broke."))
    got = await stage.chat(stage.key(usd=cap), {**FAST, "stream": streamed})
    assert got.status == 200
    answered = json.loads(got.events()[0]) if streamed else got.json()
    assert (answered["model"], asked(stage)) == (SECOND, ["gpt-5.4-mini", "gpt-5.4"])
    assert (got.headers["x-zai-model"], got.headers["x-zai-attempts"]) == (SECOND, "2")
    first, second = await entries(stage, 2)
    assert (told(first), first["failure"]) == ((1, "fast", FIRST, 500), "upstream_failed")
    assert (first["cost"], first["risk"]) == (0, 0)
    assert (told(second), second["failure"]) == ((2, "fast", SECOND, 200), None)
    assert second["cost"] > 0
    assert first["request"] == second["request"]


async def test_where_every_target_fails_the_first_one_s_failure_is_told(stage: Stage) -> None:
    fast(stage)
    stage.stub.script(error_answer(500, "It broke."), error_answer(429, "Slow down."))
    got = await stage.chat(stage.key(usd=5), FAST)
    assert (got.status, got.code()) == (502, "upstream_failed")
    message = got.json()["error"]["message"]
    assert "It broke." in message
    assert f"{SECOND}: " in message
    assert [entry["status"] for entry in await entries(stage, 2)] == [500, 429]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_target_that_is_too_slow_makes_way(stage: Stage, streamed: bool) -> None:
    fast(stage, Target(model=FIRST, timeout_ms=100), Target(model=SECOND))
    never = asyncio.Event()
    slow = sse_answer(*stream()) if streamed else json_answer(completion())
    stage.stub.script(replace(slow, hold=never))
    got = await stage.chat(stage.key(usd=5), {**FAST, "stream": streamed})
    assert (got.status, got.headers["x-zai-model"]) == (200, SECOND)
    first, second = await entries(stage, 2)
    assert (told(first), told(second)) == ((1, "fast", FIRST, 0), (2, "fast", SECOND, 200))
    # It may have worked all the same.
    assert (first["certainty"], first["risk"] > 0, second["certainty"]) == ("estimated", True, "exact")


async def test_weights_say_how_often_each_target_is_asked_first(stage: Stage) -> None:
    weighted = (Target(model=FIRST, weight=4), Target(model=SECOND))
    fast(stage, *weighted, strategy=Strategy.WEIGHTED)
    key = stage.key(usd=100)
    for _ in range(20):
        answers = await asyncio.gather(*(stage.chat(key, FAST) for _ in range(10)))
        assert {got.status for got in answers} == {200}
    # 160 of 200 are to be expected: the chance of so far away from it, or of all, is below one in a million.
    assert 130 < asked(stage).count("gpt-5.4-mini") < 200


async def test_a_weighted_model_fails_over_to_its_other_target(stage: Stage) -> None:
    fast(stage, Target(model=FIRST, weight=9), Target(model=SECOND), strategy=Strategy.WEIGHTED)
    stage.stub.script(error_answer(500, "It broke."))
    assert (await stage.chat(stage.key(usd=5), FAST)).status == 200
    assert sorted(asked(stage)) == ["gpt-5.4", "gpt-5.4-mini"]


@CAPS
async def test_the_allowlist_is_held_against_the_targets(stage: Stage, cap: float | None) -> None:
    fast(stage)
    got = await stage.chat(stage.key(usd=cap, allow=(SECOND,)), FAST)
    assert (got.status, got.headers["x-zai-model"], asked(stage)) == (200, SECOND, ["gpt-5.4"])
    # What a name is called allows nothing.
    for allow in ("fast", "demo/*"):
        got = await stage.chat(stage.key(usd=cap, allow=(allow,)), FAST)
        assert (got.status, got.code()) == (403, "model_not_allowed")
    assert len(chats(stage)) == len(await entries(stage, 1)) == 1


async def test_a_target_that_is_not_allowed_does_not_stand_in_either(stage: Stage) -> None:
    fast(stage)
    stage.stub.script(error_answer(500, "It broke."))
    got = await stage.chat(stage.key(usd=5, allow=(FIRST,)), FAST)
    assert (got.status, asked(stage)) == (502, ["gpt-5.4-mini"])


async def test_a_target_that_nobody_serves_or_that_has_no_price_is_left_out(stage: Stage) -> None:
    fast(stage, Target(model="groq/x"), Target(model="openai/unheard-of"), Target(model=SECOND))
    got = await stage.chat(stage.key(usd=5), FAST)
    assert (got.status, got.headers["x-zai-model"], asked(stage)) == (200, SECOND, ["gpt-5.4"])


async def test_a_name_that_nobody_gave_is_a_404(stage: Stage) -> None:
    got = await stage.chat(stage.key(usd=5), FAST)
    assert (got.status, got.code()) == (404, "model_not_found")
    fast(stage)
    assert (await stage.chat(stage.key(usd=5), FAST)).status == 200
    stage.house.accounts.virtual_models.remove(OPERATOR, stage.workspace, "fast")
    assert (await stage.chat(stage.key(usd=5), FAST)).status == 404
    assert (await stage.chat(stage.key(usd=5), {**FAST, "model": "Fast"})).status == 404


async def test_a_name_is_one_workspace_s_own(stage: Stage) -> None:
    accounts = stage.house.accounts
    other = accounts.workspaces.create(OPERATOR, "Other").id
    accounts.virtual_models.set(OPERATOR, other, "fast", [Target(model=FIRST)])
    assert (await stage.chat(stage.key(usd=5), FAST)).status == 404


async def test_the_request_s_own_list_may_name_a_virtual_model(stage: Stage) -> None:
    fast(stage, Target(model=SECOND))
    stage.stub.script(error_answer(500, "It broke."))
    got = await stage.chat(stage.key(usd=5), {**FAST, "model": FIRST, "models": ["fast"]})
    assert (got.status, got.headers["x-zai-model"]) == (200, SECOND)
    assert [told(entry)[1:3] for entry in await entries(stage, 2)] == [(FIRST, FIRST), (FIRST, SECOND)]


SEARCHING: dict[str, Any] = {
    **FAST,
    "model": MODEL,
    "web_search_options": {"search_context_size": "low"},
}
ALLOWED = 250_000_000
"""Nano-USD."""


async def held(stage: Stage, key: IssuedKey) -> int:
    """Nano-USD that the request holds while it is under way."""
    gate = asyncio.Event()
    stage.stub.script(replace(json_answer(completion()), hold=gate))
    await stage.settled(0)
    under_way = asyncio.create_task(stage.chat(key, SEARCHING))
    while not stage.holds():
        await asyncio.sleep(0.01)
    amount = await stage.held(key)
    gate.set()
    assert (await under_way).status == 200
    return amount


async def test_an_allowance_lets_a_capped_key_use_what_nothing_bounds(stage: Stage) -> None:
    refused = await stage.chat(stage.key(usd=5), SEARCHING)
    assert (refused.status, refused.code()) == (400, "unbounded_feature")
    assert refused.json()["error"]["param"] == "web_search_options"
    bounded = await held(stage, stage.key())
    assert await held(stage, stage.key(usd=5, unbounded_allowance=ALLOWED)) == bounded + ALLOWED
    assert await held(stage, stage.key(usd=5, unbounded_allowance=0)) == bounded
    assert chats(stage)[-1]["web_search_options"] == SEARCHING["web_search_options"]


async def test_an_allowance_is_held_only_where_it_is_needed_and_has_to_fit_the_cap(stage: Stage) -> None:
    key = stage.key(nano=ALLOWED, unbounded_allowance=ALLOWED)
    assert (await stage.chat(key, {**FAST, "model": MODEL})).status == 200
    refused = await stage.chat(key, SEARCHING)
    assert (refused.status, len(chats(stage))) == (402, 1)
