"""Recorded traffic through the whole gateway: what came is what was said, and what is booked was reported."""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.dialects.corpus import Exchange, everything, packed
from tests.dialects.vendors import prefix_of, row_of
from tests.flow.replay import Replayed, chunks, differences, heard, replayed, serve, usage_of
from tests.flow.reports import booked
from tests.flow.stage import Stage, staged
from vendors.recorded import RECORDED, Kind
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.dialects import openai_chat

pytestmark = pytest.mark.asyncio(loop_scope="module")

CATALOGUE = Catalogue.load()
EXCHANGES = everything()
PACKED = {exchange.id for exchange in packed()}
REFUSED_HERE: Mapping[str, str] = {
    "5e7b2ca4901d": "messages",  # the provider's 422 says the same
    "e26c699bffe8": "messages",  # the same
    "2e3510325405": "temperature",  # a string; the provider's 400 says the same
    "6dde391eb769": "messages",  # an empty list; the provider's 400 says the same
    "49246cf36e1a": "model",  # it makes embeddings; the provider's 403 says that it may not be asked
    "96d73fdc604c": "model",  # the same; the provider's 404 says that it is no chat model
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


def kind(exchange: Exchange) -> Kind:
    if exchange.id in REFUSED_HERE:
        return Kind.REFUSED_HERE
    if exchange.response.status != 200 or exchange.id in FAILED_INSIDE:
        return Kind.FAILURE
    return Kind.STREAM if exchange.is_stream else Kind.ANSWER


def of(wanted: Kind) -> list[Exchange]:
    return [exchange for exchange in EXCHANGES if kind(exchange) is wanted]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    async with staged(tmp_path_factory.mktemp("corpus") / "data") as ready:
        serve(ready, map(prefix_of, EXCHANGES))
        yield ready


async def played(stage: Stage, exchanges: list[Exchange]) -> list[tuple[Replayed, dict[str, Any]]]:
    """Every exchange with its entry in the ledger."""
    key = stage.key()
    before = len(await stage.ledger())
    found = [await replayed(stage, key, exchange) for exchange in exchanges]
    ledger = {entry["request"]: entry for entry in await stage.settled(before + len(exchanges))}
    return [(each, ledger[each.got.headers["x-request-id"]]) for each in found]


def tell(wanted: Kind, passed: Counter[str], readings: Counter[str]) -> None:
    """Says how many passed, and that those of the pack are all that it has of the kind, by vendor."""
    print(f"{wanted}: fed {len(of(wanted))}, passed {passed.total()}: {dict(passed)}; usage {dict(readings)}")
    counts = {vendor: recorded.counts.get(wanted, 0) for vendor, recorded in RECORDED.items()}
    assert passed == Counter(counts)


async def test_every_exchange_is_in_one_of_these_tests() -> None:
    found = Counter(map(kind, (exchange for exchange in EXCHANGES if exchange.id in PACKED)))
    print(f"recorded {len(EXCHANGES)}: {dict(Counter(map(kind, EXCHANGES)))}")
    assert found == {Kind.ANSWER: 626, Kind.STREAM: 347, Kind.FAILURE: 66, Kind.REFUSED_HERE: 6}
    assert found.total() == 1_045 == sum(each.recorded for each in RECORDED.values())


async def test_answers(stage: Stage) -> None:
    passed, readings = Counter[str](), Counter[str]()
    for each, entry in await played(stage, of(Kind.ANSWER)):
        said = json.loads(each.exchange.response.bytes)
        assert each.got.status == 200, each.exchange.name
        answer = each.got.json()
        assert answer["id"].startswith("cmpl_")
        assert answer["model"] == canonical(each)
        found = set(differences(said, answer)) - RENAMED
        allowed = {"created changed"} if each.exchange.provider == "openai" else set(REPAIRED)
        assert found <= allowed, (each.exchange.name, found)
        assert_forwarded(each)
        reading = booked(each, usage_of([said]), entry)
        if each.exchange.id in PACKED:
            passed[prefix_of(each.exchange)] += 1
            readings[reading] += 1
    tell(Kind.ANSWER, passed, readings)
    assert readings == {"as reported": 575, "as its vendor means it": 37, "the dearer way": 14}


async def test_streams(stage: Stage) -> None:
    passed, readings = Counter[str](), Counter[str]()
    for each, entry in await played(stage, of(Kind.STREAM)):
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
        reading = booked(each, usage_of(said), entry)
        if each.exchange.id in PACKED:
            passed[prefix_of(each.exchange)] += 1
            readings[reading] += 1
    tell(Kind.STREAM, passed, readings)
    assert readings == {
        "as reported": 299,
        "as its vendor means it": 13,
        "the dearer way": 9,
        "estimated": 26,
    }


def assert_same_stream(each: Replayed, said: list[dict[str, Any]], got: list[dict[str, Any]]) -> None:
    name = each.exchange.name
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in got}) == 1, name
    assert got[0]["model"] == canonical(each)
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


async def test_failures(tmp_path: Path) -> None:
    """In rounds, each on a gateway of its own: a provider key that its vendor refused is used no more."""
    passed, rounds = Counter[str](), in_rounds(of(Kind.FAILURE))
    for number, exchanges in enumerate(rounds):
        async with staged(tmp_path / str(number)) as stage:
            serve(stage, map(prefix_of, exchanges))
            for each, entry in await played(stage, exchanges):
                assert_failed(each, entry)
                if each.exchange.id in PACKED:
                    passed[prefix_of(each.exchange)] += 1
    tell(Kind.FAILURE, passed, Counter())


def in_rounds(exchanges: list[Exchange]) -> list[list[Exchange]]:
    """So that each round has one 401 of a vendor at most, behind what else the vendor has in it."""
    refusals = [exchange for exchange in exchanges if exchange.response.status == 401]
    rounds = [[exchange for exchange in exchanges if exchange not in refusals]]
    met: Counter[str] = Counter()
    for exchange in refusals:
        number = met[exchange.provider]
        met[exchange.provider] += 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(exchange)
    return rounds


def assert_failed(each: Replayed, entry: dict[str, Any]) -> None:
    name, status = each.exchange.name, each.exchange.response.status
    shown = FAILED_INSIDE.get(each.exchange.id) or (status if status in KEPT_STATUSES else 502)
    error = each.got.json()["error"]
    assert each.got.status == shown, name
    assert error["code"].startswith("upstream_") or error["code"] == "context_length_exceeded"
    title = row_of(each.exchange).title
    assert message(each.exchange)[:200] in error["message"].removeprefix(f"{title}: "), name
    assert_forwarded(each)
    if status != 200:
        assert (entry["cost"], entry["risk"], entry["certainty"]) == (0, 0, "exact"), name
        assert (entry["status"], entry["failure"]) == (status, error["code"])


def message(exchange: Exchange) -> str:
    """What the provider says is wrong, in whichever of five shapes; its first event, where it streams."""
    answer = exchange.response
    said: dict[str, Any] = json.loads(answer.bytes) if answer.sse is None else chunks(answer.bytes)[0]
    error: Any = said.get("error") or said.get("message") or said.get("detail")
    return " ".join((error if isinstance(error, str) else str(error["message"])).split())


@pytest.mark.parametrize("id", REFUSED_HERE)
async def test_what_is_refused_here_was_refused_there(stage: Stage, id: str) -> None:
    (exchange,) = [exchange for exchange in EXCHANGES if exchange.id == id]
    each = await replayed(stage, stage.key(), exchange)
    assert exchange.response.status in (400, 403, 404, 422)
    assert (each.got.status, each.got.json()["error"]["param"]) == (400, REFUSED_HERE[id])
    assert each.sent is None


def canonical(each: Replayed) -> str:
    """The model that was asked for, by the name that the catalogue has for it."""
    prefix, _, id = each.asked["model"].partition("/")
    return CATALOGUE.model(prefix, id).name


def assert_forwarded(each: Replayed) -> None:
    """The request reached the provider, signed as its row says, but for the named splices."""
    name, row, sent = each.exchange.name, row_of(each.exchange), each.sent
    assert sent is not None, name
    allowed = set(REWRITTEN)
    if not row.asks_stream_usage:
        allowed.add("stream_options gone")
    assert set(differences(each.asked, sent.json())) <= allowed, name
    assert f"{row.name}/{sent.json()['model']}" == canonical(each)
    assert set(sent.json()).isdisjoint({*openai_chat.LIMIT_NAMES} - {*row.limit_names}), name
    if each.asked.get("stream"):
        assert ("stream_options" in sent.json()) == row.asks_stream_usage, name
    assert (sent.header("api-key") is not None) == (row.name == "azure")
    assert (sent.header("authorization") is not None) == (row.name != "azure")
