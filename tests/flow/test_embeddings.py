"""Playbooks of embeddings: recorded traffic, caps, routes, rates, and what is refused before it is sent."""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.dialects.corpus import Exchange, everything, packed
from tests.flow.embedding_stage import (
    MODEL,
    OTHERS,
    EmbeddingStage,
    embedding_staged,
    prefix_of,
    question,
    vectors,
)
from tests.flow.replay import differences
from tests.flow.reports import billed
from tests.flow.stage import OPERATOR, Got
from tests.upstreams.answers import Answer, error_answer
from zai_gateway.accounts.records import Target
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.providers.registry import provider_of

CATALOGUE = Catalogue.load()
PICO = 20_000
"""What a token costs, in pico-USD."""
AROUND = 2_048 + 16
"""Tokens that the worst case of one text counts beyond its bytes."""
HELLO: dict[str, Any] = {"model": MODEL, "input": "Hello"}
KEPT_STATUSES = (400, 404, 413, 422, 429)
REFUSED_HERE: Mapping[str, str] = {"89472cfe2dd8": "dimensions"}
"""Requests that the gateway refuses by itself, as the provider did: by id, with the field that is wrong."""

KEY_REFUSED = ("bbbe2ed9b55a", "e035b3dd5ee3")
"""Where the provider does not know its key; Google says so with a 400."""


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncGenerator[EmbeddingStage]:
    async with embedding_staged(tmp_path / "data") as ready:
        yield ready


async def test_every_recorded_exchange_is_played(stage: EmbeddingStage) -> None:
    played = [each for each in everything("embeddings") if each.provider not in OTHERS]
    # A provider key that its vendor refused is used no more.
    played.sort(key=lambda each: each.id in KEY_REFUSED)
    stage.serve(*sorted({prefix_of(each) for each in played} - {"openai"}))
    passed, ids = Counter[str](), {each.id for each in packed("embeddings")}
    for exchange in played:
        what = await play(stage, exchange)
        if exchange.id in ids:
            passed[what] += 1
    print(dict(passed))
    assert passed == {"reported": 16, "estimated": 1, "failed": 14, "refused here": 1}
    assert passed.total() + 4 == len(ids) == 36  # four are Cohere's


async def play(stage: EmbeddingStage, exchange: Exchange) -> str:
    """Asks the recorded question of a gateway whose upstream gives the recorded answer; says what came."""
    asked, response, prefix = question(exchange), exchange.response, prefix_of(exchange)
    stage.stub.requests.clear()
    answer = Answer(
        status=response.status, headers=(("content-type", "application/json"),), body=response.bytes
    )
    key, before = stage.stage.key(), len(await stage.stage.ledger())
    if exchange.id not in REFUSED_HERE:
        stage.stub.script(answer)
    got = await stage.embed(key, asked)
    if exchange.id in REFUSED_HERE:
        error = got.json()["error"]
        assert (got.status, response.status, error["param"]) == (400, 400, REFUSED_HERE[exchange.id])
        assert stage.stub.requests == []
        return "refused here"
    entry = (await stage.stage.settled(before + 1))[-1]
    assert_forwarded(stage, exchange, asked)
    if response.status != 200:
        is_kept = response.status in KEPT_STATUSES and exchange.id not in KEY_REFUSED
        shown = response.status if is_kept else 502
        assert got.status == shown, (exchange.name, got.body)
        assert (entry["cost"], entry["risk"], entry["certainty"]) == (0, 0, "exact")
        assert (entry["status"], entry["failure"]) == (response.status, got.code())
        return "failed"
    assert got.status == 200, (exchange.name, got.body)
    said = json.loads(response.bytes)
    assert_same_vectors(got, said, exchange)
    return booked(entry, got, said, prefix)


def assert_forwarded(stage: EmbeddingStage, exchange: Exchange, asked: dict[str, Any]) -> None:
    (sent,) = stage.stub.requests
    recorded = json.loads(exchange.request.bytes or b"null")
    prefix = prefix_of(exchange)
    if prefix in ("gemini", "vertex"):
        method = sent.path.rpartition(":")[2]
        assert method == ("predict" if prefix == "vertex" else "batchEmbedContents")
        assert (sent.header("x-goog-api-key") is None) == (prefix == "vertex")
        return
    assert sent.path == "/v1/embeddings"
    wanted = {**asked, "model": asked["model"].partition("/")[2]}
    assert sent.json() == wanted
    assert recorded is None or sent.json() == recorded
    assert (sent.header("api-key") is not None) == (prefix == "azure")


def assert_same_vectors(got: Got, said: dict[str, Any], exchange: Exchange) -> None:
    answer = got.json()
    prefix, _, id = question(exchange)["model"].partition("/")
    assert answer["model"] == CATALOGUE.model(prefix, id).name
    assert answer["object"] == "list"
    if "data" in said:
        found = set(differences(said, answer)) - {"model changed"}
        assert found <= {"usage.prompt_tokens added"}, exchange.name
        return
    told = said.get("embeddings") or [each["embeddings"] for each in said["predictions"]]
    assert [each["embedding"] for each in answer["data"]] == [each["values"] for each in told]


def booked(entry: dict[str, Any], got: Got, said: dict[str, Any], prefix: str) -> str:
    """Checks what is booked, and says how it is known."""
    tokens = tokens_in(said)
    assert got.json()["usage"]["prompt_tokens"] == (tokens or got.json()["usage"]["total_tokens"])
    if tokens is None:
        assert (entry["certainty"], entry["input"]) == ("estimated", None)
        assert got.headers["x-zai-estimated"] == "true"
        return "estimated"
    assert (entry["certainty"], entry["input"], entry["output"]) == ("exact", tokens, 0)
    assert "x-zai-estimated" not in got.headers
    price = CATALOGUE.model(prefix, entry["answering_model"].partition("/")[2]).price
    stated = billed(prefix, said.get("usage", {})) if provider_of(prefix).bills_by_statement else None
    if stated is not None:
        assert entry["cost"] == stated
    elif price is not None:
        assert entry["cost"] == -(-tokens * price.tiers["standard"].base.input // 1_000)
    else:
        assert (entry["cost"], json.loads(entry["flags"])) == (0, ["unpriced"])
    return "reported"


def tokens_in(said: dict[str, Any]) -> int | None:
    """How many tokens went in, by the vendor's own word."""
    if "predictions" in said:
        return sum(each["embeddings"]["statistics"]["token_count"] for each in said["predictions"])
    if "usageMetadata" in said:
        return said["usageMetadata"]["promptTokenCount"]
    usage = said.get("usage")
    return usage and usage.get("prompt_tokens", usage["total_tokens"])


@pytest.mark.parametrize(
    ("given", "texts", "tokens"),
    [
        ("Hello", 1, len('"Hello"') + AROUND),
        ("Grüße", 1, len('"Grüße"'.encode()) + AROUND),
        (["Hello", "you"], 2, len('["Hello", "you"]') + AROUND + 16),
        ([15_339] * 7, 1, 7 + AROUND),
        ([[15_339] * 7, [40]], 2, 8 + AROUND + 16),
    ],
)
async def test_a_cap_of_the_worst_case_suffices_and_a_nano_usd_less_does_not(
    stage: EmbeddingStage, given: object, texts: int, tokens: int
) -> None:
    worst = -(-tokens * PICO // 1_000)
    body = {"model": MODEL, "input": given}
    short = stage.stage.key(nano=worst - 1)
    refused = await stage.embed(short, body)
    assert (refused.status, refused.code()) == (402, "spend_cap_reached")
    assert (stage.stub.requests, await stage.stage.ledger()) == ([], [])
    key = stage.stage.key(nano=worst)
    stage.stub.script(vectors(texts))
    got = await stage.embed(key, body)
    assert got.status == 200
    (entry,) = await stage.stage.settled(1)
    assert (entry["cost"], entry["risk"], entry["certainty"]) == (5 * PICO // 1_000, 0, "exact")
    assert (entry["requested_model"], entry["answering_model"], entry["attempt"]) == (MODEL, MODEL, 1)
    assert await stage.stage.held(key) == 0
    assert got.headers["x-zai-cost-micro-usd"] == "1"


async def test_a_vendor_that_says_nothing_of_usage_is_estimated(stage: EmbeddingStage) -> None:
    stage.stub.script(vectors(usage={}))
    got = await stage.embed(stage.stage.key(usd=1), {"model": MODEL, "input": "Hello, you"})
    assert got.headers["x-zai-estimated"] == "true"
    assert got.json()["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    (entry,) = await stage.stage.settled(1)
    worst = -(-(len('"Hello, you"') + AROUND) * PICO // 1_000)
    assert (entry["certainty"], entry["cost"], entry["cost"] + entry["risk"]) == ("estimated", 60, worst)


async def test_usage_above_the_worst_case_is_flagged(stage: EmbeddingStage) -> None:
    stage.stub.script(vectors(usage={"prompt_tokens": 9_000, "total_tokens": 9_000}))
    assert (await stage.embed(stage.stage.key(usd=1), HELLO)).status == 200
    (entry,) = await stage.stage.settled(1)
    assert (entry["cost"], json.loads(entry["flags"])) == (180_000, ["overrun"])


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({**HELLO, "model": "openai/gpt-5.4-mini"}, 400, "invalid_request", "model"),
        ({**HELLO, "model": "gpt-5.4-mini"}, 400, "invalid_request", "model"),
        ({**HELLO, "model": "anthropic/claude-sonnet-4-5"}, 400, "invalid_request", "model"),
        ({**HELLO, "model": "demo/echo"}, 400, "invalid_request", "model"),
        ({**HELLO, "model": "nobody/nothing"}, 404, "model_not_found", "model"),
        (
            {**HELLO, "model": "vertex/gemini-embedding-2", "input": ["a", "b"]},
            400,
            "invalid_request",
            "input",
        ),
        (
            {**HELLO, "model": "gemini/gemini-embedding-001", "input": [1]},
            400,
            "unsupported_parameter",
            "input",
        ),
        ({**HELLO, "plugins": []}, 400, "unsupported_parameter", "plugins"),
        ({**HELLO, "models": [MODEL]}, 400, "unsupported_parameter", "models"),
        (b'{"model":"a","model":"b","input":"x"}', 400, "duplicate_field", "model"),
        (b"[]", 400, "invalid_json", None),
    ],
)
async def test_what_is_refused_is_refused_before_it_is_sent(
    stage: EmbeddingStage, body: object, status: int, code: str, param: str | None
) -> None:
    stage.serve("gemini", "vertex", "anthropic")
    got = await stage.embed(stage.stage.key(), body)
    assert (got.status, got.code(), got.json()["error"]["param"]) == (status, code, param)
    assert (stage.stub.requests, await stage.stage.ledger()) == ([], [])


async def test_a_chat_model_is_told_from_an_embedding_model_and_the_other_way_round(
    stage: EmbeddingStage,
) -> None:
    key = stage.stage.key()
    got = await stage.embed(key, {**HELLO, "model": "openai/gpt-5.4-mini"})
    assert "answers conversations" in got.json()["error"]["message"]
    # What is remembered of the way to a model must not open it to conversations.
    assert (await stage.embed(key, HELLO)).status == 200
    chat = await stage.stage.chat(key, {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]})
    assert (chat.status, chat.json()["error"]["param"]) == (400, "model")
    assert "makes embeddings" in chat.json()["error"]["message"]


async def test_an_unknown_model_needs_a_price_under_a_cap(stage: EmbeddingStage) -> None:
    stage.serve("mine")
    body = {**HELLO, "model": "mine/some-embedder"}
    refused = await stage.embed(stage.stage.key(usd=1), body)
    assert (refused.status, refused.code()) == (402, "model_unpriced")
    got = await stage.embed(stage.stage.key(), body)
    assert (got.status, got.json()["model"]) == (200, "mine/some-embedder")
    (entry,) = await stage.stage.settled(1)
    assert json.loads(entry["flags"]) == ["unpriced"]


async def test_an_allowlist_holds(stage: EmbeddingStage) -> None:
    key = stage.stage.key(allow=("openai/text-embedding-3-small",))
    assert (await stage.embed(key, HELLO)).status == 200
    got = await stage.embed(key, {**HELLO, "model": "openai/text-embedding-3-large"})
    assert (got.status, got.code()) == (403, "model_not_allowed")


async def test_targets_of_a_virtual_model_stand_in_for_each_other(stage: EmbeddingStage) -> None:
    stage.serve("azure")
    targets = [Target(model=MODEL), Target(model="azure/text-embedding-3-small")]
    stage.stage.house.accounts.virtual_models.set(OPERATOR, stage.stage.workspace, "small", targets)
    stage.stub.script(error_answer(500, "Broken."))
    got = await stage.embed(stage.stage.key(usd=1), {**HELLO, "model": "small"})
    assert (got.status, got.json()["model"]) == (200, "azure/text-embedding-3-small")
    assert got.headers["x-zai-model"] == "azure/text-embedding-3-small"
    assert got.headers["x-zai-attempts"] == "2"
    first, second = await stage.stage.settled(2)
    assert (first["cost"], first["failure"], second["attempt"]) == (0, "upstream_failed", 2)
    assert second["requested_model"] == "small"


async def test_no_other_model_stands_in_for_the_one_that_was_asked_for(stage: EmbeddingStage) -> None:
    key = stage.stage.key(fallback="openai/text-embedding-3-large")
    stage.stub.script(error_answer(500, "Broken."))
    got = await stage.embed(key, HELLO)
    assert (got.status, got.code(), len(stage.stub.requests)) == (502, "upstream_failed", 1)


async def test_tokens_count_in_their_rate_limit(stage: EmbeddingStage) -> None:
    key = stage.stage.key(tpm=1_000)
    stage.stub.script(vectors(usage={"prompt_tokens": 5_000, "total_tokens": 5_000}))
    got = await stage.embed(key, {**HELLO, "input": [7] * 400})
    assert (got.status, got.headers["x-ratelimit-remaining-tokens"]) == (200, "600")
    refused = await stage.embed(key, HELLO)
    assert (refused.status, refused.code()) == (429, "rate_limited")
    assert refused.headers["x-ratelimit-remaining-tokens"] == "0"
    never = await stage.embed(stage.stage.key(tpm=100), {**HELLO, "input": [7] * 400})
    assert (never.status, "about 400 tokens" in never.json()["error"]["message"]) == (429, True)
    assert await stage.stage.held(key) == 0


async def test_an_answer_without_a_vector_for_each_text_is_none(stage: EmbeddingStage) -> None:
    stage.stub.script(vectors(1))
    got = await stage.embed(stage.stage.key(usd=1), {**HELLO, "input": ["a", "b"]})
    assert (got.status, got.code()) == (502, "upstream_failed")
    (entry,) = await stage.stage.settled(1)
    assert entry["certainty"] == "estimated"


async def test_what_gemini_does_not_take_is_named(stage: EmbeddingStage) -> None:
    stage.serve("gemini")
    stage.stub.script(
        Answer(body=b'{"embeddings":[{"values":[0.5]}],"usageMetadata":{"promptTokenCount":2}}')
    )
    got = await stage.embed(
        stage.stage.key(usd=1), {**HELLO, "model": "gemini/gemini-embedding-2", "user": "u"}
    )
    assert (got.status, got.headers["x-zai-dropped"]) == (200, "user")
    assert got.json()["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    (entry,) = await stage.stage.settled(1)
    assert entry["cost"] == 2 * 200


async def test_vertex_embeds_by_the_method_of_the_model(stage: EmbeddingStage) -> None:
    stage.serve("vertex")
    stage.stub.script(Answer(body=b'{"embedding":{"values":[0.5]},"usageMetadata":{"promptTokenCount":2}}'))
    body = {**HELLO, "model": "vertex/gemini-embedding-2", "dimensions": 8, "task_type": "CLUSTERING"}
    got = await stage.embed(stage.stage.key(usd=1), body)
    assert (got.status, got.json()["data"][0]["embedding"]) == (200, [0.5])
    (sent,) = stage.stub.requests
    assert sent.path.endswith("/publishers/google/models/gemini-embedding-2:embedContent")
    assert (sent.header("authorization") or "").startswith("Bearer ey")
    config = {"autoTruncate": False, "outputDimensionality": 8, "taskType": "CLUSTERING"}
    assert sent.json() == {"content": {"parts": [{"text": "Hello"}]}, "embedContentConfig": config}
