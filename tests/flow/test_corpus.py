"""Recorded traffic through the whole gateway: what came is what was said, and what is booked was reported."""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from tests.dialects.corpus import Exchange, packed
from tests.flow.replay import Replayed, chunks, differences, heard, replayed, usage_of
from tests.flow.stage import Stage, staged
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.dialects import openai_chat

pytestmark = pytest.mark.asyncio(loop_scope="module")

PACKED = packed()
REFUSED_HERE: Mapping[str, str] = {
    "5e7b2ca4901d": "messages",  # the provider's 422 says the same
    "e26c699bffe8": "messages",  # the same
    "2e3510325405": "temperature",  # a string; the provider's 400 says the same
    "6dde391eb769": "messages",  # an empty list; the provider's 400 says the same
}
"""Requests that the gateway refuses by itself, and so skips here: by id, with the field that is wrong."""
FAILED_INSIDE: Mapping[str, int] = {
    "3a69c9c15743": 400,  # a stream that begins with an error
    "b8c42a24910e": 502,  # a 200 whose body is an error
}
"""Exchanges with a status of 200 that tell a failure, with the status that the client gets."""
FAILED_LATER: Mapping[str, str] = {"e2243d15d724": "tool_use_failed"}
"""Streams with an error behind their first content, with its code."""

RENAMED = {"id changed", "model changed"}
REPAIRED = {
    "object added": "some leave it out",
    "object changed": "some write `text_completion`",
    "created added": "some leave it out",
    "created changed": "recordings were normalized to 0",
    "choices[].message added": "Azure leaves it out where its filter stopped the answer (wire.md 11)",
    "choices[].message.content added": "null beside tool calls, not absent (wire.md 11)",
    "choices[].message.tool_calls gone": "it was null (wire.md 11)",
    "choices[].message.function_call gone": "it was null (wire.md 11)",
    "choices[].message.tool_calls[].index gone": "only streams have it (wire.md 10)",
}
"""All that may differ in a whole answer beside its names; of OpenAI's own only `created`."""
REWRITTEN = {
    "model changed",
    *(f"{limit} {how}" for limit in openai_chat.LIMIT_NAMES for how in ("added", "changed", "gone")),
    *("stream_options added", "stream_options changed", "temperature gone"),
    *("stream_options.include_usage added", "stream_options.include_usage changed"),
}
"""All that may differ in a request on its way to the provider."""
KEPT_STATUSES = (400, 404, 413, 422, 429)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    async with staged(tmp_path_factory.mktemp("corpus") / "data") as ready:
        yield ready


@pytest.fixture(scope="module")
def key(stage: Stage) -> IssuedKey:
    return stage.key()


async def played(
    stage: Stage, key: IssuedKey, exchanges: list[Exchange]
) -> list[tuple[Replayed, dict[str, Any]]]:
    """Every exchange that gets through, with its entry in the ledger; says how many did."""
    fed = [exchange for exchange in exchanges if exchange.id not in REFUSED_HERE]
    found = [await replayed(stage, key, exchange) for exchange in fed]
    ledger = {entry["request"]: entry for entry in await stage.settled(len(fed))}
    print(f"fed {len(fed)}, skipped {len(exchanges) - len(fed)} of {len(exchanges)}")
    return [(each, ledger[each.got.headers["x-request-id"]]) for each in found]


async def test_every_packed_exchange_is_in_one_of_these_tests() -> None:
    assert len(PACKED) == 1_045
    assert Counter(map(kind, PACKED)) == {"answer": 626, "stream": 347, "failure": 68 + len(REFUSED_HERE)}


def kind(exchange: Exchange) -> str:
    if exchange.response.status != 200 or exchange.id in FAILED_INSIDE:
        return "failure"
    return "stream" if exchange.is_stream else "answer"


def of(wanted: str) -> list[Exchange]:
    return [exchange for exchange in PACKED if kind(exchange) == wanted]


async def test_answers(stage: Stage, key: IssuedKey) -> None:
    passed = Counter[str]()
    for each, entry in await played(stage, key, of("answer")):
        said = json.loads(each.exchange.response.bytes)
        assert each.got.status == 200, each.exchange.name
        answer = each.got.json()
        assert answer["id"].startswith("cmpl_")
        assert each.sent is not None
        assert answer["model"] == f"openai/{each.sent.json()['model']}"
        found = set(differences(said, answer)) - RENAMED
        allowed = {"created changed"} if each.exchange.provider == "openai" else set(REPAIRED)
        assert found <= allowed, (each.exchange.name, found)
        assert_forwarded(each)
        passed[booked(each, usage_of([said]), entry)] += 1
    print(f"passed {dict(passed)}")
    assert passed == {"as reported": 575, "read the dearer way": 51}


async def test_streams(stage: Stage, key: IssuedKey) -> None:
    passed = Counter[str]()
    for each, entry in await played(stage, key, of("stream")):
        said = chunks(each.exchange.response.bytes)
        assert each.got.status == 200, each.exchange.name
        got = chunks(each.got.body)
        if each.exchange.id in FAILED_LATER:
            assert got.pop()["error"]["upstream"]["code"] == FAILED_LATER[each.exchange.id]
            assert b"[DONE]" not in each.got.body
        else:
            assert each.got.events()[-1] == b"[DONE]"
        assert_same_stream(each, said, got)
        assert_forwarded(each)
        passed[booked(each, usage_of(said), entry)] += 1
    print(f"passed {dict(passed)}")
    assert passed == {"as reported": 296, "read the dearer way": 22, "estimated": 29}


def assert_same_stream(each: Replayed, said: list[dict[str, Any]], got: list[dict[str, Any]]) -> None:
    name = each.exchange.name
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in got}) == 1, name
    assert each.sent is not None
    assert got[0]["model"] == f"openai/{each.sent.json()['model']}"
    wanted = heard(said)
    if each.exchange.id not in FAILED_LATER:
        wanted = {index: ended(choice) for index, choice in wanted.items()}
    assert heard(got) == wanted, name
    if (told := usage_of(said)) is not None:
        assert {"total_tokens": told["prompt_tokens"] + told["completion_tokens"], **told} == usage_of(got), (
            name
        )
        assert got[-1]["choices"] == []


def ended(choice: dict[str, Any]) -> dict[str, Any]:
    """How a choice ends for the client: with a reason, which is that of tool calls where there are any."""
    reason = choice["finish_reason"] or "stop"
    return {**choice, "finish_reason": "tool_calls" if choice["calls"] and reason == "stop" else reason}


async def test_failures(stage: Stage, key: IssuedKey) -> None:
    passed = 0
    for each, entry in await played(stage, key, of("failure")):
        status = each.exchange.response.status
        shown = FAILED_INSIDE.get(each.exchange.id) or (status if status in KEPT_STATUSES else 502)
        error = each.got.json()["error"]
        assert each.got.status == shown, each.exchange.name
        assert error["code"].startswith("upstream_") or error["code"] == "context_length_exceeded"
        assert message(each.exchange)[:200] in error["message"].removeprefix("openai: "), each.exchange.name
        assert_forwarded(each)
        if status != 200:
            assert (entry["cost"], entry["risk"], entry["certainty"]) == (0, 0, "exact"), each.exchange.name
            assert (entry["status"], entry["failure"]) == (status, error["code"])
        passed += 1
    print(f"passed {passed}")
    assert passed == 68


def message(exchange: Exchange) -> str:
    """What the provider says is wrong, in whichever of five shapes; its first event, where it streams."""
    answer = exchange.response
    said: dict[str, Any] = json.loads(answer.bytes) if answer.sse is None else chunks(answer.bytes)[0]
    error: Any = said.get("error") or said.get("message") or said.get("detail")
    return " ".join((error if isinstance(error, str) else str(error["message"])).split())


@pytest.mark.parametrize("id", REFUSED_HERE)
async def test_what_is_refused_here_was_refused_there(stage: Stage, key: IssuedKey, id: str) -> None:
    (exchange,) = [exchange for exchange in PACKED if exchange.id == id]
    each = await replayed(stage, key, exchange)
    assert exchange.response.status in (400, 422)
    assert (each.got.status, each.got.json()["error"]["param"]) == (400, REFUSED_HERE[id])
    assert each.sent is None


def assert_forwarded(each: Replayed) -> None:
    """The request reached the provider but for the named splices."""
    assert each.sent is not None
    assert set(differences(each.asked, each.sent.json())) <= REWRITTEN, each.exchange.name


def booked(each: Replayed, told: Mapping[str, Any] | None, entry: dict[str, Any]) -> str:
    """Checks the entry's buckets against the provider's own report; says what kind of report it is."""
    name = each.exchange.name
    buckets = {
        bucket: entry[bucket] for bucket in ("input", "cache_read", "cache_write", "output", "reasoning")
    }
    if told is None:
        assert (entry["certainty"], set(buckets.values())) == ("estimated", {None}), name
        return "estimated"
    assert entry["certainty"] == "exact", name
    prompt, output = told["prompt_tokens"], told["completion_tokens"]
    details: dict[str, Any] = {
        **(told.get("prompt_tokens_details") or {}),
        **(told.get("completion_tokens_details") or {}),
    }
    read, written = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    reasoning = details.get("reasoning_tokens") or 0
    total = told.get("total_tokens") or prompt + output
    if total != prompt + output or reasoning > output or read + written > prompt:
        # Its numbers contradict each other, or OpenAI's way to count: never less than it says.
        assert each.exchange.provider != "openai", name
        assert sum(buckets.values()) - buckets["reasoning"] >= max(total, prompt + output), name
        assert reasoning <= output or buckets["output"] >= output + reasoning, name
        assert max(read, written) <= prompt or buckets["input"] == prompt, name
        return "read the dearer way"
    assert buckets == {
        "input": prompt - read - written,
        "cache_read": read,
        "cache_write": written,
        "output": output,
        "reasoning": reasoning,
    }, name
    return "as reported"
