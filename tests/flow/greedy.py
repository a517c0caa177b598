"""A stage whose upstream bills all that it can, and what its books say of one key."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.flow.bypasses import Refused
from tests.flow.stage import OPERATOR, UPSTREAM_SECRET, Stage, staged
from tests.upstreams.answers import Answer, completion, json_answer, sse_answer, stream
from tests.upstreams.http1 import Received
from tests.upstreams.openai_stub import OpenAIStub
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.terms import IssuedKey

MOST_INPUT, MOST_OUTPUT = 272_000, 128_000
"""What the model's context window leaves for a prompt, and the longest answer, both in tokens."""
IMAGE_TOKENS = 4_050
"""The most of the model's tokens that one image in the body can come to, by the catalogue."""


class Greedy(OpenAIStub):
    """Bills every byte as a token, and all the output that request and model allow, at the dearest tier."""

    def _chat(self, request: Received) -> Answer:
        asked = request.json()
        if self._scripted:
            return super()._chat(request)
        limits = [each for each in (asked.get("max_tokens"), asked.get("max_completion_tokens")) if each]
        output = min(max(limits, default=MOST_OUTPUT), MOST_OUTPUT) * (asked.get("n") or 1)
        text, images = re.subn(rb'"data:image/[^"]*"', b"", request.body)
        is_foreign = b'"https://' in text or b"input_audio" in text
        usage = used(MOST_INPUT if is_foreign else len(text) + images * IMAGE_TOKENS, output)
        tier = {"auto": "priority", "fast": "priority"}.get(
            asked.get("service_tier"), asked.get("service_tier")
        )
        if not asked.get("stream"):
            return json_answer(completion(asked["model"], usage=usage) | {"service_tier": tier})
        return sse_answer(*stream(asked["model"], usage=usage))


def used(prompt: int, output: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


@asynccontextmanager
async def greedily_staged(data: Path) -> AsyncGenerator[Stage]:
    """A stage before the greedy upstream."""
    async with staged(data) as ready, Greedy() as greedy:
        accounts = ready.house.accounts
        accounts.provider_keys.remove(OPERATOR, ready.workspace, "openai")
        key = NewProviderKey(provider="openai", secret=UPSTREAM_SECRET, base_url=greedy.base_url)
        accounts.provider_keys.add(OPERATOR, ready.workspace, key)
        yield Stage(ready.house, greedy, ready.session, ready.base_url, ready.spending)


async def entries(stage: Stage, key: IssuedKey) -> list[dict[str, Any]]:
    return [entry for entry in await stage.ledger() if entry["key"] == key.key.id]


async def nothing_happened(stage: Stage, key: IssuedKey) -> bool:
    """No request went out, nothing was booked, nothing is held, and nothing counts against the cap."""
    spent = (await stage.get(key, "/me")).json()["api_key"]["spend_micro_usd"]
    return (stage.stub.requests, await entries(stage, key), stage.holds(), spent) == ([], [], 0, 0)


async def assert_refused(stage: Stage, key: IssuedKey, attempt: Refused) -> None:
    got = await stage.chat(key, attempt.body)
    error = got.json()["error"]
    assert (got.status, error["code"], error["param"]) == (attempt.status, attempt.code, attempt.param)
    assert len(got.body) < 2_000
    assert await nothing_happened(stage, key)
