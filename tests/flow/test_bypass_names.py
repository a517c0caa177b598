"""Playbooks of bypass attempts by the names of models and by headers: none leads past a key's own terms."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.flow.bypasses import Refused, body
from tests.flow.greedy import assert_refused, entries, greedily_staged, nothing_happened
from tests.flow.stage import MODEL, UPSTREAM_SECRET, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAP_USD = 5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    async with greedily_staged(tmp_path_factory.mktemp("greedy") / "data") as ready:
        yield ready


@pytest.fixture(autouse=True)
def forget(stage: Stage) -> None:
    stage.stub.requests.clear()


ONLY_MINI = ("openai/gpt-5.4-mini",)


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("openai/gpt-5.4", 403, "model_not_allowed"),
        ("openai/gpt-5-4", 403, "model_not_allowed"),
        ("gpt-5.4", 403, "model_not_allowed"),
        ("gpt-5-4", 403, "model_not_allowed"),
        ("openai/gpt-5.4-mini-2026-03-17", 403, "model_not_allowed"),
        ("gpt-5.4-mini-2026-03-17", 403, "model_not_allowed"),
        ("openai/GPT-5.4-MINI", 403, "model_not_allowed"),
        ("OPENAI/gpt-5.4-mini", 403, "model_not_allowed"),
        ("OpenAI/gpt-5.4", 403, "model_not_allowed"),
        (" openai/gpt-5.4-mini", 403, "model_not_allowed"),
        ("openai/gpt-5.4-mini ", 403, "model_not_allowed"),
        ("openai /gpt-5.4-mini", 403, "model_not_allowed"),
        ("openai/ gpt-5.4-mini", 403, "model_not_allowed"),
        ("openai//gpt-5.4-mini", 403, "model_not_allowed"),
        ("openai//gpt-4o", 403, "model_not_allowed"),
        ("openai/../openai/gpt-5.4-mini", 403, "model_not_allowed"),
        ("openai/../gpt-4o", 403, "model_not_allowed"),
        ("openai/gpt-5.4-mini/../gpt-4o", 403, "model_not_allowed"),
        ("openai/gpt-5.4-mini?model=gpt-4o", 403, "model_not_allowed"),
        ("openai/gpt-5.4-mini#", 403, "model_not_allowed"),
        ("openai/gpt-5.4-mini,openai/gpt-4o", 403, "model_not_allowed"),
        ("openai%2fgpt-5.4-mini", 404, "model_not_found"),
        ("openai/openai/gpt-5.4-mini", 403, "model_not_allowed"),
        ("openai/*", 403, "model_not_allowed"),
        ("openai/gpt-5.4-min?", 403, "model_not_allowed"),
        ("openai/gpt\u20115.4-mini", 403, "model_not_allowed"),
        ("openai/", 400, "invalid_request"),
        ("openai", 404, "model_not_found"),
        ("/gpt-5.4-mini", 400, "invalid_request"),
        ("*", 404, "model_not_found"),
        ("demo/echo", 403, "model_not_allowed"),
        ("ft:gpt-5.4-mini:acme::x", 404, "model_not_found"),
        ("openai/ft:gpt-5.4-mini:acme::x", 403, "model_not_allowed"),
        (MODEL, 200, None),
        ("openai/gpt-5-4-mini", 200, None),
        ("gpt-5.4-mini", 200, None),
        ("gpt-5-4-mini", 200, None),
    ],
)
@pytest.mark.parametrize("cap", [CAP_USD, None], ids=["capped", "uncapped"])
async def test_no_name_leads_past_an_allowlist(
    stage: Stage, cap: float | None, model: str, status: int, code: str | None
) -> None:
    key = stage.key(usd=cap, allow=ONLY_MINI)
    got = await stage.chat(key, body(model=model, max_tokens=9))
    assert got.status == status
    if status == 200:
        (sent,) = stage.stub.requests
        assert sent.json()["model"] == "gpt-5.4-mini"
        (entry,) = await entries(stage, key)
        assert (entry["requested_model"], entry["answering_model"]) == (model, MODEL)
    else:
        assert (got.code(), got.json()["error"]["param"]) == (code, "model")
        assert await nothing_happened(stage, key)


async def test_further_models_lead_neither_past_an_allowlist_nor_to_the_provider(stage: Stage) -> None:
    key = stage.key(usd=CAP_USD, allow=ONLY_MINI)
    forbidden = body(model="openai/gpt-5.4", models=[MODEL], max_tokens=9)
    await assert_refused(stage, key, Refused(forbidden, 403, "model_not_allowed", "model"))
    got = await stage.chat(key, body(model=MODEL, models=["openai/gpt-5.4", "openai/gpt-4o"], max_tokens=9))
    assert got.status == 200
    (sent,) = stage.stub.requests
    assert sent.json()["model"] == "gpt-5.4-mini"
    assert "models" not in sent.json()


@pytest.mark.parametrize(
    "model", ["openai/gpt-6-unheard-of", "openai/GPT-5.4-mini", "openai//gpt-5.4-mini", "openai/ "]
)
async def test_a_name_without_a_price_is_refused_under_a_cap(stage: Stage, model: str) -> None:
    await assert_refused(
        stage, stage.key(usd=CAP_USD), Refused(body(model=model), 402, "model_unpriced", "model")
    )


@pytest.mark.parametrize("field", ["plugins", "provider", "route"])
async def test_a_stranger_s_field_is_named_before_the_model_is_judged(stage: Stage, field: str) -> None:
    key = stage.key(usd=CAP_USD, allow=ONLY_MINI)
    refused = Refused(body(model="openai/gpt-4o", **{field: []}), 400, "unsupported_parameter", field)
    await assert_refused(stage, key, refused)


async def test_headers_that_name_another_account_do_not_pass(stage: Stage) -> None:
    key = stage.key(usd=CAP_USD)
    theirs = {
        "openai-organization": "org-other",
        "openai-project": "proj-other",
        "openai-beta": "assistants=v2",
        "x-goog-api-key": "sk-other",
        "api-key": "sk-other",
        "cookie": "session=other",
        "proxy-authorization": "Basic b3RoZXI=",
        "x-forwarded-for": "10.0.0.1",
        "x-forwarded-host": "other.example",
        "forwarded": "for=10.0.0.1",
        "x-request-id": "req_mine",
        "x-zai-model": "openai/gpt-4o",
        "x-zai-max-tokens": "1",
        "x-zai-cost-micro-usd": "0",
        "x-stainless-retry-count": "0",
        "idempotency-key": "other",
        "x-http-method-override": "GET",
        "user-agent": "other/1.0",
    }
    got = await stage.chat(key, body(max_tokens=9), headers=theirs)
    assert got.status == 200
    assert got.headers["x-request-id"].startswith("req_")
    assert got.headers["x-request-id"] != "req_mine"
    assert "x-zai-model" not in got.headers
    (sent,) = stage.stub.requests
    names = {name.lower() for name, _ in sent.headers}
    assert names == {
        "host",
        "authorization",
        "content-type",
        "content-length",
        "user-agent",
        "accept-encoding",
    }
    assert sent.header("authorization") == f"Bearer {UPSTREAM_SECRET}"
    assert sent.path == "/v1/chat/completions"
    assert not any("other" in value for _, value in sent.headers)
    (entry,) = await entries(stage, key)
    assert entry["request"] == got.headers["x-request-id"]
    assert (entry["provider"], entry["requested_model"]) == ("openai", MODEL)
    assert got.headers["x-zai-cost-micro-usd"] != "0"


async def test_two_requests_of_one_id_are_two_in_the_books(stage: Stage) -> None:
    key = stage.key(usd=CAP_USD)
    for _ in range(2):
        await stage.chat(
            key, body(max_tokens=9), headers={"x-request-id": "req_same", "idempotency-key": "a"}
        )
    assert len({entry["request"] for entry in await entries(stage, key)}) == 2


async def test_no_header_stands_in_for_the_key(stage: Stage) -> None:
    capped, free = stage.key(usd=0), stage.key()
    # Both keys are good; together they are none, so that nobody has to guess whose money it is.
    for given in (
        [("authorization", f"Bearer {capped.secret}"), ("authorization", f"Bearer {free.secret}")],
        [("authorization", f"Bearer {capped.secret}, Bearer {free.secret}")],
        [("authorization", f"Basic {free.secret}")],
        [("authorization", free.secret)],
        [("x-api-key", free.secret), ("authorization", f"Bearer {capped.secret}")],
        [("x-api-key", free.secret), ("x-api-key", free.secret)],
        [("api-key", free.secret)],
        [("authorization", f"Bearer {free.secret.swapcase()}")],
        [("authorization", f"Bearer {free.key.prefix}")],
        [("authorization", f"Bearer {free.key.id}")],
        [("authorization", "Bearer ")],
        [("proxy-authorization", f"Bearer {free.secret}")],
    ):
        headers = [*given, ("content-type", "application/json")]
        url = f"{stage.base_url}/chat/completions?api_key={free.secret}"
        async with stage.session.post(url, data=body(), headers=headers) as response:
            assert response.status == 401, given
            assert (await response.json())["error"]["code"] == "invalid_api_key"
            assert (await response.json())["detail"] == "Invalid API key"
    assert await nothing_happened(stage, capped)
    assert await nothing_happened(stage, free)
