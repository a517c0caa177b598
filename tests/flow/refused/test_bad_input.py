"""Playbooks of bad bodies: each gets its status and code in the one error shape, and nothing is lost."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.flow.refused.shapes import CANARY, HELLO, body, refusal
from tests.flow.stage import OPERATOR, Stage
from zai_gateway.accounts.provider_keys import NewProviderKey
from zai_gateway.accounts.terms import IssuedKey

pytestmark = pytest.mark.asyncio(loop_scope="module")


def without(name: str) -> bytes:
    return json.dumps({field: value for field, value in HELLO.items() if field != name}).encode()


UNREADABLE: Mapping[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "blanks": (b" \n\t ", "empty"),
    "words": (f"Hello {CANARY}".encode(), "malformed"),
    "a form": (b"model=openai%2Fgpt-5.4-mini&n=1", "malformed"),
    "a list": (b"[%b]" % body(), "not a JSON object"),
    "a text": (json.dumps(CANARY).encode(), "not a JSON object"),
    "a number": (b"5", "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "half an object": (body()[:-10], "Input data was truncated"),
    "two objects": (body() + body(), "trailing"),
    "a comment": (b"/* Hello */ " + body(), "malformed"),
    "a trailing comma": (body()[:-1] + b",}", "malformed"),
    "single quotes": (body().replace(b'"', b"'"), "malformed"),
    "no number": (body()[:-1] + b', "temperature": NaN}', "malformed"),
    "a control character in a text": (body(user="#").replace(b"#", b"\x00"), "malformed"),
    "no UTF-8": (body(user="#").replace(b"#", b"\xff"), "not UTF-8"),
    "Latin-1": (json.dumps({**HELLO, "user": "é"}, ensure_ascii=False).encode("latin-1"), "not UTF-8"),
    "half a character": (body(user="#").replace(b"#", b"\xe2\x82"), "not UTF-8"),
    "a bare surrogate": (body(user="#").replace(b"#", b"\xed\xa0\x80"), "not UTF-8"),
    "UTF-16": (body().decode().encode("utf-16"), "not UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf" + body(), "byte order mark"),
    "lists without end": (
        body(user=0).replace(b" 0}", b"[" * 400_000 + b"]" * 400_000 + b"}"),
        "nested too deeply",
    ),
    "objects without end": (
        body(user=0).replace(b" 0}", b'{"a":' * 150_000 + b"1" + b"}" * 150_000 + b"}"),
        "nested too deeply",
    ),
    "messages without end": (
        body(messages=0).replace(b" 0}", b"[" * 400_000 + b"]" * 400_000 + b"}"),
        "nested too deeply",
    ),
    "lists that never close": (body()[:-1] + b', "user":' + b"[" * 900_000, "nested too deeply"),
}


@pytest.mark.parametrize("case", UNREADABLE)
async def test_what_is_no_json_object(stage: Stage, key: IssuedKey, case: str) -> None:
    sent, words = UNREADABLE[case]
    message = refusal(await stage.chat(key, sent), 400, "invalid_json")
    assert words in message or words in message.lower()


MISSHAPEN: Mapping[str, tuple[bytes, str]] = {
    "no model": (without("model"), "model"),
    "a null model": (body(model=None), "model"),
    "an empty model": (body(model=""), "model"),
    "a model that is a number": (body(model=5), "model"),
    "a model that is a list": (body(model=[CANARY]), "model"),
    "a model that is an object": (body(model={"name": CANARY}), "model"),
    "a model that is true": (body(model=True), "model"),
    "no messages": (without("messages"), "messages"),
    "null messages": (body(messages=None), "messages"),
    "empty messages": (body(messages=[]), "messages"),
    "messages that are a text": (body(messages=CANARY), "messages"),
    "messages that are an object": (body(messages={"role": "user"}), "messages"),
    "a message that is a text": (body(messages=[CANARY]), "messages[0]"),
    "a message that is null": (body(messages=[None]), "messages[0]"),
    "a second message that is a list": (body(messages=[*HELLO["messages"], [CANARY]]), "messages[1]"),
    "a message without a role": (body(messages=[{"content": CANARY}]), "messages[0].role"),
    "a message with a null role": (body(messages=[{"role": None, "content": CANARY}]), "messages[0].role"),
    "a message with a number as its role": (body(messages=[{"role": 1}]), "messages[0].role"),
    "content that is a number": (body(messages=[{"role": "user", "content": 5}]), "messages[0].content"),
    "content that is an object": (
        body(messages=[{"role": "user", "content": {"text": CANARY}}]),
        "messages[0].content",
    ),
    "a part whose type is a number": (
        body(messages=[{"role": "user", "content": [{"type": 1}]}]),
        "messages[0].content[0].type",
    ),
    "a tool that is a text": (body(tools=[CANARY]), "tools[0]"),
    "a tool whose type is a number": (body(tools=[{"type": 1}]), "tools[0].type"),
    "include_usage that is a number": (
        body(stream=True, stream_options={"include_usage": 1}),
        "stream_options.include_usage",
    ),
}


@pytest.mark.parametrize("case", MISSHAPEN)
async def test_what_has_not_the_shape_of_a_request(stage: Stage, key: IssuedKey, case: str) -> None:
    sent, param = MISSHAPEN[case]
    assert f"`{param}`" in refusal(await stage.chat(key, sent), 400, "invalid_request", param)


VALUES: list[Any] = [True, 1.5, -1, 0, 10**30, CANARY, "", [], [CANARY], {}, {CANARY: 1}]
RIGHT: Mapping[str, tuple[Any, ...]] = {
    "stream": (True,),
    "stream_options": ({}, {CANARY: 1}),
    "temperature": (1.5, 0),
    "top_p": (0,),
    "n": (),
    "max_tokens": (),
    "max_completion_tokens": (),
    "stop": (CANARY, [], [CANARY]),
    "reasoning_effort": (CANARY, ""),
    "service_tier": (CANARY,),
    "tools": ([], [CANARY]),
}
"""What of VALUES each field that is read may be; all else is refused. Null is the same as absent."""


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, right in RIGHT.items() for value in VALUES if value not in right],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
async def test_wrong_types_and_absurd_numbers(stage: Stage, key: IssuedKey, field: str, value: Any) -> None:
    message = refusal(await stage.chat(key, body(**{field: value})), 400, "invalid_request", field)
    assert f"`{field}` must be" in message


@pytest.mark.parametrize("name", ["model", "messages", "n", "unheard_of"])
async def test_a_field_that_stands_twice(stage: Stage, key: IssuedKey, name: str) -> None:
    sent = body()[:-1] + b', "%b": 1, "\\u00%02x%b": 1}' % (name.encode(), ord(name[0]), name[1:].encode())
    assert f"`{name}` stands twice" in refusal(await stage.chat(key, sent), 400, "duplicate_field", name)


@pytest.mark.parametrize(
    ("model", "close"),
    [
        ("opneai/gpt-5.4", "openai/gpt-5.4"),
        ("openia/gpt-5.4-mini", "openai/gpt-5.4-mini"),
        ("gpt-5.4-mni", "openai/gpt-5.4-mini"),
        ("OpenAI/gpt-5.4", "openai/gpt-5.4"),
        ("demos/echo", "demo/echo"),
        ("antropic/claude-4.5-sonnet", "models"),
        ("x" * 200, "models"),
    ],
)
async def test_nobody_serves_such_a_name(stage: Stage, key: IssuedKey, model: str, close: str) -> None:
    message = refusal(await stage.chat(key, body(model=model)), 404, "model_not_found", "model")
    assert close in message


async def test_a_vendor_without_a_key_says_how_to_add_one(stage: Stage) -> None:
    accounts = stage.house.accounts
    kept = accounts.provider_keys.list(OPERATOR, stage.workspace)
    (gone,) = [each for each in kept if each.provider == "openai"]
    accounts.provider_keys.remove(OPERATOR, stage.workspace, gone.id)
    try:
        got = await stage.chat(stage.key(usd=5), HELLO)
    finally:
        new = NewProviderKey(provider="openai", secret="sk-new", base_url=gone.base_url)
        accounts.provider_keys.add(OPERATOR, stage.workspace, new)
        await stage.get(stage.key(), "/me")  # a key that the gateway does not know yet makes it look again
    assert "zai admin provider add openai" in refusal(got, 404, "model_not_found", "model")


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("opneai/gpt-5.4", "openai/gpt-5.4"),
        ("openai%2Fgpt-5.5-mini", "openai/gpt-5"),
        ("x" * 9_000, "/v1/models"),
    ],
)
async def test_a_model_that_is_not_there(stage: Stage, key: IssuedKey, id: str, words: str) -> None:
    assert words in refusal(await stage.get(key, f"/models/{id}"), 404, "model_not_found", "model")


async def test_checks_run_in_their_order(stage: Stage) -> None:
    poor = stage.key(usd=0, allow=("openai/*", "nobody/*"))
    stranger = f"Bearer {poor.secret[:-1]}"
    bad: list[tuple[bytes, dict[str, str], int, str]] = [
        (b"{", {"Authorization": stranger, "Content-Type": "text/plain"}, 401, "invalid_api_key"),
        (b"{", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (body(messages=[], model="demo/echo"), {}, 400, "invalid_request"),
        (body(plugins=[], model="openai/gpt-4o"), {}, 400, "unsupported_parameter"),
        (body(model="demo/echo"), {}, 403, "model_not_allowed"),
        (body(model="nobody/gpt"), {}, 404, "model_not_found"),
        (body(model="openai/gpt-unpriced"), {}, 402, "model_unpriced"),
        (body(), {}, 402, "spend_cap_reached"),
    ]
    for sent, headers, status, code in bad:
        got = await stage.chat(poor, sent, headers=headers)
        assert (got.status, got.code()) == (status, code)
