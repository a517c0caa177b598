"""Playbooks of several budgets at once: the key's, its member's and the workspace's hold one request."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from tests.flow.bills import gated, held_amount, used
from tests.flow.stage import MODEL, OPERATOR, Stage
from tests.upstreams.answers import completion, json_answer
from zai_gateway.accounts.actor import Role
from zai_gateway.accounts.budgets import Holder
from zai_gateway.accounts.records import BudgetOwner, BudgetPeriod, NearCap, SpendBudget
from zai_gateway.accounts.terms import IssuedKey

HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
SHORT: dict[str, Any] = {**HELLO, "max_tokens": 16}
USD = 1_000_000_000
OUTPUT = 4_500
"""Nano-USD of one output token."""
ALL = Holder(BudgetOwner.WORKSPACE)


def budget(stage: Stage, holder: Holder, period: BudgetPeriod, nano: int) -> SpendBudget:
    return stage.house.accounts.budgets.set(OPERATOR, stage.workspace, holder, period, nano)


def member(stage: Stage, name: str) -> str:
    added = stage.house.accounts.members.add(
        OPERATOR, stage.workspace, name, f"{name}@example.com", Role.MEMBER
    )
    return added.id


def of_key(key: IssuedKey) -> Holder:
    return Holder(BudgetOwner.KEY, key.key.id)


def spends(stage: Stage, nano: int) -> None:
    """The next answer costs so much, in nano-USD."""
    stage.stub.script(json_answer(completion(usage=used(0, nano // OUTPUT))))


async def spent(stage: Stage) -> dict[str, int]:
    """Nano-USD by budget, cost and risk, as the leases have it."""
    await stage.spending.flushed()
    sums = Counter[str]()
    for row in stage.rows("lease"):
        sums[row["window"].rpartition(":")[0]] += row["spent"] + row["risk"]
    return dict(sums)


async def test_a_request_counts_in_every_budget_that_applies(stage: Stage) -> None:
    ana = member(stage, "ana")
    key = stage.key(usd=5, member=ana)
    budgets = [
        budget(stage, of_key(key), BudgetPeriod.DAILY, 4 * USD),
        budget(stage, Holder(BudgetOwner.MEMBER, ana), BudgetPeriod.WEEKLY, 3 * USD),
        budget(stage, ALL, BudgetPeriod.MONTHLY, 2 * USD),
    ]
    spends(stage, 450_000)
    assert (await stage.chat(key, SHORT)).status == 200
    (entry,) = await stage.ledger()
    assert (entry["cost"], entry["member"]) == (450_000, ana)
    expected = {key.key.budget, *(each.id for each in budgets)}
    assert {window.rpartition(":")[0] for window in json.loads(entry["windows"])} == expected
    assert await spent(stage) == dict.fromkeys(expected, 450_000)


@pytest.mark.parametrize(
    ("tight", "called"),
    [
        ("key", "This API key's daily budget of 0.01 USD"),
        ("member", "This member's weekly budget of 0.01 USD"),
        ("workspace", "This workspace's monthly budget of 0.01 USD"),
        ("cap", "This API key's spend cap of 0.01 USD"),
    ],
)
async def test_the_refusal_names_the_cap_that_was_reached(stage: Stage, tight: str, called: str) -> None:
    ana = member(stage, "ana")
    limit = {tight: USD // 100}
    key = stage.key(nano=limit.get("cap", 5 * USD), member=ana)
    budget(stage, of_key(key), BudgetPeriod.DAILY, limit.get("key", 4 * USD))
    budget(stage, Holder(BudgetOwner.MEMBER, ana), BudgetPeriod.WEEKLY, limit.get("member", 3 * USD))
    budget(stage, ALL, BudgetPeriod.MONTHLY, limit.get("workspace", 2 * USD))
    spends(stage, USD // 100)
    assert (await stage.chat(key, SHORT)).status == 200
    before = await spent(stage)
    refused = await stage.chat(key, SHORT)
    assert (refused.status, refused.code()) == (402, "spend_cap_reached")
    assert refused.json()["detail"] == "Spend cap reached: 0.01 USD"
    assert refused.json()["error"]["message"].startswith(f"{called} leaves ")
    # What one of them refuses is held in none.
    assert await spent(stage) == before
    assert len(stage.stub.requests) == 1


async def test_a_member_s_keys_share_the_member_s_budget(stage: Stage) -> None:
    ana, ben = member(stage, "ana"), member(stage, "ben")
    keys = [stage.key(member=ana), stage.key(member=ana), stage.key(member=ben)]
    budget(stage, Holder(BudgetOwner.MEMBER, ana), BudgetPeriod.TOTAL, USD // 100)
    spends(stage, USD // 100)
    assert (await stage.chat(keys[0], SHORT)).status == 200
    assert [(await stage.chat(key, SHORT)).status for key in keys] == [402, 402, 200]


async def test_a_key_without_a_cap_is_bound_by_the_workspace_s(stage: Stage) -> None:
    key = stage.key()
    budget(stage, ALL, BudgetPeriod.DAILY, USD)
    unpriced = await stage.chat(key, {**SHORT, "model": "openai/gpt-unheard-of"})
    assert (unpriced.status, unpriced.code()) == (402, "model_unpriced")
    searching = await stage.chat(key, {**SHORT, "web_search_options": {"search_context_size": "low"}})
    assert (searching.status, searching.code()) == (400, "unbounded_feature")
    open_ended = await stage.chat(key, HELLO)
    assert int(open_ended.headers["x-zai-max-tokens"]) * OUTPUT <= USD / 4
    assert len(stage.stub.requests) == 1


async def test_the_tightest_budget_clamps(stage: Stage) -> None:
    key = stage.key(usd=5)
    budget(stage, ALL, BudgetPeriod.MONTHLY, USD // 10)
    got = await stage.chat(key, {**HELLO, "max_tokens": 100_000})
    assert got.status == 200
    limit = int(got.headers["x-zai-max-tokens"])
    assert 10_000 < limit < 100_000
    assert limit * OUTPUT <= USD // 10


async def test_two_budgets_are_raced_for_and_neither_is_passed(stage: Stage) -> None:
    body, gate = {**SHORT, "stream": False}, asyncio.Event()
    whole = await held_amount(stage, body)
    ana = member(stage, "ana")
    budget(stage, Holder(BudgetOwner.MEMBER, ana), BudgetPeriod.TOTAL, 3 * whole)
    # What `held_amount` asked was before this one: a budget counts from when it is set.
    budget(stage, ALL, BudgetPeriod.DAILY, 5 * whole)
    hers, others = [stage.key(member=ana) for _ in range(3)], [stage.key() for _ in range(3)]
    # Every answer costs its whole hold, so that one request too many would pass a budget.
    stage.stub.script(*(gated(gate, used(0, whole // OUTPUT)) for _ in range(5)))
    asked = [asyncio.create_task(stage.chat(key, body)) for key in (*hers, *others) for _ in range(5)]
    await stage.stub.until_requests(1 + 5)
    gate.set()
    statuses = [got.status for got in await asyncio.gather(*asked)]
    assert statuses.count(200) == 5
    assert statuses[:15].count(200) <= 3
    assert set(statuses) <= {200, 402, 429}
    booked = (await stage.ledger())[1:]
    assert sum(row["cost"] for row in booked) <= 5 * whole
    assert sum(row["cost"] for row in booked if row["member"] == ana) <= 3 * whole
    assert (await stage.chat(others[0], body)).status == 402


async def test_a_budget_that_is_taken_away_binds_nobody(stage: Stage) -> None:
    key = stage.key()
    budget(stage, ALL, BudgetPeriod.DAILY, 0)
    assert (await stage.chat(key, SHORT)).status == 402
    stage.house.accounts.budgets.remove(OPERATOR, stage.workspace, ALL, BudgetPeriod.DAILY)
    async with asyncio.timeout(60):  # the running gateway sees it within a second
        while (await stage.chat(key, SHORT)).status != 200:
            await asyncio.sleep(0.02)


async def test_a_key_may_ask_for_refusal_near_its_cap(stage: Stage) -> None:
    key = stage.key(usd=0.1, near_cap=NearCap.REFUSE)
    refused = await stage.chat(key, {**HELLO, "max_tokens": 100_000})
    assert (refused.status, refused.json()["detail"]) == (402, "Spend cap reached: 0.10 USD")
    assert "as it is" in refused.json()["error"]["message"]
    # Without a limit of its own it could be as long as the model's answers get.
    assert (await stage.chat(key, HELLO)).status == 402
    got = await stage.chat(key, {**HELLO, "max_tokens": 10_000})
    assert got.status == 200
    assert "x-zai-max-tokens" not in got.headers
    assert stage.stub.requests[-1].json()["max_completion_tokens"] == 10_000
    assert len(stage.stub.requests) == 1
