"""Playbooks of bypass attempts: each with its status and its ledger, and an upstream that bills all it can."""

import json
import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from msgspec import Struct

from tests.flow.stage import MODEL, UPSTREAM_SECRET, Stage, staged
from tests.upstreams.answers import Answer, completion, json_answer, sse_answer, stream
from tests.upstreams.http1 import Received
from tests.upstreams.openai_stub import OpenAIStub
from zai_gateway.accounts.terms import IssuedKey
from zai_gateway.money import NANO_PER_USD

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAP_USD = 5
MOST_OUTPUT = 128_000
IMAGE_TOKENS = 4_050
"""The most of the model's tokens that one image in the body can come to, by the catalogue."""
HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


class Greedy(OpenAIStub):
    """Bills every byte as a token, and all the output that request and model allow, at the dearest tier."""

    def _chat(self, request: Received) -> Answer:
        asked = request.json()
        if self._scripted:
            return super()._chat(request)
        limits = [each for each in (asked.get("max_tokens"), asked.get("max_completion_tokens")) if each]
        output = min(max(limits, default=MOST_OUTPUT), MOST_OUTPUT) * (asked.get("n") or 1)
        text, images = re.subn(rb'"data:image/[^"]*"', b"", request.body)
        usage = used(len(text) + images * IMAGE_TOKENS, output)
        tier = {"auto": "priority", "fast": "priority"}.get(
            asked.get("service_tier"), asked.get("service_tier")
        )
        if not asked.get("stream"):
            return json_answer(completion(asked["model"], usage=usage) | {"service_tier": tier})
        return sse_answer(*stream(asked["model"], usage=usage))


def used(prompt: int, output: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    async with staged(tmp_path_factory.mktemp("bypass") / "data") as ready, Greedy() as greedy:
        accounts = ready.house.accounts
        accounts.remove_provider_key(ready.workspace, "openai")
        accounts.add_provider_key(ready.workspace, "openai", UPSTREAM_SECRET, base_url=greedy.base_url)
        yield Stage(ready.house, greedy, ready.session, ready.base_url)


@pytest.fixture(autouse=True)
def forget(stage: Stage) -> None:
    stage.stub.requests.clear()


def body(**fields: Any) -> bytes:
    return json.dumps(HELLO | fields).encode()


def raw(members: bytes, model: bytes = b'"openai/gpt-5.4-mini"') -> bytes:
    """A request whose members after the first two stand exactly as given."""
    return b'{"model": %b, "messages": [{"role": "user", "content": "Hello"}], %b}' % (model, members)


def said(part: bytes) -> bytes:
    """A request with one message, whose content is the list of this one part."""
    return b'{"model": "openai/gpt-5.4-mini", "messages": [{"role": "user", "content": [%b]}]}' % part


def entries(stage: Stage, key: IssuedKey) -> list[dict[str, Any]]:
    return [entry for entry in stage.ledger() if entry["key"] == key.key.id]


async def nothing_happened(stage: Stage, key: IssuedKey) -> bool:
    """No request went out, nothing was booked, nothing is held, and nothing counts against the cap."""
    spent = (await stage.get(key, "/me")).json()["api_key"]["spend_micro_usd"]
    return (stage.stub.requests, entries(stage, key), stage.rows("hold"), spent) == ([], [], [], 0)


class Refused(Struct, frozen=True):
    """A request that is refused before anything is sent."""

    body: bytes
    status: int
    code: str
    param: str | None


def twice(param: str, text: bytes) -> Refused:
    return Refused(text, 400, "duplicate_field", param)


def wrong(param: str, text: bytes) -> Refused:
    return Refused(text, 400, "invalid_request", param)


def never(param: str, text: bytes) -> Refused:
    return Refused(text, 400, "unsupported_parameter", param)


def boundless(param: str, text: bytes) -> Refused:
    return Refused(text, 400, "unbounded_feature", param)


REFUSED: Mapping[str, Refused] = {
    "model twice": twice("model", raw(b'"model": "openai/gpt-5.4"')),
    "the same model twice": twice("model", raw(b'"model": "openai/gpt-5.4-mini"')),
    "model escaped": twice("model", raw(b'"mod\\u0065l": "openai/gpt-5.4"')),
    "model escaped whole": twice("model", raw(b'"\\u006d\\u006F\\u0064\\u0065\\u006c": "openai/gpt-5.4"')),
    "model twice and once more": twice("model", raw(b'"model": "a", "model": "openai/gpt-5.4-mini"')),
    "model in capitals": wrong("MODEL", raw(b'"MODEL": "openai/gpt-5.4"')),
    "model in another case": wrong("modeL", raw(b'"modeL": "openai/gpt-5.4"')),
    "model with spaces": Refused(
        body(**{"model": MODEL, "x": 1}).replace(b"}]", b"}],,"), 400, "invalid_json", None
    ),
    "messages twice": twice("messages", raw(b'"messages": [{"role": "user", "content": "a"}]')),
    "max_tokens twice": twice("max_tokens", raw(b'"max_tokens": 1, "max_tokens": 100000')),
    "max_tokens escaped": twice("max_tokens", raw(b'"max_tokens": 1, "max\\u005ftokens": 100000')),
    "max_completion_tokens twice": twice(
        "max_completion_tokens", raw(b'"max_completion_tokens": 1, "max_completion_tokens": 9')
    ),
    "max_tokens in capitals": wrong("MAX_TOKENS", raw(b'"MAX_TOKENS": 100000, "max_tokens": 1')),
    "max_tokens with the Kelvin sign": wrong("max_to\u212aens", body(**{"max_to\u212aens": 100_000})),
    "n twice": twice("n", raw(b'"n": 1, "n": 100')),
    "n in capitals": wrong("N", raw(b'"n": 1, "N": 100')),
    "stream twice": twice("stream", raw(b'"stream": false, "stream": true')),
    "stream_options twice": twice("stream_options", raw(b'"stream_options": {}, "stream_options": {}')),
    "include_usage twice": twice(
        "stream_options.include_usage",
        raw(b'"stream": true, "stream_options": {"include_usage": true, "include_usage": false}'),
    ),
    "include_usage escaped": twice(
        "stream_options.include_usage",
        raw(b'"stream": true, "stream_options": {"include_usage": true, "include\\u005fusage": false}'),
    ),
    "service_tier twice": twice("service_tier", raw(b'"service_tier": "flex", "service_tier": "priority"')),
    "service_tier in another case": wrong("Service_Tier", raw(b'"Service_Tier": "priority"')),
    "role twice": twice("messages[0].role", said(b"").replace(b'"role"', b'"role": "user", "role"')),
    "content twice": twice(
        "messages[0].content", said(b"").replace(b'"content"', b'"content": "a", "c\\u006fntent"')
    ),
    "an image behind a second type": twice(
        "messages[0].content[0].type",
        said(b'{"type": "text", "text": "a", "type": "image_url", "image_url": {"url": "https://e.com/a"}}'),
    ),
    "an image behind a second url": twice(
        "messages[0].content[0].image_url.url",
        said(b'{"type": "image_url", "image_url": {"url": "data:image/png,", "url": "https://e.com/a"}}'),
    ),
    "a tool behind a second type": twice(
        "tools[0].type",
        raw(b'"tools": [{"type": "function", "function": {"name": "f"}, "type": "web_search"}]'),
    ),
    "an unread field twice": twice("metadata", raw(b'"metadata": {}, "metadata": {"a": "b"}')),
    "models": never("models", body(models=["openai/gpt-5.4"])),
    "models, empty": never("models", body(models=[])),
    "models escaped": never("models", raw(b'"mod\\u0065ls": ["openai/gpt-5.4"]')),
    "models in capitals": never("MODELS", raw(b'"MODELS": ["openai/gpt-5.4"]')),
    "plugins": never("plugins", body(plugins=[{"id": "web"}])),
    "plugins in another case": never("Plugins", body(Plugins=[{"id": "web"}])),
    "provider": never("provider", body(provider={"order": ["azure"]})),
    "route": never("route", body(route="fallback")),
    "transforms": never("transforms", body(transforms=["middle-out"])),
    "inference_geo": never("inference_geo", body(inference_geo="us")),
    "n of zero": wrong("n", body(n=0)),
    "n below zero": wrong("n", body(n=-1)),
    "n that is huge": wrong("n", body(n=100_000)),
    "n that is a text": wrong("n", body(n="1")),
    "n with a fraction": wrong("n", body(n=1.5)),
    "max_tokens of zero": wrong("max_tokens", body(max_tokens=0)),
    "max_tokens below zero": wrong("max_tokens", body(max_tokens=-1)),
    "max_tokens with an exponent": wrong("max_tokens", raw(b'"max_tokens": 1e30')),
    "max_tokens with a small exponent": wrong("max_tokens", raw(b'"max_tokens": 1e2')),
    "max_tokens that is true": wrong("max_tokens", body(max_tokens=True)),
    "max_tokens that is a text": wrong("max_tokens", body(max_tokens="5")),
    "max_tokens over 63 bits": wrong("max_tokens", body(max_tokens=2**63)),
    "max_tokens over 64 bits": wrong("max_tokens", body(max_tokens=2**64 + 1)),
    "max_tokens of 400 digits": wrong("max_tokens", raw(b'"max_tokens": 1%b' % (b"0" * 400))),
    "max_tokens in a list": wrong("max_tokens", body(max_tokens=[5])),
    "max_completion_tokens of zero": wrong(
        "max_completion_tokens", body(max_tokens=5, max_completion_tokens=0)
    ),
    "stream that is 1": wrong("stream", body(stream=1)),
    "stream that is a text": wrong("stream", body(stream="true")),
    "stream_options that is true": wrong("stream_options", body(stream=True, stream_options=True)),
    "include_usage that is a text": wrong(
        "stream_options.include_usage", body(stream=True, stream_options={"include_usage": "false"})
    ),
    "service_tier in a list": wrong("service_tier", body(service_tier=["priority"])),
    "service_tier without a name": wrong("service_tier", body(service_tier="")),
    "temperature out of range": wrong("temperature", body(temperature=1e300)),
    "a model without end": wrong("model", body(model="openai/" + "x" * 100_000)),
    "a model with a terminal's escapes": wrong("model", body(model="openai/\x1b[2Jgpt")),
    "a model with a line break": wrong("model", body(model=f"{MODEL}\n")),
}

BOUNDLESS: Mapping[str, Refused] = {
    "a search": boundless("web_search_options", body(web_search_options={"search_context_size": "high"})),
    "a search in another case": boundless("Web_Search_Options", body(Web_Search_Options={"a": 1})),
    "a search, escaped": boundless("web_search_options", raw(b'"web_search\\u005foptions": {"a": 1}')),
    "a prediction": boundless("prediction", body(prediction={"type": "content", "content": "Hello"})),
    "speech": boundless("audio", body(audio={"voice": "alloy", "format": "wav"})),
    "another modality": boundless("modalities", body(modalities=["text", "audio"])),
    "a tool that the provider runs": boundless("tools[0].type", body(tools=[{"type": "web_search"}])),
    "one behind a function": boundless(
        "tools[1].type",
        body(tools=[{"type": "function", "function": {"name": "f"}}, {"type": "code_interpreter"}]),
    ),
    "an MCP server": boundless("tools[0].type", body(tools=[{"type": "mcp", "server_url": "https://e.com"}])),
    "a tool without a type": boundless("tools[0]", body(tools=[{"google_search": {}}])),
    "a tool's type in another case": boundless(
        "tools[0].Type",
        body(tools=[{"type": "function", "function": {"name": "f"}, "Type": "web_search"}]),
    ),
    "a stored file": boundless(
        "messages[0].content[0].file.file_id", said(b'{"type": "file", "file": {"file_id": "file-1"}}')
    ),
    "a stored file in another case": boundless(
        "messages[0].content[0].file.File_ID", said(b'{"type": "file", "file": {"File_ID": "file-1"}}')
    ),
    "a stored file beside text": boundless(
        "messages[0].content[0].file_id", said(b'{"type": "text", "text": "a", "file_id": "file-1"}')
    ),
    "an earlier answer's sound": boundless(
        "messages[0].audio", body(messages=[{"role": "assistant", "audio": {"id": "audio_1"}}])
    ),
}
"""Refused on a key with a cap; without one, the owner lets it be."""


@pytest.mark.parametrize("cap", [CAP_USD, None], ids=["capped", "uncapped"])
@pytest.mark.parametrize("attempt", REFUSED)
async def test_what_could_mean_two_things_is_refused(stage: Stage, attempt: str, cap: float | None) -> None:
    await assert_refused(stage, stage.key(usd=cap), REFUSED[attempt])


@pytest.mark.parametrize("attempt", BOUNDLESS)
async def test_what_has_no_bound_is_refused_under_a_cap(stage: Stage, attempt: str) -> None:
    await assert_refused(stage, stage.key(usd=CAP_USD), BOUNDLESS[attempt])


@pytest.mark.parametrize("attempt", BOUNDLESS)
async def test_what_has_no_bound_goes_out_as_it_is_without_a_cap(stage: Stage, attempt: str) -> None:
    key, sent = stage.key(), BOUNDLESS[attempt].body
    stage.stub.script(json_answer(completion(usage=used(400_000, 100))))
    assert (await stage.chat(key, sent)).status == 200
    assert stage.stub.requests[0].body == sent.replace(b'"openai/gpt-5.4-mini"', b'"gpt-5.4-mini"', 1)
    (entry,) = entries(stage, key)
    assert (entry["cost"], entry["certainty"]) == (400_000 * 750 + 100 * 4_500, "exact")


async def assert_refused(stage: Stage, key: IssuedKey, attempt: Refused) -> None:
    got = await stage.chat(key, attempt.body)
    error = got.json()["error"]
    assert (got.status, error["code"], error["param"]) == (attempt.status, attempt.code, attempt.param)
    assert len(got.body) < 2_000
    assert await nothing_happened(stage, key)


class Passed(Struct, frozen=True):
    """A request that is sent: what of it the upstream sees."""

    body: bytes
    sees: Mapping[str, Any]
    misses: tuple[str, ...] = ()


PASSED: Mapping[str, Passed] = {
    "the lesser of two limits": Passed(
        body(max_tokens=700, max_completion_tokens=50), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "the lesser, the other way": Passed(
        body(max_completion_tokens=700, max_tokens=50), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "one limit is null": Passed(
        body(max_completion_tokens=None, max_tokens=50), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "the limit has the wrong name": Passed(
        body(max_tokens=50), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "the limit has the other wrong name": Passed(
        body(model="openai/gpt-4o", max_completion_tokens=50), {"max_tokens": 50}, ("max_completion_tokens",)
    ),
    "many choices": Passed(body(n=128, max_tokens=50), {"n": 128, "max_completion_tokens": 50}),
    "a limit that no money buys": Passed(body(max_tokens=2**31 - 1), {"model": "gpt-5.4-mini"}),
    "many choices without a limit": Passed(body(n=64), {"n": 64}),
    "no limit": Passed(body(), {}),
    "a model by its other name": Passed(body(model="openai/gpt-5-4-mini"), {"model": "gpt-5.4-mini"}),
    "an escaped model": Passed(
        raw(b'"max_tokens": 9', model=b'"\\u006fpenai\\/gpt-5.4-mini"'), {"model": "gpt-5.4-mini"}
    ),
    "an escaped limit": Passed(
        raw(b'"max\\u005ftokens": 50'), {"max_completion_tokens": 50}, ("max_tokens",)
    ),
    "modalities of text alone": Passed(body(modalities=["text"], max_tokens=9), {"modalities": ["text"]}),
    "features that are off": Passed(
        body(web_search_options=None, prediction=None, audio=None, max_tokens=9), {"audio": None}
    ),
    "an image by its address": Passed(
        said(b'{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}'), {}
    ),
    "an image in the body": Passed(
        said(b'{"type": "image_url", "image_url": {"url": "data:image/png;base64,%b"}}' % (b"A" * 9_000)), {}
    ),
    "content in two cases": Passed(
        body(messages=[{"role": "user", "content": "a", "Content": [{"type": "input_audio"}]}]), {}
    ),
    "what nobody has heard of": Passed(
        body(best_friend={"model": "x"}, max_tokens=9), {"best_friend": {"model": "x"}}
    ),
    "a dearer tier": Passed(body(service_tier="priority", max_tokens=900), {"service_tier": "priority"}),
    "a dearer tier by its other name": Passed(
        body(service_tier="fast", max_tokens=900), {"service_tier": "fast"}
    ),
    "a cheaper tier": Passed(body(service_tier="flex", max_tokens=900), {"service_tier": "flex"}),
    "whichever tier": Passed(body(service_tier="auto", max_tokens=900), {"service_tier": "default"}),
    "the standard tier": Passed(body(service_tier="default", max_tokens=900), {"service_tier": "default"}),
    "a stream that hides its usage": Passed(
        body(stream=True, stream_options={"include_usage": False}, max_tokens=900),
        {"stream_options": {"include_usage": True}},
    ),
    "a stream whose usage is null": Passed(
        body(stream=True, stream_options={"include_usage": None}, max_tokens=900),
        {"stream_options": {"include_usage": True}},
    ),
    "a stream without options": Passed(
        body(stream=True, stream_options=None), {"stream_options": {"include_usage": True}}
    ),
}


@pytest.mark.parametrize("attempt", PASSED)
async def test_what_is_let_through_stays_within_its_worst_case(stage: Stage, attempt: str) -> None:
    passed = PASSED[attempt]
    key = stage.key(usd=CAP_USD)
    got = await stage.chat(key, passed.body)
    assert got.status == 200
    (sent,) = stage.stub.requests
    sees: dict[str, Any] = sent.json()
    assert {name: sees.get(name, "absent") for name in passed.sees} == passed.sees
    assert not set(passed.misses) & set(sees)
    (entry,) = entries(stage, key)
    assert (entry["certainty"], entry["status"], json.loads(entry["flags"])) == ("exact", 200, [])
    assert entry["answering_model"] == f"openai/{sees['model']}"
    assert 0 < entry["cost"] <= CAP_USD * NANO_PER_USD


async def test_all_attempts_together_stay_under_one_cap(stage: Stage) -> None:
    cap = NANO_PER_USD // 2
    key = stage.key(nano=cap)
    statuses: list[int] = []
    for _ in range(20):
        statuses += [(await stage.chat(key, passed.body)).status for passed in PASSED.values()]
        if 200 not in statuses[-len(PASSED) :]:
            break
    booked = entries(stage, key)
    assert len(booked) == statuses.count(200) == len(stage.stub.requests) > 5
    assert set(statuses) == {200, 402}
    assert statuses[-1] == 402
    assert cap * 0.9 < sum(entry["cost"] + entry["risk"] for entry in booked) <= cap
    assert all(json.loads(entry["flags"]) == [] for entry in booked)


STANDARD, FLEX, PRIORITY = (750, 4_500), (375, 2_250), (1_500, 9_000)
"""Nano-USD per input and output token of the model."""


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("asked", "cap", "sent", "served", "rates"),
    [
        (None, None, None, None, STANDARD),
        (None, None, None, "default", STANDARD),
        (None, None, None, "priority", PRIORITY),
        (None, CAP_USD, "default", "default", STANDARD),
        ("auto", None, "auto", "priority", PRIORITY),
        ("auto", CAP_USD, "default", "default", STANDARD),
        ("default", CAP_USD, "default", "default", STANDARD),
        ("flex", CAP_USD, "flex", "flex", FLEX),
        ("flex", CAP_USD, "flex", "default", STANDARD),
        ("flex", None, "flex", "flex", FLEX),
        ("priority", CAP_USD, "priority", "priority", PRIORITY),
        ("priority", CAP_USD, "priority", "default", STANDARD),
        ("fast", CAP_USD, "fast", "priority", PRIORITY),
        ("fast", None, "fast", "fast", PRIORITY),
        ("unheard-of", None, "unheard-of", "default", STANDARD),
        ("unheard-of", None, "unheard-of", "unheard-of", PRIORITY),
        ("priority", None, "priority", None, PRIORITY),
    ],
)
async def test_the_tier_that_served_is_the_tier_that_is_paid(
    stage: Stage,
    asked: str | None,
    cap: float | None,
    sent: str | None,
    served: str | None,
    rates: tuple[int, int],
    streamed: bool,
) -> None:
    key = stage.key(usd=cap)
    stage.stub.script(tiered(served, streamed))
    fields = {} if asked is None else {"service_tier": asked}
    assert (await stage.chat(key, body(max_tokens=100, stream=streamed, **fields))).status == 200
    assert stage.stub.requests[0].json().get("service_tier") == sent
    (entry,) = entries(stage, key)
    assert entry["cost"] == 40 * rates[0] + 50 * rates[1]


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
        ("openai/", 403, "model_not_allowed"),
        ("openai", 404, "model_not_found"),
        ("/gpt-5.4-mini", 403, "model_not_allowed"),
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
        (entry,) = entries(stage, key)
        assert (entry["requested_model"], entry["answering_model"]) == (model, MODEL)
    else:
        assert (got.code(), got.json()["error"]["param"]) == (code, "model")
        assert await nothing_happened(stage, key)


@pytest.mark.parametrize(
    "model", ["openai/gpt-6-unheard-of", "openai/GPT-5.4-mini", "openai//gpt-5.4-mini", "openai/", "openai/ "]
)
async def test_a_name_without_a_price_is_refused_under_a_cap(stage: Stage, model: str) -> None:
    await assert_refused(
        stage, stage.key(usd=CAP_USD), Refused(body(model=model), 402, "model_unpriced", "model")
    )


@pytest.mark.parametrize("field", ["models", "plugins", "provider", "route"])
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
        "x-api-key": "sk-other",
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
    (entry,) = entries(stage, key)
    assert entry["request"] == got.headers["x-request-id"]
    assert (entry["provider"], entry["requested_model"]) == ("openai", MODEL)
    assert got.headers["x-zai-cost-micro-usd"] != "0"


async def test_two_requests_of_one_id_are_two_in_the_books(stage: Stage) -> None:
    key = stage.key(usd=CAP_USD)
    for _ in range(2):
        await stage.chat(
            key, body(max_tokens=9), headers={"x-request-id": "req_same", "idempotency-key": "a"}
        )
    assert len({entry["request"] for entry in entries(stage, key)}) == 2


async def test_no_header_stands_in_for_the_key(stage: Stage) -> None:
    capped, free = stage.key(usd=0), stage.key()
    # Both keys are good; together they are none, so that nobody has to guess whose money it is.
    for given in (
        [("authorization", f"Bearer {capped.secret}"), ("authorization", f"Bearer {free.secret}")],
        [("authorization", f"Bearer {capped.secret}, Bearer {free.secret}")],
        [("authorization", f"Basic {free.secret}")],
        [("authorization", free.secret)],
        [("x-api-key", free.secret)],
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
