"""Playbooks of service tiers: which one goes out, and that the one which served is the one that is paid."""

import json
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from msgspec import Struct

from tests.flow.bypasses import Refused, body
from tests.flow.greedy import assert_refused, entries, greedily_staged, used
from tests.flow.stage import Stage
from tests.upstreams.answers import Answer, completion, json_answer, sse_answer, stream

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAP_USD = 5
STANDARD, FLEX, PRIORITY = (750, 4_500), (375, 2_250), (1_500, 9_000)
"""Nano-USD per input and output token of the model."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    async with greedily_staged(tmp_path_factory.mktemp("greedy") / "data") as ready:
        yield ready


@pytest.fixture(autouse=True)
def forget(stage: Stage) -> None:
    stage.stub.requests.clear()


class Tier(Struct, frozen=True):
    """A service tier on its way: what the client asks, what goes out, what served, and so its price."""

    asked: str | None
    cap: float | None
    sent: str | None
    served: str | None
    rates: tuple[int, int]


TIERS = (
    Tier(None, None, None, None, STANDARD),
    Tier(None, None, None, "default", STANDARD),
    Tier(None, None, None, "priority", PRIORITY),
    Tier(None, CAP_USD, "default", "default", STANDARD),
    Tier("auto", None, "auto", "priority", PRIORITY),
    Tier("auto", CAP_USD, "default", "default", STANDARD),
    Tier("default", CAP_USD, "default", "default", STANDARD),
    Tier("flex", CAP_USD, "flex", "flex", FLEX),
    Tier("flex", CAP_USD, "flex", "default", STANDARD),
    Tier("flex", None, "flex", "flex", FLEX),
    Tier("priority", CAP_USD, "priority", "priority", PRIORITY),
    Tier("priority", CAP_USD, "priority", "default", STANDARD),
    Tier("fast", CAP_USD, "fast", "priority", PRIORITY),
    Tier("fast", None, "fast", "fast", PRIORITY),
    Tier("unheard-of", None, "unheard-of", "default", STANDARD),
    # What has no price costs the dearest, and what served in silence is what was asked for.
    Tier("unheard-of", None, "unheard-of", "unheard-of", PRIORITY),
    Tier("priority", None, "priority", None, PRIORITY),
    Tier("priority", CAP_USD, "priority", None, PRIORITY),
    Tier("flex", CAP_USD, "flex", None, STANDARD),
)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: f"{tier.asked}-{tier.cap}-{tier.served}")
async def test_the_tier_that_served_is_the_tier_that_is_paid(
    stage: Stage, tier: Tier, streamed: bool
) -> None:
    key = stage.key(usd=tier.cap)
    stage.stub.script(tiered(tier.served, streamed))
    fields = {} if tier.asked is None else {"service_tier": tier.asked}
    assert (await stage.chat(key, body(max_tokens=100, stream=streamed, **fields))).status == 200
    assert stage.stub.requests[0].json().get("service_tier") == tier.sent
    (entry,) = await entries(stage, key)
    assert (entry["cost"], entry["certainty"]) == (40 * tier.rates[0] + 50 * tier.rates[1], "exact")


def tiered(served: str | None, streamed: bool) -> Answer:
    """An answer that says which tier served it, or does not."""
    tier = {} if served is None else {"service_tier": served}
    if not streamed:
        answer = completion(usage=used(40, 50))
        del answer["service_tier"]
        return json_answer(answer | tier)
    events = [event.removeprefix(b"data: ") for event in stream(usage=used(40, 50))[:-1]]
    told = [b"data: %b\n\n" % json.dumps(json.loads(event) | tier).encode() for event in events]
    return sse_answer(*told, b"data: [DONE]\n\n")


@pytest.mark.parametrize("tier", ["unheard-of", "scale", "PRIORITY", "ultrafast"])
async def test_a_tier_without_a_price_is_refused_under_a_cap(stage: Stage, tier: str) -> None:
    refused = Refused(body(service_tier=tier), 400, "unsupported_parameter", "service_tier")
    await assert_refused(stage, stage.key(usd=CAP_USD), refused)
