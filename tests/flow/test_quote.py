"""Playbooks of quotes: what a dry run says is what the request then does, and it leaves no trace."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator, validate

from tests.flow.stage import MODEL, OPERATOR, Stage
from tests.upstreams.answers import error_answer
from zai_gateway.accounts.records import Target
from zai_gateway.edge.reference_page import openapi_document
from zai_gateway.money import micro_from_nano

HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
DEARER = "openai/gpt-5.4"
TABLES = ("ledger", "window", "lease", "budget")


def as_documented(quote: Any) -> bool:
    document = openapi_document()
    whole = {"$ref": "#/components/schemas/Quote", "components": document["components"]}
    validate(quote, whole, cls=Draft202012Validator)
    return True


def books(stage: Stage) -> list[Any]:
    return [stage.rows(table) for table in TABLES]


@pytest.mark.parametrize("fields", [{}, {"max_tokens": 100}, {"max_tokens": 10**6}])
@pytest.mark.parametrize("cap", [0.1, 5, None])
async def test_a_quote_is_what_the_request_then_holds(
    stage: Stage, cap: float | None, fields: dict[str, Any]
) -> None:
    key, body = stage.key(usd=cap), {**HELLO, **fields}
    before = books(stage)
    got = await stage.quote(key, body)
    assert (got.status, books(stage), stage.stub.requests) == (200, before, [])
    quote = got.json()
    assert as_documented(quote)
    assert (quote["object"], quote["would_send"], quote["error"], quote["model"]) == (
        "quote",
        True,
        None,
        MODEL,
    )
    assert quote["free_micro_usd"] == (None if cap is None else round(cap * 1_000_000))
    (candidate,) = quote["candidates"]
    assert (candidate["model"], candidate["provider"], candidate["fits"]) == (MODEL, "openai", True)
    price = candidate["price"]
    assert (price["input"], price["output"]) == (750_000, 4_500_000)
    # 408 may have been billed: cost and risk in the ledger are all that was held.
    stage.stub.script(error_answer(408, "Too slow."))
    await stage.chat(key, body)
    (entry,) = await stage.settled(1)
    assert entry["price_version"] == price["version"]
    sent = stage.stub.requests[0].json()
    assert sent.get("max_completion_tokens") == candidate["max_tokens"]
    if cap is not None:
        assert micro_from_nano(entry["cost"] + entry["risk"]) == candidate["worst_case_micro_usd"]


@pytest.mark.parametrize(
    ("terms", "fields", "status", "code"),
    [
        ({"usd": 0}, {}, 402, "spend_cap_reached"),
        ({"usd": 5}, {"model": "openai/unpriced-model"}, 402, "model_unpriced"),
        ({"usd": 5, "allow": (DEARER,)}, {}, 403, "model_not_allowed"),
        ({"usd": 5}, {"model": "nobody/nothing"}, 404, "model_not_found"),
        ({"usd": 5}, {"plugins": []}, 400, "unsupported_parameter"),
        ({"usd": 5}, {"web_search_options": {"a": 1}}, 400, "unbounded_feature"),
    ],
)
async def test_a_refusal_is_the_one_that_the_request_gets(
    stage: Stage, terms: dict[str, Any], fields: dict[str, Any], status: int, code: str
) -> None:
    key, body = stage.key(**terms), {**HELLO, **fields}
    before = books(stage)
    quote = (await stage.quote(key, body)).json()
    assert as_documented(quote)
    assert (quote["would_send"], quote["model"]) == (False, None)
    assert (quote["error"]["status"], quote["error"]["code"]) == (status, code)
    assert books(stage) == before
    got = await stage.chat(key, body)
    assert (got.status, got.code()) == (status, code)
    assert got.json()["error"]["message"] == quote["error"]["message"]


async def test_what_is_no_request_is_refused_as_the_chat_is(stage: Stage) -> None:
    key = stage.key(usd=5)
    for body in (b"{", b"[]", b'{"model": "openai/gpt-5.4"}'):
        quoted, chatted = await stage.quote(key, body), await stage.chat(key, body)
        assert (quoted.status, quoted.json()) == (chatted.status, chatted.json())
        assert quoted.status == 400


async def test_stand_ins_and_virtual_models_are_quoted_in_their_order(stage: Stage) -> None:
    targets = (Target(model=DEARER), Target(model=MODEL))
    stage.house.accounts.virtual_models.set(OPERATOR, stage.workspace, "fast", targets)
    key = stage.key(usd=5, fallback="demo/echo", allow=("openai/*", "demo/*"))
    body = {**HELLO, "model": "fast", "models": ["nobody/nothing"], "max_tokens": 100}
    quote = (await stage.quote(key, body)).json()
    assert [each["model"] for each in quote["candidates"]] == [DEARER, MODEL, "demo/echo"]
    assert quote["model"] == DEARER
