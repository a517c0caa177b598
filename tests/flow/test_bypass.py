"""Playbooks of bypass attempts by fields: status and ledger of each; the upstream bills all that it can."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

from tests.flow.bypasses import BOUNDLESS, PASSED, REFUSED
from tests.flow.greedy import assert_refused, entries, greedily_staged, used
from tests.flow.stage import Stage
from tests.upstreams.answers import completion, json_answer
from zai_gateway.money import NANO_PER_USD

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAP_USD = 5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    async with greedily_staged(tmp_path_factory.mktemp("greedy") / "data") as ready:
        yield ready


@pytest.fixture(autouse=True)
def forget(stage: Stage) -> None:
    stage.stub.requests.clear()


@pytest.mark.parametrize("cap", [CAP_USD, None], ids=["capped", "uncapped"])
@pytest.mark.parametrize("attempt", REFUSED)
async def test_what_could_mean_two_things_is_refused(stage: Stage, attempt: str, cap: float | None) -> None:
    await assert_refused(stage, stage.key(usd=cap), REFUSED[attempt])


@pytest.mark.parametrize("attempt", BOUNDLESS)
async def test_what_has_no_bound_is_refused_under_a_cap(stage: Stage, attempt: str) -> None:
    await assert_refused(stage, stage.key(usd=CAP_USD), BOUNDLESS[attempt])


@pytest.mark.parametrize("attempt", BOUNDLESS)
async def test_what_has_no_bound_goes_out_as_it_is_without_a_cap(stage: Stage, attempt: str) -> None:
    key, sent = stage.key(), BOUNDLESS[attempt].body
    stage.stub.script(json_answer(completion(usage=used(400_000, 100))))
    assert (await stage.chat(key, sent)).status == 200
    assert stage.stub.requests[0].body == sent.replace(b'"openai/gpt-5.4-mini"', b'"gpt-5.4-mini"', 1)
    (entry,) = await entries(stage, key)
    assert (entry["cost"], entry["certainty"]) == (400_000 * 750 + 100 * 4_500, "exact")


@pytest.mark.parametrize("attempt", PASSED)
async def test_what_is_let_through_stays_within_its_worst_case(stage: Stage, attempt: str) -> None:
    passed = PASSED[attempt]
    key = stage.key(usd=CAP_USD)
    got = await stage.chat(key, passed.body)
    assert got.status == 200
    (sent,) = stage.stub.requests
    sees: dict[str, Any] = sent.json()
    assert {name: sees.get(name, "absent") for name in passed.sees} == passed.sees
    assert not set(passed.misses) & set(sees)
    (entry,) = await entries(stage, key)
    assert (entry["certainty"], entry["status"], json.loads(entry["flags"])) == ("exact", 200, [])
    assert entry["answering_model"] == f"openai/{sees['model']}"
    assert 0 < entry["cost"] <= CAP_USD * NANO_PER_USD


async def test_all_attempts_together_stay_under_one_cap(stage: Stage) -> None:
    cap = NANO_PER_USD // 2
    key = stage.key(nano=cap)
    statuses: list[int] = []
    for _ in range(20):
        statuses += [(await stage.chat(key, passed.body)).status for passed in PASSED.values()]
        if 200 not in statuses[-len(PASSED) :]:
            break
    booked = await entries(stage, key)
    assert len(booked) == statuses.count(200) == len(stage.stub.requests) > 5
    assert set(statuses) == {200, 402}
    assert statuses[-1] == 402
    assert cap * 0.9 < sum(entry["cost"] + entry["risk"] for entry in booked) <= cap
    assert all(json.loads(entry["flags"]) == [] for entry in booked)
