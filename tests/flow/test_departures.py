"""Playbooks of clients that leave: nothing goes unmetered, and no upstream is left running."""

import asyncio
import json
from typing import Any

import pytest

from tests.flow.stage import MODEL, Stage
from tests.flow.test_caps import gated
from tests.upstreams.answers import sse_answer, stream

HELLO: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 1_000,
}
STREAM = stream()
COST_NANO = 12 * 750 + 4 * 4_500


@pytest.mark.parametrize("events", range(2, len(STREAM)))
async def test_who_leaves_a_stream_that_ends_soon_is_metered_exactly(stage: Stage, events: int) -> None:
    gate = asyncio.Event()
    stage.stub.script(sse_answer(*STREAM[:events], gate, *STREAM[events:]))
    async with stage.opened(stage.key(usd=5), {**HELLO, "stream": True}) as response:
        assert (await response.content.readany()).startswith(b"data: ")
        response.close()
    gate.set()
    (entry,) = await stage.settled(1)
    assert (entry["cost"], entry["risk"], entry["certainty"]) == (COST_NANO, 0, "exact")


async def test_who_leaves_a_stream_that_goes_on_is_metered_by_estimate(stage: Stage) -> None:
    never = asyncio.Event()
    stage.stub.script(sse_answer(*STREAM[:3], never))
    key = stage.key(usd=5)
    async with stage.opened(key, {**HELLO, "stream": True}) as response:
        assert (await response.content.readany()).startswith(b"data: ")
        response.close()
    await stage.stub.until_abandoned(1)
    (entry,) = await stage.settled(1)
    assert (entry["certainty"], json.loads(entry["flags"])) == ("estimated", ["interrupted"])
    assert entry["cost"] > 0
    assert entry["risk"] > 0


async def test_who_leaves_before_the_first_byte_leaves_no_upstream_running(stage: Stage) -> None:
    never = asyncio.Event()
    stage.stub.script(gated(never, streamed=True))
    asked = asyncio.create_task(stage.chat(stage.key(usd=5), {**HELLO, "stream": True}))
    await stage.stub.until_requests(1)
    asked.cancel()
    await stage.stub.until_abandoned(1)
    (entry,) = await stage.settled(1)
    assert (entry["certainty"], json.loads(entry["flags"])) == ("estimated", ["interrupted"])
    assert entry["cost"] + entry["risk"] > 1_000 * 4_500, "the whole worst case is accounted for"


async def test_who_leaves_a_whole_answer_is_metered_exactly(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.stub.script(gated(gate))
    asked = asyncio.create_task(stage.chat(stage.key(usd=5), HELLO))
    await stage.stub.until_requests(1)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    gate.set()
    (entry,) = await stage.settled(1)
    assert (entry["cost"], entry["risk"], entry["certainty"]) == (COST_NANO, 0, "exact")
