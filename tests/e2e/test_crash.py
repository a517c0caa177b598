"""Nothing is lost when the gateway is killed or told to end, and the operator's word counts while it runs."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from tests.e2e.gateway_process import GatewayProcess, Operator
from tests.upstreams.answers import completion, json_answer, sse_answer, stream
from tests.upstreams.openai_stub import OpenAIStub

MODEL = "openai/gpt-5.4-mini"
# 2,000 tokens of output can cost 0.009 USD, at 4.50 USD per million. The input's bound comes on top.
CAP = "0.015"
LONG: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 2_000,
}
STREAM = stream()
COST_NANO = 12 * 750 + 4 * 4_500


@pytest.fixture
async def stub() -> AsyncGenerator[OpenAIStub]:
    async with OpenAIStub() as ready:
        yield ready


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as ready:
        yield ready


@pytest.fixture
def operator(data: Path, stub: OpenAIStub) -> Operator:
    made = Operator(data)
    made.add_openai(stub.base_url)
    return made


def asked(
    session: aiohttp.ClientSession, gateway: GatewayProcess, key: str, body: object
) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
    return session.post(
        f"{gateway.base_url}/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}
    )


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    """The data of each event, as far as the stream came."""
    async for line in response.content:
        if line.startswith(b"data: "):
            said = line.removeprefix(b"data: ").strip()
            yield "[DONE]" if said == b"[DONE]" else json.loads(said)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
async def test_a_killed_gateway_leaves_what_was_under_way_as_risk(
    operator: Operator, stub: OpenAIStub, session: aiohttp.ClientSession, streamed: bool
) -> None:
    never = asyncio.Event()
    under_way = sse_answer(*STREAM[:2], never) if streamed else replace(json_answer(completion()), hold=never)
    stub.script(under_way)
    key = operator.new_key("--spend-cap", CAP)
    with operator.serving() as gateway:
        first = asyncio.create_task(_whole(session, gateway, key, {**LONG, "stream": streamed}))
        await stub.until_requests(1)
        async with asked(session, gateway, key, LONG) as second:
            # What is held may come back: try again. What is at risk may not.
            assert (second.status, (await second.json())["error"]["code"]) == (429, "budget_busy")
        (hold,) = operator.open_holds()
        gateway.kill()
        assert not await first

    with operator.serving() as again:
        (entry,) = operator.rows("ledger")
        assert (operator.open_holds(), operator.unspent()) == ([], 0)
        assert (entry["request"], entry["cost"], entry["risk"]) == (hold.attempt.request, 0, hold.amount)
        assert (entry["certainty"], json.loads(entry["flags"])) == ("unconfirmed", ["interrupted"])
        assert (entry["answering_model"], entry["streamed"]) == (MODEL, streamed)
        me = again.ask("/me", key).json()["api_key"]
        assert (me["spend_micro_usd"], me["spend_cap_micro_usd"]) == (0, 15_000)
        refused = again.ask("/chat/completions", key, LONG)
        assert (refused.status, refused.code()) == (402, "spend_cap_reached")
        assert refused.json()["detail"] == "Spend cap reached: 0.015 USD"
        assert len(stub.requests) == 1


async def test_a_stream_under_way_ends_whole_after_sigterm(
    operator: Operator, stub: OpenAIStub, session: aiohttp.ClientSession
) -> None:
    gate = asyncio.Event()
    stub.script(sse_answer(*STREAM[:2], gate, *STREAM[2:]))
    with operator.serving() as gateway:
        key = operator.new_key("--spend-cap", "5.00")
        async with asked(session, gateway, key, {**LONG, "stream": True}) as response:
            said = events(response)
            came = [await anext(said), await anext(said)]
            gateway.terminate()
            await _listens_no_more(gateway)
            gate.set()
            came += [event async for event in said]
        gateway.ended()
    assert came[-1] == "[DONE]"
    assert came[-2]["usage"]["total_tokens"] == 16
    assert "".join(_content(event) for event in came[:-1]) == "Hello!"
    (entry,) = operator.rows("ledger")
    assert (entry["cost"], entry["risk"], entry["certainty"]) == (COST_NANO, 0, "exact")
    assert (operator.journals, operator.unspent()) == ([], 0)


async def test_a_stream_that_does_not_end_is_cut_off_and_booked(
    operator: Operator, stub: OpenAIStub, session: aiohttp.ClientSession
) -> None:
    never = asyncio.Event()
    stub.script(sse_answer(*STREAM[:2], never))
    with operator.serving() as gateway:
        key = operator.new_key("--spend-cap", "5.00")
        async with asked(session, gateway, key, {**LONG, "stream": True}) as response:
            said = events(response)
            assert (await anext(said))["object"] == "chat.completion.chunk"
            await _told_twice_to_end(gateway)
            last = [event async for event in said][-1]
        gateway.ended()
    assert last["error"]["code"] == "shutting_down"
    _check_booked_by_estimate(operator)


async def test_an_answer_that_does_not_come_is_cut_off_and_booked(
    operator: Operator, stub: OpenAIStub, session: aiohttp.ClientSession
) -> None:
    never = asyncio.Event()
    stub.script(replace(json_answer(completion()), hold=never))
    with operator.serving() as gateway:
        key = operator.new_key("--spend-cap", "5.00")
        request = asyncio.create_task(_refused(session, gateway, key))
        await stub.until_requests(1)
        await _told_twice_to_end(gateway)
        assert await request == (503, "shutting_down")
        gateway.ended()
    _check_booked_by_estimate(operator)


async def test_what_the_operator_does_counts_while_it_runs(
    data: Path, stub: OpenAIStub, session: aiohttp.ClientSession
) -> None:
    operator = Operator(data)
    with operator.serving() as gateway:
        made = operator.admin("key", "create", "busy", "--spend-cap", "5.00")

        async def until(status: int, code: str | None) -> None:
            # Within a second, says the manual; but no test depends on how busy this machine is.
            async with asyncio.timeout(60):
                while (got := await _refused(session, gateway, made["key"])) != (status, code):
                    assert got[0] < 500
                    await asyncio.sleep(0.05)

        # The key itself is known at once.
        assert await _refused(session, gateway, made["key"]) == (404, "model_not_found")
        operator.add_openai(stub.base_url)
        await until(200, None)
        operator.admin("key", "update", "busy", "--allow", "demo/*")
        await until(403, "model_not_allowed")
        operator.admin("key", "update", made["id"], "--allow-any", "--spend-cap", "0")
        await until(402, "spend_cap_reached")
        operator.admin("key", "revoke", "busy")
        await until(401, "invalid_api_key")
        assert gateway.ask("/me", made["key"]).status == 401


async def _whole(session: aiohttp.ClientSession, gateway: GatewayProcess, key: str, body: object) -> bool:
    """Whether an answer came to its end."""
    try:
        async with asked(session, gateway, key, body) as response:
            return b"[DONE]" in await response.read()
    except aiohttp.ClientError:
        return False


async def _refused(
    session: aiohttp.ClientSession, gateway: GatewayProcess, key: str
) -> tuple[int, str | None]:
    """The status of an answer in one piece, and its error's code; None where it is no error."""
    async with asked(session, gateway, key, LONG) as response:
        return response.status, (await response.json()).get("error", {}).get("code")


async def _told_twice_to_end(gateway: GatewayProcess) -> None:
    """The second signal says not to wait for the time of grace."""
    gateway.terminate()
    await _listens_no_more(gateway)
    gateway.terminate()


def _check_booked_by_estimate(operator: Operator) -> None:
    (entry,) = operator.rows("ledger")
    assert (entry["certainty"], json.loads(entry["flags"])) == ("estimated", ["interrupted"])
    assert entry["cost"] > 0
    assert entry["risk"] > 0
    assert (operator.journals, operator.unspent()) == ([], 0)


async def _listens_no_more(gateway: GatewayProcess) -> None:
    """Waits until the gateway has taken the signal: it accepts no connection then."""
    address = gateway.base_url.removeprefix("http://").removesuffix("/v1")
    host, _, port = address.partition(":")
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.02)


def _content(event: Any) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in event["choices"])
