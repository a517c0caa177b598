"""What requests hold and are billed, for playbooks in which every nano-USD counts."""

import asyncio
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from tests.flow.stage import Stage
from tests.upstreams.answers import Answer, completion, json_answer, sse_answer, stream


def used(prompt: int, output: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


async def held_amount(stage: Stage, body: Mapping[str, Any]) -> int:
    """Nano-USD that a request holds, as the store has it while the request is under way."""
    gate = asyncio.Event()
    stage.stub.script(gated(gate, streamed=bool(body["stream"])))
    key = stage.key()
    asked = asyncio.create_task(stage.chat(key, body))
    await stage.stub.until_requests(1)
    held = await stage.held(key)
    gate.set()
    await asked
    return held


def gated(gate: asyncio.Event, usage: Mapping[str, int] | None = None, streamed: bool = False) -> Answer:
    """An answer that waits, its status too, until the gate is open."""
    billed = usage or used(12, 4)
    whole = sse_answer(*stream(usage=billed)) if streamed else json_answer(completion(usage=billed))
    return replace(whole, hold=gate)
